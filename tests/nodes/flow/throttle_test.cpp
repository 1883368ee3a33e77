// tests/nodes/flow/throttle_test.cpp
#include <atomic>
#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/run/pipeline.hpp"
#include "tests/nodes/flow/timed_blocks.hpp"
#include "tests/support/signals.hpp"

namespace streamlab::test {
namespace {

using std::chrono::steady_clock;

Signal ramp(std::size_t frames) {
  Signal signal(2, std::vector<double>(frames));
  for (std::size_t n = 0; n < frames; ++n) {
    signal[0][n] = static_cast<double>(n);
    signal[1][n] = -static_cast<double>(n);
  }
  return signal;
}

TEST(Throttle, PassesEverySampleUnchangedForEveryBlockSize) {
  for (const std::uint32_t block : {1U, 7U, 64U, 480U}) {
    NodeHarness throttle("Throttle", R"({"speed": 1000000})", {48000.0, 2, 480});
    const auto y = throttle.run(ramp(480), block);
    ASSERT_EQ(y.size(), 960U);
    for (std::size_t n = 0; n < 480; ++n) {
      EXPECT_EQ(y[n], static_cast<double>(n));
      EXPECT_EQ(y[480 + n], -static_cast<double>(n));
    }
  }
}

// A lower bound only: a clock that does not go back cannot fail it.
TEST(Throttle, TakesAsLongAsTheStreamAtItsSpeed) {
  NodeHarness throttle("Throttle", R"({"speed": 4})", {8000.0, 2, 80});
  const auto begin = steady_clock::now();
  throttle.run(ramp(800), 80);  // 0.1 s of sound
  EXPECT_GE(steady_clock::now() - begin, std::chrono::milliseconds(25));
  EXPECT_THAT(throttle.node().notes().at(0).text, testing::StartsWith("delayed the run by 0.0"));
}

TEST(Throttle, EndsItsWaitWhenItIsToldTo) {
  NodeHarness throttle("Throttle", R"({"speed": 0.001})", {8000.0, 2, 80});  // 10 s for each block
  std::atomic<bool> runs{false};
  std::thread other([&] {
    while (!runs.load()) { std::this_thread::yield(); }
    throttle.node().stop_waiting();
  });
  runs.store(true);
  EXPECT_EQ(throttle.run(ramp(800), 80).size(), 1600U);  // all ten, unpaced
  other.join();
}

TEST(Throttle, WaitsAgainAfterReset) {
  NodeHarness throttle("Throttle", R"({"speed": 1})", {8000.0, 2, 80});
  throttle.node().stop_waiting();
  throttle.run(ramp(800), 80);
  throttle.reset();
  const auto begin = steady_clock::now();
  throttle.run(ramp(160), 80);
  EXPECT_GE(steady_clock::now() - begin, std::chrono::milliseconds(20));
}

TEST(Throttle, DoesNotHoldUpTheEndOfARun) {
  auto pipeline =
      AsyncPipeline::from_json(R"({"version": 1, "pipeline_config": {"threads": "per_node"}, "nodes": [
      {"id": "tone", "type": "SineGenerator", "config": {"sample_rate": 8000, "frame_size": 8000}},
      {"id": "pace", "type": "Throttle", "config": {"speed": 0.001}}, {"id": "end", "type": "NullSink"}],
      "connections": [{"from": "tone", "to": "pace"}, {"from": "pace", "to": "end"}]})");
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  ASSERT_TRUE(pipeline->start());
  ASSERT_TRUE(pipeline->trigger(DataFrame(0, 0)));
  pipeline->stop();  // a block would take 1000 s
  const auto status = pipeline->status();
  EXPECT_TRUE(status.failures.empty());
  ASSERT_EQ(status.notes.size(), 2U);
  EXPECT_EQ(status.notes[1].second.text, "received 8000 frames in 1 blocks");
}

TEST(Throttle, RefusesSpeedsThatAreNone) {
  for (const char* speed : {"0", "-1", "1e7", "1e-4"}) {
    EXPECT_FALSE(NodeHarness::refusals("Throttle", std::string(R"({"speed": )") + speed + "}").empty())
        << speed;
  }
}

}  // namespace
}  // namespace streamlab::test
