// tests/nodes/sources/generator_node_test.cpp
//
// With a node whose samples are their positions.
#include "nodes/sources/generator_node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/node_harness.hpp"

namespace streamlab::test {
namespace counting_node {
namespace {

using testing::ElementsAre;

constexpr ParamInfo kParams[] = {generator_param::kDurationS, generator_param::kFrameSize,
                                 generator_param::kSampleRate};

class Counting final : public GeneratorNode {
 public:
  explicit Counting(const ParamValues& params) : GeneratorNode(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    auto out = prepare_generator(context, {"left", "right"});
    if (!out) { return tl::unexpected(out.error()); }
    reset();
    return std::vector{std::move(*out)};
  }

 private:
  void restart() noexcept override {}
  void fill(DataFrame& y) noexcept override {
    for (std::uint32_t n = 0; n < y.frame_count(); ++n) {
      y.channel(0U)[n] = static_cast<double>(position() + n);
      y.channel(1U)[n] = 0.25;
    }
  }
};

constexpr NodeInfo kInfo{
    .name = "Counting", .outputs = kAudioOutPort, .params = kParams, .rt_safe = RtSafe::yes};
const NodeEntry kCounting{kInfo, make_node<Counting>};

NodeHarness counting(const char* config, PrepareContext context = {}) {
  return {kCounting, config, std::vector<StreamFormat>{}, context};
}

TEST(GeneratorNode, CountsPositionsAndEndsAfterItsDuration) {
  NodeHarness node = counting(R"({"sample_rate": 100, "frame_size": 4, "duration_s": 0.1})");
  EXPECT_FALSE(node.node().is_endless());
  for (int life = 0; life < 2; ++life) {
    const auto blocks = node.run_source(10);
    ASSERT_EQ(blocks.size(), 3U);
    EXPECT_EQ(node.last_status(), Status::done);
    EXPECT_THAT(blocks[1].channel("left"), ElementsAre(4.0, 5.0, 6.0, 7.0));
    EXPECT_THAT(blocks[2].channel("left"), ElementsAre(8.0, 9.0));
    EXPECT_EQ(blocks[2].position(), 8);
    EXPECT_EQ(blocks[2].timestamp_us(), 80000);
    node.reset();
  }
}

TEST(GeneratorNode, FlagsWhatReachesFullScale) {
  NodeHarness node = counting(R"({"frame_size": 4})");
  const auto blocks = node.run_source(1);
  EXPECT_EQ(blocks[0].flags_of(0, 1), 0U);
  EXPECT_EQ(blocks[0].flags_of(1, 1), flag_bit(FrameFlag::clipped));
}

TEST(GeneratorNode, TakesRateAndBlockFromItsParametersTheGraphOrTheDevice) {
  const auto shape = [](const char* config, const PrepareContext& context) {
    const StreamFormat format = counting(config, context).outputs()[0].format;
    return std::pair(format.sample_rate_hz, format.max_frames);
  };
  DeviceStream device;
  device.sample_rate_hz = 44100.0;
  device.max_block_frames = 32;
  PrepareContext context;
  EXPECT_EQ(shape("{}", context), std::pair(48000.0, 1024U));
  context.device = &device;
  EXPECT_EQ(shape("{}", context), std::pair(44100.0, 32U));
  context.sample_rate_hz = 96000.0;
  context.block_size = 64;
  EXPECT_EQ(shape("{}", context), std::pair(96000.0, 64U));
  EXPECT_EQ(shape(R"({"sample_rate": 96000, "frame_size": 8})", context), std::pair(96000.0, 8U));
  EXPECT_THROW(counting(R"({"sample_rate": 8000})", context), std::runtime_error);
  EXPECT_TRUE(counting("{}").node().is_endless());
}

}  // namespace
}  // namespace counting_node
}  // namespace streamlab::test
