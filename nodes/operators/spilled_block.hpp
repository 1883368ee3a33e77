// nodes/operators/spilled_block.hpp
//
// A block as bytes, only for the process that wrote it: header, metadata and samples in memory order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "engine/core/data_frame.hpp"

namespace streamlab {

static_assert(std::is_trivially_copyable_v<FrameHeader> && std::is_trivially_copyable_v<Metadata>);

inline constexpr std::size_t kSpilledHead =
    sizeof(FrameHeader) + sizeof(Metadata) + 2 * sizeof(std::uint32_t);

inline std::uint64_t largest_spilled_block(const StreamFormat& format) {
  const std::uint64_t frame_bytes = format.channel_count() * sizeof(double) + 1;  // plus a flag byte
  return kSpilledHead + frame_bytes * format.max_frames;
}

// `record` grows as needed.
inline void write_block(const DataFrame& block, std::vector<std::byte>& record) {
  const std::size_t channel_bytes = block.frame_count() * sizeof(double);
  record.resize(kSpilledHead + block.marks().size() + block.channel_count() * channel_bytes);
  std::byte* to = record.data();
  const auto put = [&to](const void* from, std::size_t bytes) {
    if (bytes > 0) { std::memcpy(to, from, bytes); }
    to += bytes;
  };
  const std::uint32_t frames = block.frame_count();
  put(&block.header(), sizeof(FrameHeader));
  put(&block.metadata(), sizeof(Metadata));
  const std::uint32_t flagged = block.flagged();
  put(&frames, sizeof frames);
  put(&flagged, sizeof flagged);
  put(block.marks().data(), block.marks().size());
  for (std::uint32_t c = 0; c < block.channel_count(); ++c) { put(block.channel_data(c), channel_bytes); }
}

// `block`: of the same format as the one that was written.
inline void read_block(const std::vector<std::byte>& record, DataFrame& block) {
  const std::byte* from = record.data();
  const auto get = [&from](void* to, std::size_t bytes) {
    if (bytes > 0) { std::memcpy(to, from, bytes); }
    from += bytes;
  };
  std::uint32_t frames = 0;
  FrameHeader header;
  get(&header, sizeof header);
  get(&block.metadata(), sizeof(Metadata));
  get(&frames, sizeof frames);
  std::uint32_t flagged = 0;
  get(&flagged, sizeof flagged);
  block.set_header(header);
  block.set_frame_count(frames);
  const auto marks = block.set_flagged(flagged);
  get(marks.data(), marks.size());
  for (std::uint32_t c = 0; c < block.channel_count(); ++c) {
    get(block.channel_data(c), frames * sizeof(double));
  }
}

}  // namespace streamlab
