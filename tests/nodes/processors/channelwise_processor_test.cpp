// tests/nodes/processors/channelwise_processor_test.cpp
//
// With a node that shows what it is asked for: y[c][n] = x[c][n] + the frames since its last reset, NaN
// replaced.
#include "nodes/processors/channelwise_processor.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/node_harness.hpp"
#include "tests/support/not_finite.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr ParamInfo kParams[] = {
    param::integer("latency", "frames", {0.0, 8.0}, 0.0, "How late its flags are; above 7 is refused.")};
constexpr auto kLatency = param::at(kParams, "latency");

template <class Derived>
class CounterBase : public ChannelwiseProcessor<Derived> {
 public:
  explicit CounterBase(const ParamValues& params)
      : latency_(static_cast<std::uint32_t>(params.integer(kLatency))) {}

  Result<OutputFormat> set_up(const StreamFormat& in) {
    if (latency_ > 7) { return refused("/config/latency", "is too long", "at most 7 frames"); }
    OutputFormat out{with_new_values(in)};
    out.latency_frames = latency_;
    return out;
  }
  void reset_channels() noexcept { counted_ = 0; }
  std::size_t process_channels(std::span<const double* const> in, std::span<double* const> out,
                               std::uint32_t frames) noexcept {
    std::size_t replaced = 0;
    for (std::size_t c = 0; c < in.size(); ++c) {
      for (std::uint32_t n = 0; n < frames; ++n) {
        const bool is_number = std::isfinite(in[c][n]);
        replaced += is_number ? 0 : 1;
        out[c][n] = is_number ? in[c][n] + counted_ + n : 0.0;
      }
    }
    counted_ += frames;
    return replaced;
  }

 private:
  const std::uint32_t latency_;
  std::uint32_t counted_ = 0;
};

class CarriesOn final : public CounterBase<CarriesOn> {
 public:
  using CounterBase::CounterBase;
};
class Restarts final : public CounterBase<Restarts> {
 public:
  static constexpr AtGap kAtGap = AtGap::restart;
  static constexpr std::string_view kWhyNoOverlap = "it counts frames";
  using CounterBase::CounterBase;
};

constexpr NodeInfo kInfo{.name = "Counter",
                         .inputs = kAudioInPort,
                         .outputs = kAudioOutPort,
                         .params = kParams,
                         .rt_safe = RtSafe::yes};
const NodeEntry kCarriesOn{kInfo, make_node<CarriesOn>};
const NodeEntry kRestarts{kInfo, make_node<Restarts>};

NodeHarness harness(const NodeEntry& entry, const char* config = "{}") {
  return {entry, config, {audio_format(48000.0, {"left", "right"}, 4)}};
}

DataFrame block_of(const NodeHarness& node, std::int64_t position, double x = 0.0) {
  DataFrame block = node.input_frame();
  block.header().position = position;
  block.set_frame_count(4);
  for (std::uint32_t c = 0; c < 2; ++c) {
    for (double& sample : block.channel(c)) { sample = x; }
  }
  return block;
}

std::vector<std::uint32_t> flags_of(const DataFrame& block) {
  std::vector<std::uint32_t> flags;
  for (std::uint32_t n = 0; n < block.frame_count(); ++n) { flags.push_back(block.flags_of(n, 1)); }
  return flags;
}

TEST(ChannelwiseProcessor, GivesAsManyFramesOfTheSameChannels) {
  NodeHarness node = harness(kCarriesOn);
  EXPECT_EQ(node.outputs()[0].format.channels[1].name, "right");
  const auto first = node.process(block_of(node, 10));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].position(), 10);
  EXPECT_THAT(first[0].channel("left"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(node.process(block_of(node, 14, 1.0))[0].channel("right"), ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(node.node().notes(), IsEmpty());
}

TEST(ChannelwiseProcessor, IsAsNewAfterReset) {
  NodeHarness node = harness(kCarriesOn);
  node.process(block_of(node, 0, kNaN));
  node.reset();
  EXPECT_THAT(node.process(block_of(node, 0))[0].channel("left"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(node.node().notes(), IsEmpty());
}

TEST(ChannelwiseProcessor, CarriesOnAtAGapOrRestarts) {
  for (const bool restarts : {false, true}) {
    NodeHarness node = harness(restarts ? kRestarts : kCarriesOn);
    node.process(block_of(node, 0));
    DataFrame behind_gap = block_of(node, 100);
    behind_gap.header().set(FrameFlag::gap);
    EXPECT_EQ(node.process(behind_gap)[0].channel("left")[0], restarts ? 0.0 : 4.0);
  }
}

TEST(ChannelwiseProcessor, FlagsAndCountsWhatWasReplaced) {
  NodeHarness node = harness(kCarriesOn);
  EXPECT_FALSE(node.process(block_of(node, 0))[0].header().has(FrameFlag::not_finite));
  const auto replaced = node.process(block_of(node, 4, kNaN));
  EXPECT_TRUE(replaced[0].header().has(FrameFlag::not_finite));
  ASSERT_EQ(node.node().notes().size(), 1U);
  EXPECT_EQ(node.node().notes()[0].text, "8 samples were NaN or infinite and were replaced by 0");
}

TEST(ChannelwiseProcessor, DelaysFlagsWithTheirFrames) {
  NodeHarness node = harness(kRestarts, R"({"latency": 3})");
  DataFrame flagged = block_of(node, 0);
  flagged.flag_frames(FrameFlag::clipped, 2, 1);
  const std::uint32_t clipped = flag_bit(FrameFlag::clipped);
  EXPECT_THAT(flags_of(node.process(flagged)[0]), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(flags_of(node.process(block_of(node, 4))[0]), ElementsAre(0, clipped, 0, 0));
  EXPECT_THAT(flags_of(node.process(block_of(node, 8))[0]), ElementsAre(0, 0, 0, 0));
}

TEST(ChannelwiseProcessor, TellsHowManyFramesStayedInside) {
  NodeHarness node = harness(kRestarts, R"({"latency": 3})");
  node.process(block_of(node, 0));
  DataFrame behind_gap = block_of(node, 100);
  behind_gap.header().set(FrameFlag::gap);
  node.process(behind_gap);
  ASSERT_EQ(node.node().notes().size(), 1U);
  EXPECT_EQ(node.node().notes()[0].count, 6U);  // three before the gap, three at the end
}

TEST(ChannelwiseProcessor, RefusesOverlapWhereStateIsKeptAndWhatTheNodeRefuses) {
  StreamFormat windows = audio_format(48000.0, {"left"}, 4);
  windows.overlapping = true;
  EXPECT_THROW(NodeHarness(kRestarts, "{}", {windows}), std::runtime_error);
  EXPECT_NO_THROW(NodeHarness(kCarriesOn, "{}", {windows}));
  EXPECT_THROW(harness(kCarriesOn, R"({"latency": 8})"), std::runtime_error);
}

}  // namespace
}  // namespace streamlab::test
