// tests/run/pipeline_pool_test.cpp
#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "engine/run/pipeline.hpp"

namespace streamlab {
namespace {

constexpr const char* kPoolTone = R"({"version": 1, "nodes": [{"id": "sine", "type": "SineGenerator",
    "config": {"frequency": 880, "sample_rate": 48000, "frame_size": 64}}], "connections": []})";

TEST(PipelinePool, GivesEachFrameTheResultOfAnInstanceAsNew) {
  auto pool = PipelinePool::create(kPoolTone, 3);
  ASSERT_TRUE(pool) << to_string(pool.error(), "");
  EXPECT_EQ(pool->max_concurrent(), 3U);
  std::vector<std::future<Result<DataFrame>>> results;
  for (std::uint64_t i = 0; i < 50; ++i) { results.push_back(pool->execute(DataFrame(7, i))); }
  for (std::uint64_t i = 0; i < 50; ++i) {
    const auto frame = results[i].get();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->sequence_id(), i);
    EXPECT_EQ(frame->position(), 0);
    // The first samples of the tone, whichever instance made them; 1e-15: rounding of sin.
    EXPECT_NEAR(frame->channel(0)[10], std::sin(2.0 * std::numbers::pi * 880.0 * 10.0 / 48000.0), 1e-15);
  }
  EXPECT_LE(pool->high_water(), 3U);
  EXPECT_GE(pool->high_water(), 1U);
}

TEST(PipelinePool, FinishesWhatItWasGivenBeforeItGoes) {
  std::future<Result<DataFrame>> last;
  {
    auto pool = PipelinePool::create(kPoolTone, 2);
    ASSERT_TRUE(pool);
    for (std::uint64_t i = 0; i < 100; ++i) { last = pool->execute(DataFrame(0, i)); }
  }
  EXPECT_EQ(last.get()->sequence_id(), 99U);
}

TEST(PipelinePool, SaysWhatIsWrongBeforeAnythingRuns) {
  EXPECT_FALSE(PipelinePool::create(kPoolTone, 0));
  EXPECT_FALSE(PipelinePool::create("{", 1));
}

}  // namespace
}  // namespace streamlab
