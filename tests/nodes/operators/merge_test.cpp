// tests/nodes/operators/merge_test.cpp
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/nodes/operators/flow_blocks.hpp"

namespace streamlab {
namespace {

using test::expect_same_blocks;
using test::kNaN;
using test::meta;
using test::NodeHarness;
using testing::ElementsAre;

DataFrame block_of_input(const NodeHarness& node, std::uint32_t input, std::int64_t position,
                         std::uint64_t id, const std::vector<double>& samples) {
  DataFrame frame = node.input_frame(input);
  frame.header().position = position;
  frame.header().sequence_id = id;
  frame.header().timestamp_us = position * 10;
  frame.set_frame_count(static_cast<std::uint32_t>(samples.size()));
  for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
    std::copy(samples.begin(), samples.end(), frame.channel_data(c));
  }
  return frame;
}

std::vector<DataFrame> feed_audio(NodeHarness& node) {
  std::vector<DataFrame> given;
  const auto take = [&](std::uint32_t input, DataFrame frame) {
    for (DataFrame& y : node.process_input(input, frame)) { given.push_back(std::move(y)); }
  };
  take(1, block_of_input(node, 1, 1000, 40, {1.0, -1.0, kNaN}));
  take(0, block_of_input(node, 0, 0, 0, {2.0}));
  DataFrame with_gap = block_of_input(node, 1, 1013, 41, {3.0, 3.5});
  with_gap.header().set(FrameFlag::gap);
  with_gap.header().gap_frames = 10;
  take(1, with_gap);
  take(0, block_of_input(node, 0, 1, 1, {}));
  DataFrame last = block_of_input(node, 0, 1, 2, {4.0});
  last.header().set(FrameFlag::end_of_stream);
  take(0, last);
  node.end_input(0);
  take(1, block_of_input(node, 1, 1015, 42, {5.0}));
  node.end_input(1);
  for (DataFrame& y : node.finish()) { given.push_back(std::move(y)); }
  return given;
}

TEST(Merge, MakesOneStreamOfAudioAndSaysWhereEachBlockCameFrom) {
  NodeHarness node("Merge", "{}", {audio_format(8000.0, {"x"}, 2), audio_format(8000.0, {"x"}, 4)});
  EXPECT_EQ(node.outputs()[0].format, audio_format(8000.0, {"x"}, 4));
  const auto given = feed_audio(node);
  ASSERT_EQ(given.size(), 6U);
  std::vector<std::int64_t> positions;
  std::vector<double> origins;
  std::vector<double> ids;
  std::vector<double> origin_positions;
  for (std::size_t b = 0; b < given.size(); ++b) {
    EXPECT_EQ(given[b].sequence_id(), b);
    EXPECT_FALSE(given[b].header().has(FrameFlag::end_of_stream));
    positions.push_back(given[b].position());
    origins.push_back(meta(given[b], "origin"));
    ids.push_back(meta(given[b], "origin_sequence_id"));
    origin_positions.push_back(meta(given[b], "origin_position"));
  }
  EXPECT_THAT(positions, ElementsAre(0, 3, 14, 16, 16, 17));  // ten frames are missing before the third
  EXPECT_THAT(origins, ElementsAre(2, 1, 2, 1, 1, 2));
  EXPECT_THAT(ids, ElementsAre(40, 0, 41, 1, 2, 42));
  EXPECT_THAT(origin_positions, ElementsAre(1000, 0, 1013, 1, 1, 1015));
  EXPECT_TRUE(given[2].header().has(FrameFlag::gap));
  EXPECT_EQ(given[2].header().gap_frames, 10U);
  EXPECT_EQ(given[2].timestamp_us(), 10130);
  EXPECT_EQ(test::bits_of(given[0].channel(0U)), test::bits_of(std::vector{1.0, -1.0, kNaN}));
  EXPECT_EQ(given[5].channel(0U)[0], 5.0);
}

// Sound of a file with integers and sound of a generator.
TEST(Merge, TakesStreamsOfOtherClipLevels) {
  const double largest = 32767.0 / 32768.0;
  NodeHarness node("Merge", "{}", {audio_format(8000.0, {"x"}, 2, largest), audio_format(8000.0, {"x"}, 2)});
  EXPECT_EQ(node.outputs()[0].format, audio_format(8000.0, {"x"}, 2));
}

TEST(Merge, IsAsNewAfterReset) {
  NodeHarness node("Merge", "{}", {audio_format(8000.0, {"x"}, 2), audio_format(8000.0, {"x"}, 4)});
  const auto fresh = feed_audio(node);
  node.reset();
  expect_same_blocks(feed_audio(node), fresh);
}

TEST(Merge, KeepsPositionsOfValuesAndSpectra) {
  for (const StreamFormat& format : {test::values_format(2), test::spectrum_format(4)}) {
    NodeHarness node("Merge", "{}", {format, format});
    auto given = node.process_input(1, block_of_input(node, 1, 500, 9, {0.25}));
    ASSERT_EQ(given.size(), 1U);
    EXPECT_EQ(given[0].position(), 500);
    given = node.process_input(0, block_of_input(node, 0, 20, 3, {0.5}));
    ASSERT_EQ(given.size(), 1U);
    EXPECT_EQ(given[0].position(), 20);
    EXPECT_EQ(given[0].sequence_id(), 1U);
    EXPECT_EQ(given[0].channel(0U)[0], 0.5);
  }
}

TEST(Merge, SaysWhenMetadataIsFull) {
  NodeHarness node("Merge", "{}", {test::values_format(), test::values_format()});
  DataFrame full = block_of_input(node, 0, 0, 0, {1.0});
  for (std::size_t i = 0; i < Metadata::kCapacity; ++i) {
    full.metadata().set("key" + std::to_string(i), 0.0);
  }
  node.process_input(0, full);
  const auto notes = node.node().notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].text, "blocks whose metadata had no room for their origin");
  EXPECT_EQ(notes[0].count, 1U);
}

std::string merge_refusal(std::vector<StreamFormat> inputs) {
  std::string text = to_string(NodeHarness::refusals("Merge", "{}", std::move(inputs)), "");
  if (!text.empty()) { text.pop_back(); }
  return text;
}

TEST(Merge, RefusesOtherFormats) {
  const StreamFormat audio = audio_format(48000.0, {"x"}, 64);
  const std::string tail = ": they cannot be one stream; expected inputs of the same format";
  EXPECT_EQ(merge_refusal({audio}), "a merge with one input; expected also a connection to in2");
  EXPECT_EQ(merge_refusal({audio, test::values_format()}),
            "in1 and in2 differ in kind (audio, values)" + tail);
  EXPECT_EQ(merge_refusal({audio, audio, audio_format(44100.0, {"x"}, 64)}),
            "in1 and in3 differ in sample rate (48000 Hz, 44100 Hz)" + tail);
  EXPECT_EQ(merge_refusal({audio, audio_format(48000.0, {"x", "y"}, 64)}),
            "in1 and in2 differ in number of channels (1, 2)" + tail);
  EXPECT_EQ(merge_refusal({audio, audio_format(48000.0, {"y"}, 64)}),
            "in1 and in2 differ in channel 1 (\"x\" [FS], \"y\" [FS])" + tail);
  StreamFormat finer = test::spectrum_format(4);
  finer.axis.step = 5.0;
  EXPECT_EQ(merge_refusal({test::spectrum_format(4), finer}), "in1 and in2 differ in axis" + tail);
}

}  // namespace
}  // namespace streamlab
