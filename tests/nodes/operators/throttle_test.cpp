// tests/nodes/operators/throttle_test.cpp
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "engine/channel/clock.hpp"
#include "engine/graph/validate.hpp"
#include "engine/run/engine.hpp"
#include "engine/run/pipeline.hpp"
#include "engine/run/run_to_end.hpp"
#include "tests/nodes/operators/timed_blocks.hpp"
#include "tests/support/signals.hpp"

namespace streamlab::test {
namespace {

using namespace std::chrono_literals;

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

// A Throttle for two channels at 8000 Hz on a clock of the test's. `when_idle`: a wait moves the clock to its end.
struct PacedByTest {
  explicit PacedByTest(const std::string& speed,
                       VirtualClock::Advance advance = VirtualClock::Advance::when_idle)
      : clock(advance),
        throttle("Throttle", R"({"speed": )" + speed + "}",
                 {audio_format(8000.0, default_channel_names(2), 80)}, context()) {}

  // Gives it a block; how long after the start it has passed.
  std::chrono::nanoseconds passed(std::int64_t position) {
    EXPECT_EQ(throttle.process(flat_block_at(throttle, position, 0.5, 80)).size(), 1U);
    return time();
  }
  std::chrono::nanoseconds time() const { return clock.now() - VirtualClock::kStart; }
  PrepareContext context() {
    PrepareContext with_clock;
    with_clock.clock = &clock;
    return with_clock;
  }

  VirtualClock clock;
  NodeHarness throttle;
};

TEST(Throttle, TakesAsLongAsTheStreamAtItsSpeed) {
  PacedByTest test("4");
  // A block of 80 frames lasts 10 ms, and at this speed 2.5 ms.
  for (std::int64_t block = 0; block < 10; ++block) {
    EXPECT_EQ(test.passed(80 * block), 2500us * (block + 1));
  }
  EXPECT_EQ(test.throttle.node().notes().at(0).text, "delayed the run by 0.025 s");
}

TEST(Throttle, PassesALateBlockAtOnceAndTheNextOneAtItsTime) {
  PacedByTest test("1");
  EXPECT_EQ(test.passed(0), 10ms);
  test.clock.advance(15ms);  // by now the second one was due 5 ms ago
  EXPECT_EQ(test.passed(80), 25ms);
  EXPECT_EQ(test.passed(160), 30ms);
  EXPECT_EQ(test.throttle.node().notes().at(0).text, "delayed the run by 0.015 s");
}

TEST(Throttle, GivesMissingFramesTheirTime) {
  PacedByTest test("1");
  EXPECT_EQ(test.passed(4000), 10ms);  // wherever the stream begins
  EXPECT_EQ(test.passed(4800), 110ms);
}

TEST(Throttle, EndsItsWaitWhenItIsToldTo) {
  PacedByTest test("1", VirtualClock::Advance::by_hand);  // nobody does
  std::thread other([&] {
    test.clock.wait_for_waiters(1);  // it sleeps
    test.throttle.node().stop_waiting();
  });
  EXPECT_EQ(test.throttle.run(ramp(800), 80).size(), 1600U);  // all ten, unpaced
  other.join();
  EXPECT_EQ(test.time(), 0ns);
}

TEST(Throttle, WaitsAgainAfterReset) {
  PacedByTest test("1");
  test.throttle.node().stop_waiting();
  test.throttle.run(ramp(800), 80);
  EXPECT_EQ(test.time(), 0ns);
  test.throttle.reset();
  test.throttle.run(ramp(160), 80);
  EXPECT_EQ(test.time(), 20ms);
}

TEST(Throttle, WaitsByTheClockOfTheProgramThatRunsTheGraph) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  const auto graph = load_graph(R"({"version": 1, "nodes": [
      {"id": "tone", "type": "SineGenerator", "config": {"sample_rate": 8000, "frame_size": 8000}},
      {"id": "pace", "type": "Throttle", "config": {"speed": 0.001}}, {"id": "end", "type": "NullSink"}],
      "connections": [{"from": "tone", "to": "pace"}, {"from": "pace", "to": "end"}]})",
                                ConfigLanguage::json, {});
  ASSERT_TRUE(graph) << to_string(graph.error(), "");
  EngineOptions options;
  options.host.clock = &clock;
  options.duration_s = 10.0;
  const auto engine = Engine::create(*graph, std::move(options));
  ASSERT_TRUE(engine) << to_string(engine.error(), "");
  const auto ran = run_to_end(**engine);
  ASSERT_TRUE(ran) << to_string(ran.error());
  EXPECT_TRUE(ran->status.failures.empty());
  EXPECT_EQ(clock.now() - VirtualClock::kStart, 10000s);  // of no second of ours
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

TEST(Throttle, ChangesItsSpeedAtTheEndOfWhatHasPassed) {
  PacedByTest paced("1");
  EXPECT_EQ(paced.passed(0), 10ms);
  ASSERT_TRUE(paced.throttle.set_params(R"({"speed": 4})").empty());
  EXPECT_EQ(paced.passed(80), 12500us);
}

}  // namespace
}  // namespace streamlab::test
