// tests/nodes/processors/channel_select_test.cpp
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/nodes/processors/channel_names.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/signals.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;

TEST(ChannelSelect, ReordersAndRepeatsByNumberAndName) {
  NodeHarness select("ChannelSelect", R"({"channels": [2, "left", 2]})", {48000.0, 2, 64});
  EXPECT_THAT(select.run({{1.0, 2.0}, {3.0, 4.0}}, 2), ElementsAre(3.0, 4.0, 1.0, 2.0, 3.0, 4.0));
  EXPECT_THAT(names_of(select), ElementsAre("right", "left", "right_2"));
}

TEST(ChannelSelect, RenamesAsTold) {
  NodeHarness select("ChannelSelect", R"({"channels": [1, 1], "names": ["a", "b"]})", {48000.0, 2, 64});
  EXPECT_THAT(names_of(select), ElementsAre("a", "b"));
}

TEST(ChannelSelect, TakesANameBeforeANumber) {
  NodeHarness select("ChannelSelect", R"({"channels": ["1"]})", {audio_format(48000.0, {"2", "1"}, 64)});
  EXPECT_THAT(select.run({{5.0}, {6.0}}, 1), ElementsAre(6.0));
}

TEST(ChannelSelect, ChoosesChannelsOfSpectraToo) {
  StreamFormat spectrum;
  spectrum.kind = StreamKind::spectrum;
  spectrum.sample_rate_hz = 48000.0;
  spectrum.channels = {{"left", "dB"}, {"right", "V"}};
  spectrum.axis = {"frequency", "Hz", 0.0, 100.0};
  spectrum.max_frames = 3;
  NodeHarness select("ChannelSelect", R"({"channels": ["right"]})", {spectrum});
  EXPECT_EQ(select.outputs()[0].format.axis, spectrum.axis);
  EXPECT_EQ(select.outputs()[0].format.channels, (std::vector<ChannelInfo>{{"right", "V"}}));
  DataFrame block = select.input_frame();
  block.set_frame_count(3);
  block.channel(1)[2] = 7.0;
  EXPECT_THAT(select.process(block)[0].channel(0), ElementsAre(0.0, 0.0, 7.0));
}

TEST(ChannelSelect, GivesTheSameBitsForEveryBlockSizeAndAfterReset) {
  const Signal x = noise(3, 2000);
  std::vector<double> expected = x[2];
  expected.insert(expected.end(), x[0].begin(), x[0].end());
  for (const std::uint32_t block : {1024U, 1U, 7U, 64U, 480U}) {
    NodeHarness select("ChannelSelect", R"({"channels": [3, 1]})", {48000.0, 3, 1024});
    EXPECT_EQ(select.run(x, block), expected) << "block of " << block;
    select.reset();
    EXPECT_EQ(select.run(x, block), expected);
  }
}

TEST(ChannelSelect, PassesEmptyBlocksAndWhateverASampleHolds) {
  NodeHarness select("ChannelSelect", R"({"channels": [1]})");
  DataFrame block = select.input_frame();
  EXPECT_EQ(select.process(block)[0].frame_count(), 0U);
  block.set_frame_count(4);
  const double values[] = {0.0, 1.0, -0.0, std::numeric_limits<double>::infinity()};
  std::copy(std::begin(values), std::end(values), block.channel(0).begin());
  const auto out = select.process(block);
  EXPECT_THAT(out[0].channel(0), testing::ElementsAreArray(values));
  EXPECT_TRUE(std::signbit(out[0].channel(0)[2]));
}

std::string channel_select_refusal(std::string_view config) {
  return to_string(NodeHarness::refusals("ChannelSelect", config, {48000.0, 2, 64}), "");
}

TEST(ChannelSelect, RefusesChannelsThatAreNotThere) {
  EXPECT_EQ(
      channel_select_refusal(R"({"channels": [1, "rigth"]})"),
      "/config/channels/1: there is no channel \"rigth\"; expected left, right; did you mean \"right\"?\n");
  EXPECT_EQ(channel_select_refusal(R"({"channels": [3]})"),
            "/config/channels/0: there is no channel 3: the input has 2; expected 1 .. 2\n");
  EXPECT_EQ(channel_select_refusal(R"({"channels": ["12345678901234567890"]})"),
            "/config/channels/0: there is no channel 12345678901234567890: the input has 2; expected 1 .. 2\n"
            "");
}

TEST(ChannelSelect, RefusesAListThatSaysNothing) {
  EXPECT_EQ(channel_select_refusal(R"({"channels": []})"),
            "/channels: the list is empty; expected channel numbers or names in brackets: [1, \"left\"]\n");
  EXPECT_EQ(
      channel_select_refusal("{}"),
      "\"channels\" is missing; expected Channels to pass on, in this order: numbers from 1, or names.\n");
  EXPECT_EQ(channel_select_refusal(R"({"channels": [0]})"),
            "/channels/0: 0 is not a channel; expected a number from 1, or a name in quotes\n");
}

TEST(ChannelSelect, RefusesNamesThatDoNotFit) {
  EXPECT_EQ(channel_select_refusal(R"({"channels": [1], "names": ["a", "b"]})"),
            "/config/names: 2 names for 1 output channels; expected 1 names\n");
}

}  // namespace
}  // namespace streamlab::test
