// tests/run/pipeline_pool_test.cpp
#include <cmath>
#include <numbers>
#include <numeric>

#include <gtest/gtest.h>

#include "engine/run/pipeline.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

constexpr const char* kPoolTone = R"({"version": 1, "nodes": [{"id": "sine", "type": "SineGenerator",
    "config": {"frequency": 880, "sample_rate": 48000, "frame_size": 64}}], "connections": []})";

TEST(PipelinePool, GivesEachFrameTheResultOfAnInstanceAsNew) {
  auto pool = PipelinePool::from_json(kPoolTone, 3);
  ASSERT_TRUE(pool) << to_string(pool.error(), "");
  EXPECT_EQ(pool->max_concurrent(), 3U);
  std::vector<std::future<Result<std::vector<DataFrame>>>> results;
  for (std::uint64_t i = 0; i < 50; ++i) { results.push_back(pool->execute(DataFrame(7, i))); }
  for (std::uint64_t i = 0; i < 50; ++i) {
    const auto blocks = results[i].get();
    ASSERT_TRUE(blocks);
    ASSERT_EQ(blocks->size(), 1U);
    const DataFrame& frame = blocks->front();
    EXPECT_EQ(frame.sequence_id(), i);
    EXPECT_EQ(frame.position(), 0);
    // The first samples of the tone, whichever instance made them; 1e-15: rounding of sin.
    EXPECT_NEAR(frame.channel(0)[10], std::sin(2.0 * std::numbers::pi * 880.0 * 10.0 / 48000.0), 1e-15);
  }
  EXPECT_LE(pool->high_water(), 3U);
  EXPECT_GE(pool->high_water(), 1U);
}

TEST(PipelinePool, FinishesWhatItWasGivenBeforeItGoes) {
  std::future<Result<std::vector<DataFrame>>> last;
  {
    auto pool = PipelinePool::from_json(kPoolTone, 2);
    ASSERT_TRUE(pool);
    for (std::uint64_t i = 0; i < 100; ++i) { last = pool->execute(DataFrame(0, i)); }
  }
  EXPECT_EQ(last.get()->front().sequence_id(), 99U);
}

// A block of 100 samples 1, 2, … through windows of 40: two are whole, and the last one of 20 comes at the
// end.
TEST(PipelinePool, GivesEveryBlockAndThoseOfTheEnd) {
  auto pool =
      PipelinePool::from_json(R"({"version": 1, "pipeline_config": {"sample_rate": 8000, "block_size": 128},
      "nodes": [{"id": "in", "type": "AudioInput"}, {"id": "cut", "type": "Window", "config": {"size": 40}}],
      "connections": [{"from": "in", "to": "cut"}]})",
                              1);
  ASSERT_TRUE(pool) << to_string(pool.error(), "");
  std::vector<double> x(100);
  std::iota(x.begin(), x.end(), 1.0);
  for (int i = 0; i < 3; ++i) {  // the same for each: the instance is as new
    DataFrame frame(0, 0);
    ASSERT_TRUE(frame.set_channel("main_channel", x));
    const auto blocks = pool->execute(std::move(frame)).get();
    ASSERT_TRUE(blocks) << to_string(blocks.error());
    std::vector<double> y;
    std::vector<std::size_t> sizes;
    for (const DataFrame& block : *blocks) {
      sizes.push_back(block.frame_count());
      y.insert(y.end(), block.channel(0).begin(), block.channel(0).end());
    }
    EXPECT_EQ(sizes, (std::vector<std::size_t>{40, 40, 20}));
    EXPECT_EQ(y, x);
  }
}

TEST(PipelinePool, GivesNothingWhereTheGraphGivesNothing) {
  auto pool =
      PipelinePool::from_json(R"({"version": 1, "pipeline_config": {"sample_rate": 8000, "block_size": 8},
      "nodes": [{"id": "in", "type": "AudioInput"}, {"id": "skip", "type": "Skip", "config": {"frames": 1000}}],
      "connections": [{"from": "in", "to": "skip"}]})",
                              1);
  ASSERT_TRUE(pool) << to_string(pool.error(), "");
  DataFrame frame(0, 0);
  ASSERT_TRUE(frame.set_channel("main_channel", {1.0, 2.0}));
  const auto blocks = pool->execute(std::move(frame)).get();
  ASSERT_TRUE(blocks) << to_string(blocks.error());
  EXPECT_TRUE(blocks->empty());
}

TEST(PipelinePool, SaysWhatIsWrongBeforeAnythingRuns) {
  EXPECT_FALSE(PipelinePool::from_json(kPoolTone, 0));
  EXPECT_FALSE(PipelinePool::from_json("{", 1));
}

// A file of 32-bit floats does not hold 1e39.
TEST(PipelinePool, SaysWhatItsJobsHaveLost) {
  test::TempDir folder;
  auto pool =
      PipelinePool::from_json(R"({"version": 1, "pipeline_config": {"sample_rate": 8000, "block_size": 4},
      "nodes": [{"id": "in", "type": "AudioInput"},
                {"id": "out", "type": "FileSink", "config": {"subtype": "float", "path": ")" +
                                  folder.file("a.wav") + R"("}}],
      "connections": [{"from": "in", "to": "out"}]})",
                              1, {.engine = {.host = {.overwrite = true}}});
  ASSERT_TRUE(pool) << to_string(pool.error(), "");
  EXPECT_EQ(pool->status().jobs, 0U);
  for (const auto& [name, sample] :
       {std::pair{"main_channel", 0.5}, {"main_channel", 1e39}, {"other", 0.5}}) {
    DataFrame frame;
    ASSERT_TRUE(frame.set_channel(name, {sample, sample}));
    EXPECT_EQ(pool->execute(std::move(frame)).get().has_value(), name == std::string("main_channel"));
  }
  const PoolStatus status = pool->status();
  EXPECT_EQ(status.jobs, 3U);
  EXPECT_EQ(status.failed, 1U);
  EXPECT_EQ(status.with_loss, 1U);
  EXPECT_TRUE(status.data_lost());
  ASSERT_EQ(status.notes.size(), 1U);
  EXPECT_EQ(status.notes[0].first, "out");
  EXPECT_EQ(status.notes[0].second.count, 2U);
}

}  // namespace
}  // namespace streamlab
