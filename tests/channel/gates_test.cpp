// tests/channel/gates_test.cpp
#include "engine/channel/gates.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/support/rt_guard.hpp"

namespace streamlab {
namespace {

using namespace std::chrono_literals;

std::vector<std::int64_t> some_times() {
  auto times = *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(-300, 300));
  std::sort(times.begin(), times.end());
  return times;
}

// Which items come out when each is offered at its time, and the end comes after the last.
template <class Gate>
std::vector<std::size_t> passed(Gate& gate, const std::vector<std::int64_t>& times) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (gate.take(Nanos(times[i]))) { out.push_back(i - 1); }
    gate.arrive(Nanos(times[i]));
  }
  if (gate.take_last()) { out.push_back(times.size() - 1); }
  return out;
}

TEST(ThrottleGate, LetsTheFirstOfEveryIntervalThrough) {
  EXPECT_TRUE(rc::check([] {
    const auto times = some_times();
    const auto interval = *rc::gen::inRange<std::int64_t>(1, 100);
    auto gate = ThrottleGate::make(Nanos(interval)).value();
    std::vector<std::int64_t> out;
    for (const std::int64_t time : times) {
      if (gate.pass(Nanos(time))) { out.push_back(time); }
    }
    // Every item is out, or came less than an interval after one that is.
    for (const std::int64_t time : times) {
      RC_ASSERT(std::any_of(out.begin(), out.end(),
                            [&](std::int64_t t) { return t <= time && time < t + interval; }));
    }
    for (std::size_t i = 1; i < out.size(); ++i) { RC_ASSERT(out[i] - out[i - 1] >= interval); }
    RC_ASSERT(gate.held_back() == times.size() - out.size());
  }));
}

TEST(ThrottleGate, OpensAgainExactlyAnIntervalLater) {
  auto gate = ThrottleGate::make(10ms).value();
  EXPECT_TRUE(gate.pass(-3ms));
  EXPECT_EQ(gate.opens_at(), 7ms);
  EXPECT_FALSE(gate.pass(7ms - 1ns));
  EXPECT_TRUE(gate.pass(7ms));
  EXPECT_FALSE(gate.pass(0ms));
  gate.reset();
  EXPECT_TRUE(gate.pass(0ms));
  EXPECT_EQ(gate.held_back(), 0U);
}

TEST(DebounceGate, LetsThroughWhatIsFollowedByASilence) {
  EXPECT_TRUE(rc::check([] {
    const auto times = some_times();
    const auto silence = *rc::gen::inRange<std::int64_t>(1, 100);
    auto gate = DebounceGate::make(Nanos(silence)).value();
    std::vector<std::size_t> expected;
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (i + 1 == times.size() || times[i + 1] - times[i] >= silence) { expected.push_back(i); }
    }
    RC_ASSERT(passed(gate, times) == expected);
    RC_ASSERT(gate.replaced() == times.size() - expected.size());
  }));
}

TEST(DebounceGate, IsDueOnceAfterTheLastItem) {
  auto gate = DebounceGate::make(5ms).value();
  EXPECT_EQ(gate.due_at(), DebounceGate::kNever);
  EXPECT_FALSE(gate.take(1h));
  gate.arrive(1ms);
  gate.arrive(3ms);
  EXPECT_EQ(gate.due_at(), 8ms);
  EXPECT_FALSE(gate.take(8ms - 1ns));
  EXPECT_TRUE(gate.take(8ms));
  EXPECT_FALSE(gate.take(9ms));
  EXPECT_FALSE(gate.take_last());
  gate.arrive(10ms);
  gate.arrive(2ms);  // a time that ran backwards
  EXPECT_EQ(gate.due_at(), 15ms);
  EXPECT_EQ(gate.replaced(), 2U);
  gate.reset();
  EXPECT_EQ(gate.due_at(), DebounceGate::kNever);
  EXPECT_EQ(gate.replaced(), 0U);
}

TEST(SampleGate, LetsTheNewestOfEveryCellOfItsGridThrough) {
  EXPECT_TRUE(rc::check([] {
    const auto times = some_times();
    const auto interval = *rc::gen::inRange<std::int64_t>(1, 100);
    const auto origin = *rc::gen::inRange<std::int64_t>(-50, 50);
    auto gate = SampleGate::make(Nanos(interval), Nanos(origin)).value();
    // No tick lies in (a, b] if no whole number of intervals does.
    const auto tick_between = [&](std::int64_t a, std::int64_t b) {
      for (std::int64_t t = a + 1; t <= b; ++t) {
        if ((t - origin) % interval == 0) { return true; }
      }
      return false;
    };
    std::vector<std::size_t> expected;
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (i + 1 == times.size() || tick_between(times[i], times[i + 1])) { expected.push_back(i); }
    }
    RC_ASSERT(passed(gate, times) == expected);
    RC_ASSERT(gate.replaced() == times.size() - expected.size());
  }));
}

TEST(SampleGate, IsDueAtTheNextTick) {
  auto gate = SampleGate::make(10ms, 3ms).value();
  EXPECT_EQ(gate.due_at(), SampleGate::kNever);
  gate.arrive(3ms);
  EXPECT_EQ(gate.due_at(), 13ms);
  gate.arrive(13ms - 1ns);
  EXPECT_EQ(gate.due_at(), 13ms);
  EXPECT_FALSE(gate.take(13ms - 1ns));
  EXPECT_TRUE(gate.take(13ms));
  EXPECT_FALSE(gate.take(23ms));  // nothing came since
  gate.reset();
  gate.arrive(-8ms);
  EXPECT_EQ(gate.due_at(), -7ms);
  EXPECT_TRUE(gate.take_last());
  EXPECT_FALSE(gate.take_last());
}

TEST(Gates, AreNeverDueBeyondTheEndOfTime) {
  auto debounce = DebounceGate::make(Nanos::max()).value();
  debounce.arrive(1s);
  EXPECT_FALSE(debounce.take(Nanos::max() - 1ns));
  auto sample = SampleGate::make(Nanos::max(), Nanos::min()).value();
  sample.arrive(Nanos::max() - 1ns);
  EXPECT_FALSE(sample.take(Nanos::max() - 1ns));
  auto throttle = ThrottleGate::make(Nanos::max()).value();
  EXPECT_TRUE(throttle.pass(1s));
  EXPECT_FALSE(throttle.pass(Nanos::max() - 1ns));
}

TEST(Gates, RefuseTimesThatAreNotAboveZero) {
  for (const Nanos wrong : {Nanos(0), Nanos(-1), Nanos::min()}) {
    EXPECT_EQ(ThrottleGate::make(wrong).error().where, "interval");
    EXPECT_EQ(DebounceGate::make(wrong).error().where, "silence");
    EXPECT_EQ(SampleGate::make(wrong).error().where, "interval");
  }
  EXPECT_EQ(to_string(DebounceGate::make(-1ns).error()), "silence: -1 ns is not above 0; expected above 0");
}

TEST(Gates, AllocateNothing) {
  auto throttle = ThrottleGate::make(3ns).value();
  auto debounce = DebounceGate::make(3ns).value();
  auto sample = SampleGate::make(3ns).value();
  {
    const RtGuardScope guard;
    for (int i = 0; i < 100; ++i) {
      throttle.pass(Nanos(i));
      debounce.arrive(Nanos(i));
      sample.arrive(Nanos(i));
      debounce.take(Nanos(i));
      sample.take(Nanos(i));
    }
  }
  EXPECT_TRUE(RtGuardScope::take_violations().empty());
}

}  // namespace
}  // namespace streamlab
