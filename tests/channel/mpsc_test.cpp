// tests/channel/mpsc_test.cpp
//
// mpsc on one thread: what each policy promises, how channels end, and any sequence of calls against a model.
#include "engine/channel/mpsc.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/channel/take_all.hpp"

namespace streamlab {
namespace {

using namespace std::chrono_literals;
using test::take_all;
using testing::ElementsAre;

void send_range(const MpscSender<int>& sender, int from, int to) {
  for (int i = from; i < to; ++i) { ASSERT_TRUE(sender.try_send(i)); }
}

TEST(Mpsc, DeliversInOrder) {
  auto [sender, receiver] = mpsc<int>(4);
  send_range(sender, 0, 4);
  EXPECT_EQ(receiver.size(), 4U);
  EXPECT_THAT(take_all(receiver), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(receiver.try_receive().why(), Why::empty);
  EXPECT_EQ(receiver.counters(), (ChannelCounters{4, 4, 0, 0}));
}

TEST(Mpsc, HoldsExactlyItsCapacity) {
  for (const std::size_t capacity : {1U, 2U, 3U, 5U, 8U, 100U}) {
    auto [sender, receiver] = mpsc<std::size_t>(capacity);
    EXPECT_EQ(receiver.capacity(), capacity);
    std::size_t next = 0;
    std::size_t expected = 0;
    for (int round = 0; round < 10; ++round) {  // at every place of the ring
      while (sender.try_send(next)) { ++next; }
      EXPECT_EQ(receiver.size(), capacity);
      EXPECT_EQ(sender.try_send(next).why(), Why::full);
      const std::size_t taken = 1 + static_cast<std::size_t>(round) % capacity;
      for (std::size_t i = 0; i < taken; ++i) { EXPECT_EQ(*receiver.try_receive(), expected++); }
    }
    EXPECT_EQ(next - expected, receiver.size());
  }
}

TEST(Mpsc, CarriesWhatCanOnlyBeMoved) {
  struct Fixed {
    explicit Fixed(int v) : value(std::make_unique<int>(v)) {}
    std::unique_ptr<int> value;
  };
  auto [sender, receiver] = mpsc<Fixed>(1);
  Fixed one(1);
  Fixed two(2);
  EXPECT_TRUE(sender.send(std::move(one)));
  EXPECT_EQ(one.value, nullptr);
  EXPECT_EQ(sender.try_send(std::move(two)).why(), Why::full);
  EXPECT_EQ(*two.value, 2);  // untouched
  EXPECT_EQ(*receiver.receive()->value, 1);
  receiver.close();
  EXPECT_EQ(sender.send(std::move(two)).why(), Why::closed);
  EXPECT_EQ(*two.value, 2);
}

TEST(Mpsc, CopiesAnLvalue) {
  auto [sender, receiver] = mpsc<std::string>(2);
  const std::string text = "a text too long to lie within the string itself";
  EXPECT_TRUE(sender.send(text));
  EXPECT_EQ(*receiver.receive(), text);
}

TEST(Mpsc, UnderDropOldestKeepsTheNewest) {
  auto [sender, receiver] = mpsc<int>(3, OverflowPolicy::drop_oldest);
  send_range(sender, 0, 10);
  EXPECT_EQ(receiver.counters(), (ChannelCounters{10, 0, 7, 3}));
  EXPECT_THAT(take_all(receiver), ElementsAre(7, 8, 9));
  EXPECT_EQ(receiver.counters(), (ChannelCounters{10, 3, 7, 0}));
}

TEST(Mpsc, UnderLatestHoldsOneValue) {
  auto [sender, receiver] = mpsc<int>(16, OverflowPolicy::latest);
  EXPECT_EQ(receiver.capacity(), 1U);
  send_range(sender, 0, 10);
  EXPECT_THAT(take_all(receiver), ElementsAre(9));
  EXPECT_EQ(receiver.counters(), (ChannelCounters{10, 1, 9, 0}));
}

TEST(Mpsc, UnderDropBufferBeginsAnew) {
  auto [sender, receiver] = mpsc<int>(3, OverflowPolicy::drop_buffer);
  send_range(sender, 0, 4);
  EXPECT_EQ(receiver.counters(), (ChannelCounters{4, 0, 3, 1}));
  send_range(sender, 4, 6);
  EXPECT_THAT(take_all(receiver), ElementsAre(3, 4, 5));
}

TEST(Mpsc, UnderDropNewestKeepsTheOldest) {
  auto [sender, receiver] = mpsc<int>(2, OverflowPolicy::drop_newest);
  send_range(sender, 0, 2);
  EXPECT_EQ(sender.send(2).why(), Why::full);  // waits for nothing
  EXPECT_EQ(sender.send_for(3, 1h).why(), Why::full);
  EXPECT_EQ(receiver.counters(), (ChannelCounters{4, 0, 2, 2}));
  EXPECT_THAT(take_all(receiver), ElementsAre(0, 1));
  EXPECT_FALSE(receiver.failed());
}

TEST(Mpsc, UnderFailIsClosedByTheFirstValueThatDoesNotFit) {
  auto [sender, receiver] = mpsc<int>(2, OverflowPolicy::fail);
  send_range(sender, 0, 2);
  EXPECT_FALSE(receiver.failed());
  EXPECT_EQ(sender.send(2).why(), Why::full);
  EXPECT_TRUE(receiver.failed());
  EXPECT_TRUE(sender.failed());
  EXPECT_EQ(sender.send(3).why(), Why::closed);
  EXPECT_THAT(take_all(receiver), ElementsAre(0, 1));
  EXPECT_EQ(receiver.receive().why(), Why::closed);
  EXPECT_EQ(receiver.counters(), (ChannelCounters{3, 2, 1, 0}));
}

// ---- The end

TEST(Mpsc, EndsWhenTheLastSenderIsGone) {
  auto channel = mpsc<int>(4);
  std::optional<MpscSender<int>> one = std::move(channel.sender);
  std::optional<MpscSender<int>> two = one->clone();
  EXPECT_TRUE(one->send(1));
  one.reset();
  EXPECT_TRUE(two->send(2));
  EXPECT_FALSE(channel.receiver.closed());
  two.reset();
  EXPECT_TRUE(channel.receiver.closed());
  EXPECT_EQ(*channel.receiver.receive(), 1);
  EXPECT_EQ(*channel.receiver.receive(), 2);
  EXPECT_EQ(channel.receiver.receive().why(), Why::closed);
  EXPECT_EQ(channel.receiver.try_receive().why(), Why::closed);
  EXPECT_EQ(channel.receiver.receive_for(1h).why(), Why::closed);
}

TEST(Mpsc, EndsForAllSendersWhenOneClosesIt) {
  auto [sender, receiver] = mpsc<int>(4);
  const auto other = sender.clone();
  EXPECT_TRUE(other.send(1));
  sender.close();
  sender.close();
  EXPECT_TRUE(other.closed());
  EXPECT_EQ(other.send(2).why(), Why::closed);
  EXPECT_EQ(*receiver.receive(), 1);
  EXPECT_EQ(receiver.receive().why(), Why::closed);
}

TEST(Mpsc, TellsSendersThatTheReceiverIsGoneAndDropsWhatItLeft) {
  auto channel = mpsc<std::shared_ptr<int>>(4);
  const auto value = std::make_shared<int>(1);
  EXPECT_TRUE(channel.sender.send(value));
  EXPECT_EQ(value.use_count(), 2);
  { const auto gone = std::move(channel.receiver); }
  EXPECT_EQ(value.use_count(), 1);
  EXPECT_EQ(channel.sender.send(value).why(), Why::closed);
  EXPECT_EQ(channel.sender.counters(), (ChannelCounters{1, 0, 1, 0}));
}

TEST(Mpsc, DropsTheEndsOfOtherChannelsThatItHolds) {
  auto requests = mpsc<MpscSender<int>>(4);
  auto answers = mpsc<int>(1);
  EXPECT_TRUE(requests.sender.send(std::move(answers.sender)));
  { const auto gone = std::move(requests.receiver); }
  EXPECT_EQ(answers.receiver.receive().why(),
            Why::closed);  // would wait for ever if the sender still lay there
}

TEST(Mpsc, CanBeMovedAndAssigned) {
  auto one = mpsc<int>(1);
  auto two = mpsc<int>(1);
  one.sender = std::move(two.sender);  // the first channel has lost its sender
  EXPECT_EQ(one.receiver.receive().why(), Why::closed);
  EXPECT_TRUE(one.sender.send(5));
  one.receiver = std::move(two.receiver);
  EXPECT_EQ(*one.receiver.receive(), 5);
}

// ---- Limits of a wait, in virtual time

TEST(Mpsc, GivesUpAtTheDeadline) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  auto [sender, receiver] = mpsc<int>(1, OverflowPolicy::block, clock);
  EXPECT_EQ(receiver.receive_for(5s).why(), Why::timed_out);
  EXPECT_EQ(clock.now(), VirtualClock::kStart + 5s);
  EXPECT_TRUE(sender.send_for(1, 5s));
  EXPECT_EQ(clock.now(), VirtualClock::kStart + 5s);  // there was room
  EXPECT_EQ(sender.send_for(2, 5s).why(), Why::timed_out);
  EXPECT_EQ(clock.now(), VirtualClock::kStart + 10s);
  EXPECT_EQ(sender.send_until(2, clock.now()).why(), Why::timed_out);
  EXPECT_EQ(*receiver.receive_until(VirtualClock::kStart), 1);  // there, though the deadline is past
  EXPECT_EQ(receiver.receive_until(VirtualClock::kStart).why(), Why::timed_out);
  EXPECT_EQ(receiver.receive_for(-1s).why(), Why::timed_out);
}

TEST(Mpsc, ObeysAStopBeforeAnythingElse) {
  auto [sender, receiver] = mpsc<int>(2);
  std::stop_source source;
  EXPECT_TRUE(sender.send(1, source.get_token()));
  source.request_stop();
  EXPECT_EQ(sender.send(2, source.get_token()).why(), Why::stopped);
  EXPECT_EQ(receiver.receive(source.get_token()).why(), Why::stopped);
  EXPECT_EQ(receiver.receive_for(1h, source.get_token()).why(), Why::stopped);
  EXPECT_EQ(receiver.size(), 1U);  // still there
}

// ---- Any sequence of calls

// The channel as a list, with the promise of each policy written down once more.
struct MpscModel {
  std::size_t capacity;
  OverflowPolicy policy;
  std::deque<int> queue = {};
  ChannelCounters counters = {};
  bool closed = false;
  bool failed = false;

  // Nothing: sent.
  std::optional<Why> send(int value) {
    if (closed) { return Why::closed; }
    if (queue.size() == capacity) {
      if (policy == OverflowPolicy::block) { return Why::full; }
      if (policy == OverflowPolicy::drop_newest || policy == OverflowPolicy::fail) {
        ++counters.pushed;
        ++counters.dropped;
        closed = failed = policy == OverflowPolicy::fail;
        return Why::full;
      }
      const std::size_t lost = policy == OverflowPolicy::drop_buffer ? queue.size() : 1;
      queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(lost));
      counters.dropped += lost;
    }
    ++counters.pushed;
    queue.push_back(value);
    return std::nullopt;
  }
};

TEST(Mpsc, BehavesLikeItsModelUnderAnySequenceOfCalls) {
  for (const auto name : kOverflowPolicyNames) {
    const OverflowPolicy policy = *parse_overflow_policy(name);
    EXPECT_TRUE(rc::check(std::string(name), [&] {
      const auto asked = *rc::gen::inRange<std::size_t>(1, 9);
      VirtualClock clock(VirtualClock::Advance::when_idle);
      auto [first, receiver] = mpsc<int>(asked, policy, clock);
      std::vector<MpscSender<int>> senders;
      senders.push_back(std::move(first));
      MpscModel model{policy == OverflowPolicy::latest ? 1 : asked, policy};
      int next = 0;
      for (const int call : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 12))) {
        if (call < 6 && !senders.empty()) {
          const int value = next++;
          const MpscSender<int>& sender = senders[static_cast<std::size_t>(call) % senders.size()];
          const Sent sent = call < 5 ? sender.try_send(value) : sender.send_for(value, 1s);
          std::optional<Why> expected = model.send(value);
          if (call == 5 && policy == OverflowPolicy::block && expected == Why::full) {
            expected = Why::timed_out;
          }
          RC_ASSERT((sent ? std::nullopt : std::optional(sent.why())) == expected);
        } else if (call < 9) {
          const Received<int> received = call < 8 ? receiver.try_receive() : receiver.receive_for(1s);
          if (model.queue.empty()) {
            RC_ASSERT(!received);
            RC_ASSERT(received.why() == (model.closed ? Why::closed
                                         : call < 8   ? Why::empty
                                                      : Why::timed_out));
          } else {
            RC_ASSERT(received.has_value());
            RC_ASSERT(*received == model.queue.front());
            model.queue.pop_front();
            ++model.counters.delivered;
          }
        } else if (call == 9 && !senders.empty()) {
          senders.push_back(senders.front().clone());
        } else if (call == 10 && !senders.empty()) {
          senders.pop_back();
          model.closed = model.closed || senders.empty();
        }
        model.counters.in_queue = model.queue.size();
        RC_ASSERT(receiver.counters() == model.counters);
        RC_ASSERT(receiver.size() == model.queue.size());
        RC_ASSERT(receiver.closed() == model.closed);
        RC_ASSERT(receiver.failed() == model.failed);
      }
    })) << name;
  }
}

TEST(Mpsc, OfNoRoomHasRoomForOne) {
  auto [sender, receiver] = mpsc<int>(0);
  EXPECT_EQ(receiver.capacity(), 1U);
  EXPECT_TRUE(sender.send(7));
  EXPECT_EQ(sender.try_send(8).why(), Why::full);
  EXPECT_EQ(*receiver.receive(), 7);
  EXPECT_EQ(mpsc<int>(0, OverflowPolicy::drop_oldest).receiver.capacity(), 1U);
}

TEST(Mpsc, AnEndThatWasMovedFromIsClosed) {
  auto [sender, receiver] = mpsc<int>(4);
  auto rt = sender.rt_sender(2);
  const auto kept_rt = std::move(rt);
  const auto kept_sender = std::move(sender);
  const auto kept_receiver = std::move(receiver);
  // NOLINTBEGIN(bugprone-use-after-move): that is the test
  EXPECT_EQ(sender.send(1).why(), Why::closed);
  EXPECT_EQ(sender.send_for(1, 1h).why(), Why::closed);
  EXPECT_EQ(sender.clone().try_send(1).why(), Why::closed);
  EXPECT_EQ(sender.rt_sender().try_send(1).why(), Why::closed);
  EXPECT_EQ(rt.try_send(1).why(), Why::closed);
  EXPECT_EQ(receiver.receive().why(), Why::closed);
  EXPECT_EQ(receiver.receive_for(1h).why(), Why::closed);
  EXPECT_TRUE(sender.closed() && receiver.closed());
  EXPECT_EQ(sender.counters(), ChannelCounters{});
  sender.close();
  receiver.close();
  // NOLINTEND(bugprone-use-after-move)
  EXPECT_FALSE(kept_sender.closed());
}

TEST(Outcome, OfWhatWasDoneHasNothingToExplain) {
  EXPECT_EQ(Received<int>(3).why(), Why::none);
  EXPECT_EQ(Received<int>(Why::empty).why(), Why::empty);
  EXPECT_EQ(Sent().why(), Why::none);
  EXPECT_TRUE(Sent(Why::none));
  EXPECT_EQ(to_string(Why::none), "none");
}

}  // namespace
}  // namespace streamlab
