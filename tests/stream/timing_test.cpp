// tests/stream/timing_test.cpp
//
// Stages that look at the clock, in virtual time: the expected instants are worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <vector>

#include "engine/channel/clock.hpp"
#include "engine/stream/sources.hpp"
#include "engine/stream/stream.hpp"
#include "tests/stream/timeline.hpp"

namespace streamlab {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class Timing : public testing::Test {
 protected:
  // Each item with the time at which it came out, since the run began.
  template <class T>
  std::vector<std::pair<T, std::chrono::milliseconds>> times(Stream<T> stream) {
    std::vector<std::pair<T, std::chrono::milliseconds>> came;
    report = std::move(stream).for_each(
        [&](T& item) {
          came.emplace_back(item, std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - begin));
        },
        options);
    return came;
  }

  VirtualClock clock{VirtualClock::Advance::when_idle};
  const Clock::TimePoint begin = clock.now();
  RunOptions options{.clock = &clock};
  StreamReport report;
};

TEST_F(Timing, RateLimitLetsTheBurstThroughAndThenOneAtATime) {
  // 2 a second, 3 at once: the 4th waits for half a second, and so does each after it.
  EXPECT_THAT(times(from_range(std::vector{1, 2, 3, 4, 5}).rate_limit(2.0, 3.0)),
              ElementsAre(Pair(1, 0ms), Pair(2, 0ms), Pair(3, 0ms), Pair(4, 500ms), Pair(5, 1000ms)));
}
TEST_F(Timing, RateLimitCountsWhatItIsTold) {
  // 10 tokens a second, 10 at once: 8 pass, 4 wait until 2 more have come.
  const auto samples = [](const std::vector<double>& block) { return block.size(); };
  EXPECT_THAT(times(from_range(std::vector{std::vector<double>(8), std::vector<double>(4)})
                        .rate_limit(10.0, 10.0, samples)
                        .map([](const std::vector<double>& block) { return block.size(); })),
              ElementsAre(Pair(8U, 0ms), Pair(4U, 200ms)));
}
TEST_F(Timing, RateLimitRefusesAnItemThatNeverFits) {
  times(from_range(std::vector{5}).rate_limit(1.0, 2.0, [](int n) { return n; }));
  ASSERT_TRUE(report.error);
  EXPECT_EQ(to_string(*report.error),
            "stage \"rate_limit\", item 0: an item costs 5 tokens; expected 0 .. 2, the burst");
}
TEST_F(Timing, ThrottlePassesTheFirstOfEveryInterval) {
  EXPECT_THAT(times(timeline<int>({{0ms, 1}, {40ms, 2}, {99ms, 3}, {100ms, 4}, {150ms, 5}, {320ms, 6}})
                        .throttle(100ms)),
              ElementsAre(Pair(1, 0ms), Pair(4, 100ms), Pair(6, 320ms)));
  EXPECT_EQ(report.stage("throttle")->dropped, 3U);
}
TEST_F(Timing, DebounceGivesTheLastBeforeASilence) {
  EXPECT_THAT(times(timeline<int>({{0ms, 1}, {30ms, 2}, {60ms, 3}, {200ms, 4}, {220ms, 5}}).debounce(50ms)),
              ElementsAre(Pair(3, 110ms), Pair(5, 220ms)));  // the end of the stream ends the last silence
  EXPECT_EQ(report.stage("debounce")->dropped, 3U);
}
TEST_F(Timing, SampleGivesTheNewestAtEveryTick) {
  EXPECT_THAT(times(timeline<int>({{10ms, 1}, {90ms, 2}, {310ms, 3}, {390ms, 4}, {450ms, 5}}).sample(100ms)),
              ElementsAre(Pair(2, 100ms), Pair(4, 400ms), Pair(5, 450ms)));
  EXPECT_EQ(report.stage("sample")->dropped, 2U);
}
TEST_F(Timing, ConflateJoinsWhatCameWhileTheEndWasBusy) {
  std::vector<std::pair<int, std::chrono::milliseconds>> came;
  const auto sum = [](int a, int b) { return a + b; };
  const auto ran =
      timeline<int>({{0ms, 1}, {10ms, 2}, {20ms, 4}, {100ms, 8}})
          .conflate(sum)
          .for_each(
              [&](int x) {
                came.emplace_back(x,
                                  std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - begin));
                clock.advance(50ms);  // the end takes its time
              },
              options);
  EXPECT_TRUE(ran.ok());
  EXPECT_THAT(came, ElementsAre(Pair(1, 0ms), Pair(6, 50ms), Pair(8, 100ms)));
}
TEST_F(Timing, TimeoutFailsWhenNothingComes) {
  EXPECT_THAT(times(timeline<int>({{10ms, 1}, {200ms, 2}}).timeout(100ms)), ElementsAre(Pair(1, 10ms)));
  ASSERT_TRUE(report.error);
  EXPECT_EQ(to_string(*report.error), "stage \"timeout\", item 1: no item came within 0.1 s");
  EXPECT_EQ(clock.now() - begin, 110ms);
}
TEST_F(Timing, RefusesTimesThatAreNone) {
  for (const auto& refused :
       {from_range(std::vector{1}).throttle(0ns).execute(),
        from_range(std::vector{1}).debounce(-1ns).execute(), from_range(std::vector{1}).sample(0ns).execute(),
        from_range(std::vector{1}).timeout(0ns).execute(),
        from_range(std::vector{1}).rate_limit(0.0).execute(),
        from_range(std::vector{1}).rate_limit(1.0, -1.0).execute(), timer(0ns).execute()}) {
    EXPECT_EQ(refused.ended, StreamEnd::failed);
    ASSERT_TRUE(refused.error);
    EXPECT_EQ(refused.error->error.code, ErrorCode::refused);
  }
}

TEST_F(Timing, ACircuitBreakerOpensAndTriesAgain) {
  // Fails for the items 10 .. 29; opens after 2 failures, tries again after 100 ms.
  std::vector<std::string> states;
  BreakerOptions breaker{.breaker = {.failure_count = 2, .failure_rate = {}, .window = 2, .cool_down = 100ms},
                         .on_change = [&](CircuitBreaker::State s) { states.emplace_back(to_string(s)); }};
  std::vector<int> called;
  std::vector<std::pair<std::chrono::milliseconds, int>> items;
  for (int i = 0; i < 40; ++i) { items.emplace_back(10ms * i, i); }
  const auto passed = times(timeline<int>(items).circuit_breaker(
      breaker,
      [&](int x) -> Result<int> {
        called.push_back(x);
        if (x >= 10 && x < 30) { return failed("", "the analyser does not answer"); }
        return x;
      },
      skip_failed()));
  // Open at 110 ms (item 11); probes at 210 (fails), 310 ms (succeeds): items 21 and 31.
  EXPECT_THAT(called,
              ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 21, 31, 32, 33, 34, 35, 36, 37, 38, 39));
  EXPECT_EQ(passed.size(), 10U + 9U);
  EXPECT_THAT(states, ElementsAre("open", "half_open", "open", "half_open", "closed"));
  EXPECT_THAT(report.notes,
              ElementsAre("stage \"circuit_breaker\": the circuit opened 2 times, 18 items were not "
                          "tried, at the end it is closed"));
}

}  // namespace
}  // namespace streamlab
