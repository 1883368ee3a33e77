// tests/nodes/operators/channel_source_test.cpp
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/operators/frame_channel.hpp"
#include "tests/nodes/operators/flow_blocks.hpp"

namespace streamlab {
namespace {

using test::NodeHarness;

PrepareContext source_context(ChannelRegistry& registry) {
  PrepareContext context;
  context.sample_rate_hz = 8000.0;
  context.block_size = 4;
  context.channels = {std::shared_ptr<void>(), &registry};  // its owner outlives the node
  return context;
}

// The node and the sender that feeds it.
struct Fed {
  ChannelRegistry registry;
  NodeHarness node;
  BroadcastSender<DataFrame> sender;

  explicit Fed(std::string_view config)
      : node("ChannelSource", config, std::vector<StreamFormat>{}, source_context(registry)),
        sender(*registry.broadcast_sender<DataFrame>("in")) {}

  std::vector<DataFrame> send(const DataFrame& frame) {
    EXPECT_TRUE(sender.send(frame));
    return node.run_source(1);
  }
};

DataFrame channel_block(std::int64_t position, const std::vector<double>& samples,
                        std::string_view name = "x") {
  DataFrame frame(0, 0);
  EXPECT_TRUE(frame.set_channel(name, samples));
  frame.header().position = position;
  return frame;
}

TEST(ChannelSource, DeclaresWhatItsConfigurationSays) {
  const Fed audio(
      R"({"channel": "in", "channels": ["x", "y"], "sample_rate": 500, "max_frames": 9, "unit": "Pa"})");
  StreamFormat expected = audio_format(500.0, {"x", "y"}, 9);
  for (ChannelInfo& channel : expected.channels) { channel.unit = "Pa"; }
  EXPECT_EQ(audio.node.outputs()[0].format, expected);
  const Fed values(R"({"channel": "in", "channels": ["x"], "kind": "values"})");
  EXPECT_EQ(values.node.outputs()[0].format.kind, StreamKind::values);
  EXPECT_EQ(values.node.outputs()[0].format.max_frames, 1U);
}

TEST(ChannelSource, CountsPositionsOnAndMarksGaps) {
  Fed fed(R"({"channel": "in", "channels": ["x"]})");
  auto given = fed.send(channel_block(0, {1.0, 2.0, test::kNaN}));
  ASSERT_EQ(given.size(), 1U);
  EXPECT_EQ(test::bits_of(given[0].channel(0U)), test::bits_of(std::vector{1.0, 2.0, test::kNaN}));
  given = fed.send(channel_block(0, {3.0}));
  ASSERT_EQ(given.size(), 1U);
  EXPECT_EQ(given[0].position(), 3);
  EXPECT_EQ(given[0].header().flags, 0U);
  given = fed.send(channel_block(10, {4.0}));
  ASSERT_EQ(given.size(), 1U);
  EXPECT_EQ(given[0].position(), 10);
  EXPECT_TRUE(given[0].header().has(FrameFlag::gap));
  EXPECT_EQ(given[0].header().gap_frames, 6U);
  fed.node.reset();
  EXPECT_EQ(fed.send(channel_block(0, {}))[0].position(), 0);
}

TEST(ChannelSource, RefusesBlocksOfAnotherShapeAndCountsThem) {
  Fed fed(R"({"channel": "in", "channels": ["x"]})");
  EXPECT_THAT(fed.send(channel_block(0, {1, 2, 3, 4, 5})), testing::IsEmpty());
  EXPECT_THAT(fed.send(channel_block(0, {1}, "y")), testing::IsEmpty());
  DataFrame two = channel_block(0, {1});
  ASSERT_TRUE(two.set_channel("y", {2}));
  EXPECT_THAT(fed.send(two), testing::IsEmpty());
  EXPECT_EQ(fed.send(channel_block(0, {1})).size(), 1U);
  const auto notes = fed.node.node().notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].text, "3 blocks of \"in\" did not match the declared format");
  EXPECT_EQ(notes[0].count, 3U);
  EXPECT_TRUE(notes[0].data_lost);
}

TEST(ChannelSource, EndsWhenTheChannelIsClosed) {
  Fed fed(R"({"channel": "in", "channels": ["x"]})");
  EXPECT_THAT(fed.node.run_source(1), testing::IsEmpty());  // nothing yet: not the end
  EXPECT_EQ(fed.node.last_status(), Status::ok);
  ASSERT_TRUE(fed.sender.send(channel_block(0, {1})));
  fed.sender.close();
  EXPECT_EQ(fed.node.run_source(5).size(), 1U);
  EXPECT_EQ(fed.node.last_status(), Status::done);
}

TEST(ChannelSource, RefusesWhatIsNotAFormat) {
  const auto refusal = [](std::string_view config) {
    std::string text =
        to_string(NodeHarness::refusals("ChannelSource", config, std::vector<StreamFormat>{}), "");
    return text.empty() ? text : text.substr(0, text.size() - 1);
  };
  EXPECT_EQ(refusal(R"({"channel": "in", "channels": ["x"]})"),
            "/config: no sample rate is given; expected \"sample_rate\" here or in pipeline_config");
  EXPECT_EQ(refusal(R"({"channel": "in", "channels": [], "sample_rate": 8000})"),
            "/channels: the list is empty; expected channel numbers or names in brackets: [1, \"left\"]");
  EXPECT_EQ(refusal(R"({"channel": "in", "channels": ["x", "x"], "sample_rate": 8000})"),
            "/channels/1: the name \"x\" is taken; expected a name that is not in the list yet");
  EXPECT_EQ(
      refusal(
          R"({"channel": "in", "channels": ["x"], "sample_rate": 8000, "kind": "values", "max_frames": 4})"),
      "/config/max_frames: a block of values has one frame; expected no max_frames");
}

}  // namespace
}  // namespace streamlab
