// tests/channel/rate_limiter_test.cpp
#include "engine/channel/rate_limiter.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/support/rt_guard.hpp"

namespace streamlab {
namespace {

using namespace std::chrono_literals;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A bucket in whole units of 10^-9 token, of which a whole rate gains exactly `rate` in a nanosecond.
struct ExactBucket {
  std::int64_t rate;
  std::int64_t burst;
  std::int64_t level = burst * 1'000'000'000;
  std::int64_t last_ns = 0;

  bool try_take(std::int64_t n, std::int64_t now_ns) {
    level = std::min(burst * 1'000'000'000, level + (now_ns - last_ns) * rate);
    last_ns = now_ns;
    if (level < n * 1'000'000'000) { return false; }
    level -= n * 1'000'000'000;
    return true;
  }
};

TEST(RateLimiter, TakesWhatAnExactBucketTakes) {
  EXPECT_TRUE(rc::check([] {
    const auto rate = *rc::gen::inRange<std::int64_t>(1, 1'000'000);
    const auto burst = *rc::gen::inRange<std::int64_t>(1, 1000);
    auto limiter = RateLimiter::make(static_cast<double>(rate), static_cast<double>(burst)).value();
    ExactBucket exact{.rate = rate, .burst = burst};
    std::int64_t now = 0;
    for (int i = 0; i < 200; ++i) {
      // Half of the steps are whole parts of the time for one token, so that levels meet demands exactly.
      const auto step = *rc::gen::inRange<std::int64_t>(0, 3'000'000'000 / rate);
      now += step;
      const auto n = *rc::gen::inRange<std::int64_t>(0, burst + 2);
      const Nanos ready = limiter.ready_at(static_cast<double>(n), Nanos(now));
      const bool taken = limiter.try_take(static_cast<double>(n), Nanos(now));
      RC_ASSERT(taken == exact.try_take(n, now));
      RC_ASSERT(taken == (ready == Nanos(now)));
    }
  }));
}

TEST(RateLimiter, GivesATokenAtTheVeryNanosecondAtWhichItIsDue) {
  for (const double rate : {1.0, 3.0, 10.0, 7.0, 1000.0, 0.1, 48000.0}) {
    auto limiter = RateLimiter::make(rate, 1.0).value();
    EXPECT_TRUE(limiter.try_take(1.0, 0ns));
    const Nanos due(std::llround(std::ceil(1e9 / rate)));
    EXPECT_EQ(limiter.ready_at(1.0, 0ns), due) << rate;
    EXPECT_FALSE(limiter.try_take(1.0, due - 1ns)) << rate;
    EXPECT_TRUE(limiter.try_take(1.0, due)) << rate;
  }
}

TEST(RateLimiter, IsNotANanosecondOffAfterABillionItems) {
  // Item by item in groups of 1000, each as early as it can be: the last one when 2000 + rate t = 10^9.
  constexpr std::int64_t kRate = 44100;
  constexpr std::int64_t kItems = 1'000'000'000;
  auto limiter = RateLimiter::make(kRate, 2000.0).value();
  Nanos now = 0ns;
  for (std::int64_t taken = 0; taken < kItems; taken += 1000) {
    now = limiter.ready_at(1000.0, now);
    ASSERT_TRUE(limiter.try_take(1000.0, now));
  }
  const std::int64_t exact = ((kItems - 2000) * 10'000'000 + kRate / 100 - 1) / (kRate / 100);
  EXPECT_EQ(now.count(), exact);
}

TEST(RateLimiter, GainsTheSameInManySmallStepsAsInOne) {
  auto many = RateLimiter::make(0.3, 5.0).value();
  auto once = RateLimiter::make(0.3, 5.0).value();
  ASSERT_TRUE(many.try_take(5.0, 0ns));
  ASSERT_TRUE(once.try_take(5.0, 0ns));
  for (int i = 1; i <= 1'000'000; ++i) { EXPECT_FALSE(many.try_take(1.0, Nanos(i))); }
  EXPECT_EQ(many.level(1'000'000ns), once.level(1'000'000ns));
  EXPECT_NEAR(once.level(1s), 0.3, 1e-16);  // tokens; half a unit in the last place of 0.3
}

TEST(RateLimiter, HoldsNoMoreThanTheBurst) {
  auto limiter = RateLimiter::make(100.0, 3.0).value();
  EXPECT_EQ(limiter.level(0ns), 3.0);
  EXPECT_TRUE(limiter.try_take(3.0, 0ns));
  EXPECT_EQ(limiter.level(std::chrono::hours(1'000'000)), 3.0);
  EXPECT_FALSE(limiter.try_take(1.0, 1ns));
}

TEST(RateLimiter, SaysThatADemandAboveTheBurstIsNeverMet) {
  auto limiter = RateLimiter::make(100.0, 3.0).value();
  EXPECT_TRUE(limiter.fits(3.0));
  for (const double n : {3.0000001, -1.0, kNan, kInfinity}) {
    EXPECT_FALSE(limiter.fits(n)) << n;
    EXPECT_EQ(limiter.ready_at(n, 5s), RateLimiter::kNever) << n;
    EXPECT_FALSE(limiter.try_take(n, std::chrono::hours(1))) << n;
  }
  EXPECT_EQ(limiter.level(0ns), 3.0);
}

TEST(RateLimiter, GainsNothingWhileTimeRunsBackwards) {
  auto limiter = RateLimiter::make(1.0, 1.0).value();
  EXPECT_TRUE(limiter.try_take(1.0, 10s));
  EXPECT_FALSE(limiter.try_take(1.0, 0s));
  EXPECT_FALSE(limiter.try_take(1.0, 10s));
  EXPECT_EQ(limiter.ready_at(1.0, 0s), 11s);
  EXPECT_TRUE(limiter.try_take(1.0, 11s));
}

TEST(RateLimiter, MayStartAtAnyTime) {
  auto limiter = RateLimiter::make(1.0, 2.0).value();
  EXPECT_TRUE(limiter.try_take(2.0, -5s));
  EXPECT_FALSE(limiter.try_take(1.0, -4500ms));
  EXPECT_TRUE(limiter.try_take(1.0, -4s));
}

TEST(RateLimiter, IsFullAgainAfterReset) {
  auto limiter = RateLimiter::make(1.0, 2.0).value();
  EXPECT_TRUE(limiter.try_take(2.0, 100s));
  limiter.reset();
  EXPECT_TRUE(limiter.try_take(2.0, 1s));
  EXPECT_EQ(limiter.ready_at(2.0, 1s), 3s);
}

TEST(RateLimiter, WorksAtTheEndsOfItsRanges) {
  auto fast = RateLimiter::make(RateLimiter::kMaxRate, 1e22).value();
  EXPECT_TRUE(fast.try_take(1e22, 0ns));
  EXPECT_EQ(fast.ready_at(1e9, 0ns), 1ns);
  EXPECT_EQ(fast.ready_at(1e22, 0ns), 10'000s);
  auto slow = RateLimiter::make(0x1p-30, 0.5).value();
  EXPECT_TRUE(slow.try_take(0.5, 0ns));
  EXPECT_FALSE(slow.try_take(0.5, std::chrono::seconds(1 << 29) - 1ns));
  EXPECT_TRUE(slow.try_take(0.5, std::chrono::seconds(1 << 29)));
}

TEST(RateLimiter, RefusesInvalidRatesAndBursts) {
  for (const double wrong : {0.0, -1.0, kNan, kInfinity, -kInfinity}) {
    ASSERT_FALSE(RateLimiter::make(wrong, 1.0)) << wrong;
    EXPECT_EQ(RateLimiter::make(wrong, 1.0).error().where, "rate");
    ASSERT_FALSE(RateLimiter::make(1.0, wrong)) << wrong;
    EXPECT_EQ(RateLimiter::make(1.0, wrong).error().where, "burst");
  }
  EXPECT_EQ(to_string(RateLimiter::make(0.0, 1.0).error()),
            "rate: 0 tokens per second is not a valid rate; expected above 0 and at most 1e+18");
  EXPECT_FALSE(RateLimiter::make(2e18, 1.0));
  EXPECT_FALSE(RateLimiter::make(1e-9, 1.1));
  EXPECT_FALSE(RateLimiter::make(1e-300, 1e300));
}

TEST(RateLimiter, AllocatesNothing) {
  auto limiter = RateLimiter::make(1000.0, 10.0).value();
  bool taken = false;
  {
    const RtGuardScope guard;
    for (int i = 0; i < 100; ++i) { taken = limiter.try_take(1.0, Nanos(i * 100'000)) || taken; }
    limiter.reset();
  }
  EXPECT_TRUE(taken);
  EXPECT_TRUE(RtGuardScope::take_violations().empty());
}

}  // namespace
}  // namespace streamlab
