// tests/process/framed_stream_python_test.cpp
//
// apps/examples/framed_stream.py and the C++ reader and writer: each reads what the other wrote, and both
// write the same bytes.
#include <cmath>
#include <cstring>
#include <numbers>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/process/framed_stream.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab::test {
namespace {

constexpr std::uint32_t kFrames = 1024;

// Python with `arguments` for the example, files for its ends.
ProgramResult example(const std::string& arguments, const std::string& in, const std::string& out) {
  return run_program({"/bin/sh", "-c",
                      std::string("exec python3 ") + SL_SOURCE_DIR + "/apps/examples/framed_stream.py " +
                          arguments + " < '" + in + "' > '" + out + "'"});
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// `seconds` of a tone as the example makes it, with `factor`.
std::vector<std::byte> tone(double frequency_hz, double seconds, double factor = 1.0,
                            std::uint64_t leave_out = ~0ULL) {
  FramedHeader header{.sample_rate_hz = 48000.0, .max_frames = kFrames};
  header.channels = {{"main_channel", "FS"}};
  auto writer = FramedWriter::create(header);
  if (!writer) { throw std::runtime_error(to_string(writer.error())); }
  const auto all = static_cast<std::int64_t>(std::llround(seconds * 48000.0));
  std::vector<std::byte> bytes;
  std::uint64_t id = 0;
  for (std::int64_t begin = 0; begin < all; begin += kFrames, ++id) {
    std::vector<double> samples;
    for (std::int64_t n = begin; n < std::min<std::int64_t>(all, begin + kFrames); ++n) {
      samples.push_back(factor *
                        std::sin(2.0 * std::numbers::pi * frequency_hz * static_cast<double>(n) / 48000.0));
    }
    if (id == leave_out) { continue; }
    const auto appended =
        writer->append({.sequence_id = id,
                        .position = begin,
                        .timestamp_us = std::llround(static_cast<double>(begin) * 1e6 / 48000.0),
                        .frame_count = static_cast<std::uint32_t>(samples.size()),
                        .samples = std::as_bytes(std::span(samples))},
                       bytes);
    if (!appended) { throw std::runtime_error(to_string(appended.error())); }
  }
  return bytes;
}

TEST(FramedStreamInPython, WritesTheSameBytes) {
  const TempDir dir;
  const auto result = example("sine 440 1.5", "/dev/null", dir.file("out"));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(content_of(dir.file("out")) == text_of(tone(440.0, 1.5)), true);  // 71 blocks: two headers
}

TEST(FramedStreamInPython, ReadsAndWritesWhatWasWrittenHere) {
  const TempDir dir;
  for (const double gain : {1.0, 0.5, -3.0}) {
    const auto result =
        example("gain " + std::to_string(gain), dir.write("in", tone(440.0, 1.5)), dir.file("out"));
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(content_of(dir.file("out")) == text_of(tone(440.0, 1.5, gain)), true) << gain;
  }
}

TEST(FramedStreamInPython, CountsTheSameDamage) {
  const TempDir dir;
  std::vector<std::byte> bytes = tone(1000.0, 1.0, 1.0, 20);  // 46 of 47 blocks
  const std::size_t block = kFramedBlockFixed + 8 * kFrames + kFramedChecksum;
  bytes[bytes.size() / 2] ^= std::byte{4};
  const char garbage[] = "garbage SLFR SLSTREAM";
  const auto* const first = reinterpret_cast<const std::byte*>(garbage);
  bytes.insert(bytes.begin(), first, first + sizeof garbage);
  FramedReader reader;
  reader.feed(bytes);
  reader.end();
  std::uint64_t frames = 0;
  for (auto item = reader.next(); item && *item != FramedReader::Item::nothing; item = reader.next()) {
    if (*item == FramedReader::Item::block) { frames += reader.block().frame_count; }
  }
  EXPECT_EQ(reader.counts().blocks, 45U);
  EXPECT_EQ(reader.counts().missed, 2U);
  EXPECT_EQ(reader.counts().skipped_bytes, block + sizeof garbage);
  const auto result = example("info", dir.write("in", bytes), dir.file("out"));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(content_of(dir.file("out")),
            R"({"kind":"audio","format":"f64le","sample_rate_hz":48000.0,"max_frames":1024,)"
            R"("channels":[{"name":"main_channel","unit":"FS"}]})"
            "\nblocks 45, frames " +
                std::to_string(frames) + ", skipped bytes " + std::to_string(reader.counts().skipped_bytes) +
                ", missed blocks 2\n");
}

TEST(FramedStreamInPython, SaysHowItIsUsed) {
  const TempDir dir;
  for (const char* arguments : {"", "turn", "gain", "gain loud", "info 3"}) {
    const auto result = example(arguments, "/dev/null", dir.file("out"));
    EXPECT_EQ(result.exit_code, 1) << arguments;
    EXPECT_EQ(result.err, "usage: framed_stream.py info | gain FACTOR | sine HZ SECONDS\n") << arguments;
  }
}

}  // namespace
}  // namespace streamlab::test
