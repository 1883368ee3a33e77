// tests/nodes/analysis/whole_stream_level_test.cpp
//
// LevelMeter with interval_s 0: one result of the whole stream, at its end.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/nodes/analysis/metadata_of.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/signals.hpp"

namespace streamlab::test {
namespace {

constexpr std::string_view kWhole = R"({"interval_s": 0})";

double rms_of(const DataFrame& result) { return result.channel("main_channel.rms")[0]; }

// A second of 0.8 and two of silence: rms² is a third of 0.64.
TEST(WholeStreamLevel, IsOneResultForEveryBlockSize) {
  Signal x = constant(0.8, 1, 48000);
  x[0].resize(144000, 0.0);
  for (const std::uint32_t block : {7U, 1000U, 1024U}) {
    NodeHarness meter("LevelMeter", kWhole);
    const auto results = meter.run_frames(x, block);
    ASSERT_EQ(results.size(), 1U);
    EXPECT_NEAR(rms_of(results[0]), 0.8 / std::sqrt(3.0), 1e-15);
    EXPECT_EQ(results[0].position(), 0);
    EXPECT_EQ(results[0].header().length_frames, 144000U);
    EXPECT_EQ(results[0].header().flags, 0U);  // it is whole
    EXPECT_EQ(meta(results[0], "frames"), 144000.0);
  }
}

TEST(WholeStreamLevel, TellsWhatIsMissingInside) {
  NodeHarness meter("LevelMeter", kWhole);
  DataFrame block = meter.input_frame();
  block.set_frame_count(100);
  for (double& v : block.channel(0U)) { v = 0.5; }
  EXPECT_TRUE(meter.process(block).empty());
  block.header().position = 350;
  block.header().gap_frames = 250;
  block.header().set(FrameFlag::gap);
  EXPECT_TRUE(meter.process(block).empty());
  const auto results = meter.finish();
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(rms_of(results[0]), 0.5);
  EXPECT_TRUE(results[0].header().has(FrameFlag::gap));
  EXPECT_TRUE(results[0].header().has(FrameFlag::incomplete));
  EXPECT_EQ(results[0].header().gap_frames, 250U);
  EXPECT_EQ(results[0].header().length_frames, 450U);
}

// Another calibration may be set; intervals in place of the stream may not.
TEST(WholeStreamLevel, StaysThatOfTheWholeStreamWhileItRuns) {
  NodeHarness meter("LevelMeter", R"({"interval_s": 0, "pa_per_full_scale": 2})");
  DataFrame block = meter.input_frame();
  block.set_frame_count(10);
  for (double& v : block.channel(0U)) { v = 0.5; }
  meter.process(block);
  EXPECT_TRUE(meter.set_params(R"({"pa_per_full_scale": 4})").empty());
  meter.process(block);
  EXPECT_THAT(to_string(meter.set_params(R"({"interval_s": 1})"), ""),
              testing::HasSubstr("intervals and the whole stream cannot take each other's place"));
  NodeHarness of_intervals("LevelMeter", R"({"interval_s": 1})");
  EXPECT_THAT(to_string(of_intervals.set_params(kWhole), ""),
              testing::HasSubstr("expected another interval"));
  const auto results = meter.finish();
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].channel("main_channel.rms_pa")[0], 2.0);
}

}  // namespace
}  // namespace streamlab::test
