// tests/channel/wake_list_test.cpp
#include "engine/channel/wake_list.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "engine/channel/outcome.hpp"

namespace streamlab {
namespace {

std::shared_ptr<WakeSignal> make_signal() { return std::make_shared<WakeSignal>(); }

TEST(WakeList, NotifiesEverySignalOnce) {
  WakeList list;
  const auto one = make_signal();
  const auto two = make_signal();
  list.arm(one);
  list.arm(two);
  list.arm(one);  // kept once
  const auto before_one = one->ticket();
  const auto before_two = two->ticket();
  list.fire();
  EXPECT_EQ(one->ticket(), before_one + 1);
  EXPECT_EQ(two->ticket(), before_two + 1);
  list.fire();  // no signal is armed any more
  EXPECT_EQ(one->ticket(), before_one + 1);
}

TEST(WakeList, LeavesADisarmedSignalAlone) {
  WakeList list;
  const auto one = make_signal();
  const auto two = make_signal();
  list.arm(one);
  list.arm(two);
  list.disarm(*one);
  list.disarm(*one);  // not armed: nothing to do
  const auto before = one->ticket();
  list.fire();
  EXPECT_EQ(one->ticket(), before);
}

TEST(WakeList, NotifiesOneAtATimeInTheOrderOfArming) {
  WakeList list;
  const auto one = make_signal();
  const auto two = make_signal();
  list.arm(one);
  list.arm(two);
  const auto before_one = one->ticket();
  const auto before_two = two->ticket();
  list.fire_one();
  EXPECT_EQ(one->ticket(), before_one + 1);
  EXPECT_EQ(two->ticket(), before_two);
  list.fire_one();
  EXPECT_EQ(two->ticket(), before_two + 1);
}

TEST(WakeList, KeepsASignalAliveWhileItIsArmed) {
  WakeList list;
  auto signal = make_signal();
  const std::weak_ptr<WakeSignal> watched = signal;
  list.arm(std::move(signal));
  EXPECT_FALSE(watched.expired());
  list.fire();
  EXPECT_TRUE(watched.expired());
}

// Two threads hand a number to and fro, each asleep while it is the other's turn, with no deadline: a single
// lost wake-up hangs the test.
TEST(WakeList, LosesNoWakeUp) {
  constexpr std::uint32_t kTurns = 2000;
  WakeList list;
  std::atomic<std::uint32_t> turn{0};
  const auto play = [&](std::uint32_t me) {
    const auto& signal = this_thread_signal();
    for (std::uint32_t mine = me; mine < kTurns; mine += 2) {
      while (true) {
        const auto ticket = signal->ticket();
        list.arm(signal);
        if (turn.load(std::memory_order_relaxed) == mine) { break; }
        signal->wait(ticket);
      }
      turn.store(mine + 1, std::memory_order_relaxed);
      list.fire();
    }
  };
  std::thread other([&] { play(1); });
  play(0);
  other.join();
  EXPECT_EQ(turn.load(), kTurns);
}

TEST(Why, HasAWordForEveryReason) {
  EXPECT_EQ(to_string(Why::closed), "closed");
  EXPECT_EQ(to_string(Why::stopped), "stopped");
  EXPECT_EQ(to_string(Why::timed_out), "timed out");
  EXPECT_EQ(to_string(Why::empty), "empty");
  EXPECT_EQ(to_string(Why::full), "full");
  EXPECT_EQ(to_string(Why::lagged), "lagged");
}

TEST(Received, IsAValueOrTheReasonWhyThereIsNone) {
  Received<int> value(7);
  EXPECT_TRUE(value);
  EXPECT_EQ(*value, 7);
  EXPECT_EQ(value.lost(), 0U);
  const Received<int> none(Why::timed_out);
  EXPECT_FALSE(none);
  EXPECT_EQ(none.why(), Why::timed_out);
  const auto lagged = Received<int>::lagged(3);
  EXPECT_EQ(lagged.why(), Why::lagged);
  EXPECT_EQ(lagged.lost(), 3U);
}

}  // namespace
}  // namespace streamlab
