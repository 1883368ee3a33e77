// tests/rt/wake_signal_test.cpp
#include "engine/rt/wake_signal.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace streamlab {
namespace {

using namespace std::chrono_literals;
const auto kLongAgo = WakeSignal::Clock::time_point{};

TEST(WakeSignal, DoesNotSleepWhenNotifiedSinceTheTicket) {
  WakeSignal signal;
  const auto ticket = signal.ticket();
  signal.notify();
  signal.wait(ticket);  // without a deadline: hangs if the notification was lost
  EXPECT_TRUE(signal.wait(ticket, kLongAgo));
}

TEST(WakeSignal, GivesUpAtTheDeadline) {
  WakeSignal signal;
  EXPECT_FALSE(signal.wait(signal.ticket(), kLongAgo));
  EXPECT_FALSE(signal.wait(signal.ticket(), 0ns));
  EXPECT_FALSE(signal.wait(signal.ticket(), 1us));
}

TEST(WakeSignal, TakesAnOldNotificationForNoNewOne) {
  WakeSignal signal;
  signal.notify();
  EXPECT_FALSE(signal.wait(signal.ticket(), kLongAgo));
}

TEST(WakeSignal, TakesTheLongestTimeOutForNone) {
  WakeSignal signal;
  const auto ticket = signal.ticket();
  std::thread notifier([&] { signal.notify(); });
  EXPECT_TRUE(signal.wait(ticket, std::chrono::nanoseconds::max()));
  notifier.join();
}

// Two threads hand a number to and fro, each asleep while it is the other's turn, with no deadline: a single
// lost wake-up hangs the test.
TEST(WakeSignal, LosesNoWakeUpBetweenTwoThreads) {
  constexpr std::uint32_t kTurns = 2000;
  WakeSignal signal;
  std::atomic<std::uint32_t> turn{0};
  const auto play = [&](std::uint32_t me) {
    for (std::uint32_t mine = me; mine < kTurns; mine += 2) {
      while (true) {
        const auto ticket = signal.ticket();
        if (turn.load(std::memory_order_relaxed) == mine) { break; }
        signal.wait(ticket);
      }
      turn.store(mine + 1, std::memory_order_relaxed);
      signal.notify();
    }
  };
  std::thread other([&] { play(1); });
  play(0);
  other.join();
  EXPECT_EQ(turn.load(), kTurns);
}

// What was written before notify() is seen after the wake-up, although the data itself is not atomic: the
// thread sanitizer checks that.
TEST(WakeSignal, HandsOverWhatWasWrittenBefore) {
  WakeSignal signal;
  const auto ticket = signal.ticket();
  int data = 0;
  std::thread writer([&] {
    data = 42;
    signal.notify();
  });
  signal.wait(ticket);
  EXPECT_EQ(data, 42);
  writer.join();
}

TEST(WakeSignal, WakesEveryWaiter) {
  WakeSignal signal;
  const auto ticket = signal.ticket();
  std::atomic<int> awake{0};
  std::vector<std::thread> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back([&] {
      signal.wait(ticket);
      awake.fetch_add(1);
    });
  }
  signal.notify();
  for (auto& waiter : waiters) { waiter.join(); }
  EXPECT_EQ(awake.load(), 4);
}

}  // namespace
}  // namespace streamlab
