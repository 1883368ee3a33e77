// tests/run/subscriptions_test.cpp
//
// Subscribers that come and go while a graph runs.
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/run/engine.hpp"
#include "tests/support/rt_guard.hpp"
#include "tests/support/virtual_driver.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::Optional;

// `threads`: 1, or "per_node". On one thread the gains run in one pass.
std::unique_ptr<Engine> two_gains(const std::string& threads) {
  auto graph =
      load_graph(R"({"pipeline_config": {"sample_rate": 8000, "block_size": 4, "threads": )" + threads +
                 R"(}, "nodes": [{"id": "in", "type": "AudioInput"},
      {"id": "a", "type": "Gain", "config": {"gain": 3, "ramp_ms": 0}},
      {"id": "b", "type": "Gain", "config": {"gain": 5, "ramp_ms": 0}}, {"id": "end", "type": "NullSink"}],
      "connections": [{"from": "in", "to": "a"}, {"from": "a", "to": "b"}, {"from": "b", "to": "end"}]})");
  if (!graph) { throw std::runtime_error(to_string(graph.error(), "")); }
  auto engine = Engine::create(*graph, {.triggered = true});
  if (!engine || !(*engine)->start()) { throw std::runtime_error("the engine does not start"); }
  return std::move(*engine);
}

void trigger(Engine& engine, double value) {
  DataFrame frame(0, 0);
  ASSERT_TRUE(frame.set_channel("main_channel", {value}));
  ASSERT_TRUE(engine.trigger(frame));
}
std::optional<double> next(Receiver& receiver) {
  const auto block = receiver.receive();
  if (!block) { return std::nullopt; }
  return block->channel(0U)[0];
}

class SubscriptionWhileItRuns : public testing::TestWithParam<const char*> {};

TEST_P(SubscriptionWhileItRuns, GetsEveryBlockFromThenOnAlsoBetweenTheStepsOfAPass) {
  auto engine = two_gains(GetParam());
  auto first = engine->subscribe("b");
  ASSERT_TRUE(first);
  trigger(*engine, 1.0);
  EXPECT_THAT(next(*first), Optional(15.0));  // by now the graph has passed on all before it
  auto second = engine->subscribe("b");
  auto between = engine->subscribe("a");
  auto at_the_input = engine->subscribe("in");
  ASSERT_TRUE(second && between && at_the_input);
  trigger(*engine, 2.0);
  EXPECT_THAT(next(*first), Optional(30.0));
  EXPECT_THAT(next(*second), Optional(30.0));
  EXPECT_THAT(next(*between), Optional(6.0));
  EXPECT_THAT(next(*at_the_input), Optional(2.0));
  between->close();
  trigger(*engine, 3.0);
  EXPECT_THAT(next(*first), Optional(45.0));
  EXPECT_THAT(next(*at_the_input), Optional(3.0));
  engine->stop();
  EXPECT_THAT(next(*second), Optional(45.0));
  EXPECT_EQ(next(*second), std::nullopt);
  EXPECT_EQ(next(*between), std::nullopt);
  EXPECT_FALSE(engine->status().data_lost());
}

TEST_P(SubscriptionWhileItRuns, EndsNothingWhenItGoes) {
  auto engine = two_gains(GetParam());
  for (int i = 0; i < 3; ++i) {
    auto receiver = engine->subscribe("b");
    ASSERT_TRUE(receiver);
    trigger(*engine, 1.0);
    EXPECT_THAT(next(*receiver), Optional(15.0));
  }
  auto last = engine->subscribe("b");
  ASSERT_TRUE(last);
  trigger(*engine, 2.0);
  EXPECT_THAT(next(*last), Optional(30.0));
}

TEST_P(SubscriptionWhileItRuns, HoldsTheGraphBackWhereItMayWait) {
  auto engine = two_gains(GetParam());
  auto receiver = engine->subscribe("b", 2);
  ASSERT_TRUE(receiver);
  DataFrame frame(0, 0);
  int taken = 0;
  Engine::Triggered last = Engine::Triggered::taken;
  while (last == Engine::Triggered::taken) {
    ASSERT_TRUE(frame.set_channel("main_channel", {static_cast<double>(taken)}));
    const auto offered = engine->trigger_for(frame, std::chrono::milliseconds(200));
    ASSERT_TRUE(offered);
    last = *offered;
    taken += last == Engine::Triggered::taken ? 1 : 0;
  }
  std::thread stops([&] { engine->stop(); });
  for (int i = 0; i < taken; ++i) { EXPECT_THAT(next(*receiver), Optional(15.0 * i)); }
  EXPECT_EQ(next(*receiver), std::nullopt);
  stops.join();
  EXPECT_FALSE(engine->status().data_lost());
}

TEST_P(SubscriptionWhileItRuns, ComesAndGoesAThousandTimesAndChangesNothing) {
  auto engine = two_gains(GetParam());
  auto whole = engine->subscribe("b", 8);
  ASSERT_TRUE(whole);
  constexpr int kBlocks = 20000;
  std::atomic<bool> over{false};
  std::thread reader([&] {
    for (int i = 0; i < kBlocks; ++i) { ASSERT_THAT(next(*whole), Optional(15.0 * i)); }
    over.store(true);
  });
  std::thread visitor([&] {
    std::size_t visits = 0;
    for (const char* output : {"a", "b", "in"}) { EXPECT_TRUE(engine->subscribe(output)); }
    while (!over.load() || visits < 1000) {
      auto visit = engine->subscribe(visits % 2 == 0 ? "a" : "b", 2, OverflowPolicy::drop_oldest);
      if (!visit) { continue; }  // too many changes are pending
      ++visits;
      const auto block = visit->receive_for(std::chrono::microseconds(50));
      if (block) { EXPECT_EQ(std::fmod(block->channel(0U)[0], 3.0), 0.0); }
    }
  });
  for (int i = 0; i < kBlocks; ++i) { trigger(*engine, i); }
  reader.join();
  visitor.join();
  engine->stop();
  EXPECT_TRUE(engine->status().failures.empty());
}

INSTANTIATE_TEST_SUITE_P(Subscription, SubscriptionWhileItRuns, testing::Values("1", "\"per_node\""),
                         [](const auto& test) { return test.index == 0 ? "OneThread" : "ThreadPerNode"; });

// More than may be on their way into a running domain.
TEST(Subscription, OfBeforeTheStartMayBeOneOfMany) {
  auto graph =
      load_graph(R"({"nodes": [{"id": "tone", "type": "SineGenerator"}, {"id": "end", "type": "NullSink"}],
      "connections": [{"from": "tone", "to": "end"}]})");
  ASSERT_TRUE(graph);
  auto engine = Engine::create(*graph, {.frame_limit = 100});
  ASSERT_TRUE(engine);
  std::vector<Receiver> receivers;
  for (int i = 0; i < 200; ++i) {
    auto receiver = (*engine)->subscribe("tone");
    ASSERT_TRUE(receiver) << to_string(receiver.error());
    receivers.push_back(std::move(*receiver));
  }
  ASSERT_TRUE((*engine)->start());
  for (Receiver& receiver : receivers) { EXPECT_EQ(receiver.receive()->frame_count(), 100U); }
  (*engine)->stop();
  EXPECT_FALSE((*engine)->status().data_lost());
}

TEST(Subscription, OfAStreamThatIsOverIsClosed) {
  auto graph = load_graph(R"({"nodes": [{"id": "tone", "type": "SineGenerator"},
      {"id": "part", "type": "Take", "config": {"blocks": 1}}, {"id": "end", "type": "NullSink"}],
      "connections": [{"from": "tone", "to": "part"}, {"from": "part", "to": "end"}]})");
  ASSERT_TRUE(graph);
  auto engine = Engine::create(*graph, {});
  ASSERT_TRUE(engine);
  ASSERT_TRUE((*engine)->start());
  ASSERT_TRUE((*engine)->wait_for(std::chrono::seconds(10)));
  auto receiver = (*engine)->subscribe("tone");
  ASSERT_TRUE(receiver);
  EXPECT_EQ(receiver->receive().why(), Why::closed);
  (*engine)->stop();
  EXPECT_EQ(to_string((*engine)->subscribe("tone").error()),
            "tone: the engine was stopped; expected subscribe() before stop()");
}

TEST(Subscription, CostsARealTimeDomainNoForbiddenCall) {
  if (!RtGuardScope::available()) { GTEST_SKIP() << "the sanitizer stands where the guard would"; }
  VirtualDriver card({.real_time = true});
  auto graph =
      load_graph(R"({"nodes": [{"id": "mic", "type": "AudioInput"}, {"id": "end", "type": "NullSink"}],
      "connections": [{"from": "mic", "to": "end", "capacity": 100}]})");
  ASSERT_TRUE(graph);
  EngineOptions options;
  options.open_device = card.opener();
  auto engine = Engine::create(*graph, std::move(options));
  ASSERT_TRUE(engine) << to_string(engine.error(), "");
  ASSERT_TRUE((*engine)->start());
  RtGuardScope::take_violations();
  card.tick(64);
  {
    auto receiver = (*engine)->subscribe("mic", 4);
    ASSERT_TRUE(receiver);
    card.tick(64);
    card.tick(64);
    const auto block = receiver->receive_for(std::chrono::seconds(10));
    ASSERT_TRUE(block);
    EXPECT_EQ(block->position(), 64);  // from the next block on
    EXPECT_FALSE(block->header().has(FrameFlag::gap));
  }
  card.tick(64);
  (*engine)->stop();
  EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty());
}

}  // namespace
}  // namespace streamlab
