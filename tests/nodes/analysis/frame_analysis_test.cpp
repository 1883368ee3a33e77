// tests/nodes/analysis/frame_analysis_test.cpp
//
// With a node that finds the frequency of the largest bin of each channel.
#include "nodes/analysis/frame_analysis.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/dsp/sine.hpp"
#include "tests/nodes/analysis/metadata_of.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/signals.hpp"

namespace streamlab::test {
namespace frame_analysis {
namespace {

using testing::IsEmpty;

constexpr ParamInfo kParams[] = {frame_param::kOverlap,  frame_param::kFftSize,
                                 frame_param::kWindow,   frame_param::kAveraging,
                                 frame_param::kAverages, frame_param::kTimeConstantS,
                                 frame_param::kDetrend,  frame_param::kWindowParameter};

class Loudest final : public FrameAnalysis {
 public:
  explicit Loudest(const ParamValues& params) : FrameAnalysis(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    OutputFormat out;
    if (auto framed = prepare_frames(in, dsp::SpectrumScaling::power, out); !framed) {
      return tl::unexpected(framed.error());
    }
    out.format.kind = StreamKind::values;
    out.format.max_frames = 1;
    for (const ChannelInfo& channel : in.channels) { out.format.channels.push_back({channel.name, "Hz"}); }
    reset();
    return std::vector{std::move(out)};
  }

 private:
  void give(DataFrame& y) noexcept override {
    y.set_frame_count(1);
    for (std::uint32_t c = 0; c < y.channel_count(); ++c) {
      const auto bins = spectrum(c);
      const auto largest = std::max_element(bins.begin(), bins.end()) - bins.begin();
      y.channel(c)[0] = static_cast<double>(largest) * bin_hz();
    }
  }
};

constexpr PortInfo kOutPort[] = {{"out", mask(StreamKind::values), "Frequencies."}};
constexpr NodeInfo kInfo{.name = "Loudest",
                         .inputs = kAudioInPort,
                         .outputs = kOutPort,
                         .params = kParams,
                         .rules = kFrameRules,
                         .rt_safe = RtSafe::yes};
const NodeEntry kLoudest{kInfo, make_node<Loudest>};

constexpr double kRateHz = 1024.0;

NodeHarness loudest(const char* config, std::uint32_t channels = 1) {
  return {kLoudest, config, {audio_format(kRateHz, default_channel_names(channels), 1000)}};
}

Signal sine(double frequency_hz, std::size_t frames) {
  Signal signal{std::vector<double>(frames)};
  dsp::Sine(frequency_hz, kRateHz, 0.5).fill(0, signal[0]);
  return signal;
}

TEST(FrameAnalysis, GivesEachNodeTheSpectraOfItsFrames) {
  NodeHarness node = loudest(R"({"fft_size": 64})");
  EXPECT_EQ(node.outputs()[0].format.notes.at("hop_frames"), "32");
  EXPECT_EQ(node.outputs()[0].format.notes.at("window"), "hann");
  EXPECT_EQ(node.outputs()[0].held_frames, 64U);
  const auto results = node.run_frames(sine(160.0, 256), 100);
  ASSERT_EQ(results.size(), 7U);  // from 0, 32 … 192
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].channel(0U)[0], 160.0);  // a bin: multiples of 16 Hz
    EXPECT_EQ(results[i].position(), static_cast<std::int64_t>(32 * i));
    EXPECT_EQ(results[i].header().length_frames, 64U);
    EXPECT_EQ(results[i].header().flags, 0U);
    EXPECT_EQ(meta(results[i], "frames_averaged"), 1.0);
  }
}

TEST(FrameAnalysis, IsTheSameForEveryBlockSize) {
  for (const char* config :
       {R"({"fft_size": 60, "overlap": 0.7})", R"({"fft_size": 32, "averaging": "linear", "averages": 3})",
        R"({"fft_size": 32, "averaging": "exponential"})"}) {
    const Signal x = noise(2, 1000);
    NodeHarness whole = loudest(config, 2);
    const auto expected = whole.run_frames(x, 1000);
    for (const std::uint32_t block : {1U, 7U, 64U}) {
      NodeHarness cut = loudest(config, 2);
      const auto results = cut.run_frames(x, block);
      ASSERT_EQ(results.size(), expected.size());
      for (std::size_t i = 0; i < results.size(); ++i) {
        EXPECT_EQ(results[i].header(), expected[i].header());
        EXPECT_EQ(results[i].channel(1U)[0], expected[i].channel(1U)[0]);
      }
    }
  }
}

TEST(FrameAnalysis, BeginsANewFrameBehindAGapAndTellsItOnce) {
  NodeHarness node = loudest(R"({"fft_size": 64, "overlap": 0})");
  const auto feed = [&](std::int64_t position) {
    DataFrame block = node.input_frame();
    block.header().position = position;
    block.set_frame_count(100);
    for (double& sample : block.channel(0U)) { sample = 0.5; }
    return node.process(block);
  };
  EXPECT_FALSE(feed(0)[0].header().has(FrameFlag::gap));
  const auto behind = feed(150);  // 36 frames before it are in no frame
  ASSERT_EQ(behind.size(), 1U);
  EXPECT_EQ(behind[0].position(), 150);
  EXPECT_TRUE(behind[0].header().has(FrameFlag::gap));
  EXPECT_EQ(behind[0].header().gap_frames, 50U);
  EXPECT_FALSE(feed(250)[0].header().has(FrameFlag::gap));
}

TEST(FrameAnalysis, GivesAtTheEndWhatAnAverageHas) {
  NodeHarness node = loudest(R"({"fft_size": 64, "overlap": 0, "averaging": "linear", "averages": 4})");
  const auto results = node.run_frames(sine(160.0, 330), 100);  // five frames and a part of one
  ASSERT_EQ(results.size(), 2U);
  EXPECT_FALSE(results[0].header().has(FrameFlag::incomplete));
  EXPECT_TRUE(results[1].header().has(FrameFlag::incomplete));
  EXPECT_EQ(meta(results[1], "frames_averaged"), 1.0);
  const auto notes = node.node().notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].count, 10U);
}

TEST(FrameAnalysis, IsAsNewAfterReset) {
  NodeHarness node = loudest(R"({"fft_size": 64})");
  const auto first = node.run_frames(sine(160.0, 200), 100);
  node.reset();
  EXPECT_THAT(node.node().notes(), IsEmpty());
  const auto second = node.run_frames(sine(160.0, 200), 100);
  ASSERT_EQ(second.size(), first.size());
  EXPECT_EQ(second[0].header(), first[0].header());
}

TEST(FrameAnalysis, RefusesWhatItCannotUse) {
  for (const char* config :
       {R"({"fft_size": 173})", R"({"fft_size": 4, "overlap": 0.99})", R"({"averages": 2})",
        R"({"window": "kaiser"})", R"({"window": "tukey", "window_parameter": 2})"}) {
    EXPECT_THROW(loudest(config), std::runtime_error) << config;
  }
  StreamFormat windows = audio_format(kRateHz, {"x"}, 64);
  windows.overlapping = true;
  EXPECT_THROW(NodeHarness(kLoudest, "{}", {windows}), std::runtime_error);
}

}  // namespace
}  // namespace frame_analysis
}  // namespace streamlab::test
