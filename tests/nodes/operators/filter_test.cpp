// tests/nodes/operators/filter_test.cpp
#include <rapidcheck.h>

#include "tests/nodes/operators/flow_blocks.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<double> times(std::size_t count, double x) { return std::vector<double>(count, x); }

// Positions of the blocks that pass, of blocks of four constant samples.
std::vector<std::int64_t> passing(NodeHarness& filter, const std::vector<double>& blocks) {
  std::vector<std::int64_t> positions;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    for (const DataFrame& out :
         filter.process(block_at(filter, static_cast<std::int64_t>(4 * b), times(4, blocks[b])))) {
      positions.push_back(out.position());
    }
  }
  return positions;
}

TEST(Filter, PassesBlocksAboveALevelAndMarksWhatIsMissing) {
  NodeHarness filter("Filter", R"({"above_db": -20})");  // 0.1
  EXPECT_EQ(filter.process(block_at(filter, 0, {0.2, -0.2})).size(), 1U);
  EXPECT_THAT(filter.process(block_at(filter, 2, {0.05, -0.05, 0.05})), IsEmpty());
  EXPECT_THAT(filter.process(block_at(filter, 5, {0.0})), IsEmpty());
  const auto out = filter.process(block_at(filter, 6, {0.5, 0.25}));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_TRUE(out[0].header().has(FrameFlag::gap));
  EXPECT_EQ(out[0].header().gap_frames, 4U);
  EXPECT_THAT(channel_of(out[0]), ElementsAre(0.5, 0.25));
  EXPECT_EQ(filter.process(block_at(filter, 8, {0.5}))[0].header().flags, 0U);
  const auto notes = filter.node().notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].text, "dropped 2 blocks (4 frames), as configured");
  EXPECT_EQ(notes[0].count, 4U);
  EXPECT_FALSE(notes[0].data_lost);
}

TEST(Filter, AddsItsGapToThoseOfTheStream) {
  NodeHarness filter("Filter", R"({"above_db": -20})");
  filter.process(block_at(filter, 0, {0.5}));
  filter.process(block_at(filter, 11, {0.0}, 10));
  const auto out = filter.process(block_at(filter, 32, {0.5}, 20));
  EXPECT_EQ(out[0].header().gap_frames, 31U);  // 10 + 1 + 20: from 1 to 32
  filter.process(block_at(filter, 33, {0.0}));
  const auto restarted = filter.process(block_at(filter, 3, {0.5}, 3));  // the stream restarts its count
  EXPECT_EQ(restarted[0].header().gap_frames, 3U);
}

// The level from its definition: 20 lg √(Σx²/N).
TEST(Filter, JudgesAnyBlockByItsRmsOrPeak) {
  EXPECT_TRUE(rc::check([] {
    const bool peak = *rc::gen::arbitrary<bool>();
    const auto limit = *rc::gen::inRange(-30, 0) + 0.5;
    const auto seed = *rc::gen::inRange<std::uint64_t>(1, 1'000'000);
    const Signal x = noise(1, 400, seed);
    NodeHarness filter("Filter",
                       fmt::format(R"({{"above_db": {}, "detector": "{}"}})", limit, peak ? "peak" : "rms"));
    std::vector<double> expected;
    for (std::size_t b = 0; b < 100; ++b) {
      std::vector<double> block(x[0].begin() + static_cast<std::ptrdiff_t>(4 * b),
                                x[0].begin() + static_cast<std::ptrdiff_t>(4 * b + 4));
      for (double& v : block) { v *= b % 2 == 0 ? 1.0 : 0.05; }
      double level = 0.0;
      double square = 0.0;
      for (const double v : block) {
        level = std::max(level, std::abs(v));
        square += v * v;
      }
      if (!peak) { level = std::sqrt(square / 4.0); }
      const bool passes = 20.0 * std::log10(level) >= limit;
      const auto out = filter.process(block_at(filter, static_cast<std::int64_t>(4 * b), block));
      RC_ASSERT(out.size() == (passes ? 1U : 0U));
    }
  }));
}

TEST(Filter, KnowsBandsChannelsAndTheContrary) {
  NodeHarness band("Filter", R"({"above_db": -20, "below_db": -6})");
  EXPECT_THAT(passing(band, {0.05, 0.2, 0.4, 0.9}), ElementsAre(4, 8));
  NodeHarness inverted("Filter", R"({"above_db": -20, "below_db": -6, "invert": true})");
  EXPECT_THAT(passing(inverted, {0.05, 0.2, 0.4, 0.9}), ElementsAre(0, 12));
  NodeHarness quiet("Filter", R"({"below_db": -20})");
  EXPECT_THAT(passing(quiet, {0.0, 0.2, kNaN}), ElementsAre(0));  // silence is below; no number is nothing

  const auto count = [](const char* config) {
    NodeHarness filter("Filter", config, {48000.0, 2, 4});
    return filter.run_frames({{0.5, 0.5, 0.0, 0.0}, {0.0, 0.0, 0.0, 0.5}}, 1).size();
  };
  EXPECT_EQ(count(R"({"above_db": -20})"), 3U);
  EXPECT_EQ(count(R"({"above_db": -20, "match": "all"})"), 0U);
  EXPECT_EQ(count(R"({"above_db": -20, "channels": ["right"]})"), 1U);
  EXPECT_EQ(count(R"({"above_db": -20, "channels": [1]})"), 2U);
}

TEST(Filter, JudgesByMetadata) {
  NodeHarness filter("Filter", R"({"metadata": "frames", "min": 2, "max": 3})", {values_format()});
  const auto passes = [&](std::optional<double> frames) {
    DataFrame block = block_at(filter, 0, {1.0});
    if (frames) { block.metadata().set("frames", *frames); }
    return filter.process(block).size() == 1;
  };
  EXPECT_FALSE(passes({}));
  EXPECT_FALSE(passes(1.0));
  EXPECT_TRUE(passes(2.0));
  EXPECT_TRUE(passes(3.0));
  EXPECT_FALSE(passes(3.5));
  EXPECT_FALSE(passes(kNaN));
  NodeHarness any("Filter", R"({"metadata": "frames"})", {values_format()});
  DataFrame block = block_at(any, 0, {1.0});
  EXPECT_THAT(any.process(block), IsEmpty());
  block.metadata().set("frames", -7.0);
  EXPECT_EQ(any.process(block).size(), 1U);
}

TEST(Filter, JudgesByAFormulaOverSamples) {
  NodeHarness any("Filter", R"({"expression": "ch1 > 0.5"})");
  EXPECT_EQ(any.process(block_at(any, 0, {0.0, 0.6, 0.0})).size(), 1U);
  EXPECT_THAT(any.process(block_at(any, 3, {0.0, 0.5, kNaN})), IsEmpty());
  NodeHarness all("Filter", R"({"expression": "ch1 > 0.5", "match": "all"})");
  EXPECT_THAT(all.process(block_at(all, 0, {0.6, 0.5})), IsEmpty());
  EXPECT_EQ(all.process(block_at(all, 2, {0.6, 0.7})).size(), 1U);
  NodeHarness nan("Filter", R"({"expression": "ch1"})");
  EXPECT_THAT(nan.process(block_at(nan, 0, {kNaN})), IsEmpty());  // no number is not true
}

TEST(Filter, JudgesByAFormulaOverLevelsAndTime) {
  NodeHarness level("Filter", R"({"expression": "db(rms_left) > -20 && peak_ch2 < 0.9 + 0 * fs"})",
                    {48000.0, 2, 4});
  const auto passes = [&](double left, double right) {
    DataFrame block = block_at(level, 0, {left, left});
    std::fill_n(block.channel_data(1), 2, right);
    return level.process(block).size() == 1;
  };
  EXPECT_TRUE(passes(0.2, 0.5));
  EXPECT_FALSE(passes(0.05, 0.5));
  EXPECT_FALSE(passes(0.2, 0.95));
  NodeHarness late("Filter", R"({"expression": "t >= 1"})", {values_format()});  // 1000 Hz
  EXPECT_THAT(late.process(block_at(late, 999, {0.0})), IsEmpty());
  EXPECT_EQ(late.process(block_at(late, 1000, {0.0})).size(), 1U);
}

TEST(Filter, JudgesSpectraBinByBin) {
  NodeHarness filter("Filter", R"({"expression": "left > 1 && f >= 20"})", {spectrum_format(4)});
  EXPECT_EQ(filter.process(block_at(filter, 0, {0.0, 0.0, 2.0, 0.0})).size(), 1U);
  EXPECT_THAT(filter.process(block_at(filter, 4, {2.0, 2.0, 1.0, 1.0})), IsEmpty());
}

TEST(Filter, IsTheSameAfterResetAndForEmptyBlocks) {
  const Signal x = noise(2, 2000);
  NodeHarness filter("Filter", R"({"above_db": -4.5})", {48000.0, 2, 64});
  EXPECT_THAT(filter.process(block_at(filter, 0, {})), IsEmpty());
  const auto fresh = filter.run_frames(x, 64);
  EXPECT_GT(fresh.size(), 0U);
  EXPECT_LT(fresh.size(), 32U);
  filter.reset();
  EXPECT_THAT(filter.node().notes(), IsEmpty());
  expect_same_blocks(filter.run_frames(x, 64), fresh);
}

std::string filter_refusal(std::string_view config) {
  return refusal_of("Filter", config, AudioShape{48000.0, 2, 64});
}

TEST(Filter, RefusesWhatDoesNotSayWhichBlocksPass) {
  const std::string several = "; several Filters in a row pass what fits all of them";
  EXPECT_EQ(filter_refusal("{}"),
            "/config: none of above_db, below_db, metadata and expression is given; expected one of them");
  EXPECT_EQ(filter_refusal(R"({"above_db": -10, "metadata": "x"})"),
            "/config/metadata: above_db is given too; expected only one of above_db and metadata" + several);
  EXPECT_EQ(
      filter_refusal(R"({"below_db": -10, "expression": "ch1"})"),
      "/config/expression: below_db is given too; expected only one of below_db and expression" + several);
  EXPECT_EQ(
      filter_refusal(R"({"metadata": "x", "expression": "ch1"})"),
      "/config/expression: metadata is given too; expected only one of metadata and expression" + several);
}

TEST(Filter, RefusesWhatMeansNothing) {
  EXPECT_EQ(filter_refusal(R"({"above_db": -10, "below_db": -20})"),
            "/config/below_db: no level is both above -10 dB and below -20 dB; expected more than -10");
  EXPECT_EQ(filter_refusal(R"({"metadata": "x", "min": 2, "max": 1})"),
            "/config/max: no value is between 2 and 1; expected at least 2");
  EXPECT_EQ(filter_refusal(R"({"metadata": ""})"),
            "/config/metadata: a key never has 0 characters; expected 1 .. 31 characters");
  EXPECT_EQ(filter_refusal(R"({"above_db": -10, "max": 1})"), "/config/max: means nothing without metadata");
  EXPECT_EQ(filter_refusal(R"({"metadata": "x", "detector": "peak"})"),
            "/config/detector: means nothing without above_db or below_db");
  EXPECT_EQ(filter_refusal(R"({"expression": "ch1", "channels": [1]})"),
            "/config/channels: means nothing without above_db or below_db");
  EXPECT_EQ(filter_refusal(R"({"metadata": "x", "match": "all"})"),
            "/config/match: means nothing without above_db, below_db or expression");
  EXPECT_EQ(filter_refusal(R"({"expression": "rms_left > 1", "match": "all"})"),
            "/config/match: the expression is the same for every sample of a block; expected it together "
            "with an expression that uses a channel");
  EXPECT_EQ(filter_refusal(R"({"above_db": -10, "channels": []})"),
            "/channels: the list is empty; expected channel numbers or names in brackets: [1, \"left\"]");
  EXPECT_EQ(filter_refusal(R"({"above_db": -10, "channels": ["lef"]})"),
            "/config/channels/0: there is no channel \"lef\"; expected left, right; did you mean \"left\"?");
  EXPECT_EQ(filter_refusal(R"({"expression": "rms_lft > 1"})"),
            "/config/expression: column 1: there is no \"rms_lft\"; expected left, right, ch1, ch2, t, "
            "n, fs, rms_left, peak_left, rms_ch1, peak_ch1, rms_right, …; did you mean \"rms_left\"?");
  EXPECT_EQ(refusal_of("Filter", R"({"below_db": -10})", values_format()),
            "/config/below_db: there is no level of values; expected audio; use an expression over "
            "the channels");
}

TEST(Filter, ChangesEverythingFromTheNextBlockOn) {
  NodeHarness filter("Filter", R"({"above_db": -20})");
  EXPECT_THAT(passing(filter, {0.5, 0.05}), ElementsAre(0));
  ASSERT_TRUE(filter.set_params(R"({"above_db": -40})").empty());
  EXPECT_THAT(passing(filter, {0.5, 0.05, 0.005}), ElementsAre(0, 4));
  ASSERT_TRUE(filter.set_params(R"({"invert": true, "detector": "peak"})").empty());
  EXPECT_THAT(passing(filter, {0.5, 0.05, 0.005}), ElementsAre(8));
  // A formula in place of the level: what belongs to the level must go, too.
  EXPECT_EQ(to_string(filter.set_params(R"({"expression": "peak_ch1 < 0.1"})"), ""),
            "/detector: means nothing without above_db or below_db\n");
  ASSERT_TRUE(
      filter.set_params(R"({"expression": "peak_ch1 < 0.1", "detector": null, "invert": false})").empty());
  EXPECT_THAT(passing(filter, {0.5, 0.05, 0.005}), ElementsAre(4, 8));
  EXPECT_FALSE(filter.set_params(R"({"expression": "peak_ch1 <"})").empty());
  EXPECT_THAT(passing(filter, {0.5, 0.05, 0.005}), ElementsAre(4, 8));
  filter.reset();
  EXPECT_THAT(passing(filter, {0.5, 0.05}), ElementsAre(0));
}

}  // namespace
}  // namespace streamlab::test
