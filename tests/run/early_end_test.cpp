// tests/run/early_end_test.cpp
//
// A run ends when nothing more is needed: Take, a sink that takes no more or a reader that went end what
// feeds only them, back to the sources, and nothing else.
#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/run/engine.hpp"
#include "tests/run/keep_node.hpp"

namespace streamlab {
namespace {

const std::vector<ThreadPolicy> kEveryPolicy{{ThreadPolicy::Kind::count, 1},
                                             {ThreadPolicy::Kind::count, 2},
                                             {ThreadPolicy::Kind::count, 3},
                                             {ThreadPolicy::Kind::per_node, 0}};

struct Ended {
  EngineStatus status;
  std::vector<std::size_t> kept;  // frames, by Keep
};

Ended run_to_its_end(const std::string& nodes, const std::string& connections, ThreadPolicy threads) {
  const auto graph = load_graph(R"({"version": 1, "pipeline_config": {"block_size": 64}, "nodes": [)" +
                                    nodes + R"(], "connections": [)" + connections + "]}",
                                ConfigLanguage::json, {}, test::catalog_with_keep());
  EXPECT_TRUE(graph) << to_string(graph.error(), "");
  if (!graph) { return {}; }
  EngineOptions options;
  options.threads = threads;
  auto engine = Engine::create(*graph, std::move(options));
  EXPECT_TRUE(engine) << to_string(engine.error(), "");
  if (!engine) { return {}; }
  EXPECT_TRUE((*engine)->start());
  EXPECT_TRUE((*engine)->wait_for(std::chrono::minutes(1)));
  (*engine)->stop();
  Ended ended{(*engine)->status(), {}};
  for (const auto& samples : test::kept_samples(**engine)) { ended.kept.push_back(samples.size()); }
  return ended;
}

constexpr const char* kSine = R"({"id": "s", "type": "SineGenerator", "config": {"frequency": 100}})";

TEST(EarlyEnd, TakeEndsAnEndlessSource) {
  for (const ThreadPolicy threads : kEveryPolicy) {
    const Ended ended = run_to_its_end(
        std::string(kSine) + R"(, {"id": "g", "type": "Gain", "config": {"gain": 2}},
            {"id": "t", "type": "Take", "config": {"frames": 1000}}, {"id": "k", "type": "Keep"})",
        R"({"from": "s", "to": "g"}, {"from": "g", "to": "t"}, {"from": "t", "to": "k"})", threads);
    EXPECT_THAT(ended.kept, testing::ElementsAre(1000U));
    EXPECT_TRUE(ended.status.failures.empty());
    EXPECT_FALSE(ended.status.data_lost());
    for (const EdgeReport& edge : ended.status.edges) { EXPECT_EQ(edge.discarded, 0U) << edge.name; }
  }
}

TEST(EarlyEnd, NoUnneededBlockIsRead) {
  const Ended ended = run_to_its_end(
      std::string(kSine) +
          R"(, {"id": "t", "type": "Take", "config": {"frames": 128}}, {"id": "k", "type": "Keep"})",
      R"({"from": "s", "to": "t"}, {"from": "t", "to": "k"})", {ThreadPolicy::Kind::count, 1});
  EXPECT_EQ(ended.status.frames, 128U);
}

TEST(EarlyEnd, TheLongestOfSeveralDecides) {
  for (const ThreadPolicy threads : kEveryPolicy) {
    const Ended ended = run_to_its_end(
        std::string(kSine) +
            R"(, {"id": "a", "type": "Take", "config": {"frames": 10}}, {"id": "b", "type": "Take", "config": {"frames": 700}},
            {"id": "ka", "type": "Keep"}, {"id": "kb", "type": "Keep"})",
        R"({"from": "s", "to": "a"}, {"from": "s", "to": "b"}, {"from": "a", "to": "ka"}, {"from": "b", "to": "kb"})",
        threads);
    EXPECT_THAT(ended.kept, testing::ElementsAre(10U, 700U));
  }
}

TEST(EarlyEnd, OtherReadersGetEverything) {
  for (const ThreadPolicy threads : kEveryPolicy) {
    const Ended ended = run_to_its_end(
        R"({"id": "s", "type": "SineGenerator", "config": {"frequency": 100, "duration_s": 0.5}},
            {"id": "other", "type": "SineGenerator", "config": {"frequency": 50, "frame_size": 7}},
            {"id": "m", "type": "Mixer"}, {"id": "t", "type": "Take", "config": {"frames": 100}},
            {"id": "kt", "type": "Keep"}, {"id": "all", "type": "Keep"})",
        R"({"from": "s", "to": "m.in1"}, {"from": "other", "to": "m.in2"}, {"from": "m", "to": "t"}, {"from": "t", "to": "kt"},
            {"from": "s", "to": "all"})",
        threads);
    EXPECT_THAT(ended.kept, testing::ElementsAre(100U, 24000U));
  }
}

TEST(EarlyEnd, WhatTheNodesAfterTakeHoldIsOutput) {
  for (const ThreadPolicy threads : kEveryPolicy) {
    const Ended ended = run_to_its_end(
        std::string(kSine) + R"(, {"id": "t", "type": "Take", "config": {"frames": 100}},
            {"id": "b", "type": "Buffer", "config": {"capacity": 8}}, {"id": "k", "type": "Keep"})",
        R"({"from": "s", "to": "t"}, {"from": "t", "to": "b"}, {"from": "b", "to": "k"})", threads);
    EXPECT_THAT(ended.kept, testing::ElementsAre(100U));
  }
}

// Whatever a buffer has gathered by then, nobody needs it.
TEST(EarlyEnd, WhatABufferBeforeTakeHoldsIsNotLost) {
  for (const ThreadPolicy threads : kEveryPolicy) {
    const Ended ended = run_to_its_end(
        std::string(kSine) + R"(, {"id": "w", "type": "Window", "config": {"size": 10}},
            {"id": "b", "type": "Buffer", "config": {"capacity": 500}},
            {"id": "t", "type": "Take", "config": {"frames": 100}}, {"id": "k", "type": "Keep"})",
        R"({"from": "s", "to": "w"}, {"from": "w", "to": "b"}, {"from": "b", "to": "t"}, {"from": "t", "to": "k"})",
        threads);
    EXPECT_THAT(ended.kept, testing::ElementsAre(100U));
    EXPECT_FALSE(ended.status.data_lost());
    for (const auto& [node, note] : ended.status.notes) { EXPECT_FALSE(note.data_lost) << note.text; }
  }
}

TEST(EarlyEnd, ARunEndsWhenItsOnlyReaderGoes) {
  const auto graph =
      load_graph(R"({"version": 1, "nodes": [)" + std::string(kSine) + R"(], "connections": []})");
  ASSERT_TRUE(graph) << to_string(graph.error(), "");
  EngineOptions options;
  options.duration_s = 1e6;
  auto engine = Engine::create(*graph, std::move(options));
  ASSERT_TRUE(engine) << to_string(engine.error(), "");
  {
    auto receiver = (*engine)->subscribe("s", 4);
    ASSERT_TRUE(receiver);
    ASSERT_TRUE((*engine)->start());
    ASSERT_TRUE(receiver->receive());
  }
  EXPECT_TRUE((*engine)->wait_for(std::chrono::minutes(1)));
  (*engine)->stop();
  EXPECT_LT((*engine)->status().frames, 48000U * 1000U);
}

}  // namespace
}  // namespace streamlab
