// tests/channel/circuit_breaker_test.cpp
#include "engine/channel/circuit_breaker.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/support/rt_guard.hpp"

namespace streamlab {
namespace {

using namespace std::chrono_literals;
using State = CircuitBreaker::State;

CircuitBreakerConfig by_count(std::uint32_t failures, std::uint32_t window, Nanos cool_down = 1s,
                              std::uint32_t probes = 1) {
  return {.failure_count = failures,
          .failure_rate = std::nullopt,
          .window = window,
          .cool_down = cool_down,
          .probes = probes};
}

CircuitBreakerConfig by_rate(double rate, std::uint32_t window) {
  return {
      .failure_count = std::nullopt, .failure_rate = rate, .window = window, .cool_down = 1s, .probes = 1};
}

TEST(CircuitBreaker, OpensAtTheCountOfFailuresInItsWindow) {
  auto breaker = CircuitBreaker::make(by_count(3, 5)).value();
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(breaker.allows(0s));
    breaker.failure(0s);
  }
  for (int i = 0; i < 4; ++i) { breaker.success(0s); }  // one failure has left the window
  breaker.failure(0s);
  EXPECT_EQ(breaker.state(), State::closed);
  EXPECT_EQ(breaker.counts().window_failures, 1U);
  breaker.failure(0s);
  EXPECT_EQ(breaker.state(), State::closed);
  breaker.failure(0s);
  EXPECT_EQ(breaker.state(), State::open);
  EXPECT_EQ(breaker.counts().opened, 1U);
  EXPECT_FALSE(breaker.allows(0s));
  EXPECT_EQ(breaker.counts().rejected, 1U);
}

TEST(CircuitBreaker, JudgesARateOnceItsWindowIsFull) {
  auto breaker = CircuitBreaker::make(by_rate(0.5, 4)).value();
  breaker.failure(0s);
  breaker.failure(0s);
  breaker.failure(0s);
  EXPECT_EQ(breaker.state(), State::closed);
  breaker.failure(0s);
  EXPECT_EQ(breaker.state(), State::open);
}

TEST(CircuitBreaker, OpensAtTheVeryRateThatWasAskedFor) {
  auto breaker = CircuitBreaker::make(by_rate(0.07, 100)).value();  // 0.07 * 100 is above 7 in binary
  for (int i = 0; i < 94; ++i) { breaker.success(0s); }
  for (int i = 0; i < 6; ++i) { breaker.failure(0s); }
  EXPECT_EQ(breaker.state(), State::closed);
  breaker.failure(0s);
  EXPECT_EQ(breaker.state(), State::open);
}

TEST(CircuitBreaker, ProbesAfterTheCoolDownAndClosesWhenAllSucceed) {
  auto breaker = CircuitBreaker::make(by_count(1, 1, 10s, 2)).value();
  ASSERT_TRUE(breaker.allows(5s));
  breaker.failure(5s);
  EXPECT_EQ(breaker.retry_at(), 15s);
  EXPECT_FALSE(breaker.allows(15s - 1ns));
  EXPECT_EQ(breaker.state(), State::open);
  EXPECT_TRUE(breaker.allows(15s));
  EXPECT_EQ(breaker.state(), State::half_open);
  EXPECT_TRUE(breaker.allows(15s));
  EXPECT_FALSE(breaker.allows(15s));  // two probes are under way
  breaker.success(15s);
  EXPECT_EQ(breaker.state(), State::half_open);
  EXPECT_FALSE(breaker.allows(16s));
  breaker.success(16s);
  EXPECT_EQ(breaker.state(), State::closed);
  EXPECT_EQ(breaker.counts().window_calls, 0U);
  EXPECT_EQ(breaker.retry_at(), CircuitBreaker::kNever);
}

TEST(CircuitBreaker, OpensAgainWhenAProbeFails) {
  auto breaker = CircuitBreaker::make(by_count(1, 1, 10s, 2)).value();
  breaker.failure(0s);
  ASSERT_TRUE(breaker.allows(10s));
  breaker.success(10s);
  ASSERT_TRUE(breaker.allows(11s));
  breaker.failure(12s);
  EXPECT_EQ(breaker.state(), State::open);
  EXPECT_EQ(breaker.retry_at(), 22s);
  EXPECT_EQ(breaker.counts().opened, 2U);
  ASSERT_TRUE(breaker.allows(22s));
  breaker.success(22s);
  EXPECT_EQ(breaker.state(), State::half_open);  // the first round's success does not count
}

TEST(CircuitBreaker, DoesNotTakeALateAnswerForAProbes) {
  auto breaker = CircuitBreaker::make(by_count(1, 1, 1s)).value();
  ASSERT_TRUE(breaker.allows(0s));
  const std::uint64_t before = breaker.epoch();
  ASSERT_TRUE(breaker.allows(0s));
  breaker.failure(0s, before);
  ASSERT_TRUE(breaker.allows(1s));
  const std::uint64_t probe = breaker.epoch();
  breaker.success(1s, before);
  EXPECT_EQ(breaker.state(), State::half_open);
  EXPECT_EQ(breaker.counts().succeeded, 1U);
  breaker.success(1s, probe);
  EXPECT_EQ(breaker.state(), State::closed);
}

TEST(CircuitBreaker, GivesACancelledProbesPlaceToTheNext) {
  auto breaker = CircuitBreaker::make(by_count(1, 1, 1s)).value();
  breaker.failure(0s);
  ASSERT_TRUE(breaker.allows(1s));
  EXPECT_FALSE(breaker.allows(1s));
  breaker.cancel();
  EXPECT_TRUE(breaker.allows(1s));
  breaker.success(1s);
  EXPECT_EQ(breaker.state(), State::closed);
}

TEST(CircuitBreaker, StaysOpenWhileTimeRunsBackwards) {
  auto breaker = CircuitBreaker::make(by_count(1, 1, 1s)).value();
  breaker.failure(10s);
  EXPECT_FALSE(breaker.allows(0s));
  EXPECT_TRUE(breaker.allows(11s));
}

TEST(CircuitBreaker, NeverTriesAgainWhereTheCoolDownGoesBeyondTheEndOfTime) {
  auto breaker = CircuitBreaker::make(by_count(1, 1, Nanos::max())).value();
  breaker.failure(1s);
  EXPECT_EQ(breaker.retry_at(), CircuitBreaker::kNever);
  EXPECT_FALSE(breaker.allows(Nanos::max() - 1ns));
}

// The definition, over a plain vector of all outcomes.
struct Reference {
  CircuitBreakerConfig config;
  State state = State::closed;
  std::vector<bool> failures{};  // since it was last closed
  Nanos opened{0};
  std::uint32_t probes = 0;  // succeeded one after the other; one call at a time

  bool allows(Nanos now) {
    if (state == State::open && now - opened >= config.cool_down) {
      state = State::half_open;
      probes = 0;
    }
    return state != State::open;
  }
  void answer(Nanos now, bool failed) {
    if (state == State::half_open) {
      if (!failed && ++probes == config.probes) {
        state = State::closed;
        failures.clear();
      }
      if (failed) { open(now); }
      return;
    }
    failures.push_back(failed);
    const auto looked_at = std::min<std::size_t>(failures.size(), config.window);
    const auto count = static_cast<double>(
        std::count(failures.end() - static_cast<std::ptrdiff_t>(looked_at), failures.end(), true));
    if (config.failure_count ? count >= *config.failure_count
                             : looked_at == config.window && count / config.window >= *config.failure_rate) {
      open(now);
    }
  }
  void open(Nanos now) {
    state = State::open;
    opened = now;
  }
};

TEST(CircuitBreaker, DoesWhatItsDefinitionSays) {
  EXPECT_TRUE(rc::check([] {
    CircuitBreakerConfig config;
    config.window = *rc::gen::inRange<std::uint32_t>(1, 8);
    if (*rc::gen::arbitrary<bool>()) {
      config.failure_count = *rc::gen::inRange<std::uint32_t>(1, config.window + 1);
    } else {
      config.failure_rate = *rc::gen::inRange(1, 101) / 100.0;
    }
    config.cool_down = Nanos(*rc::gen::inRange(1, 20));
    config.probes = *rc::gen::inRange<std::uint32_t>(1, 4);
    auto breaker = CircuitBreaker::make(config).value();
    Reference reference{.config = config};
    Nanos now(0);
    for (int i = 0; i < 100; ++i) {
      now += Nanos(*rc::gen::inRange(0, 6));
      const bool allowed = breaker.allows(now);
      RC_ASSERT(allowed == reference.allows(now));
      if (allowed) {
        const bool failed = *rc::gen::arbitrary<bool>();
        failed ? breaker.failure(now) : breaker.success(now);
        reference.answer(now, failed);
      }
      RC_ASSERT(breaker.state() == reference.state);
    }
    const auto& counts = breaker.counts();
    RC_ASSERT(counts.allowed + counts.rejected == 100U);
    RC_ASSERT(counts.succeeded + counts.failed == counts.allowed);
  }));
}

TEST(CircuitBreaker, IsAsNewAfterReset) {
  auto breaker = CircuitBreaker::make(by_count(2, 2)).value();
  breaker.failure(0s);
  breaker.failure(0s);
  ASSERT_EQ(breaker.state(), State::open);
  breaker.reset();
  EXPECT_EQ(breaker.state(), State::closed);
  EXPECT_EQ(breaker.counts().failed, 0U);
  breaker.failure(0s);
  EXPECT_EQ(breaker.state(), State::closed);
}

TEST(CircuitBreaker, NamesItsStates) {
  EXPECT_EQ(to_string(State::closed), "closed");
  EXPECT_EQ(to_string(State::open), "open");
  EXPECT_EQ(to_string(State::half_open), "half_open");
}

TEST(CircuitBreaker, RefusesValuesOutsideTheirRanges) {
  const auto refused_at = [](const CircuitBreakerConfig& config) {
    const auto made = CircuitBreaker::make(config);
    return made ? std::string("accepted") : made.error().where;
  };
  EXPECT_EQ(refused_at(by_count(1, 0)), "window");
  EXPECT_EQ(refused_at(by_count(1, CircuitBreaker::kMaxWindow + 1)), "window");
  EXPECT_EQ(refused_at(by_count(0, 5)), "failure_count");
  EXPECT_EQ(refused_at(by_count(6, 5)), "failure_count");
  for (const double wrong : {0.0, -0.5, 1.01, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_EQ(refused_at(by_rate(wrong, 5)), "failure_rate") << wrong;
  }
  EXPECT_EQ(refused_at(by_count(1, 1, 0s)), "cool_down");
  EXPECT_EQ(refused_at(by_count(1, 1, -1s)), "cool_down");
  EXPECT_EQ(refused_at(by_count(1, 1, 1s, 0)), "probes");
  CircuitBreakerConfig both = by_count(1, 5);
  both.failure_rate = 0.5;
  EXPECT_EQ(to_string(CircuitBreaker::make(both).error()),
            "failure_count: failure_count and failure_rate are both given; expected exactly one of them");
  CircuitBreakerConfig neither = by_count(1, 5);
  neither.failure_count.reset();
  EXPECT_EQ(refused_at(neither), "failure_count");
}

TEST(CircuitBreaker, AllocatesNothingOnceItIsMade) {
  auto breaker = CircuitBreaker::make(by_count(3, 100, 1ns)).value();
  {
    const RtGuardScope guard;
    for (int i = 0; i < 1000; ++i) {
      if (breaker.allows(Nanos(i))) { i % 2 == 0 ? breaker.failure(Nanos(i)) : breaker.success(Nanos(i)); }
    }
    breaker.reset();
  }
  EXPECT_TRUE(RtGuardScope::take_violations().empty());
}

}  // namespace
}  // namespace streamlab
