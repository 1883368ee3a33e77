// tests/nodes/operators/debounce_test.cpp
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/nodes/operators/timed_blocks.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;

TEST(Debounce, PassesOnWhatIsFollowedByASilence) {
  EXPECT_TRUE(rc::check([] {
    const auto silence = *rc::gen::inRange<std::int64_t>(1, 50);  // frames of 1 ms
    NodeHarness debounce("Debounce",
                         R"({"silence_s": )" + std::to_string(static_cast<double>(silence) / 1000.0) + "}",
                         {values_at_rate(1000.0)});
    std::vector<std::int64_t> positions;
    std::vector<DataFrame> in;
    std::int64_t position = *rc::gen::inRange<std::int64_t>(0, 100);
    for (int i = 0; i < 30; ++i) {
      positions.push_back(position);
      in.push_back(flat_block_at(debounce, position, static_cast<double>(i)));
      position += *rc::gen::inRange<std::int64_t>(1, 60);
    }
    std::vector<std::int64_t> expected;
    std::vector<std::uint64_t> gaps;
    std::size_t first = 0;
    for (std::size_t i = 0; i < positions.size(); ++i) {
      if (i + 1 < positions.size() && positions[i + 1] - positions[i] < silence) { continue; }
      expected.push_back(positions[i]);
      gaps.push_back(static_cast<std::uint64_t>(positions[i] - positions[first]));
      first = i + 1;
    }
    const auto out = run_blocks(debounce, in);
    RC_ASSERT(positions_of(out) == expected);
    for (std::size_t i = 0; i < out.size(); ++i) { RC_ASSERT(out[i].header().gap_frames == gaps[i]); }
  }));
}

TEST(Debounce, KeepsPositionTimeAndValueOfWhatItPassesOn) {
  NodeHarness debounce("Debounce", R"({"silence_s": 0.1})", {values_at_rate(48000.0)});  // 4800 frames
  EXPECT_TRUE(debounce.process(flat_block_at(debounce, 100, 1.0)).empty());
  EXPECT_TRUE(debounce.process(flat_block_at(debounce, 4899, 2.0)).empty());
  const auto out = debounce.process(flat_block_at(debounce, 9699, 3.0));
  ASSERT_THAT(positions_of(out), ElementsAre(4899));
  EXPECT_EQ(out[0].channel(0U)[0], 2.0);
  EXPECT_EQ(out[0].timestamp_us(), 102'063);  // 4899 / 48 kHz
  EXPECT_EQ(out[0].header().gap_frames, 4799U);
  EXPECT_THAT(positions_of(debounce.finish()), ElementsAre(9699));
  EXPECT_EQ(debounce.node().notes().at(0).text,
            "dropped 1 blocks that were followed by another within 0.1 "
            "s");
}

TEST(Debounce, IsAsNewAfterReset) {
  NodeHarness debounce("Debounce", R"({"silence_s": 1})", {values_at_rate(10.0)});
  debounce.process(flat_block_at(debounce, 1));
  debounce.process(flat_block_at(debounce, 2));
  debounce.reset();
  EXPECT_TRUE(debounce.finish().empty());
  const auto out = run_blocks(debounce, {flat_block_at(debounce, 2), flat_block_at(debounce, 12)});
  EXPECT_THAT(positions_of(out), ElementsAre(2, 12));
  EXPECT_EQ(out[0].header().flags, 0U);
}

TEST(Debounce, RefusesSilencesThatAreNone) {
  for (const char* silence : {"0", "-1", "1e9"}) {
    EXPECT_FALSE(NodeHarness::refusals("Debounce", std::string(R"({"silence_s": )") + silence + "}").empty());
  }
  EXPECT_FALSE(NodeHarness::refusals("Debounce", "{}").empty());
  EXPECT_EQ(to_string(NodeHarness::refusals("Debounce", R"({"silence_s": 0.0001})", {8000.0, 1, 64}), ""),
            "/config/silence_s: 0.0001 s is shorter than one frame at 8000 Hz; expected at least 0.000125 s\n"
            "");
}

TEST(Debounce, ChangesItsSilenceAlsoForTheBlockThatWaits) {
  for (const auto& [silence, passes] : {std::pair{"0.02", true}, {"0.021", false}}) {
    NodeHarness debounce("Debounce", R"({"silence_s": 0.01})", {values_at_rate(1000.0)});
    EXPECT_TRUE(debounce.process(flat_block_at(debounce, 100)).empty());
    ASSERT_TRUE(debounce.set_params(std::string(R"({"silence_s": )") + silence + "}").empty());
    EXPECT_EQ(debounce.process(flat_block_at(debounce, 120)).size(), passes ? 1U : 0U) << silence;
    debounce.reset();
    debounce.process(flat_block_at(debounce, 100));
    EXPECT_EQ(debounce.process(flat_block_at(debounce, 110)).size(), 1U);
  }
}

}  // namespace
}  // namespace streamlab::test
