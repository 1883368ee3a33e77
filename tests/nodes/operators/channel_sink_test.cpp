// tests/nodes/operators/channel_sink_test.cpp
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/operators/frame_channel.hpp"
#include "tests/nodes/operators/flow_blocks.hpp"

namespace streamlab {
namespace {

using test::block_at;
using test::NodeHarness;

PrepareContext sink_context(ChannelRegistry& registry) {
  PrepareContext context;
  context.channels = {std::shared_ptr<void>(), &registry};  // its owner outlives the node
  return context;
}

struct Sink {
  ChannelRegistry registry;
  NodeHarness node;

  explicit Sink(std::string_view config)
      : node("ChannelSink", config, std::vector{audio_format(8000.0, {"x"}, 4)}, sink_context(registry)) {}
};

TEST(ChannelSink, SendsWhatComesWhileThereAreSubscribers) {
  Sink sink(R"({"channel": "out"})");
  sink.node.process(block_at(sink.node, 0, {1.0}));  // no subscriber yet
  auto blocks = sink.registry.subscribe<DataFrame>("out");
  ASSERT_TRUE(blocks);
  const DataFrame sent = block_at(sink.node, 7, {2.0, test::kNaN, 1.0}, 6);
  sink.node.process(sent);
  const auto got = blocks->receive();
  ASSERT_TRUE(got);
  test::expect_same_blocks({*got}, {sent});
  sink.node.finish();
  EXPECT_EQ(blocks->receive().why(), Why::closed);
  EXPECT_THAT(sink.node.node().notes(), testing::IsEmpty());
}

TEST(ChannelSink, DropsAndCountsWhatIsNotTakenInTime) {
  Sink sink(R"({"channel": "out", "capacity": 2, "timeout_s": 0})");
  auto blocks = sink.registry.subscribe<DataFrame>("out", OnLag::wait);
  ASSERT_TRUE(blocks);
  for (int b = 0; b < 5; ++b) { sink.node.process(block_at(sink.node, b, {static_cast<double>(b)})); }
  auto notes = sink.node.node().notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].text, "3 blocks for \"out\" were not received within 0 s");
  EXPECT_EQ(notes[0].count, 3U);
  EXPECT_TRUE(notes[0].data_lost);
  EXPECT_EQ(blocks->receive()->position(), 0);
  EXPECT_EQ(blocks->receive()->position(), 1);
  blocks->close();
  sink.node.process(block_at(sink.node, 9, {1.0}));
  notes = sink.node.node().notes();
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_EQ(notes[1].text, "1 blocks came after the channel \"out\" was closed");
}

TEST(ChannelSink, RefusesAChannelOfAnotherType) {
  ChannelRegistry registry;
  ASSERT_TRUE(registry.add("out", broadcast<int>(4)));
  const Errors errors = NodeHarness::refusals("ChannelSink", R"({"channel": "out"})",
                                              {audio_format(8000.0, {"x"}, 4)}, sink_context(registry));
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].where, "/config/channel");
}

}  // namespace
}  // namespace streamlab
