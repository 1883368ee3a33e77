// tests/channel/backoff_test.cpp
#include "engine/channel/backoff.hpp"

#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/support/not_finite.hpp"
#include "tests/support/rt_guard.hpp"

namespace streamlab {
namespace {

using namespace std::chrono_literals;

std::vector<Nanos> delays(Backoff& backoff, std::size_t most) {
  std::vector<Nanos> all;
  while (all.size() < most) {
    const auto delay = backoff.next();
    if (!delay) { break; }
    all.push_back(*delay);
  }
  return all;
}

TEST(Backoff, GrowsByItsFactorUpToItsCap) {
  auto backoff = Backoff::make({.first = 100ms, .factor = 2.0, .cap = 1s}).value();
  EXPECT_THAT(delays(backoff, 6), testing::ElementsAre(100ms, 200ms, 400ms, 800ms, 1s, 1s));
  EXPECT_EQ(backoff.attempts(), 6U);
  EXPECT_EQ(backoff.waited(), 3500ms);
}

TEST(Backoff, EndsAfterItsAttempts) {
  auto backoff = Backoff::make({.first = 1ms, .attempts = 3}).value();
  EXPECT_EQ(delays(backoff, 10).size(), 3U);
  EXPECT_EQ(backoff.next(), std::nullopt);
  backoff.restart();
  EXPECT_EQ(backoff.next(), Nanos(1ms));
}

TEST(Backoff, EndsBeforeItsBudgetIsExceeded) {
  auto exact = Backoff::make({.first = 100ms, .budget = 700ms}).value();
  EXPECT_THAT(delays(exact, 10), testing::ElementsAre(100ms, 200ms, 400ms));
  auto short_of = Backoff::make({.first = 100ms, .budget = 700ms - 1ns}).value();
  EXPECT_THAT(delays(short_of, 10), testing::ElementsAre(100ms, 200ms));
  EXPECT_EQ(short_of.next(), std::nullopt);
  EXPECT_EQ(short_of.waited(), 300ms);
}

TEST(Backoff, TakesItsJitterFromSplitMix64) {
  // The first five outputs of SplitMix64 for the seed 1234567, as published with its reference
  // implementation's ports (Rosetta Code, "Pseudo-random numbers/Splitmix64").
  constexpr std::uint64_t kOutputs[] = {6457827717110365317U, 3203168211198807973U, 9817491932198370423U,
                                        4593380528125082431U, 16408922859458223821U};
  constexpr std::int64_t kFirst = std::int64_t{1} << 53;  // every u is a whole number of ns of it
  auto backoff =
      Backoff::make(
          {.first = Nanos(kFirst), .factor = 1.0, .cap = Nanos(kFirst), .jitter = 1.0, .seed = 1234567})
          .value();
  for (const std::uint64_t output : kOutputs) {
    EXPECT_EQ(backoff.next()->count(), kFirst - static_cast<std::int64_t>(output >> 11U));
  }
}

TEST(Backoff, StaysWithinItsJitter) {
  EXPECT_TRUE(rc::check([] {
    BackoffConfig config;
    config.first = Nanos(*rc::gen::inRange(1, 1'000'000));
    config.factor = 1.0 + *rc::gen::inRange(0, 300) / 100.0;
    config.cap = config.first + Nanos(*rc::gen::inRange(0, 1'000'000'000));
    config.jitter = *rc::gen::inRange(0, 101) / 100.0;
    config.seed = *rc::gen::arbitrary<std::uint64_t>();
    auto backoff = Backoff::make(config).value();
    Nanos sum(0);
    for (int n = 0; n < 30; ++n) {
      const double full = std::min(static_cast<double>(config.cap.count()),
                                   static_cast<double>(config.first.count()) * std::pow(config.factor, n));
      const auto delay = static_cast<double>(backoff.next().value().count());
      // ns: half of one from rounding, the rest from the powers' own (30 roundings of 1e9).
      RC_ASSERT(delay <= full + 0.6);
      RC_ASSERT(delay >= full * (1.0 - config.jitter) - 0.6);
      sum += Nanos(std::llround(delay));
    }
    RC_ASSERT(backoff.waited() == sum);
  }));
}

TEST(Backoff, RepeatsItselfAfterReset) {
  auto backoff = Backoff::make({.first = 1s, .jitter = 0.5, .seed = 7}).value();
  const auto first = delays(backoff, 5);
  backoff.restart();
  EXPECT_NE(delays(backoff, 5), first);  // the random numbers went on
  backoff.reset();
  EXPECT_EQ(delays(backoff, 5), first);
}

TEST(Backoff, HoldsTheLongestDelays) {
  auto backoff = Backoff::make({.first = 1ns, .factor = 1e300, .cap = Nanos::max()}).value();
  EXPECT_EQ(backoff.next(), Nanos(1));
  EXPECT_EQ(backoff.next(), std::nullopt);  // 1 ns and Nanos::max() are above any budget
  EXPECT_EQ(backoff.waited(), Nanos(1));
}

TEST(Backoff, RefusesValuesOutsideTheirRanges) {
  const auto refused_at = [](const BackoffConfig& config) {
    const auto made = Backoff::make(config);
    return made ? std::string("accepted") : made.error().where;
  };
  EXPECT_EQ(refused_at({}), "accepted");
  EXPECT_EQ(refused_at({.first = 0ns}), "first");
  EXPECT_EQ(refused_at({.first = -1ns}), "first");
  for (const double wrong : {0.99, 0.0, -2.0, test::kNaN, test::kInfinity}) {
    EXPECT_EQ(refused_at({.factor = wrong}), "factor") << wrong;
  }
  EXPECT_EQ(refused_at({.first = 2s, .cap = 1s}), "cap");
  for (const double wrong : {-0.1, 1.1, test::kNaN}) {
    EXPECT_EQ(refused_at({.jitter = wrong}), "jitter") << wrong;
  }
  EXPECT_EQ(refused_at({.attempts = 0}), "attempts");
  EXPECT_EQ(refused_at({.budget = 0ns}), "budget");
}

TEST(Backoff, AllocatesNothing) {
  auto backoff = Backoff::make({.jitter = 0.5}).value();
  {
    const RtGuardScope guard;
    for (int i = 0; i < 100; ++i) { static_cast<void>(backoff.next()); }
  }
  EXPECT_TRUE(RtGuardScope::take_violations().empty());
}

}  // namespace
}  // namespace streamlab
