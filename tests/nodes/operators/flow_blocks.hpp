// tests/nodes/operators/flow_blocks.hpp
//
// What the tests of the flow nodes share: formats, blocks at a position of the stream, and how a stream is
// compared.
#pragma once

#include <bit>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tests/support/node_harness.hpp"
#include "tests/support/not_finite.hpp"
#include "tests/support/signals.hpp"

namespace streamlab::test {

// Values of channels "level" in dB and, if asked for, "x" without a unit; positions count at 1000 Hz.
inline StreamFormat values_format(std::uint32_t channels = 1, std::uint32_t max_frames = 1) {
  StreamFormat format;
  format.kind = StreamKind::values;
  format.sample_rate_hz = 1000.0;
  format.channels = {{"level", "dB"}};
  if (channels > 1) { format.channels.push_back({"x", ""}); }
  format.max_frames = max_frames;
  return format;
}

inline StreamFormat spectrum_format(std::uint32_t bins, std::string unit = "FS") {
  StreamFormat format;
  format.kind = StreamKind::spectrum;
  format.sample_rate_hz = 1000.0;
  format.channels = {{"left", std::move(unit)}};
  format.axis = {"frequency", "Hz", 0.0, 10.0};
  format.max_frames = bins;
  return format;
}

// A block at `position` with these samples in every channel.
inline DataFrame block_at(const NodeHarness& node, std::int64_t position, const std::vector<double>& samples,
                          std::uint64_t gap_frames = 0) {
  DataFrame block = node.input_frame();
  block.header().position = position;
  block.header().timestamp_us =
      std::llround(static_cast<double>(position) * 1e6 / block.format().sample_rate_hz);
  if (gap_frames > 0) {
    block.header().set(FrameFlag::gap);
    block.header().gap_frames = gap_frames;
  }
  block.set_frame_count(static_cast<std::uint32_t>(samples.size()));
  for (std::uint32_t c = 0; c < block.channel_count(); ++c) {
    std::copy(samples.begin(), samples.end(), block.channel_data(c));
  }
  return block;
}

// Numbers as bits, so that NaN equals itself and -0 differs from 0.
inline std::vector<std::uint64_t> bits_of(std::span<const double> numbers) {
  std::vector<std::uint64_t> bits;
  for (const double x : numbers) { bits.push_back(std::bit_cast<std::uint64_t>(x)); }
  return bits;
}

inline std::vector<double> channel_of(const DataFrame& frame, std::uint32_t c = 0) {
  return {frame.channel(c).begin(), frame.channel(c).end()};
}

inline std::vector<std::string> names_of(const StreamFormat& format) {
  std::vector<std::string> names;
  for (const ChannelInfo& channel : format.channels) { names.push_back(channel.name); }
  return names;
}

inline double meta(const DataFrame& frame, std::string_view key) {
  return frame.metadata().get(key).value_or(kNaN);
}

// Headers, metadata and samples, bit for bit.
inline void expect_same_blocks(const std::vector<DataFrame>& a, const std::vector<DataFrame>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].header(), b[i].header()) << "block " << i;
    ASSERT_EQ(a[i].metadata().entries().size(), b[i].metadata().entries().size()) << "block " << i;
    for (const Metadata::Entry& entry : a[i].metadata().entries()) {
      EXPECT_EQ(meta(a[i], entry.name()), meta(b[i], entry.name())) << entry.name() << " of block " << i;
    }
    for (std::uint32_t c = 0; c < a[i].channel_count(); ++c) {
      EXPECT_EQ(bits_of(a[i].channel(c)), bits_of(b[i].channel(c))) << "block " << i;
    }
  }
}

// The one message for which the node would be refused, without its line end.
inline std::string refusal_of(std::string_view type, std::string_view config, AudioShape shape = {}) {
  std::string text = to_string(NodeHarness::refusals(type, config, shape), "");
  if (!text.empty()) { text.pop_back(); }
  return text;
}

// The same for an input of another kind.
inline std::string refusal_of(std::string_view type, std::string_view config, const StreamFormat& in) {
  try {
    const NodeHarness node(type, config, std::vector{in});
  } catch (const std::runtime_error& error) { return error.what(); }
  return {};
}

}  // namespace streamlab::test
