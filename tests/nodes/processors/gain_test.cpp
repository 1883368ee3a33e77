// tests/nodes/processors/gain_test.cpp
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/node_harness.hpp"
#include "tests/support/signals.hpp"

namespace streamlab::test {
namespace {

using testing::Each;
using testing::Eq;

TEST(Gain, MultipliesEverySample) {
  NodeHarness gain("Gain", R"({"gain": 2.5, "ramp_ms": 0})", {48000.0, 2, 64});
  EXPECT_THAT(gain.run(constant(0.5, 2, 64), 64), Each(Eq(1.25)));  // exact in binary
}

TEST(Gain, ReachesANewGainAlongAStraightLine) {
  NodeHarness gain("Gain", R"({"gain": 0, "ramp_ms": 1})", {8000.0, 1, 64});  // 8 frames
  gain.set_param("gain", 1.0);
  const auto y = gain.run(constant(1.0, 1, 12), 12);
  for (std::size_t n = 0; n < 12; ++n) {
    EXPECT_EQ(y[n], n < 8 ? static_cast<double>(n + 1) / 8.0 : 1.0) << n;
  }
}

TEST(Gain, TakesDecibels) {
  NodeHarness gain("Gain", R"({"gain_db": -20, "ramp_ms": 0})");
  EXPECT_THAT(gain.run(constant(1.0, 1, 8), 8), Each(testing::DoubleEq(0.1)));  // 10^(-20/20)
  gain.set_param("gain_db", 20.0);
  EXPECT_THAT(gain.run(constant(1.0, 1, 8), 8), Each(testing::DoubleEq(10.0)));
  gain.set_param("gain", 3.0);
  EXPECT_THAT(gain.run(constant(1.0, 1, 8), 8), Each(Eq(3.0)));
  NodeHarness plain("Gain", R"({"gain_db": 0})");
  EXPECT_THAT(plain.run(constant(0.3, 1, 8), 8), Each(Eq(0.3)));
  EXPECT_EQ(to_string(NodeHarness::refusals("Gain", R"({"gain": 2, "gain_db": 6})"), ""),
            "/config/gain_db: gain is given too; expected only one of gain and gain_db\n");
  EXPECT_FALSE(NodeHarness::refusals("Gain", R"({"gain_db": 121})").empty());
}

TEST(Gain, TurnsFromARampUnderWayWithoutAJump) {
  NodeHarness gain("Gain", R"({"gain": 0, "ramp_ms": 1})", {8000.0, 1, 64});
  gain.set_param("gain", 1.0);
  gain.run(constant(1.0, 1, 4), 4);  // half way up: 0.5
  gain.set_param("gain", 0.0);
  EXPECT_EQ(gain.run(constant(1.0, 1, 1), 1)[0], 0.5 - 0.5 / 8.0);
}

TEST(Gain, RampsTheSameWayForEveryBlockSize) {
  const Signal x = noise(2, 2000);
  std::vector<double> whole;
  for (const std::uint32_t block : {1024U, 1U, 7U, 64U, 480U}) {
    NodeHarness gain("Gain", R"({"ramp_ms": 5})", {48000.0, 2, 1024});
    gain.set_param("gain", 10.0);
    const auto y = gain.run(x, block);
    if (whole.empty()) { whole = y; }
    EXPECT_EQ(y, whole) << "block of " << block;  // bit for bit
  }
}

TEST(Gain, IsAsNewAfterReset) {
  const Signal x = noise(1, 300);
  NodeHarness gain("Gain", R"({"gain": 0.3})");
  const auto fresh = gain.run(x, 100);
  gain.set_param("gain", 5.0);
  gain.run(x, 100);
  gain.reset();
  EXPECT_EQ(gain.run(x, 100), fresh);
}

TEST(Gain, TellsItsFactorOnlyWhenItIsSteady) {
  NodeHarness gain("Gain", R"({"gain": 0.3, "ramp_ms": 1})", {8000.0, 1, 64});
  ASSERT_TRUE(gain.node().constant_factor());
  EXPECT_EQ(gain.node().constant_factor()->factor, 0.3);
  gain.set_param("gain", 0.5);
  EXPECT_FALSE(gain.node().constant_factor());
  gain.run(constant(0.0, 1, 8), 8);
  ASSERT_TRUE(gain.node().constant_factor());
  EXPECT_EQ(gain.node().constant_factor()->factor, 0.5);
}

TEST(Gain, KeepsFlagsAndPassesWhatIsNotFinite) {
  NodeHarness gain("Gain", R"({"gain": 2})");
  Signal x = constant(0.25, 1, 4);
  x[0][2] = std::numeric_limits<double>::quiet_NaN();
  const auto frames = gain.run_frames(x, 4);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_TRUE(frames[0].header().has(FrameFlag::not_finite));
  EXPECT_TRUE(std::isnan(frames[0].channel(0)[2]));
  EXPECT_EQ(frames[0].channel(0)[3], 0.5);
}

TEST(Gain, TakesABlockOfNoFrames) {
  NodeHarness gain("Gain", "{}");
  DataFrame empty = gain.input_frame();
  const auto out = gain.process(empty);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].frame_count(), 0U);
}

TEST(Gain, RefusesWhatIsOutOfRange) {
  EXPECT_EQ(to_string(NodeHarness::refusals("Gain", R"({"gain": 2e6})"), ""),
            "/gain: 2000000.0 is outside -1000000 .. 1000000\n");
  EXPECT_EQ(to_string(NodeHarness::refusals("Gain", R"({"ramp_ms": -5})"), ""),
            "/ramp_ms: -5 is outside 0 .. 1000 ms\n");
}

}  // namespace
}  // namespace streamlab::test
