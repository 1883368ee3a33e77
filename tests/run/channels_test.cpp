// tests/run/channels_test.cpp
//
// Channels between a running graph and the program: named outputs, ChannelSource, ChannelSink.
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/channel/registry.hpp"
#include "engine/run/engine.hpp"
#include "hal/sim/counting.hpp"
#include "tests/support/rt_guard.hpp"
#include "tests/support/virtual_driver.hpp"

namespace streamlab {
namespace {

using testing::IsEmpty;

Checked<std::unique_ptr<Engine>> make_engine(const std::string& json, const EngineOptions& options) {
  const auto graph = load_graph(json);
  if (!graph) { return tl::unexpected(graph.error()); }
  return Engine::create(*graph, options);
}

std::unique_ptr<Engine> engine_of(const std::string& json, const EngineOptions& options = {}) {
  auto engine = make_engine(json, options);
  if (!engine) { throw std::runtime_error(to_string(engine.error(), "")); }
  return std::move(*engine);
}

// Why no engine can be made; none if one can.
Errors refusals(const std::string& json, const EngineOptions& options) {
  const auto engine = make_engine(json, options);
  return engine ? Errors{} : engine.error();
}

EngineOptions limited(std::int64_t frames) {
  EngineOptions options;
  options.frame_limit = frames;
  return options;
}

constexpr std::string_view kMicGraph = R"({"version": 1, "nodes": [
    {"id": "mic", "type": "AudioInput"}, {"id": "half", "type": "Gain", "config": {"gain": 0.5, "ramp_ms": 0}},
    {"id": "end", "type": "NullSink"}], "connections": [
    {"from": "mic", "channel": "raw"}, {"channel": "raw", "to": "half"},
    {"from": "half", "channel": "soft"}, {"channel": "soft", "to": "end"}]})";

DataFrame frame_of(std::int64_t time_us, std::uint64_t id, std::initializer_list<double> samples,
                   std::string_view name = "x") {
  DataFrame frame(time_us, id);
  EXPECT_TRUE(frame.set_channel(name, samples));
  return frame;
}

// ---- Named outputs

TEST(NamedChannels, SayInTheNextBlockWhatWasDroppedOnTheWay) {
  VirtualDriver card({.inputs = 1, .real_time = true});
  EngineOptions options;
  options.open_device = card.opener();
  const auto engine = engine_of(R"({"version": 1, "nodes": [{"id": "mic", "type": "AudioInput"}],
      "connections": [{"from": "mic", "channel": "raw", "capacity": 2}]})",
                                options);
  auto raw = engine->channels().subscribe<DataFrame>("raw");
  ASSERT_TRUE(raw) << to_string(raw.error());
  ASSERT_TRUE(engine->start());
  ASSERT_TRUE(card.run(64 * 100));  // no one receives meanwhile
  std::uint64_t there = 0;
  std::uint64_t missing = 0;
  while (there + missing < 64 * 100) {
    const auto block = raw->receive();
    ASSERT_TRUE(block) << to_string(block.why());
    missing += block->header().gap_frames;
    ASSERT_EQ(block->position(), static_cast<std::int64_t>(there + missing));
    there += block->frame_count();
  }
  EXPECT_EQ(missing, 64U * 98);  // all but what its edge holds
  EXPECT_EQ(raw->counters(), (ChannelCounters{100, 2, 98, 0}));
  engine->stop_now();
}

TEST(NamedChannels, GiveTheExactSamplesToWhoeverSubscribesWhileTheGraphRuns) {
  VirtualDriver card({.inputs = 2});
  EngineOptions options;
  options.open_device = card.opener();
  const auto engine = engine_of(std::string(kMicGraph), options);
  ASSERT_TRUE(engine->start());
  ASSERT_TRUE(card.run(640));  // no subscriber yet
  auto raw = engine->channels().subscribe<DataFrame>("raw");
  ASSERT_TRUE(raw) << to_string(raw.error());
  auto soft = engine->channels().subscribe<DataFrame>("soft");
  ASSERT_TRUE(soft);
  ASSERT_TRUE(card.run(64 * 50));
  std::int64_t next = 640;  // every block from then on
  while (next < 640 + 64 * 50) {
    const auto block = raw->receive();
    ASSERT_TRUE(block) << to_string(block.why());
    ASSERT_EQ(block->position(), next);
    for (std::uint32_t c = 0; c < 2; ++c) {
      for (std::uint32_t n = 0; n < block->frame_count(); ++n) {
        ASSERT_EQ(block->channel(c)[n], counting_sample(block->position() + n, c));
      }
    }
    next = block->position() + block->frame_count();
  }
  EXPECT_EQ(raw->counters(), (ChannelCounters{50, 50, 0, 0}));
  while (true) {
    const auto block = soft->receive();
    ASSERT_TRUE(block);
    ASSERT_EQ(block->channel(0U)[0], 0.5 * counting_sample(block->position(), 0));
    if (block->position() + block->frame_count() == 640 + 64 * 50) { break; }
  }
  engine->stop();
  EXPECT_EQ(raw->receive().why(), Why::closed);  // the stream has ended
  EXPECT_EQ(soft->receive().why(), Why::closed);
  EXPECT_THAT(engine->status().failures, IsEmpty());
}

TEST(NamedChannels, NeverHoldUpARealTimeDomain) {
  VirtualDriver card({.inputs = 1, .real_time = true});
  EngineOptions options;
  options.open_device = card.opener();
  const auto engine = engine_of(R"({"version": 1, "nodes": [{"id": "mic", "type": "AudioInput"}],
      "connections": [{"from": "mic", "channel": "raw", "capacity": 4}]})",
                                options);
  auto raw = engine->channels().subscribe<DataFrame>("raw", OnLag::wait);
  ASSERT_TRUE(raw);
  ASSERT_TRUE(engine->start());
  ASSERT_TRUE(card.run(64 * 1000));  // returns although no one receives a block
  const auto edges = engine->status().edges;
  ASSERT_EQ(edges.size(), 1U);
  EXPECT_EQ(edges[0].name, "mic -> channel raw");
  EXPECT_EQ(edges[0].policy, OverflowPolicy::drop_oldest);
  EXPECT_EQ(edges[0].counters.pushed, 1000U);
  EXPECT_EQ(edges[0].counters.dropped, 1000U - 4);  // what its edge holds
  engine->stop(std::chrono::nanoseconds(0));        // returns, too
}

TEST(NamedChannels, HoldUpAGraphThatMayWaitAndSoLoseNothing) {
  const auto engine = engine_of(R"({"version": 1, "pipeline_config": {"sample_rate": 48000, "block_size": 16},
      "nodes": [{"id": "tone", "type": "SineGenerator"}], "connections": [
        {"from": "tone", "channel": "raw", "capacity": 2}]})",
                                limited(16 * 300));
  auto raw = engine->channels().subscribe<DataFrame>("raw", OnLag::wait);
  ASSERT_TRUE(raw);
  ASSERT_TRUE(engine->start());
  std::int64_t frames = 0;
  while (const auto block = raw->receive()) {
    ASSERT_EQ(block->position(), frames);
    frames += block->frame_count();
  }
  EXPECT_EQ(frames, 16 * 300);
  engine->stop();
  EXPECT_FALSE(engine->status().data_lost());
}

TEST(NamedChannels, CountWhatASubscriberThatTakesNothingNeverGets) {
  EngineOptions options;
  options.triggered = true;
  const auto engine = engine_of(R"({"version": 1, "pipeline_config": {"sample_rate": 48000, "block_size": 16,
        "channel_capacity": 2, "threads": 1},
      "nodes": [{"id": "tone", "type": "SineGenerator"}], "connections": [
        {"from": "tone", "channel": "raw", "capacity": 2}]})",
                                options);
  auto raw = engine->channels().subscribe<DataFrame>("raw", OnLag::wait);
  ASSERT_TRUE(raw);
  ASSERT_TRUE(engine->start());
  // Two in its edge, two triggers.
  for (std::uint64_t i = 0; i < 4; ++i) { ASSERT_TRUE(engine->trigger(DataFrame(0, i))); }
  engine->stop(std::chrono::nanoseconds(0));
  std::uint64_t received = 0;
  while (const auto block = raw->receive()) { EXPECT_EQ(block->sequence_id(), received++); }
  std::uint64_t given_up = 0;
  for (const EdgeReport& edge : engine->status().edges) {
    EXPECT_EQ(edge.counters.pushed, edge.counters.delivered + edge.counters.dropped) << edge.name;
    given_up += edge.given_up;
  }
  EXPECT_EQ(received + given_up, 4U);
  EXPECT_EQ(received, 2U);
  EXPECT_TRUE(engine->status().data_lost());
}

TEST(NamedChannels, StandInTheRegistryThatWasGivenAndLeaveIt) {
  const auto registry = std::make_shared<ChannelRegistry>();
  const std::string json = R"({"version": 1, "pipeline_config": {"sample_rate": 8000}, "nodes": [
      {"id": "tone", "type": "SineGenerator"}], "connections": [{"from": "tone", "channel": "raw"}]})";
  {
    EngineOptions options;
    options.host.channels = registry;
    options.frame_limit = 10;
    const auto engine = engine_of(json, options);
    EXPECT_EQ(&engine->channels(), registry.get());
    ASSERT_EQ(registry->list().size(), 1U);
    EXPECT_EQ(registry->list()[0].name, "raw");
    // A second graph cannot write to it as well.
    const Errors errors = refusals(json, options);
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors[0].where, "/connections/0/channel");
  }
  EXPECT_THAT(registry->list(), IsEmpty());
}

// A card whose clock cannot wait; no thread but the test's and the driver's, which is the test's, too.
struct LiveMic {
  VirtualDriver card{{.inputs = 1, .real_time = true}};
  std::unique_ptr<Engine> engine;

  LiveMic() {
    EngineOptions options;
    options.open_device = card.opener();
    engine = engine_of(R"({"version": 1, "nodes": [{"id": "mic", "type": "AudioInput"}],
        "connections": [{"from": "mic", "channel": "raw", "capacity": 4}]})",
                       options);
    if (!engine->start()) { throw std::runtime_error("the engine does not start"); }
  }
};

TEST(NamedChannels, TellALosingSubscriberExactlyWhatItLostWhichIsNoLossOfTheRun) {
  LiveMic live;
  auto raw = live.engine->channels().subscribe<DataFrame>("raw", OnLag::lose);
  ASSERT_TRUE(raw);
  ASSERT_TRUE(live.card.run(64 * 3));
  EXPECT_EQ(raw->try_receive()->position(), 0);
  ASSERT_TRUE(live.card.run(64 * 10));  // blocks 3 .. 12: the edge keeps 9 .. 12
  const auto lagged = raw->try_receive();
  EXPECT_EQ(lagged.why(), Why::lagged);
  EXPECT_EQ(lagged.lost(), 8U);
  EXPECT_EQ(raw->counters(), (ChannelCounters{13, 1, 8, 4}));
  for (const std::int64_t block : {9, 10, 11, 12}) { EXPECT_EQ(raw->try_receive()->position(), 64 * block); }
  EXPECT_EQ(raw->try_receive().why(), Why::empty);
  EXPECT_EQ(raw->counters(), (ChannelCounters{13, 5, 8, 0}));
  EXPECT_FALSE(live.engine->status().data_lost());
  live.engine->stop();
  EXPECT_EQ(raw->try_receive().why(), Why::closed);
  EXPECT_FALSE(live.engine->status().data_lost());
}

TEST(NamedChannels, CopyNothingForWhoHasNotSubscribedAndKeepTheRealTimeThreadClean) {
  LiveMic live;
  RtGuardScope::take_violations();
  ASSERT_TRUE(live.card.run(64 * 20));
  EXPECT_THAT(live.engine->status().edges, IsEmpty());  // there is nothing to copy into
  for (int i = 0; i < 1000; ++i) {
    auto raw = live.engine->channels().subscribe<DataFrame>("raw");
    ASSERT_TRUE(raw) << to_string(raw.error());
    ASSERT_TRUE(live.card.tick());
    ASSERT_EQ(raw->try_receive()->position(), 64 * (20 + i));
    ASSERT_EQ(raw->try_receive().why(), Why::empty);
  }
  ASSERT_TRUE(live.card.tick());
  EXPECT_THAT(live.engine->status().edges, IsEmpty());
  if (RtGuardScope::available()) { EXPECT_THAT(RtGuardScope::take_violations(), IsEmpty()); }
  live.engine->stop();
  EXPECT_FALSE(live.engine->status().data_lost());
}

TEST(NamedChannels, CountWhatASubscriberThatHasLeftWasNotGiven) {
  LiveMic live;
  {
    auto raw = live.engine->channels().subscribe<DataFrame>("raw");
    auto losing = live.engine->channels().subscribe<DataFrame>("raw", OnLag::lose);
    ASSERT_TRUE(live.card.run(64 * 10));
  }
  ASSERT_TRUE(live.card.tick());
  const auto edges = live.engine->status().edges;
  ASSERT_EQ(edges.size(), 1U);
  EXPECT_EQ(edges[0].name, "mic -> channel raw, of those that left");
  EXPECT_EQ(edges[0].counters.dropped, 6U);
  live.engine->stop();
}

TEST(NamedChannels, EndForAllSubscribersWhenTheyAreClosedByName) {
  LiveMic live;
  ChannelRegistry& channels = live.engine->channels();
  auto first = channels.subscribe<DataFrame>("raw");
  auto second = channels.subscribe<DataFrame>("raw", OnLag::lose);
  ASSERT_TRUE(live.card.run(64));
  EXPECT_FALSE(channels.list()[0].closed);
  ASSERT_TRUE(channels.close("raw"));
  EXPECT_TRUE(channels.list()[0].closed);
  ASSERT_TRUE(live.card.run(64));
  for (auto* const subscriber : {&*first, &*second}) {
    EXPECT_EQ(subscriber->try_receive()->position(), 0);
    EXPECT_EQ(subscriber->try_receive().why(), Why::closed);
  }
  EXPECT_EQ(channels.subscribe<DataFrame>("raw")->try_receive().why(), Why::closed);
  const auto sender = channels.broadcast_sender<DataFrame>("raw");
  ASSERT_FALSE(sender);
  EXPECT_EQ(
      to_string(sender.error()),
      "nothing else can send to channel \"raw\"; expected a channel without a source; it is an output of a "
      "graph");
  live.engine->stop();
  EXPECT_FALSE(live.engine->status().data_lost());
}

TEST(NamedChannels, LetSubscribersOutliveTheEngineAlsoOneThatNeverStarted) {
  auto live = std::make_unique<LiveMic>();
  auto raw = live->engine->channels().subscribe<DataFrame>("raw");
  ASSERT_TRUE(live->card.run(128));
  auto clone = raw->clone();
  live.reset();
  EXPECT_EQ(raw->receive()->position(), 0);
  EXPECT_EQ(raw->receive()->position(), 64);
  EXPECT_EQ(raw->receive().why(), Why::closed);
  EXPECT_EQ(clone.receive().why(), Why::closed);
  EXPECT_EQ(raw->clone().receive().why(), Why::closed);

  auto engine = engine_of(R"({"version": 1, "pipeline_config": {"sample_rate": 8000}, "nodes": [
      {"id": "tone", "type": "SineGenerator"}], "connections": [{"from": "tone", "channel": "raw"}]})",
                          limited(10));
  auto never = engine->channels().subscribe<DataFrame>("raw");
  engine.reset();
  EXPECT_EQ(never->receive().why(), Why::closed);
}

TEST(NamedChannels, GoOnWithoutASubscriberThoughAllReadersInTheGraphHaveHadEnough) {
  const auto engine = engine_of(R"({"version": 1, "pipeline_config": {"sample_rate": 8000, "block_size": 16},
      "nodes": [{"id": "tone", "type": "SineGenerator"},
        {"id": "ten", "type": "Take", "config": {"frames": 16}}, {"id": "end", "type": "NullSink"}],
      "connections": [{"from": "tone", "channel": "raw"}, {"channel": "raw", "to": "ten"},
        {"from": "ten", "to": "end"}]})",
                                limited(16 * 50));
  ASSERT_TRUE(engine->start());
  ASSERT_TRUE(engine->wait_for(std::chrono::hours(1)));
  engine->stop();
  EXPECT_EQ(engine->status().frames, 16U * 50);
}

// ---- Nodes

std::string source_graph(const std::string& rest) {
  return R"({"version": 1, "pipeline_config": {"sample_rate": 8000, "block_size": 4}, "nodes": [
      {"id": "in", "type": "ChannelSource", "config": {"channel": "in", "channels": ["x"], "capacity": 2}},
      {"id": "twice", "type": "Gain", "config": {"gain": 2, "ramp_ms": 0}})" +
         rest;
}

TEST(ChannelNodes, LeadFromTheProgramThroughAGraphAndBack) {
  const auto engine =
      engine_of(source_graph(R"(, {"id": "out", "type": "ChannelSink", "config": {"channel": "out"}}],
      "connections": [{"from": "in", "to": "twice"}, {"from": "twice", "to": "out"}]})"));
  auto out = engine->channels().subscribe<DataFrame>("out");
  ASSERT_TRUE(out);
  ASSERT_TRUE(engine->start());
  {
    auto in = engine->channels().broadcast_sender<DataFrame>("in");
    ASSERT_TRUE(in);
    for (std::uint64_t id = 0; id < 20; ++id) {
      const double x = static_cast<double>(id);
      ASSERT_TRUE(in->send(frame_of(static_cast<std::int64_t>(id) * 1000, id, {x, x + 0.25, -x})));
    }
    in->close();
  }
  for (std::uint64_t id = 0; id < 20; ++id) {
    const auto block = out->receive();
    ASSERT_TRUE(block) << to_string(block.why());
    const double x = static_cast<double>(id);
    EXPECT_THAT(block->channel("x"), testing::ElementsAre(2 * x, 2 * x + 0.5, -2 * x));
    EXPECT_EQ(block->sequence_id(), id);
    EXPECT_EQ(block->timestamp_us(), static_cast<std::int64_t>(id) * 1000);
    EXPECT_EQ(block->position(), static_cast<std::int64_t>(id) * 3);  // counted on
  }
  EXPECT_EQ(out->receive().why(), Why::closed);
  engine->stop();
  EXPECT_THAT(engine->status().failures, IsEmpty());
  EXPECT_THAT(engine->status().notes, IsEmpty());
}

TEST(ChannelNodes, StopAGraphWhoseChannelIsSilent) {
  const auto engine = engine_of(source_graph(R"(], "connections": [{"from": "in", "to": "twice"}]})"));
  ASSERT_TRUE(engine->start());
  engine->stop();  // returns: a source waits for 20 ms at most
  EXPECT_THAT(engine->status().failures, IsEmpty());
}

TEST(ChannelNodes, JoinTwoGraphsInOneRegistry) {
  EngineOptions options;
  options.host.channels = std::make_shared<ChannelRegistry>();
  options.frame_limit = 400;
  const auto second =
      engine_of(source_graph(R"(], "connections": [{"from": "in", "to": "twice"}]})"), options);
  auto result = second->subscribe("twice");
  ASSERT_TRUE(result);
  const auto first =
      engine_of(R"({"version": 1, "pipeline_config": {"sample_rate": 8000, "block_size": 4}, "nodes": [
      {"id": "tone", "type": "SineGenerator"},
      {"id": "name", "type": "ChannelSelect", "config": {"channels": [1], "names": ["x"]}},
      {"id": "out", "type": "ChannelSink", "config": {"channel": "in"}}],
      "connections": [{"from": "tone", "to": "name"}, {"from": "name", "to": "out"}]})",
                options);
  ASSERT_TRUE(second->start());
  ASSERT_TRUE(first->start());
  std::int64_t frames = 0;
  while (const auto block = result->receive()) {
    EXPECT_EQ(block->position(), frames);
    frames += block->frame_count();
  }
  EXPECT_EQ(frames, 400);
  first->stop();
  second->stop();
}

TEST(ChannelNodes, TakeTheNamedOutputOfAnotherGraph) {
  EngineOptions options;
  options.host.channels = std::make_shared<ChannelRegistry>();
  options.frame_limit = 400;
  const auto first =
      engine_of(R"({"version": 1, "pipeline_config": {"sample_rate": 8000, "block_size": 4}, "nodes": [
      {"id": "tone", "type": "SineGenerator"},
      {"id": "name", "type": "ChannelSelect", "config": {"channels": [1], "names": ["x"]}}],
      "connections": [{"from": "tone", "to": "name"}, {"from": "name", "channel": "in"}]})",
                options);
  const auto second =
      engine_of(source_graph(R"(], "connections": [{"from": "in", "to": "twice"}]})"), options);
  auto result = second->subscribe("twice");
  ASSERT_TRUE(result);
  ASSERT_TRUE(second->start());
  ASSERT_TRUE(first->start());
  std::int64_t frames = 0;
  while (const auto block = result->receive()) {
    EXPECT_EQ(block->position(), frames);
    frames += block->frame_count();
  }
  EXPECT_EQ(frames, 400);
  first->stop();
  second->stop();
  EXPECT_FALSE(first->status().data_lost());
}

TEST(ChannelNodes, RefuseAChannelOfAnotherType) {
  EngineOptions options;
  options.host.channels = std::make_shared<ChannelRegistry>();
  ASSERT_TRUE(options.host.channels->add("in", broadcast<double>(4)));
  const Errors errors =
      refusals(source_graph(R"(], "connections": [{"from": "in", "to": "twice"}]})"), options);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].where, "/nodes/0/config/channel");
  EXPECT_THAT(errors[0].what, testing::HasSubstr("double"));
}

}  // namespace
}  // namespace streamlab
