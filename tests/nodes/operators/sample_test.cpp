// tests/nodes/operators/sample_test.cpp
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/nodes/operators/timed_blocks.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;

TEST(Sample, PassesOnTheNewestBlockOfEachInterval) {
  EXPECT_TRUE(rc::check([] {
    const auto interval = *rc::gen::inRange<std::int64_t>(1, 50);  // frames of 1 ms
    NodeHarness sample("Sample",
                       R"({"interval_s": )" + std::to_string(static_cast<double>(interval) / 1000.0) + "}",
                       {values_at_rate(1000.0)});
    std::vector<std::int64_t> positions;
    std::vector<DataFrame> in;
    std::int64_t position = *rc::gen::inRange<std::int64_t>(0, 100);
    for (int i = 0; i < 30; ++i) {
      positions.push_back(position);
      in.push_back(flat_block_at(sample, position, static_cast<double>(i)));
      position += *rc::gen::inRange<std::int64_t>(1, 40);
    }
    std::vector<std::int64_t> expected;
    std::vector<std::uint64_t> gaps;
    std::size_t first = 0;  // of those that the block stands for
    for (std::size_t i = 0; i < positions.size(); ++i) {
      if (i + 1 < positions.size() && positions[i] / interval == positions[i + 1] / interval) { continue; }
      expected.push_back(positions[i]);
      gaps.push_back(static_cast<std::uint64_t>(positions[i] - positions[first]));
      first = i + 1;
    }
    const auto out = run_blocks(sample, in);
    RC_ASSERT(positions_of(out) == expected);
    for (std::size_t i = 0; i < out.size(); ++i) {
      RC_ASSERT(out[i].header().gap_frames == gaps[i]);
      RC_ASSERT(out[i].header().has(FrameFlag::gap) == (gaps[i] > 0));
    }
  }));
}

TEST(Sample, HasIntervalsThatDoNotDrift) {
  // A third of a second at 1000 Hz: the intervals begin at 0, 333, 667, 1000.
  NodeHarness sample("Sample", R"({"interval_s": 0.3333333333333333})", {values_at_rate(1000.0)});
  std::vector<DataFrame> in;
  for (std::int64_t p = 0; p < 1001; ++p) { in.push_back(flat_block_at(sample, p, static_cast<double>(p))); }
  const auto out = run_blocks(sample, in);
  EXPECT_THAT(positions_of(out), ElementsAre(332, 666, 999, 1000));
  EXPECT_EQ(out[1].channel(0U)[0], 666.0);
  EXPECT_EQ(out[1].timestamp_us(), 666'000);
}

TEST(Sample, PassesAudioWithItsGaps) {
  NodeHarness sample("Sample", R"({"interval_s": 0.1})", {1000.0, 2, 50});
  std::vector<DataFrame> in;
  for (std::int64_t k = 0; k < 6; ++k) { in.push_back(flat_block_at(sample, k * 50, 0.5, 50)); }
  const auto out = run_blocks(sample, in);
  ASSERT_THAT(positions_of(out), ElementsAre(50, 150, 250));
  EXPECT_EQ(out[0].header().gap_frames, 50U);
  EXPECT_EQ(out[0].frame_count(), 50U);
  EXPECT_EQ(out[2].channel(1U)[49], 0.5);
  EXPECT_EQ(sample.node().notes().at(0).text,
            "dropped 3 blocks of 150 frames that were followed by a newer one in their interval of 0.1 s");
}

TEST(Sample, IsAsNewAfterReset) {
  NodeHarness sample("Sample", R"({"interval_s": 1})", {values_at_rate(10.0)});
  sample.process(flat_block_at(sample, 3));
  sample.process(flat_block_at(sample, 4));
  sample.reset();
  EXPECT_TRUE(sample.finish().empty());
  const auto out = run_blocks(sample, {flat_block_at(sample, 3), flat_block_at(sample, 12)});
  EXPECT_THAT(positions_of(out), ElementsAre(3, 12));
  EXPECT_EQ(out[0].header().flags, 0U);
}

TEST(Sample, RefusesIntervalsThatAreNone) {
  for (const char* interval : {"0", "-1", "1e9"}) {
    EXPECT_FALSE(NodeHarness::refusals("Sample", std::string(R"({"interval_s": )") + interval + "}").empty());
  }
  EXPECT_FALSE(NodeHarness::refusals("Sample", "{}").empty());
  EXPECT_EQ(
      to_string(NodeHarness::refusals("Sample", R"({"interval_s": 0.0001})", {8000.0, 1, 64}), ""),
      "/config/interval_s: 0.0001 s is shorter than one frame at 8000 Hz; expected at least 0.000125 s\n");
}

// From the change on it is the Sample that began with the new interval, as far as its intervals begin behind the change.
TEST(Sample, ChangesItsGrid) {
  NodeHarness sample("Sample", R"({"interval_s": 0.01})", {values_at_rate(1000.0)});
  std::vector<DataFrame> before;
  std::vector<DataFrame> behind;
  for (std::int64_t n = 0; n < 25; ++n) { before.push_back(flat_block_at(sample, n)); }
  for (std::int64_t n = 25; n < 100; ++n) { behind.push_back(flat_block_at(sample, n)); }
  std::vector<std::int64_t> positions;
  for (const DataFrame& block : before) {
    for (const DataFrame& out : sample.process(block)) { positions.push_back(out.position()); }
  }
  ASSERT_TRUE(sample.set_params(R"({"interval_s": 0.015})").empty());
  for (const DataFrame& out : run_blocks(sample, behind)) { positions.push_back(out.position()); }
  EXPECT_THAT(positions, ElementsAre(9, 19, 29, 44, 59, 74, 89, 99));
  EXPECT_FALSE(sample.set_params(R"({"interval_s": 1e-6})").empty());
}

}  // namespace
}  // namespace streamlab::test
