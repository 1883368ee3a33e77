// tests/channel/clock_test.cpp
#include "engine/channel/clock.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace streamlab {
namespace {

using namespace std::chrono_literals;
using Advance = VirtualClock::Advance;

TEST(SteadyClock, IsTheClockOfTheMachine) {
  const auto before = std::chrono::steady_clock::now();
  const auto now = steady_clock().now();
  EXPECT_LE(before, now);
  EXPECT_LE(now, std::chrono::steady_clock::now());
  WakeSignal signal;
  EXPECT_FALSE(steady_clock().wait(signal, signal.ticket(), now));
  const auto ticket = signal.ticket();
  signal.notify();
  EXPECT_TRUE(steady_clock().wait(signal, ticket, Clock::kNoDeadline));
}

TEST(Clock, AddsDurationsAsFarAsThereIsTime) {
  VirtualClock clock(Advance::by_hand);
  EXPECT_EQ(clock.after(5s), VirtualClock::kStart + 5s);
  EXPECT_EQ(clock.after(-5s), VirtualClock::kStart - 5s);
  EXPECT_EQ(clock.after(Clock::Duration::max()), Clock::kNoDeadline);
}

TEST(VirtualClock, MovesOnlyForward) {
  VirtualClock clock(Advance::by_hand);
  EXPECT_EQ(clock.now(), VirtualClock::kStart);
  clock.advance(3ms);
  EXPECT_EQ(clock.now(), VirtualClock::kStart + 3ms);
  clock.advance_to(VirtualClock::kStart);
  EXPECT_EQ(clock.now(), VirtualClock::kStart + 3ms);
  clock.advance_to(VirtualClock::kStart + 1h);
  EXPECT_EQ(clock.now(), VirtualClock::kStart + 1h);
}

TEST(VirtualClock, JumpsToTheDeadlineWhenIdle) {
  VirtualClock clock(Advance::when_idle);
  WakeSignal signal;
  const auto deadline = clock.now() + 10h;
  EXPECT_FALSE(clock.wait(signal, signal.ticket(), deadline));
  EXPECT_EQ(clock.now(), deadline);
  EXPECT_FALSE(clock.wait(signal, signal.ticket(), deadline));  // reached already
  EXPECT_EQ(clock.now(), deadline);
}

TEST(VirtualClock, DoesNotJumpOverANotification) {
  VirtualClock clock(Advance::when_idle);
  WakeSignal signal;
  const auto ticket = signal.ticket();
  signal.notify();
  EXPECT_TRUE(clock.wait(signal, ticket, clock.now() + 10h));
  EXPECT_EQ(clock.now(), VirtualClock::kStart);
}

TEST(VirtualClock, WhenIdleReallySleepsWithoutADeadline) {
  VirtualClock clock(Advance::when_idle);
  WakeSignal signal;
  bool notified = false;
  std::thread sleeper([&] { notified = clock.wait(signal, signal.ticket(), Clock::kNoDeadline); });
  clock.wait_for_waiters(1);
  EXPECT_EQ(clock.now(), VirtualClock::kStart);
  signal.notify();
  sleeper.join();
  EXPECT_TRUE(notified);
}

TEST(VirtualClock, ByHandEndsExactlyTheWaitsWhoseDeadlineIsReached) {
  VirtualClock clock(Advance::by_hand);
  std::vector<std::unique_ptr<WakeSignal>> signals;
  std::vector<std::thread> sleepers;
  std::atomic<int> timed_out{0};
  std::atomic<int> notified{0};
  for (int i = 1; i <= 4; ++i) {
    signals.push_back(std::make_unique<WakeSignal>());
    sleepers.emplace_back([&, i, &signal = *signals.back()] {
      const bool woken = clock.wait(signal, signal.ticket(), VirtualClock::kStart + i * 1s);
      (woken ? notified : timed_out).fetch_add(1);
    });
  }
  clock.wait_for_waiters(4);
  clock.advance(2s);  // the deadline itself counts
  sleepers[0].join();
  sleepers[1].join();
  EXPECT_EQ(timed_out.load(), 2);
  EXPECT_EQ(notified.load(), 0);
  signals[2]->notify();
  sleepers[2].join();
  EXPECT_EQ(notified.load(), 1);
  clock.wait_for_waiters(1);
  clock.advance(2s);
  sleepers[3].join();
  EXPECT_EQ(timed_out.load(), 3);
}

}  // namespace
}  // namespace streamlab
