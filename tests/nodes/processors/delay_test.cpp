// tests/nodes/processors/delay_test.cpp
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/clicks.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/signals.hpp"

namespace streamlab::test {
namespace {

TEST(Delay, CountsWhatStaysInside) {
  NodeHarness delay("Delay", R"({"frames": 100})");
  delay.run_frames(constant(0.5, 1, 1000), 64);
  const auto notes = delay.node().notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].text, "100 frames were not output: those inside at the end, or before a gap");
  EXPECT_FALSE(notes[0].data_lost);
  delay.reset();
  delay.run_frames(constant(0.5, 1, 30), 64);
  EXPECT_EQ(delay.node().notes()[0].count, 30U);
}

using testing::Each;
using testing::ElementsAre;

TEST(Delay, ComesOutThatManyFramesLaterForEveryBlockSize) {
  const Signal x = noise(2, 1500);
  for (const std::uint32_t frames : {0U, 1U, 100U, 1499U, 2000U}) {
    std::vector<double> expected;
    for (const auto& channel : x) {
      for (std::uint32_t n = 0; n < 1500; ++n) { expected.push_back(n < frames ? 0.0 : channel[n - frames]); }
    }
    for (const std::uint32_t block : {1U, 7U, 64U, 480U, 1024U}) {
      NodeHarness delay("Delay", "{\"frames\": " + std::to_string(frames) + "}", {48000.0, 2, 1024});
      EXPECT_EQ(delay.run(x, block), expected) << frames << " frames, block of " << block;
    }
  }
}

TEST(Delay, TakesMillisecondsToTheNearestFrame) {
  for (const auto& [ms, frames] :
       {std::pair{"2", 96U}, {"0.0104", 0U}, {"0.0105", 1U}}) {  // half a frame is 0.0104167 ms
    NodeHarness delay("Delay", std::string("{\"ms\": ") + ms + "}", {48000.0, 1, 64});
    EXPECT_EQ(delay.outputs()[0].latency_frames, frames) << ms;
    const auto y = delay.run(impulse(1, 200), 64);
    for (std::uint32_t n = 0; n < 200; ++n) {
      ASSERT_EQ(y[n], n == frames ? 1.0 : 0.0) << ms << " ms, frame " << n;
    }
  }
}

TEST(Delay, IsAsNewAfterReset) {
  const Signal x = noise(1, 300);
  NodeHarness delay("Delay", R"({"frames": 77})");
  const auto fresh = delay.run(x, 100);
  delay.reset();
  EXPECT_EQ(delay.run(x, 100), fresh);
}

TEST(Delay, RestartsWithSilenceAtAGap) {
  NodeHarness delay("Delay", R"({"frames": 2})", {48000.0, 1, 64});
  DataFrame block = delay.input_frame();
  block.set_frame_count(4);
  for (double& x : block.channel(0)) { x = 1.0; }
  delay.process(block);
  block.header().set(FrameFlag::gap);
  block.header().gap_frames = 10;
  for (double& x : block.channel(0)) { x = 2.0; }
  const auto out = delay.process(block);
  EXPECT_THAT(out[0].channel(0), ElementsAre(0.0, 0.0, 2.0, 2.0));
  EXPECT_TRUE(out[0].header().has(FrameFlag::gap));
}

TEST(Delay, PassesNanOnceAndInTime) {
  NodeHarness delay("Delay", R"({"frames": 3})");
  Signal x = constant(0.5, 1, 10);
  x[0][1] = std::numeric_limits<double>::quiet_NaN();
  const auto y = delay.run(x, 4);
  for (std::size_t n = 0; n < 10; ++n) { EXPECT_EQ(std::isnan(y[n]), n == 4) << n; }
}

TEST(Delay, KeepsSilenceAndFullScale) {
  NodeHarness delay("Delay", R"({"frames": 5})");
  EXPECT_THAT(delay.run(constant(0.0, 1, 20), 7), Each(0.0));
  delay.reset();
  EXPECT_EQ(delay.run(constant(-1.0, 1, 20), 7).back(), -1.0);
}

TEST(Delay, TakesABlockOfNoFrames) {
  NodeHarness delay("Delay", R"({"frames": 5})");
  const DataFrame empty = delay.input_frame();
  EXPECT_EQ(delay.process(empty)[0].frame_count(), 0U);
}

std::string delay_refusal(std::string_view config, AudioShape shape = {}) {
  return to_string(NodeHarness::refusals("Delay", config, shape), "");
}

TEST(Delay, RefusesNoDelayAndTwoDelays) {
  EXPECT_EQ(delay_refusal("{}"), "/config: neither frames nor ms is given; expected one of them\n");
  EXPECT_EQ(delay_refusal(R"({"frames": 1, "ms": 1})"),
            "/config/ms: frames is given too; expected only one of frames and ms\n");
}

TEST(Delay, RefusesWhatIsOutOfRange) {
  EXPECT_EQ(delay_refusal(R"({"frames": -1})"), "/frames: -1 is outside 0 .. 33554432 frames\n");
  EXPECT_EQ(delay_refusal(R"({"frames": 1.5})"),
            "/frames: 1.5 is not a whole number; expected 0 .. 33554432 frames\n");
  EXPECT_EQ(delay_refusal(R"({"ms": -1})"), "/ms: -1 is outside 0 .. 10000000 ms\n");
}

TEST(Delay, RefusesWhatWouldExhaustTheMemory) {
  EXPECT_EQ(delay_refusal(R"({"ms": 1000000})"),
            "/config/ms: 1000000 ms are 48000000 frames at 48000 Hz; expected at most 33554432 frames\n");
  EXPECT_EQ(delay_refusal(R"({"frames": 33554432})", {48000.0, 64, 64}),
            "/config/frames: 33554432 frames of 64 channels need 16.0 GiB; expected at most 8388608 frames "
            "for that many "
            "channels\n");
}

// From D to d: the new line is full d frames after the change, and takes over within 480 frames.
TEST(Delay, TakesOverWithoutAClick) {
  for (const double frequency : {50.0, 997.0, 15000.0}) {
    const Signal x = sine_signal(frequency, 4000);
    for (const auto& [from, to] : {std::pair{0U, 24U}, {100U, 0U}, {700U, 30U}, {30U, 700U}, {5U, 5U}}) {
      NodeHarness delay("Delay", fmt::format(R"({{"frames": {}}})", from), {48000.0, 1, 64});
      const auto y = run_with_changes(delay, x, 64, {{1000, fmt::format(R"({{"frames": {}}})", to)}});
      const std::vector<double> heard(y.begin() + from, y.end());  // behind the beginning of the sine itself
      const double w = 2.0 * std::numbers::pi * frequency / 48000.0;
      EXPECT_LE(largest_second_difference(heard),
                largest_allowed(frequency, std::polar(1.0, -w * from), std::polar(1.0, -w * to)))
          << frequency << " Hz, " << from << " to " << to;
      for (std::size_t n = 0; n < y.size(); ++n) {
        if (n < 1000U + to) { ASSERT_EQ(y[n], n < from ? 0.0 : x[0][n - from]) << n; }
        if (n >= 1000U + to + 479U) { ASSERT_EQ(y[n], x[0][n - to]) << n; }  // that of one that began so
      }
    }
  }
}

TEST(Delay, ChangesTheSameWayForEveryBlockSize) {
  const Signal x = noise(2, 6000);
  std::vector<double> whole;
  for (const std::uint32_t block : {1024U, 1U, 7U, 64U}) {
    NodeHarness delay("Delay", R"({"frames": 50})", {48000.0, 2, 1024});
    const auto y = run_with_changes(delay, x, block,
                                    {{500, R"({"frames": 900})"},     // replaced before it is heard
                                     {700, R"({"ms": 2})"},           // 96 frames, heard from 796 on
                                     {1000, R"({"frames": 0})"},      // waits, and is replaced
                                     {1200, R"({"frames": 300})"}});  // waits until 1275
    // What waits begins with a block; up to there it is the same for every block size.
    if (whole.empty()) { whole = y; }
    EXPECT_EQ(std::vector(y.begin(), y.begin() + 1275), std::vector(whole.begin(), whole.begin() + 1275))
        << block;
    for (std::size_t n = 50; n < 796; ++n) { ASSERT_EQ(y[n], x[0][n - 50]) << n; }
    for (std::size_t n = 3100; n < y.size(); ++n) { ASSERT_EQ(y[n], x[0][n - 300]) << n; }
  }
}

TEST(Delay, MovesTheFlagsAsTheFrames) {
  NodeHarness delay("Delay", R"({"frames": 10})", {48000.0, 1, 1000});
  DataFrame x = delay.input_frame();
  x.set_frame_count(1000);
  std::fill_n(x.channel_data(0), 1000, 0.0);
  for (const std::uint32_t n : {5U, 100U, 700U}) { x.flag_frames(FrameFlag::clipped, n, 1); }
  ASSERT_TRUE(delay.set_params(R"({"frames": 60})").empty());
  const auto y = delay.process(x);
  // The old line up to frame 60 + 479, the new one from 60 on.
  for (std::uint32_t n = 0; n < 1000; ++n) {
    const bool expected = n == 15 || n == 65 || n == 110 || n == 160 || n == 760;
    EXPECT_EQ((y[0].flags_of(n, 1) & flag_bit(FrameFlag::clipped)) != 0, expected) << n;
  }
}

TEST(Delay, HasTheNewDelayAtOnceBehindAGap) {
  NodeHarness delay("Delay", R"({"frames": 10})", {48000.0, 1, 100});
  run_with_changes(delay, constant(1.0, 1, 100), 100, {});
  ASSERT_TRUE(delay.set_params(R"({"frames": 20})").empty());
  DataFrame x = delay.input_frame();
  x.set_frame_count(100);
  std::fill_n(x.channel_data(0), 100, 1.0);
  x.header().set(FrameFlag::gap);
  const auto y = delay.process(x);
  for (std::uint32_t n = 0; n < 100; ++n) { EXPECT_EQ(y[0].channel(0U)[n], n < 20 ? 0.0 : 1.0) << n; }
}

TEST(Delay, IsAsNewAfterResetInTheMiddleOfAChange) {
  const Signal x = noise(1, 300);
  NodeHarness delay("Delay", R"({"frames": 77})");
  const auto fresh = delay.run(x, 100);
  ASSERT_TRUE(delay.set_params(R"({"frames": 7})").empty());
  delay.run(x, 100);
  delay.reset();
  EXPECT_EQ(delay.run(x, 100), fresh);
}

TEST(Delay, RefusesALineThatIsTooLong) {
  NodeHarness delay("Delay", R"({"frames": 7})");
  EXPECT_EQ(to_string(delay.set_params(R"({"ms": 1000000})"), ""),
            "/config/ms: 1000000 ms are 48000000 frames at 48000 Hz; expected at most 33554432 frames\n");
}

}  // namespace
}  // namespace streamlab::test
