// tests/nodes/operators/buffer_test.cpp
#include <chrono>
#include <deque>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "engine/graph/plan.hpp"
#include "engine/run/pipeline.hpp"
#include "tests/nodes/operators/timed_blocks.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;

// As beside a device: the policy counts.
PrepareContext paced() {
  PrepareContext context;
  context.lossless = false;
  return context;
}

// The oldest block, if there is one.
std::vector<DataFrame> take(NodeHarness& buffer) { return buffer.run_source(1); }

struct Kept {
  std::int64_t position;
  std::uint64_t gap;
};

TEST(Buffer, DoesWhatItsPolicySays) {
  for (const std::string policy : {"drop_oldest", "drop_newest", "drop_buffer", "latest"}) {
    EXPECT_TRUE(rc::check(policy, [&] {
      const auto capacity = *rc::gen::inRange<std::size_t>(1, 5);
      NodeHarness buffer("Buffer",
                         R"({"capacity": )" + std::to_string(capacity) + R"(, "policy": ")" + policy + "\"}",
                         {values_at_rate(1000.0)}, paced());
      const std::size_t places = policy == "latest" ? 1 : capacity;
      std::deque<Kept> model;
      std::int64_t dropped_front = -1;  // position of the first block that is missing before the next given
      std::int64_t dropped_new = -1;    // before the next taken
      std::uint64_t drops = 0;
      for (std::int64_t i = 0; i < 60; ++i) {
        if (*rc::gen::inRange(0, 5) < 3) {
          RC_ASSERT(buffer.node().has_room(0, 1));
          RC_ASSERT(buffer.process(flat_block_at(buffer, i, static_cast<double>(i))).empty());
          if (model.size() == places && policy == "drop_newest") {
            if (dropped_new < 0) { dropped_new = i; }
            ++drops;
            continue;
          }
          while (model.size() >= places) {
            if (dropped_front < 0) {
              dropped_front = model.front().position - static_cast<std::int64_t>(model.front().gap);
            }
            ++drops;
            model.pop_front();
            if (policy == "drop_buffer") {
              drops += model.size();
              model.clear();
            }
          }
          model.push_back({i, dropped_new < 0 ? 0 : static_cast<std::uint64_t>(i - dropped_new)});
          dropped_new = -1;
        } else {
          const auto out = take(buffer);
          RC_ASSERT(out.size() == (model.empty() ? 0U : 1U));
          if (model.empty()) { continue; }
          RC_ASSERT(out[0].position() == model.front().position);
          RC_ASSERT(out[0].channel(0U)[0] == static_cast<double>(model.front().position));
          const std::uint64_t gap = dropped_front < 0
                                        ? model.front().gap
                                        : static_cast<std::uint64_t>(model.front().position - dropped_front);
          RC_ASSERT(out[0].header().gap_frames == gap);
          RC_ASSERT(out[0].header().has(FrameFlag::gap) == (gap > 0));
          dropped_front = -1;
          model.pop_front();
        }
      }
      std::uint64_t said = 0;
      for (const NodeNote& note : buffer.node().notes()) { said += note.data_lost ? note.count : 0; }
      RC_ASSERT(said == drops);
    }));
  }
}

TEST(Buffer, AsksToWaitWhenItIsFull) {
  NodeHarness buffer("Buffer", R"({"capacity": 3, "policy": "drop_oldest"})", {values_at_rate(1000.0)});
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(buffer.node().has_room(0, 1));  // nothing paces this run: the policy does not count
    buffer.process(flat_block_at(buffer, i));
  }
  EXPECT_FALSE(buffer.node().has_room(0, 1));
  EXPECT_THAT(positions_of(take(buffer)), ElementsAre(0));
  EXPECT_TRUE(buffer.node().has_room(0, 1));
  EXPECT_FALSE(buffer.node().has_room(0, 2));
  EXPECT_THAT(positions_of(buffer.finish()), ElementsAre(1, 2));
}

TEST(Buffer, TakesAllThatComesAtOnceWhenItIsEmpty) {
  NodeHarness buffer("Buffer", R"({"capacity": 2})", {values_at_rate(1000.0)});
  EXPECT_TRUE(buffer.node().has_room(0, 5));
  for (std::int64_t i = 0; i < 5; ++i) { buffer.process(flat_block_at(buffer, i)); }
  EXPECT_FALSE(buffer.node().has_room(0, 1));
  EXPECT_THAT(positions_of(buffer.finish()), ElementsAre(0, 1, 2, 3, 4));
}

TEST(Buffer, FailsWhenItIsToldTo) {
  NodeHarness buffer("Buffer", R"({"capacity": 1, "policy": "fail"})", {values_at_rate(1000.0)}, paced());
  buffer.process(flat_block_at(buffer, 0));
  EXPECT_EQ(buffer.last_status(), Status::ok);
  buffer.process(flat_block_at(buffer, 1));
  EXPECT_EQ(buffer.last_status(), Status::fault);
  EXPECT_EQ(buffer.node().failure().what, "the buffer overflowed, and its policy is \"fail\"");
}

TEST(Buffer, KeepsBlocksOnDiskAsTheyAre) {
  const TempDir folder;
  NodeHarness buffer(
      "Buffer",
      R"({"capacity": 2, "spill_path": ")" + folder.path().string() + R"(", "spill_bytes": 100000})",
      {1000.0, 2, 50});
  std::deque<DataFrame> model;
  EXPECT_TRUE(rc::check([&] {
    buffer.reset();
    model.clear();
    for (std::int64_t i = 0; i < 80; ++i) {
      if (*rc::gen::inRange(0, 5) < 3 && buffer.node().has_room(0, 1)) {
        DataFrame block = flat_block_at(buffer, i * 50, static_cast<double>(i), *rc::gen::inRange(0U, 51U),
                                        bit(FrameFlag::clipped));
        block.metadata().set("number", static_cast<double>(i));
        buffer.process(block);
        model.push_back(block);
      } else {
        const auto out = take(buffer);
        RC_ASSERT(out.size() == (model.empty() ? 0U : 1U));
        if (model.empty()) { continue; }
        RC_ASSERT(out[0].header() == model.front().header());
        RC_ASSERT(out[0].metadata().get("number") == model.front().metadata().get("number"));
        RC_ASSERT(samples_of(out) == samples_of({model.front()}));
        model.pop_front();
      }
    }
  }));
  buffer.reset();
  std::int64_t taken = 0;
  while (buffer.node().has_room(0, 1)) { buffer.process(flat_block_at(buffer, 50 * taken++, 1.0, 50)); }
  // 2 blocks in memory, and as many of at least 2 x 50 samples of 8 bytes as the file has room for.
  EXPECT_GT(taken, 2 + 60);
  EXPECT_LE(taken, 2 + 100000 / 800);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_EQ(buffer.finish().size(), static_cast<std::size_t>(taken));
}

TEST(Buffer, DropsTheOldestWhenDiskAndMemoryAreFull) {
  const TempDir folder;
  NodeHarness buffer("Buffer",
                     R"({"capacity": 2, "policy": "drop_oldest", "spill_path": ")" + folder.path().string() +
                         R"(", "spill_bytes": 10000})",
                     {values_at_rate(1000.0)}, paced());
  for (std::int64_t i = 0; i < 100; ++i) { buffer.process(flat_block_at(buffer, i)); }
  const auto out = buffer.finish();
  ASSERT_GT(out.size(), 2U);
  ASSERT_LT(out.size(), 100U);
  const auto first = static_cast<std::int64_t>(100 - out.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    EXPECT_EQ(out[i].position(), first + static_cast<std::int64_t>(i));
    EXPECT_EQ(out[i].header().gap_frames, i == 0 ? static_cast<std::uint64_t>(first) : 0U);
  }
}

// What follows takes nothing; what comes before goes on all the same.
TEST(Buffer, LetsWhatComesBeforeRunAhead) {
  auto pipeline =
      AsyncPipeline::from_json(R"({"version": 1, "pipeline_config": {"channel_capacity": 1}, "nodes": [
      {"id": "tone", "type": "SineGenerator", "config": {"sample_rate": 8000, "frame_size": 8}},
      {"id": "keep", "type": "Buffer", "config": {"capacity": 100}}, {"id": "gain", "type": "Gain"}],
      "connections": [{"from": "tone", "to": "keep"}, {"from": "keep", "to": "gain"}]})");
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  auto receiver = pipeline->subscribe("gain", 1, OverflowPolicy::block);
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(pipeline->start());
  for (std::uint64_t i = 0; i < 60; ++i) {
    const auto taken = pipeline->trigger_for(DataFrame(0, i), std::chrono::seconds(30));
    ASSERT_TRUE(taken);
    ASSERT_EQ(*taken, Engine::Triggered::taken) << i;
  }
  for (std::int64_t i = 0; i < 60; ++i) {
    const auto block = receiver->receive();
    ASSERT_TRUE(block);
    EXPECT_EQ(block->position(), i * 8);
  }
  pipeline->stop();
  EXPECT_TRUE(pipeline->status().failures.empty());
}

TEST(Buffer, CountsWhatItStillKeepsWhenTheRunIsGivenUp) {
  auto pipeline =
      AsyncPipeline::from_json(R"({"version": 1, "pipeline_config": {"channel_capacity": 1}, "nodes": [
      {"id": "tone", "type": "SineGenerator", "config": {"sample_rate": 8000, "frame_size": 8}},
      {"id": "keep", "type": "Buffer", "config": {"capacity": 100}}, {"id": "gain", "type": "Gain"}],
      "connections": [{"from": "tone", "to": "keep"}, {"from": "keep", "to": "gain"}]})");
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  auto receiver = pipeline->subscribe("gain", 1, OverflowPolicy::block);
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(pipeline->start());
  for (std::uint64_t i = 0; i < 60; ++i) { ASSERT_TRUE(pipeline->trigger(DataFrame(0, i))); }
  pipeline->stop_now();
  std::uint64_t found = 0;
  while (receiver->receive()) { ++found; }
  const EngineStatus status = pipeline->status();
  for (const EdgeReport& edge : status.edges) { found += edge.given_up; }
  std::uint64_t kept = 0;
  for (const auto& [node, note] : status.notes) { kept += note.data_lost ? note.count : 0; }
  EXPECT_GE(kept, 50U);
  EXPECT_EQ(found + kept, 60U);
  EXPECT_TRUE(status.data_lost());
}

TEST(Buffer, IsFollowedByAThreadOfItsOwn) {
  const auto graph = load_graph(R"({"version": 1, "nodes": [
      {"id": "tone", "type": "SineGenerator", "config": {"duration_s": 1}},
      {"id": "keep", "type": "Buffer"}, {"id": "slow", "type": "NullSink"}, {"id": "quick", "type": "NullSink"}],
      "connections": [{"from": "tone", "to": "keep"}, {"from": "keep", "to": "slow"}, {"from": "tone", "to": "quick"}]})",
                                ConfigLanguage::json);
  ASSERT_TRUE(graph) << to_string(graph.error(), "");
  PlanOptions options;
  const auto plan = make_plan(*graph, options);
  ASSERT_TRUE(plan) << to_string(plan.error(), "");
  const auto domain_of = [&](const char* id) { return plan->nodes()[*graph->find(id)].domain; };
  EXPECT_EQ(plan->domains().domain_count, 2U);
  EXPECT_EQ(domain_of("tone"), 0U);
  EXPECT_EQ(domain_of("keep"), 0U);
  EXPECT_EQ(domain_of("quick"), 0U);
  EXPECT_EQ(domain_of("slow"), 1U);
}

TEST(Buffer, PassesAllOnWithinOneThreadToo) {
  auto pipeline = Pipeline::from_json(R"({"version": 1, "nodes": [
      {"id": "tone", "type": "SineGenerator", "config": {"sample_rate": 8000, "frame_size": 8}},
      {"id": "keep", "type": "Buffer", "config": {"capacity": 1}}, {"id": "gain", "type": "Gain"}],
      "connections": [{"from": "tone", "to": "keep"}, {"from": "keep", "to": "gain"}]})");
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  for (std::uint64_t i = 0; i < 5; ++i) {
    const auto blocks = pipeline->process(DataFrame(0, i));
    ASSERT_TRUE(blocks);
    ASSERT_EQ(blocks->size(), 1U);
    EXPECT_EQ(blocks->front().position(), static_cast<std::int64_t>(i) * 8);
  }
}

TEST(Buffer, RefusesHalfOfASpill) {
  const auto said = [](const std::string& config) {
    return to_string(NodeHarness::refusals("Buffer", config, {48000.0, 2, 1024}), "");
  };
  EXPECT_EQ(
      said(R"({"spill_path": "/tmp"})"),
      "/config/spill_path: spill_path and spill_bytes belong together; expected all of them, or none\n");
  EXPECT_EQ(
      said(R"({"spill_bytes": 1000000})"),
      "/config/spill_bytes: spill_path and spill_bytes belong together; expected all of them, or none\n");
  EXPECT_THAT(
      said(R"({"spill_path": "/tmp", "spill_bytes": 1000})"),
      testing::StartsWith("/config/spill_bytes: 1000 bytes are too few for a block, which takes up to 1"));
  EXPECT_EQ(said(R"({"policy": "latest", "spill_path": "/tmp", "spill_bytes": 1000000})"),
            "/config/spill_path: \"latest\" keeps one block and needs no file; expected another policy\n");
  for (const char* config : {R"({"capacity": 0})", R"({"policy": "drop"})", R"({"spill_bytes": 0})"}) {
    EXPECT_NE(said(config), "") << config;
  }
  EXPECT_THROW(NodeHarness("Buffer", R"({"spill_path": "/nowhere/at/all", "spill_bytes": 1000000})"),
               std::runtime_error);
}

// One block of the input becomes many, more than memory and file take: offline all of them are kept, in order.
TEST(Buffer, KeepsWhatComesAtOnceBeyondItsFile) {
  const TempDir folder;
  NodeHarness buffer(
      "Buffer", R"({"capacity": 2, "spill_path": ")" + folder.path().string() + R"(", "spill_bytes": 2000})",
      {values_at_rate(1000.0)});
  EXPECT_TRUE(buffer.node().has_room(0, 500));  // it is empty
  std::vector<std::int64_t> expected;
  for (std::int64_t i = 0; i < 500; ++i) {
    buffer.process(flat_block_at(buffer, i));
    ASSERT_EQ(buffer.last_status(), Status::ok);
    expected.push_back(i);
  }
  EXPECT_FALSE(buffer.node().has_room(0, 1));
  std::vector<std::int64_t> given = positions_of(take(buffer));
  for (const std::int64_t position : positions_of(buffer.finish())) { given.push_back(position); }
  EXPECT_EQ(given, expected);
}

}  // namespace
}  // namespace streamlab::test
