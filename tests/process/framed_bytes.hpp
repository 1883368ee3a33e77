// tests/process/framed_bytes.hpp
//
// Framed streams for tests: blocks whose every field follows from their id, and all that a reader makes of
// bytes.
#pragma once

#include <algorithm>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/process/framed_stream.hpp"

namespace streamlab::test {

using Bytes = std::vector<std::byte>;
using Item = FramedReader::Item;

inline FramedHeader header_of(std::uint32_t channels = 2, SampleFormat format = SampleFormat::float64_le) {
  FramedHeader header{.format = format, .sample_rate_hz = 48000.0, .max_frames = 64};
  for (std::uint32_t c = 0; c < channels; ++c) {
    header.channels.push_back({"ch" + std::to_string(c + 1), "FS"});
  }
  return header;
}

// A block with its samples.
struct Block {
  std::uint64_t id = 0;
  std::uint32_t frames = 0;
  Bytes samples;

  friend bool operator==(const Block&, const Block&) = default;
};

// Everything about block `id` follows from its id.
inline FramedBlock fields_of(const Block& block) {
  return {.sequence_id = block.id,
          .position = static_cast<std::int64_t>(block.id) * 64 - 7,
          .timestamp_us = -static_cast<std::int64_t>(block.id) * 1000003,
          .gap_frames = block.id * 3,
          .flags = static_cast<std::uint32_t>(block.id % 64),
          .frame_count = block.frames,
          .samples = block.samples};
}

inline Block block_of(std::uint64_t id, std::uint32_t frames, std::size_t frame_bytes) {
  std::mt19937_64 random(id);
  Block block{id, frames, Bytes(frames * frame_bytes)};
  for (std::byte& byte : block.samples) { byte = static_cast<std::byte>(random() & 0xFFU); }
  return block;
}

struct Stream {
  std::vector<Block> blocks;
  std::vector<Bytes> records;  // headers and blocks, each by itself
  Bytes bytes;
};

inline Bytes joined(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts) { all.insert(all.end(), part.begin(), part.end()); }
  return all;
}

inline FramedWriter writer_of(const FramedHeader& header, std::uint32_t every = kDefaultFramedHeaderEvery) {
  auto writer = FramedWriter::create(header, every);
  if (!writer) { throw std::runtime_error(to_string(writer.error())); }
  return std::move(*writer);
}

// `count` blocks of 0 … 5 frames of 16 bytes, a header before every fourth.
inline Stream stream_of(std::uint64_t count) {
  Stream stream;
  FramedWriter writer = writer_of(header_of(), 4);
  Bytes header;
  writer_of(header_of(), 4).append_header(header);
  for (std::uint64_t id = 0; id < count; ++id) {
    stream.blocks.push_back(block_of(id, static_cast<std::uint32_t>(id * 5 % 6), 16));
    Bytes record;
    EXPECT_TRUE(writer.append(fields_of(stream.blocks.back()), record));
    if (id % 4 == 0) {
      stream.records.push_back(header);
      record.erase(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(header.size()));
    }
    stream.records.push_back(record);
  }
  stream.bytes = joined(stream.records);
  return stream;
}

struct Outcome {
  std::vector<Block> blocks;
  std::vector<FramedHeader> headers;
  FramedCounts counts;
  std::vector<std::string> refusals;
};

inline void take(FramedReader& reader, Outcome& outcome) {
  while (true) {
    const auto item = reader.next();
    if (!item) {
      outcome.refusals.push_back(to_string(item.error()));
      continue;
    }
    if (*item == Item::nothing) { return; }
    if (*item == Item::header) {
      outcome.headers.push_back(reader.header().value());
      continue;
    }
    const FramedBlock& block = reader.block();
    outcome.blocks.push_back(
        {block.sequence_id, block.frame_count, Bytes(block.samples.begin(), block.samples.end())});
    const FramedBlock expected = fields_of(outcome.blocks.back());
    EXPECT_EQ(block.position, expected.position);
    EXPECT_EQ(block.timestamp_us, expected.timestamp_us);
    EXPECT_EQ(block.gap_frames, expected.gap_frames);
    EXPECT_EQ(block.flags, expected.flags);
  }
}

// Reads `bytes` in pieces of `piece` bytes (0: at once).
inline Outcome read_all(const Bytes& bytes, std::size_t piece = 0) {
  Outcome outcome;
  FramedReader reader;
  const std::span<const std::byte> all(bytes);
  const std::size_t step = piece == 0 ? std::max<std::size_t>(1, all.size()) : piece;
  for (std::size_t at = 0; at < all.size(); at += step) {
    reader.feed(all.subspan(at, std::min(step, all.size() - at)));
    take(reader, outcome);
  }
  reader.end();
  take(reader, outcome);
  EXPECT_EQ(reader.held_bytes(), 0U);
  outcome.counts = reader.counts();
  return outcome;
}

}  // namespace streamlab::test
