// tests/nodes/operators/map_test.cpp
#include "tests/nodes/operators/flow_blocks.hpp"
#include "tests/support/clicks.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;

constexpr const char* kMidSide = R"({"channels": {"mid": "(left + right) / 2", "side": "(ch1 - ch2) / 2"}})";

TEST(Map, ComputesEverySampleForEveryBlockSizeAndAfterReset) {
  const Signal x = noise(2, 2000);
  std::vector<double> expected;
  for (std::size_t n = 0; n < 2000; ++n) { expected.push_back((x[0][n] + x[1][n]) / 2.0); }
  for (std::size_t n = 0; n < 2000; ++n) { expected.push_back((x[0][n] - x[1][n]) / 2.0); }
  for (const std::uint32_t block : {1024U, 1U, 7U, 64U, 480U}) {
    NodeHarness map("Map", kMidSide, {48000.0, 2, 1024});
    EXPECT_EQ(map.run(x, block), expected) << "block of " << block;
    map.reset();
    EXPECT_EQ(map.run(x, block), expected);
  }
}

TEST(Map, KnowsTimeAndPositionOfEverySample) {
  NodeHarness map("Map", R"({"channels": {"t": "t", "n": "n", "fs": "fs"}})", {8000.0, 1, 16});
  const auto out = map.process(block_at(map, 100, {0.0, 0.0, 0.0}));
  EXPECT_THAT(channel_of(out[0], 0), ElementsAre(100.0 / 8000.0, 101.0 / 8000.0, 102.0 / 8000.0));
  EXPECT_THAT(channel_of(out[0], 1), ElementsAre(100.0, 101.0, 102.0));
  EXPECT_THAT(channel_of(out[0], 2), ElementsAre(8000.0, 8000.0, 8000.0));
}

TEST(Map, KeepsTheInputsChannelsWhenTold) {
  NodeHarness map("Map", R"({"channels": {"sum": "left + right"}, "units": {"sum": "V"}, "keep": true})",
                  {48000.0, 2, 16});
  const StreamFormat& format = map.outputs()[0].format;
  EXPECT_EQ(format.channels, (std::vector<ChannelInfo>{{"left", "FS"}, {"right", "FS"}, {"sum", "V"}}));
  EXPECT_THAT(map.run({{1.0}, {2.0}}, 1), ElementsAre(1.0, 2.0, 3.0));
}

TEST(Map, TakesTheUnitOfSoundFromItsChannels) {
  StreamFormat in = audio_format(48000.0, {"a", "b"}, 4);
  in.channels[0].unit = in.channels[1].unit = "Pa";
  NodeHarness pascals("Map", R"({"channels": {"sum": "a + b"}})", {in});
  EXPECT_EQ(pascals.outputs()[0].format.channels[0].unit, "Pa");
  in.channels[1].unit = "FS";
  NodeHarness mixed("Map", R"({"channels": {"sum": "a + b"}})", {in});
  EXPECT_EQ(mixed.outputs()[0].format.channels[0].unit, "");
}

TEST(Map, ReadsValuesByTheirDottedNames) {
  StreamFormat in = values_format();
  in.channels = {{"left.rms_db", "dBFS"}, {"left.peak_db", "dBFS"}};
  NodeHarness map("Map", R"({"channels": {"crest": "left.peak_db - left.rms_db", "at": "t"}})", {in});
  DataFrame block = map.input_frame();
  block.header().position = 500;
  block.set_frame_count(1);
  block.channel(0U)[0] = -20.0;
  block.channel(1U)[0] = -8.0;
  const auto out = map.process(block);
  EXPECT_EQ(out[0].channel("crest")[0], 12.0);
  EXPECT_EQ(out[0].channel("at")[0], 0.5);
  EXPECT_EQ(map.outputs()[0].format.channels[0].unit, "");
}

TEST(Map, KnowsTheFrequencyOfABin) {
  NodeHarness map("Map", R"({"channels": {"weighted": "left * f"}})", {spectrum_format(4)});
  const auto out = map.process(block_at(map, 64, {1.0, 1.0, 2.0, 3.0}));
  EXPECT_THAT(channel_of(out[0]), ElementsAre(0.0, 10.0, 40.0, 90.0));
  EXPECT_EQ(map.outputs()[0].format.axis, spectrum_format(4).axis);
}

TEST(Map, PrefersAChannelsNameToTheOthers) {
  NodeHarness map("Map", R"({"channels": {"y": "ch2 + 10 * t"}})", {audio_format(8000.0, {"ch2", "t"}, 4)});
  EXPECT_THAT(map.run({{1.0}, {5.0}}, 1), ElementsAre(51.0));
}

TEST(Map, FlagsResultsThatAreNoNumbers) {
  NodeHarness map("Map", R"({"channels": {"db": "db(ch1) + 0"}})");
  const auto good = map.process(block_at(map, 0, {1.0, 0.5}));
  EXPECT_FALSE(good[0].header().has(FrameFlag::not_finite));
  const auto silent = map.process(block_at(map, 2, {1.0, 0.0}));
  EXPECT_TRUE(silent[0].header().has(FrameFlag::not_finite));
  EXPECT_EQ(silent[0].channel(0U)[1], -kInfinity);
  const auto nan = map.process(block_at(map, 4, {kNaN}));
  EXPECT_TRUE(nan[0].header().has(FrameFlag::not_finite));
}

TEST(Map, TakesTheLevelOfSilenceForANumber) {
  NodeHarness map("Map", R"({"channels": {"level": "db(ch1) + 0"}, "units": {"level": "dB re 1 FS"}})");
  const auto silent = map.process(block_at(map, 0, {1.0, 0.0}));
  EXPECT_EQ(silent[0].channel(0U)[1], -kInfinity);
  EXPECT_EQ(silent[0].header().flags, 0U);
  EXPECT_TRUE(map.process(block_at(map, 2, {kInfinity}))[0].header().has(FrameFlag::not_finite));
  EXPECT_TRUE(map.process(block_at(map, 3, {kNaN}))[0].header().has(FrameFlag::not_finite));
}

TEST(Map, PassesHeadersAndEmptyBlocks) {
  NodeHarness map("Map", R"({"channels": {"y": "ch1"}})");
  const auto out = map.process(block_at(map, 960, {0.25}, 480));
  EXPECT_EQ(out[0].header(), block_at(map, 960, {0.25}, 480).header());
  EXPECT_EQ(map.process(block_at(map, 961, {}))[0].frame_count(), 0U);
}

std::string map_refusal(std::string_view config) {
  return refusal_of("Map", config, AudioShape{48000.0, 2, 64});
}

TEST(Map, RefusesFormulasThatCannotBeRead) {
  EXPECT_EQ(map_refusal(R"({"channels": {"mid": "(left + rigth) / 2"}})"),
            "/config/channels/mid: column 9: there is no \"rigth\"; expected left, right, ch1, ch2, t, "
            "n, fs; did you mean \"right\"?");
  EXPECT_EQ(
      map_refusal(R"({"channels": {"a/b": "1 +"}})"),
      "/config/channels/a~1b: column 4: the expression ends where a number, a name or \"(\" is missing");
}

TEST(Map, RefusesWhatIsNotASetOfFormulas) {
  EXPECT_EQ(map_refusal(R"({"channels": {}})"),
            "/config/channels: no new channel is given; expected {\"name\": \"expression\", …}");
  EXPECT_EQ(map_refusal(R"({"channels": ["ch1"]})"),
            "/config/channels: [\"ch1\"] is not valid here; expected {\"name\": \"expression\", …}");
  EXPECT_EQ(map_refusal(R"({"channels": {"x": 1}})"),
            "/config/channels/x: 1 is not valid here; expected text in quotes");
  EXPECT_EQ(map_refusal(R"({"channels": {"": "1"}})"),
            "/config/channels: a channel without a name; expected {\"name\": \"expression\", …}");
  EXPECT_EQ(map_refusal(R"({"channels": {"left": "1"}, "keep": true})"),
            "/config/channels/left: the input already has a channel \"left\"; expected another name; "
            "without "
            "\"keep\" it may have this name");
  EXPECT_EQ(map_refusal(R"({"channels": {"mid": "1"}, "units": {"mib": "V"}})"),
            "/config/units/mib: there is no new channel \"mib\"; expected mid; did you mean \"mid\"?");
  EXPECT_EQ(map_refusal(R"({"channels": {"mid": "1"}, "units": {"mid": 3}})"),
            "/config/units/mid: 3 is not valid here; expected text in quotes");
}

TEST(Map, TakesNewFormulasWithoutAClick) {
  for (const double frequency : {50.0, 997.0, 15000.0}) {
    const Signal x = sine_signal(frequency, 3000);
    NodeHarness map("Map", R"({"channels": {"a": "ch1"}})", {48000.0, 1, 64});
    const auto y = run_with_changes(map, x, 64, {{1000, R"({"channels": {"a": "-3 * ch1"}})"}});
    EXPECT_LE(largest_second_difference(y), largest_allowed(frequency, 1.0, -3.0)) << frequency;
    EXPECT_EQ(y[1239], x[0][1239] + (-3.0 * x[0][1239] - x[0][1239]) * 240.0 / 480.0);  // half way
    for (std::size_t n = 1479; n < y.size(); ++n) { ASSERT_EQ(y[n], -3.0 * x[0][n]) << n; }
  }
}

TEST(Map, TakesNewFormulasTheSameWayForEveryBlockSize) {
  const Signal x = noise(1, 3000);
  std::vector<double> whole;
  for (const std::uint32_t block : {1024U, 1U, 7U, 64U}) {
    NodeHarness map("Map", R"({"channels": {"a": "ch1"}})", {48000.0, 1, 1024});
    // The third waits for the end of the second; of those that wait, the last counts.
    const auto y = run_with_changes(map, x, block,
                                    {{1000, R"({"channels": {"a": "2 * ch1"}})"},
                                     {1100, R"({"channels": {"a": "99"}})"},
                                     {1200, R"({"channels": {"a": "n"}})"}});
    if (whole.empty()) { whole = y; }
    EXPECT_EQ(y, whole) << "block of " << block;
  }
  EXPECT_EQ(whole[1478], x[0][1478] + x[0][1478] * 479.0 / 480.0);
  EXPECT_EQ(whole[1479], 2.0 * x[0][1479] + (1479.0 - 2.0 * x[0][1479]) * 1.0 / 480.0);
  EXPECT_EQ(whole[1959], 1959.0);
}

TEST(Map, TakesTheNewFormulaWhereTheOldOneIsNoNumber) {
  NodeHarness map("Map", R"_({"channels": {"a": "ln(ch1)"}})_", {48000.0, 1, 64});
  EXPECT_EQ(run_with_changes(map, constant(-1.0, 1, 8), 8, {{4, R"({"channels": {"a": "ch1"}})"}})[4], -1.0);
}

TEST(Map, KeepsItsChannelsWhileItRuns) {
  NodeHarness map("Map", kMidSide, {48000.0, 2, 64});
  EXPECT_EQ(
      to_string(map.set_params(R"({"channels": {"side": "1", "mid": "2"}})"), ""),
      "/config/channels: the channels of the output would be others; expected formulas for mid, side, in this order\n");
  EXPECT_EQ(to_string(map.set_params(R"({"channels": {"mid": "lefd", "side": "2"}})"), "").substr(0, 20),
            "/config/channels/mid");
  EXPECT_EQ(
      to_string(map.set_params(R"({"keep": true})"), ""),
      "/keep: this parameter cannot be changed while the graph runs: the format of the stream would be another; "
      "expected \"channels\"\n");
  const Signal x = noise(2, 300);
  const auto fresh = map.run(x, 64);
  ASSERT_TRUE(map.set_params(R"({"channels": {"mid": "1", "side": "2"}})").empty());
  map.run(x, 64);
  map.reset();
  EXPECT_EQ(map.run(x, 64), fresh);
}

}  // namespace
}  // namespace streamlab::test
