// tests/channel/watch_test.cpp
#include "engine/channel/watch.hpp"

#include <memory>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/rt_guard.hpp"

namespace streamlab {
namespace {

using namespace std::chrono_literals;

TEST(Watch, AlwaysHasAValueAndSaysWhenItIsNew) {
  auto [sender, receiver] = watch<int>(1);
  EXPECT_EQ(*receiver.borrow(), 1);
  EXPECT_EQ(receiver.try_changed().why(), Why::empty);  // the initial value is not a change
  EXPECT_TRUE(sender.send(2));
  EXPECT_TRUE(sender.send(3));
  EXPECT_EQ(*receiver.borrow(), 3);
  EXPECT_EQ(*sender.borrow(), 3);
  EXPECT_EQ(receiver.size(), 1U);
  EXPECT_TRUE(receiver.changed());
  EXPECT_EQ(receiver.size(), 0U);
  EXPECT_EQ(receiver.try_changed().why(), Why::empty);
  EXPECT_EQ(receiver.counters(), (ChannelCounters{2, 1, 1, 0}));
}

TEST(Watch, GivesACopyOfAValueNotSeenYet) {
  auto [sender, receiver] = watch<int>(1);
  EXPECT_EQ(receiver.try_receive().why(), Why::empty);
  EXPECT_TRUE(sender.send(2));
  EXPECT_EQ(*receiver.receive(), 2);
  EXPECT_EQ(receiver.try_receive().why(), Why::empty);
}

TEST(Watch, KeepsWhatIsBorrowedAsItIs) {
  auto [sender, receiver] = watch<int>(1);
  const auto held = receiver.borrow();
  EXPECT_TRUE(sender.send(2));
  EXPECT_EQ(*held, 1);
}

TEST(Watch, CarriesWhatCannotBeCopied) {
  auto [sender, receiver] = watch<std::unique_ptr<int>>(std::make_unique<int>(1));
  EXPECT_TRUE(sender.send(std::make_unique<int>(2)));
  EXPECT_TRUE(receiver.changed());
  EXPECT_EQ(**receiver.borrow(), 2);
}

TEST(Watch, ShowsEveryReceiverItsOwnChanges) {
  auto [sender, one] = watch<int>(0);
  EXPECT_TRUE(sender.send(1));
  auto two = one.clone();           // has seen what the first has: nothing
  auto three = sender.subscribe();  // has seen what there is
  EXPECT_EQ(sender.receiver_count(), 3U);
  EXPECT_TRUE(one.try_changed());
  EXPECT_TRUE(two.try_changed());
  EXPECT_EQ(three.try_changed().why(), Why::empty);
  EXPECT_TRUE(sender.send(2));
  EXPECT_TRUE(three.try_changed());
  EXPECT_EQ(three.counters(), (ChannelCounters{1, 1, 0, 0}));
}

TEST(Watch, GivesTheLastValueAndThenEnds) {
  auto channel = watch<int>(0);
  std::optional<WatchSender<int>> one = std::move(channel.sender);
  std::optional<WatchSender<int>> two = one->clone();
  EXPECT_TRUE(one->send(1));
  one.reset();
  EXPECT_EQ(*channel.receiver.receive(), 1);
  EXPECT_TRUE(two->send(2));
  two.reset();
  EXPECT_TRUE(channel.receiver.closed());
  EXPECT_TRUE(channel.receiver.changed());
  EXPECT_EQ(channel.receiver.changed().why(), Why::closed);
  EXPECT_EQ(channel.receiver.receive().why(), Why::closed);
  EXPECT_EQ(*channel.receiver.borrow(), 2);  // still there
}

TEST(Watch, TellsSendersThatThereIsNoReceiver) {
  auto channel = watch<std::unique_ptr<int>>(nullptr);
  { const auto gone = std::move(channel.receiver); }
  auto value = std::make_unique<int>(1);
  EXPECT_EQ(channel.sender.send(std::move(value)).why(), Why::closed);
  EXPECT_NE(value, nullptr);
  EXPECT_FALSE(channel.sender.closed());
  auto again = channel.sender.subscribe();
  EXPECT_TRUE(channel.sender.send(std::move(value)));
  EXPECT_TRUE(again.try_changed());
  again.close();
  EXPECT_EQ(channel.sender.send(nullptr).why(), Why::closed);
}

TEST(Watch, EndsAWaitAtTheDeadlineAndByAStop) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  auto [sender, receiver] = watch<int>(0, clock);
  EXPECT_EQ(receiver.changed_for(2s).why(), Why::timed_out);
  EXPECT_EQ(receiver.receive_for(2s).why(), Why::timed_out);
  EXPECT_EQ(clock.now(), VirtualClock::kStart + 4s);
  std::stop_source source;
  source.request_stop();
  EXPECT_TRUE(sender.send(1));
  EXPECT_EQ(receiver.changed(source.get_token()).why(), Why::stopped);
  EXPECT_EQ(receiver.size(), 1U);
}

TEST(Watch, WakesEveryReceiver) {
  VirtualClock clock(VirtualClock::Advance::by_hand);
  auto [sender, one] = watch<int>(0, clock);
  auto two = one.clone();
  std::thread first([&receiver = one] { EXPECT_TRUE(receiver.changed()); });
  std::thread second([&receiver = two] { EXPECT_EQ(*receiver.receive(), 5); });
  clock.wait_for_waiters(2);
  EXPECT_TRUE(sender.send(5));
  first.join();
  second.join();
}

TEST(WatchRtSender, SendsWithoutAllocationOrSystemCall) {
  auto [sender, receiver] = watch<std::array<double, 16>>({});
  auto rt = sender.rt_sender();
  std::array<double, 16> value{};
  bool sent = true;
  RtGuardScope::take_violations();
  {
    const RtGuardScope guarded;
    for (int i = 1; i <= 20; ++i) {
      value.fill(i);
      sent = sent && rt.try_send(value);
      sent = sent && rt.try_send_with([i](std::array<double, 16>& next) noexcept { next.fill(-i); });
    }
  }
  EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty());
  EXPECT_TRUE(sent);
  EXPECT_EQ(receiver.receive()->front(), -20.0);
  EXPECT_EQ(receiver.counters(), (ChannelCounters{40, 1, 39, 0}));
}

TEST(WatchRtSender, IsFoundByAReceiverThatWaits) {
  VirtualClock clock(VirtualClock::Advance::by_hand);
  auto [sender, receiver] = watch<int>(0, clock);
  auto rt = sender.rt_sender();
  int got = 0;
  std::thread waiting([&got, &waiter = receiver] { got = *waiter.receive(); });
  clock.wait_for_waiters(1);
  EXPECT_TRUE(rt.try_send(7));
  clock.advance(kRealTimePollPeriod);
  waiting.join();
  EXPECT_EQ(got, 7);
}

TEST(WatchRtSender, KeepsTheChannelOpenAndEndsItWithItsLastValue) {
  auto channel = watch<int>(0);
  std::optional<WatchRtSender<int>> rt = channel.sender.rt_sender();
  { const auto gone = std::move(channel.sender); }
  EXPECT_FALSE(channel.receiver.closed());
  EXPECT_GT(channel.receiver.poll_period(), 0ns);
  EXPECT_TRUE(rt->try_send(1));
  rt.reset();
  EXPECT_EQ(*channel.receiver.receive(), 1);
  EXPECT_EQ(channel.receiver.receive().why(), Why::closed);
  EXPECT_EQ(channel.receiver.poll_period(), 0ns);
}

TEST(WatchRtSender, LearnsThatTheChannelIsClosed) {
  auto [sender, receiver] = watch<int>(0);
  auto rt = sender.rt_sender();
  receiver.close();
  EXPECT_EQ(rt.try_send(1).why(), Why::closed);
  auto late = sender.rt_sender();
  EXPECT_EQ(late.try_send(1).why(), Why::closed);
  EXPECT_EQ(receiver.receive().why(), Why::closed);
}

TEST(Watch, AnEndThatWasMovedFromIsClosed) {
  auto [sender, receiver] = watch<int>(1);
  auto rt = sender.rt_sender();
  const auto kept_rt = std::move(rt);
  const auto kept_sender = std::move(sender);
  const auto kept_receiver = std::move(receiver);
  // NOLINTBEGIN(bugprone-use-after-move): that is the test
  EXPECT_EQ(sender.send(1).why(), Why::closed);
  EXPECT_EQ(sender.clone().send(1).why(), Why::closed);
  EXPECT_EQ(sender.rt_sender().try_send(1).why(), Why::closed);
  EXPECT_EQ(rt.try_send(1).why(), Why::closed);
  EXPECT_EQ(sender.borrow(), nullptr);
  EXPECT_EQ(sender.subscribe().borrow(), nullptr);
  EXPECT_EQ(receiver.borrow(), nullptr);
  EXPECT_EQ(receiver.receive().why(), Why::closed);
  EXPECT_EQ(receiver.changed().why(), Why::closed);
  EXPECT_EQ(receiver.clone().try_changed().why(), Why::closed);
  // NOLINTEND(bugprone-use-after-move)
}

}  // namespace
}  // namespace streamlab
