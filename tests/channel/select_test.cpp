// tests/channel/select_test.cpp
#include "engine/channel/select.hpp"

#include <array>
#include <optional>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/channel/broadcast.hpp"
#include "engine/channel/mpsc.hpp"
#include "engine/channel/oneshot.hpp"
#include "engine/channel/watch.hpp"

namespace streamlab {
namespace {

using namespace std::chrono_literals;

// What receiver I gave, which must be a value.
template <std::size_t I, class Selected>
auto value_of(Selected& selected) {
  auto* const received = selected.template from<I>();
  EXPECT_TRUE(received != nullptr && received->has_value());
  return received != nullptr && received->has_value()
             ? **received
             : typename std::remove_reference_t<decltype(*received)>::value_type{};
}

TEST(Select, FindsWhatThereIsInEveryKindOfChannel) {
  auto numbers = mpsc<int>(1);
  const auto texts = broadcast<std::string>(1);
  auto subscriber = texts.subscribe(OnLag::lose);
  auto answer = oneshot<double>();
  auto setting = watch<char>('a');
  const auto find = [&] { return select(numbers.receiver, subscriber, answer.receiver, setting.receiver); };

  EXPECT_TRUE(numbers.sender.send(1));
  {
    auto got = find();
    ASSERT_EQ(got.index(), 0U);
    EXPECT_EQ(value_of<0>(got), 1);
    EXPECT_EQ(got.from<1>(), nullptr);
  }
  EXPECT_TRUE(texts.send("text"));
  {
    auto got = find();
    ASSERT_EQ(got.index(), 1U);
    EXPECT_EQ(value_of<1>(got), "text");
  }
  EXPECT_TRUE(answer.sender.send(0.5));
  {
    auto got = find();
    ASSERT_EQ(got.index(), 2U);
    EXPECT_EQ(value_of<2>(got), 0.5);
  }
  EXPECT_TRUE(setting.sender.send('b'));
  {
    auto got = find();
    ASSERT_EQ(got.index(), 3U);
    EXPECT_EQ(value_of<3>(got), 'b');
  }
  EXPECT_EQ(try_select(numbers.receiver, subscriber, answer.receiver, setting.receiver).why(), Why::empty);
}

TEST(Select, TellsWhatASubscriberHasLost) {
  const auto sender = broadcast<int>(1);
  auto receiver = sender.subscribe(OnLag::lose);
  for (int i = 0; i < 3; ++i) { EXPECT_TRUE(sender.send(i)); }
  auto got = select(receiver);
  auto* const received = got.from<0>();
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->why(), Why::lagged);
  EXPECT_EQ(received->lost(), 2U);
}

TEST(Select, ServesInTurnAllThatHaveSomething) {
  auto a = mpsc<int>(100);
  auto b = mpsc<int>(100);
  auto c = mpsc<int>(100);
  for (int i = 0; i < 100; ++i) {
    for (const auto* sender : {&a.sender, &b.sender, &c.sender}) { ASSERT_TRUE(sender->send(i)); }
  }
  Selector selector(SelectOrder::fair, a.receiver, b.receiver, c.receiver);
  for (std::size_t i = 0; i < 300; ++i) { ASSERT_EQ(selector.select().index(), i % 3); }
}

// Two loops of the free function take turns on one thread: in neither is a receiver starved.
TEST(Select, IsFairWithoutASelectorToo) {
  constexpr int kValues = 1000;
  auto a = mpsc<int>(kValues);
  auto b = mpsc<int>(kValues);
  auto c = mpsc<int>(kValues);
  auto d = mpsc<int>(kValues);
  for (int i = 0; i < kValues; ++i) {
    for (const auto* sender : {&a.sender, &b.sender, &c.sender, &d.sender}) { ASSERT_TRUE(sender->send(i)); }
  }
  std::array<int, 2> first{};
  std::array<int, 2> second{};
  for (int i = 0; i < kValues; ++i) {
    ++first[select(a.receiver, b.receiver).index()];
    ++second[select(c.receiver, d.receiver).index()];
  }
  // The golden ratio spreads n starts over two receivers with an error of the order of log n.
  for (const int count : {first[0], first[1], second[0], second[1]}) { EXPECT_NEAR(count, kValues / 2, 20); }
}

TEST(Select, ByPriorityServesTheFirstThatHasSomething) {
  auto urgent = mpsc<int>(10);
  auto other = mpsc<int>(10);
  for (int i = 0; i < 3; ++i) { EXPECT_TRUE(other.sender.send(i)); }
  EXPECT_EQ(select_by_priority(urgent.receiver, other.receiver).index(), 1U);
  EXPECT_TRUE(urgent.sender.send(1));
  EXPECT_TRUE(urgent.sender.send(2));
  EXPECT_EQ(select_by_priority(urgent.receiver, other.receiver).index(), 0U);
  EXPECT_EQ(select_by_priority(urgent.receiver, other.receiver).index(), 0U);
  EXPECT_EQ(select_by_priority(urgent.receiver, other.receiver).index(), 1U);
}

TEST(Select, PassesOverClosedChannelsUntilAllAre) {
  auto a = mpsc<int>(10);
  auto b = mpsc<int>(10);
  EXPECT_TRUE(a.sender.send(1));
  a.sender.close();
  EXPECT_EQ(select_by_priority(a.receiver, b.receiver).index(), 0U);
  EXPECT_EQ(try_select(a.receiver, b.receiver).why(), Why::empty);
  EXPECT_TRUE(b.sender.send(2));
  EXPECT_EQ(select_by_priority(a.receiver, b.receiver).index(), 1U);
  b.sender.close();
  EXPECT_EQ(select(a.receiver, b.receiver).why(), Why::closed);
  EXPECT_EQ(try_select(a.receiver, b.receiver).why(), Why::closed);
}

TEST(Select, EndsAtTheDeadlineAndByAStop) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  auto a = mpsc<int>(1, OverflowPolicy::block, clock);
  auto b = mpsc<int>(1, OverflowPolicy::block, clock);
  EXPECT_EQ(select_for(4s, a.receiver, b.receiver).why(), Why::timed_out);
  EXPECT_EQ(clock.now(), VirtualClock::kStart + 4s);
  EXPECT_EQ(select_until(clock.now(), a.receiver, b.receiver).why(), Why::timed_out);
  EXPECT_TRUE(b.sender.send(1));
  EXPECT_EQ(select_until(VirtualClock::kStart, a.receiver, b.receiver).index(), 1U);
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(select(source.get_token(), a.receiver, b.receiver).why(), Why::stopped);
}

TEST(Select, SleepsUntilAnyOfThemHasSomething) {
  VirtualClock clock(VirtualClock::Advance::by_hand);
  auto a = mpsc<int>(4, OverflowPolicy::block, clock);
  auto b = oneshot<int>(clock);
  const auto c = broadcast<int>(4, clock);
  auto subscriber = c.subscribe();
  auto d = watch<int>(0, clock);
  for (const std::size_t which : {3U, 0U, 2U, 1U}) {
    std::size_t got = 99;
    std::thread waiting([&] { got = select(a.receiver, b.receiver, subscriber, d.receiver).index(); });
    clock.wait_for_waiters(1);
    EXPECT_TRUE(which == 0   ? a.sender.send(1)
                : which == 1 ? b.sender.send(1)
                : which == 2 ? c.send(1)
                             : d.sender.send(1));
    waiting.join();
    EXPECT_EQ(got, which);
  }
}

TEST(Select, WakesByAStopAndByTheLastClose) {
  VirtualClock clock(VirtualClock::Advance::by_hand);
  auto a = mpsc<int>(4, OverflowPolicy::block, clock);
  auto b = mpsc<int>(4, OverflowPolicy::block, clock);
  std::optional<Why> why;
  {
    std::stop_source source;
    std::thread waiting([&] { why = select(source.get_token(), a.receiver, b.receiver).why(); });
    clock.wait_for_waiters(1);
    source.request_stop();
    waiting.join();
    EXPECT_EQ(why, Why::stopped);
  }
  std::thread waiting([&] { why = select(a.receiver, b.receiver).why(); });
  clock.wait_for_waiters(1);
  a.sender.close();
  clock.wait_for_waiters(1);  // asleep again
  b.sender.close();
  waiting.join();
  EXPECT_EQ(why, Why::closed);
}

TEST(Select, LooksAroundForRealTimeSenders) {
  VirtualClock clock(VirtualClock::Advance::by_hand);
  auto a = mpsc<int>(4, OverflowPolicy::block, clock);
  auto b = mpsc<int>(4, OverflowPolicy::block, clock);
  auto rt = b.sender.rt_sender();
  std::size_t got = 99;
  std::thread waiting([&] { got = select(a.receiver, b.receiver).index(); });
  clock.wait_for_waiters(1);
  EXPECT_TRUE(rt.try_send(1));
  clock.advance(kRealTimePollPeriod);
  waiting.join();
  EXPECT_EQ(got, 1U);
}

}  // namespace
}  // namespace streamlab
