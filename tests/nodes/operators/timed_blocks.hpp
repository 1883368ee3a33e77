// tests/nodes/operators/timed_blocks.hpp
//
// Blocks at positions of the test's choice, for nodes that decide by the time of the stream.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/support/node_harness.hpp"

namespace streamlab::test {

// Results of a stream of `rate_hz` frames per second, with the same number of values per block.
inline StreamFormat values_at_rate(double rate_hz, std::uint32_t channels = 1) {
  StreamFormat format = audio_format(rate_hz, default_channel_names(channels), 1);
  format.kind = StreamKind::values;
  return format;
}

// A block of the harness's first input, every sample `value`.
inline DataFrame flat_block_at(const NodeHarness& node, std::int64_t position, double value = 0.0,
                               std::uint32_t frames = 1, std::uint32_t flags = 0,
                               std::uint64_t gap_frames = 0) {
  DataFrame block = node.input_frame();
  FrameHeader& header = block.header();
  header.position = position;
  header.timestamp_us = std::llround(static_cast<double>(position) * 1e6 / block.format().sample_rate_hz);
  header.flags = flags;
  header.gap_frames = gap_frames;
  block.set_frame_count(frames);
  for (std::uint32_t c = 0; c < block.channel_count(); ++c) {
    for (double& sample : block.channel(c)) { sample = value; }
  }
  return block;
}

inline std::uint32_t bit(FrameFlag flag) { return static_cast<std::uint32_t>(flag); }

// What comes out for these blocks, finish() included.
inline std::vector<DataFrame> run_blocks(NodeHarness& node, const std::vector<DataFrame>& blocks) {
  std::vector<DataFrame> all;
  for (const DataFrame& block : blocks) {
    for (DataFrame& out : node.process(block)) { all.push_back(std::move(out)); }
  }
  for (DataFrame& out : node.finish()) { all.push_back(std::move(out)); }
  return all;
}

inline std::vector<std::int64_t> positions_of(const std::vector<DataFrame>& frames) {
  std::vector<std::int64_t> positions;
  for (const DataFrame& frame : frames) { positions.push_back(frame.position()); }
  return positions;
}

}  // namespace streamlab::test
