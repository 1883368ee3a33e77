// tests/nodes/operators/rate_limit_test.cpp
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "engine/run/pipeline.hpp"
#include "tests/nodes/operators/timed_blocks.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;

TEST(RateLimit, PassesWhatAnExactTokenBucketPasses) {
  EXPECT_TRUE(rc::check([] {
    const auto rate = *rc::gen::inRange<std::int64_t>(1, 2000);
    const auto burst = *rc::gen::inRange<std::int64_t>(1, 10);
    NodeHarness limit("RateLimit",
                      R"({"rate": )" + std::to_string(rate) + R"(, "burst": )" + std::to_string(burst) + "}",
                      {values_at_rate(1000.0)});
    std::int64_t level = burst * 1000;  // in thousandths of a token: a frame brings `rate`
    std::int64_t last = 0;
    std::int64_t position = *rc::gen::inRange<std::int64_t>(0, 1000);
    std::int64_t first_left_out = -1;
    last = position;
    for (int i = 0; i < 50; ++i) {
      level = std::min(burst * 1000, level + (position - last) * rate);
      last = position;
      const auto out = limit.process(flat_block_at(limit, position, 7.0));
      RC_ASSERT(out.size() == (level >= 1000 ? 1U : 0U));
      if (!out.empty()) {
        level -= 1000;
        RC_ASSERT(out[0].position() == position);
        RC_ASSERT(out[0].channel(0U)[0] == 7.0);
        RC_ASSERT(out[0].header().has(FrameFlag::gap) == (first_left_out >= 0));
        RC_ASSERT(out[0].header().gap_frames ==
                  (first_left_out < 0 ? 0U : static_cast<std::uint64_t>(position - first_left_out)));
        first_left_out = -1;
      } else if (first_left_out < 0) {
        first_left_out = position;
      }
      position += *rc::gen::inRange<std::int64_t>(1, 2000 / rate + 2);
    }
  }));
}

TEST(RateLimit, PassesAStreamOfExactlyItsRateForever) {
  for (const double rate_hz : {44100.0, 48000.0, 44055.944056}) {
    NodeHarness limit(
        "RateLimit",
        R"({"rate": )" + std::to_string(2.0 * rate_hz) + R"(, "burst": 2048, "unit": "samples"})",
        {rate_hz, 2, 1024});
    for (std::int64_t k = 0; k < 20'000; ++k) {
      ASSERT_EQ(limit.process(flat_block_at(limit, k * 1024, 0.0, 1024)).size(), 1U) << k;
    }
  }
  for (const std::int64_t frames : {441, 480, 1, 7}) {
    NodeHarness limit("RateLimit", R"({"rate": 100})", {values_at_rate(100.0 * static_cast<double>(frames))});
    for (std::int64_t k = 0; k < 20'000; ++k) {
      ASSERT_EQ(limit.process(flat_block_at(limit, k * frames)).size(), 1U) << k;
    }
  }
}

TEST(RateLimit, CountsBytesOfSamples) {
  // 8 bytes a sample: 100 frames of 2 channels are 1600 bytes, and 3200 bytes a second pass every second
  // block of 0.25 s.
  NodeHarness limit("RateLimit", R"({"rate": 3200, "burst": 1600, "unit": "bytes"})", {400.0, 2, 100});
  std::vector<DataFrame> in;
  for (std::int64_t k = 0; k < 6; ++k) { in.push_back(flat_block_at(limit, k * 100, 1.0, 100)); }
  const auto out = run_blocks(limit, in);
  EXPECT_THAT(positions_of(out), ElementsAre(0, 200, 400));
  EXPECT_FALSE(out[0].header().has(FrameFlag::gap));
  for (const std::size_t i : {1U, 2U}) {
    EXPECT_TRUE(out[i].header().has(FrameFlag::gap));
    EXPECT_EQ(out[i].header().gap_frames, 100U);
    EXPECT_EQ(out[i].frame_count(), 100U);
  }
  const auto notes = limit.node().notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].text, "dropped 3 blocks of 300 frames, above 3200 bytes per second");
}

TEST(RateLimit, KeepsAGapAndAnXrunOfWhatItLeavesOut) {
  NodeHarness limit("RateLimit", R"({"rate": 1})", {values_at_rate(1000.0)});
  const auto out =
      run_blocks(limit, {flat_block_at(limit, 0),
                         flat_block_at(limit, 150, 0.0, 1, bit(FrameFlag::gap) | bit(FrameFlag::xrun), 50),
                         flat_block_at(limit, 200), flat_block_at(limit, 1000), flat_block_at(limit, 2000)});
  ASSERT_THAT(positions_of(out), ElementsAre(0, 1000, 2000));
  EXPECT_EQ(out[1].header().gap_frames, 50U + 850U);
  EXPECT_TRUE(out[1].header().has(FrameFlag::xrun));
  EXPECT_EQ(out[2].header().flags, 0U);
}

TEST(RateLimit, IsAsNewAfterReset) {
  NodeHarness limit("RateLimit", R"({"rate": 1})", {values_at_rate(1000.0)});
  const auto feed = [&] {
    return run_blocks(limit,
                      {flat_block_at(limit, 500), flat_block_at(limit, 600), flat_block_at(limit, 1500)});
  };
  const auto first = feed();
  limit.process(flat_block_at(limit, 1600));
  limit.reset();
  const auto again = feed();
  EXPECT_THAT(positions_of(again), ElementsAre(500, 1500));
  EXPECT_EQ(again[0].header(), first[0].header());
  EXPECT_EQ(again[1].header(), first[1].header());
}

TEST(RateLimit, SaysHowLongAJoinMayHaveToWaitForItsNextBlock) {
  NodeHarness limit("RateLimit", R"({"rate": 10})", {48000.0, 1, 256});
  EXPECT_EQ(limit.outputs()[0].held_frames, 4800U + 256U);
}

// The path beside the limit must be able to hold as much as is left out at once.
TEST(RateLimit, MayMeetTheStreamThatItCameFrom) {
  auto pipeline = Pipeline::from_json(R"({"version": 1, "nodes": [
      {"id": "tone", "type": "SineGenerator",
       "config": {"sample_rate": 8000, "frame_size": 100, "frequency": 0, "phase_deg": 90, "duration_s": 2}},
      {"id": "limit", "type": "RateLimit", "config": {"rate": 4}},
      {"id": "sum", "type": "Mixer"}, {"id": "end", "type": "NullSink"}],
      "connections": [{"from": "tone", "to": "limit"}, {"from": "tone", "to": "sum.in1"},
                      {"from": "limit", "to": "sum.in2"}, {"from": "sum", "to": "end"}]})");
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  EXPECT_TRUE(pipeline->run());
}

TEST(RateLimit, RefusesABurstThatNoBlockFitsInto) {
  EXPECT_EQ(to_string(NodeHarness::refusals("RateLimit", R"({"rate": 1e6, "burst": 100, "unit": "samples"})",
                                            {48000.0, 2, 64}),
                      ""),
            "/config/burst: 100 samples are fewer than one block may have, 128; expected at least 128\n");
}

TEST(RateLimit, RefusesRatesThatAreNone) {
  for (const char* rate : {"0", "-1", "1e-7", "2e12", "\"fast\""}) {
    EXPECT_FALSE(NodeHarness::refusals("RateLimit", std::string(R"({"rate": )") + rate + "}").empty())
        << rate;
  }
  EXPECT_FALSE(NodeHarness::refusals("RateLimit", "{}").empty());
  EXPECT_FALSE(NodeHarness::refusals("RateLimit", R"({"rate": 1, "burst": 0})").empty());
  EXPECT_FALSE(NodeHarness::refusals("RateLimit", R"({"rate": 1, "unit": "frames"})").empty());
  EXPECT_FALSE(NodeHarness::refusals("RateLimit", R"({"rate": 1e-6})").empty());  // passes every 11 days
}

// A bucket of 10 of which 4 are left is, with 20, one of 8; one that is full stays full.
TEST(RateLimit, StaysAsFullWhenItChanges) {
  const auto passed = [](NodeHarness& limit, std::int64_t position) {
    int count = 0;
    while (!limit.process(flat_block_at(limit, position)).empty()) { ++count; }
    return count;
  };
  NodeHarness limit("RateLimit", R"({"rate": 1, "burst": 10})", {values_at_rate(1000.0)});
  for (int i = 0; i < 6; ++i) { ASSERT_EQ(limit.process(flat_block_at(limit, 0)).size(), 1U); }
  ASSERT_TRUE(limit.set_params(R"({"burst": 20})").empty());
  EXPECT_EQ(passed(limit, 0), 8);
  ASSERT_TRUE(limit.set_params(R"({"rate": 5})").empty());
  EXPECT_EQ(passed(limit, 1000), 5);  // of the second since the change, at the new rate
  NodeHarness full("RateLimit", R"({"rate": 1, "burst": 10})", {values_at_rate(1000.0)});
  ASSERT_TRUE(full.set_params(R"({"burst": 7, "rate": 0.5})").empty());
  EXPECT_EQ(passed(full, 0), 7);
  EXPECT_EQ(to_string(full.set_params(R"({"burst": 0.5})"), ""),
            "/burst: 0.5 is outside 1 .. 1000000000000\n");
  full.reset();
  EXPECT_EQ(passed(full, 0), 10);
}

}  // namespace
}  // namespace streamlab::test
