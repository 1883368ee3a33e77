// tests/run/param_control_test.cpp
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/run/change.hpp"
#include "engine/run/engine.hpp"
#include "engine/run/pipeline.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;

constexpr const char* kTwoGains =
    R"({"pipeline_config": {"sample_rate": 8000, "block_size": 4, "threads": "per_node"},
    "nodes": [{"id": "in", "type": "AudioInput"},
              {"id": "a", "type": "Gain", "config": {"gain_db": 0, "ramp_ms": 0}},
              {"id": "b", "type": "Gain", "config": {"gain": 2, "ramp_ms": 0}}],
    "connections": [{"from": "in", "to": "a"}, {"from": "a", "to": "b"}]})";

std::vector<std::string> words(const Checked<void>& result) {
  std::vector<std::string> list;
  if (!result) {
    for (const Error& error : result.error()) { list.push_back(to_string(error)); }
  }
  return list;
}

class ParamControlOfTwoGains : public testing::Test {
 protected:
  void SetUp() override {
    auto graph = load_graph(kTwoGains);
    ASSERT_TRUE(graph) << to_string(graph.error(), "");
    auto engine = Engine::create(*graph, {.triggered = true});
    ASSERT_TRUE(engine) << to_string(engine.error(), "");
    engine_ = std::move(*engine);
    auto receiver = engine_->subscribe("b");
    ASSERT_TRUE(receiver);
    receiver_.emplace(std::move(*receiver));
    ASSERT_TRUE(engine_->start());
  }

  double through() {
    DataFrame frame(0, 0);
    EXPECT_TRUE(frame.set_channel("main_channel", {1.0}));
    EXPECT_TRUE(engine_->trigger(frame));
    return receiver_->receive()->channel(0U)[0];
  }

  std::unique_ptr<Engine> engine_;
  std::optional<Receiver> receiver_;
};

TEST_F(ParamControlOfTwoGains, ChangesSeveralNodesAtOnce) {
  EXPECT_EQ(through(), 2.0);
  ASSERT_TRUE(engine_->set_params(R"({"a": {"gain": 3}, "b": {"gain": 5}})"));
  EXPECT_EQ(through(), 15.0);
}

TEST_F(ParamControlOfTwoGains, ChangesNothingWhereAnythingIsRefused) {
  EXPECT_THAT(
      words(engine_->set_params(
          R"({"a": {"gain": 3}, "b": {"gian": 5}, "c": {"gain": 1}, "in": {"channels": [1]}, "x": 1})")),
      ElementsAre(
          "/b/gian: there is no parameter \"gian\"; did you mean \"gain\"?",
          "/c: there is no node with this id; did you mean \"a\"?",
          "/in/channels: this parameter cannot be changed while the graph runs; expected none of this node's can",
          "/x: there is no node with this id; did you mean \"a\"?"));
  EXPECT_THAT(words(engine_->set_params(R"({"a": {"gain": 3, "gain_db": 6}})")),
              ElementsAre("/a/gain_db: gain is given too; expected only one of gain and gain_db"));
  EXPECT_THAT(words(engine_->set_params(R"({"a": 3})")),
              ElementsAre("/a: this is not an object; expected {\"parameter\": value}"));
  EXPECT_THAT(words(engine_->set_params("[]")),
              ElementsAre("this is not an object; expected {\"node id\": {\"parameter\": value}}"));
  EXPECT_EQ(engine_->set_params("{").error().size(), 1U);
  EXPECT_EQ(through(), 2.0);
}

// gain and gain_db exclude each other: the new one takes the place of the old.
TEST_F(ParamControlOfTwoGains, ReadsBackWhatIsInForce) {
  EXPECT_THAT(engine_->param_values(), testing::HasSubstr(R"("a":{"ramp_ms":0.0,"gain_db":0.0})"));
  ASSERT_TRUE(engine_->set_param("a", "gain", 3.0));
  EXPECT_THAT(engine_->param_values(), testing::HasSubstr(R"("a":{"gain":3.0,"ramp_ms":0.0})"));
  EXPECT_EQ(through(), 6.0);
  ASSERT_TRUE(engine_->set_param("a", "gain_db", 0.0));
  EXPECT_EQ(through(), 2.0);
}

TEST_F(ParamControlOfTwoGains, LeavesOutWhatIsNull) {
  ASSERT_TRUE(engine_->set_params(R"({"a": {"gain_db": 6}, "b": {"gain": null}})"));
  ASSERT_TRUE(engine_->set_params(R"({"a": {"gain_db": null}})"));
  EXPECT_THAT(engine_->param_values(), testing::HasSubstr(R"("a":{"gain":1.0,"ramp_ms":0.0})"));
  EXPECT_EQ(through(), 1.0);
  EXPECT_THAT(words(engine_->set_params(R"({"a": {"gian": null}})")),
              ElementsAre("/a/gian: there is no parameter \"gian\"; did you mean \"gain\"?"));
}

TEST_F(ParamControlOfTwoGains, IsUsedByManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        static_cast<void>(engine_->set_param(t % 2 == 0 ? "a" : "b", "gain", 1.0 + i));
        EXPECT_FALSE(engine_->param_values().empty());
      }
    });
  }
  for (int i = 0; i < 200; ++i) { through(); }
  for (std::thread& thread : threads) { thread.join(); }
  while (!engine_->set_params(R"({"a": {"gain": 3}, "b": {"gain": 5}})")) { std::this_thread::yield(); }
  EXPECT_EQ(through(), 15.0);
}

// Before the start nobody takes them.
TEST(ParamControl, RefusesMoreThanMayBePending) {
  auto graph = load_graph(kTwoGains);
  ASSERT_TRUE(graph);
  auto engine = Engine::create(*graph, {.triggered = true});
  ASSERT_TRUE(engine);
  for (std::size_t i = 0; i < ChangeQueue::kMostPending; ++i) {
    EXPECT_TRUE((*engine)->set_param("a", "gain", static_cast<double>(i)));
  }
  EXPECT_THAT(words((*engine)->set_params(R"({"a": {"gain": 7}, "b": {"gain": 7}})")),
              ElementsAre("too many changes are pending; try again"));
  EXPECT_THAT((*engine)->param_values(), testing::HasSubstr(R"("b":{"gain":2.0,)"));
  EXPECT_TRUE((*engine)->set_param("b", "gain", 7.0));  // it has room
}

// The reference oscillator cannot go above half the rate: only the node knows that.
TEST(ParamControl, PassesOnWhatTheNodeRefuses) {
  auto graph =
      load_graph(R"({"nodes": [{"id": "tone", "type": "SineGenerator", "config": {"sample_rate": 8000}},
      {"id": "end", "type": "NullSink"}], "connections": [{"from": "tone", "to": "end"}]})");
  ASSERT_TRUE(graph);
  auto engine = Engine::create(*graph, {.frame_limit = 1});
  ASSERT_TRUE(engine);
  EXPECT_THAT(
      words((*engine)->set_params(R"({"tone": {"frequency": 4001}})")),
      ElementsAre(
          "/tone/frequency: 4001 Hz is above half the sample rate of 8000 Hz; expected 0 .. 4000 Hz"));
}

// A graph that the caller feeds has no device that would run away: nothing is dropped, whoever is slow.
TEST(TriggeredGraph, LosesNothingBetweenItsDomains) {
  auto graph = load_graph(kTwoGains);
  ASSERT_TRUE(graph);
  auto engine = Engine::create(*graph, {.triggered = true});
  ASSERT_TRUE(engine);
  auto receiver = (*engine)->subscribe("b", 4);
  ASSERT_TRUE(receiver);
  ASSERT_TRUE((*engine)->start());
  constexpr int kBlocks = 3000;
  std::thread reader([&] {
    for (int i = 0; i < kBlocks; ++i) {
      const auto block = receiver->receive();
      ASSERT_TRUE(block.has_value());
      EXPECT_EQ(block->channel(0U)[0], 2.0 * i);
      if (i % 100 == 0) { std::this_thread::yield(); }
    }
  });
  DataFrame frame(0, 0);
  for (int i = 0; i < kBlocks; ++i) {
    ASSERT_TRUE(frame.set_channel("main_channel", {static_cast<double>(i)}));
    ASSERT_TRUE((*engine)->trigger(frame));
  }
  reader.join();
  (*engine)->stop();
  EXPECT_FALSE((*engine)->status().data_lost());
}

TEST(EngineStop, MayBeCalledByManyThreads) {
  auto graph =
      load_graph(R"({"nodes": [{"id": "tone", "type": "SineGenerator"}, {"id": "end", "type": "NullSink"}],
      "connections": [{"from": "tone", "to": "end"}]})");
  ASSERT_TRUE(graph);
  for (int round = 0; round < 30; ++round) {
    auto engine = Engine::create(*graph, {.duration_s = 1e6});
    ASSERT_TRUE(engine);
    ASSERT_TRUE((*engine)->start());
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        if (t == 2) {
          (*engine)->stop_now();
        } else {
          (*engine)->stop();
        }
        EXPECT_FALSE((*engine)->status().running);
      });
    }
    while ((*engine)->status().running) { std::this_thread::yield(); }
    for (std::thread& thread : threads) { thread.join(); }
    EXPECT_TRUE((*engine)->status().failures.empty());
  }
}

}  // namespace
}  // namespace streamlab
