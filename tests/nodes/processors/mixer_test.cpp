// tests/nodes/processors/mixer_test.cpp
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/nodes/processors/channel_names.hpp"
#include "tests/support/clicks.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/signals.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;

TEST(Mixer, IsTheMatrixTimesTheChannelsOfAllInputsInPortOrder) {
  NodeHarness mixer("Mixer", R"({"matrix": [[1, 0.5, -2, 0.25], [0, 0, 0, 4]]})", {48000.0, 2, 64}, 2);
  const auto frames = mixer.run_joined({{{1.0, 2.0}, {4.0, 8.0}}, {{16.0, 32.0}, {64.0, 128.0}}}, 2);
  // 1 + 2 - 32 + 16 and 2 + 4 - 64 + 32; 4 times the last channel. Exact in binary.
  EXPECT_THAT(samples_of(frames), ElementsAre(-13.0, -26.0, 256.0, 512.0));
}

TEST(Mixer, AddsChannelByChannelWithoutAMatrix) {
  NodeHarness mixer("Mixer", "{}", {48000.0, 2, 64}, 3);
  const auto frames = mixer.run_joined({{{1.0}, {2.0}}, {{10.0}, {20.0}}, {{100.0}, {200.0}}}, 1);
  EXPECT_THAT(samples_of(frames), ElementsAre(111.0, 222.0));
  EXPECT_THAT(names_of(mixer), ElementsAre("left", "right"));
}

TEST(Mixer, NamesItsChannelsAsTold) {
  NodeHarness mixer("Mixer", R"({"matrix": [[1, 0], [0, 1], [1, 1]], "names": ["a", "b", "sum"]})",
                    {48000.0, 2, 64});
  EXPECT_THAT(names_of(mixer), ElementsAre("a", "b", "sum"));
}

TEST(Mixer, NamesNewChannelsByTheirNumber) {
  NodeHarness mono("Mixer", R"({"matrix": [[0.5, 0.5]]})", {48000.0, 2, 64});
  EXPECT_THAT(names_of(mono), ElementsAre("main_channel"));
  NodeHarness three("Mixer", R"({"matrix": [[1, 0], [0, 1], [1, 1]]})", {48000.0, 2, 64});
  EXPECT_THAT(names_of(three), ElementsAre("ch1", "ch2", "ch3"));
}

TEST(Mixer, GivesTheSameBitsForEveryBlockSize) {
  const Signal x = noise(3, 2000);
  std::vector<double> whole;
  for (const std::uint32_t block : {1024U, 1U, 7U, 64U, 480U}) {
    NodeHarness mixer("Mixer", R"({"matrix": [[0.1, 0.2, 0.3], [-1.1, 0, 0.7]]})", {48000.0, 3, 1024});
    const auto y = mixer.run(x, block);
    if (whole.empty()) { whole = y; }
    EXPECT_EQ(y, whole) << "block of " << block;
  }
}

TEST(Mixer, IsAsNewAfterReset) {
  NodeHarness mixer("Mixer", R"({"matrix": [[0.1, 0.2]]})", {48000.0, 2, 64});
  const Signal x = noise(2, 100);
  const auto fresh = mixer.run(x, 64);
  mixer.reset();
  EXPECT_EQ(mixer.run(x, 64), fresh);
}

TEST(Mixer, KeepsNanOutOfOutputsThatDoNotUseItsChannel) {
  NodeHarness mixer("Mixer", R"({"matrix": [[0, 1], [1, 1]]})", {48000.0, 2, 64});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto frames = mixer.run_frames({{nan, nan}, {0.25, 1.0}}, 2);
  EXPECT_TRUE(frames[0].header().has(FrameFlag::not_finite));
  EXPECT_THAT(frames[0].channel(0), ElementsAre(0.25, 1.0));
  EXPECT_TRUE(std::isnan(frames[0].channel(1)[0]));
}

TEST(Mixer, CarriesTheFlagsOfEveryInput) {
  NodeHarness mixer("Mixer", "{}", {48000.0, 1, 64}, 2);
  DataFrame a = mixer.input_frame(0);
  DataFrame b = mixer.input_frame(1);
  a.set_frame_count(4);
  b.set_frame_count(4);
  a.header().set(FrameFlag::clipped);
  b.header().set(FrameFlag::gap);
  b.header().gap_frames = 96;
  const DataFrame* const blocks[] = {&a, &b};
  DataFrame out(std::make_shared<const StreamFormat>(mixer.outputs()[0].format));
  DataFrame* const pointers[] = {&out};
  OutputPort port;
  port.bind(pointers, 1);
  port.follow(&a);
  EXPECT_EQ(mixer.node().process(blocks, {&port, 1}), Status::ok);
  EXPECT_TRUE(out.header().has(FrameFlag::clipped));
  EXPECT_TRUE(out.header().has(FrameFlag::gap));
  EXPECT_EQ(out.header().gap_frames, 96U);
}

TEST(Mixer, TakesABlockOfNoFramesAndOneFrame) {
  NodeHarness mixer("Mixer", R"({"matrix": [[2]]})");
  DataFrame block = mixer.input_frame();
  EXPECT_EQ(mixer.process(block)[0].frame_count(), 0U);
  block.set_frame_count(1);
  block.channel(0)[0] = 1.0;  // full scale
  EXPECT_EQ(mixer.process(block)[0].channel(0)[0], 2.0);
}

TEST(Mixer, SilenceGivesSilence) {
  NodeHarness mixer("Mixer", R"({"matrix": [[2, -3]]})", {48000.0, 2, 64});
  EXPECT_THAT(mixer.run(constant(0.0, 2, 100), 64), testing::Each(0.0));
}

std::string mixer_refusal(std::string_view config, std::uint32_t channels = 2, std::uint32_t inputs = 2) {
  return to_string(NodeHarness::refusals("Mixer", config, {48000.0, channels, 64}, inputs), "");
}

TEST(Mixer, RefusesAMatrixOfTheWrongShape) {
  EXPECT_EQ(mixer_refusal(R"({"matrix": [[1, 2, 3]]})"),
            "/config/matrix: rows of 3 factors for 4 input channels (in1 has 2, in2 has 2); expected 4 "
            "factors in each "
            "row\n");
  EXPECT_EQ(mixer_refusal(R"({"matrix": []})"),
            "/matrix: the list is empty; expected rows of numbers: [[1, 0], [0, 1]]\n");
  EXPECT_EQ(mixer_refusal(R"({"matrix": [[1, 2, 3, 4], [1]]})"),
            "/matrix/1: a row of 1 numbers; expected 4 as in the first row\n");
  EXPECT_EQ(mixer_refusal(R"({"matrix": [[1, 2, 3, 1e7]]})"),
            "/matrix/0/3: 10000000.0 is outside -1000000 .. 1000000\n");
}

TEST(Mixer, RefusesNamesThatDoNotFit) {
  EXPECT_EQ(mixer_refusal(R"({"names": ["a"]})"),
            "/config/names: 1 names for 2 output channels; expected 2 names\n");
  EXPECT_EQ(mixer_refusal(R"({"names": ["a", ""]})"),
            "/config/names/1: an empty name; expected a name for every output channel\n");
  EXPECT_EQ(mixer_refusal(R"({"names": ["a", "a"]})"),
            "/names/1: the name \"a\" is taken; expected a name that is not in the list yet\n");
}

TEST(Mixer, TakesUnitsFromWhatItMixes) {
  StreamFormat in = audio_format(48000.0, {"mic", "line"}, 64);
  in.channels[0].unit = "Pa";
  NodeHarness swapped("Mixer", R"({"matrix": [[0, 1], [2, 0]]})", {in});
  EXPECT_EQ(swapped.outputs()[0].format.channels, (std::vector<ChannelInfo>{{"mic", "FS"}, {"line", "Pa"}}));
  EXPECT_EQ(
      to_string(NodeHarness::refusals("Mixer", R"({"matrix": [[1, 0], [1, 1]]})", {in}), ""),
      "/config/matrix/1: \"mic\" [Pa] and \"line\" [FS] cannot be added; expected channels of one unit\n");
}

TEST(Mixer, RefusesInputsThatCannotBeAdded) {
  const StreamFormat stereo = audio_format(48000.0, {"left", "right"}, 64);
  const StreamFormat mono = audio_format(48000.0, {"voice"}, 64);
  const StreamFormat slow = audio_format(44100.0, {"left", "right"}, 64);
  EXPECT_THROW(
      {
        try {
          NodeHarness("Mixer", "{}", {stereo, mono});
        } catch (const std::runtime_error& error) {
          EXPECT_STREQ(error.what(),
                       "/config/matrix: in2 has 1 channels, in1 has 2: they cannot be added channel by "
                       "channel; expected "
                       "a matrix with 3 factors in each row");
          throw;
        }
      },
      std::runtime_error);
  EXPECT_THROW(
      {
        try {
          NodeHarness("Mixer", "{}", {stereo, slow});
        } catch (const std::runtime_error& error) {
          EXPECT_STREQ(
              error.what(),
              "in2 runs at 44100 Hz, in1 at 48000 Hz; expected the same sample rate; resample one of them "
              "first");
          throw;
        }
      },
      std::runtime_error);
}

TEST(Mixer, ReachesNewFactorsWithoutAClick) {
  for (const double frequency : {50.0, 997.0, 15000.0}) {
    Signal x = sine_signal(frequency, 3000);
    x.push_back(x[0]);
    NodeHarness mixer("Mixer", R"({"matrix": [[0.5, 0], [0, 0]]})", {48000.0, 2, 64});
    const auto y = run_with_changes(mixer, x, 64, {{1000, R"({"matrix": [[-3, 2.25], [1, 0]]})"}});
    EXPECT_LE(largest_second_difference(y), largest_allowed(frequency, 0.5, -0.75)) << frequency;
    NodeHarness fresh("Mixer", R"({"matrix": [[-3, 2.25], [1, 0]]})", {48000.0, 2, 64});
    const auto expected = run_with_changes(fresh, x, 64, {});
    for (std::size_t n = 1479; n < y.size(); ++n) { ASSERT_EQ(y[n], expected[n]) << n; }  // bit for bit
    EXPECT_EQ(y[1239], (0.5 + (-3.0 - 0.5) * 240.0 / 480.0) * x[0][1239] + 2.25 * 240.0 / 480.0 * x[1][1239]);
  }
}

TEST(Mixer, ChangesTheSameWayForEveryBlockSizeAndTurnsOnTheWay) {
  const Signal x = noise(2, 2400);
  std::vector<double> whole;
  for (const std::uint32_t block : {1024U, 1U, 7U, 64U}) {
    NodeHarness mixer("Mixer", R"({"matrix": [[1, 0]]})", {48000.0, 2, 1024});
    const auto y = run_with_changes(mixer, x, block,
                                    {{600, R"({"matrix": [[0, 2]]})"}, {840, R"({"matrix": [[1, 1]]})"}});
    if (whole.empty()) { whole = y; }
    EXPECT_EQ(y, whole) << "block of " << block;
  }
  // Half way it is 0.5 and 1, and goes on from there.
  EXPECT_NEAR(whole[840], (0.5 + 0.5 / 480.0) * x[0][840] + x[1][840], 1e-15);
  EXPECT_EQ(whole[1900], x[0][1900] + x[1][1900]);
}

TEST(Mixer, RefusesChangesOfItsFormat) {
  NodeHarness mixer("Mixer", R"({"matrix": [[1, 0]]})", {48000.0, 2, 64});
  // null: the sum of the inputs channel by channel, which here has two channels instead of one.
  EXPECT_FALSE(mixer.set_params(R"({"matrix": null})").empty());
  EXPECT_EQ(
      to_string(mixer.set_params(R"({"matrix": [[1, 0], [0, 1]]})"), ""),
      "/config/matrix: 2 rows would make another number of output channels; expected 1 rows while the graph runs\n");
  EXPECT_EQ(
      to_string(mixer.set_params(R"({"matrix": [[1]]})"), ""),
      "/config/matrix: rows of 1 factors for 2 input channels (in1 has 2); expected 2 factors in each row\n");
  EXPECT_EQ(
      to_string(mixer.set_params(R"({"names": ["x"]})"), ""),
      "/names: this parameter cannot be changed while the graph runs: the format of the stream would be another; "
      "expected \"matrix\"\n");
  std::vector<StreamFormat> inputs(2, audio_format(48000.0, {"a"}, 64));
  inputs[1].channels[0] = {"b", "Pa"};
  NodeHarness units("Mixer", R"({"matrix": [[1, 0]]})", inputs);
  EXPECT_EQ(
      to_string(units.set_params(R"({"matrix": [[0, 1]]})"), ""),
      "/config/matrix/0: the unit of the output channel would become \"Pa\"; expected channels in \"FS\" while the "
      "graph runs\n");
  EXPECT_TRUE(units.set_params(R"({"matrix": [[0, 0]]})").empty());
}

TEST(Mixer, IsAsNewAfterResetInTheMiddleOfAChange) {
  const Signal x = noise(2, 300);
  NodeHarness mixer("Mixer", R"({"matrix": [[1, 0.5]]})", {48000.0, 2, 64});
  const auto fresh = mixer.run(x, 64);
  ASSERT_TRUE(mixer.set_params(R"({"matrix": [[0, 3]]})").empty());
  mixer.run(x, 64);
  mixer.reset();
  EXPECT_EQ(mixer.run(x, 64), fresh);
}

}  // namespace
}  // namespace streamlab::test
