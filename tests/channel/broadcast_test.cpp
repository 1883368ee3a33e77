// tests/channel/broadcast_test.cpp
//
// broadcast on one thread: every subscriber by its own policy, how channels end, any sequence of calls
// against a model.
#include "engine/channel/broadcast.hpp"

#include <memory>
#include <optional>
#include <thread>
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

TEST(Broadcast, GivesEverySubscriberEveryValue) {
  const auto sender = broadcast<int>(4);
  auto one = sender.subscribe(OnLag::wait);
  EXPECT_TRUE(sender.send(1));
  auto two = sender.subscribe(OnLag::lose);  // from now on
  EXPECT_TRUE(sender.send(2));
  EXPECT_EQ(sender.subscriber_count(), 2U);
  EXPECT_THAT(take_all(one), ElementsAre(1, 2));
  EXPECT_THAT(take_all(two), ElementsAre(2));
  EXPECT_EQ(one.counters(), (ChannelCounters{2, 2, 0, 0}));
  EXPECT_EQ(two.counters(), (ChannelCounters{1, 1, 0, 0}));
}

TEST(Broadcast, WaitsForTheSlowestSubscriberThatWantsAll) {
  for (const std::size_t capacity : {1U, 3U, 4U}) {
    const auto sender = broadcast<int>(capacity);
    auto fast = sender.subscribe(OnLag::wait);
    auto slow = sender.subscribe(OnLag::wait);
    int sent = 0;
    while (sender.try_send(sent)) { ++sent; }
    EXPECT_EQ(sent, static_cast<int>(capacity));
    EXPECT_EQ(take_all(fast).size(), capacity);
    EXPECT_EQ(sender.try_send(sent).why(), Why::full);
    EXPECT_EQ(*slow.try_receive(), 0);
    EXPECT_TRUE(sender.try_send(sent));
    EXPECT_EQ(sender.try_send(sent).why(), Why::full);
    { const auto gone = std::move(slow); }
    EXPECT_TRUE(fast.size() == 1 || capacity == 1);
    take_all(fast);
    EXPECT_TRUE(sender.try_send(sent));
  }
}

TEST(Broadcast, TellsExactlyHowManyAreLost) {
  const auto sender = broadcast<int>(3);
  auto receiver = sender.subscribe(OnLag::lose);
  for (int i = 0; i < 10; ++i) { EXPECT_TRUE(sender.try_send(i)); }
  EXPECT_EQ(receiver.counters(), (ChannelCounters{10, 0, 7, 3}));
  const auto lagged = receiver.receive();
  EXPECT_EQ(lagged.why(), Why::lagged);
  EXPECT_EQ(lagged.lost(), 7U);
  EXPECT_THAT(take_all(receiver), ElementsAre(7, 8, 9));
  EXPECT_EQ(receiver.try_receive().why(), Why::empty);
  EXPECT_EQ(receiver.counters(), (ChannelCounters{10, 3, 7, 0}));
}

TEST(Broadcast, SendsNothingWithoutSubscribers) {
  const auto sender = broadcast<int>(3);
  EXPECT_EQ(sender.send(1).why(), Why::closed);
  EXPECT_FALSE(sender.closed());
  auto receiver = sender.subscribe();
  EXPECT_TRUE(sender.send(2));
  EXPECT_EQ(*receiver.receive(), 2);
}

TEST(Broadcast, EndsWhenTheLastSenderIsGone) {
  std::optional<BroadcastSender<int>> one = broadcast<int>(3);
  std::optional<BroadcastSender<int>> two = one->clone();
  auto receiver = one->subscribe();
  auto losing = one->subscribe(OnLag::lose);
  EXPECT_TRUE(one->send(1));
  one.reset();
  EXPECT_TRUE(two->send(2));
  two.reset();
  EXPECT_THAT(take_all(receiver), ElementsAre(1, 2));
  EXPECT_EQ(receiver.receive().why(), Why::closed);
  EXPECT_THAT(take_all(losing), ElementsAre(1, 2));
  EXPECT_EQ(losing.receive().why(), Why::closed);
}

TEST(Broadcast, EndsForAllWhenClosed) {
  const auto sender = broadcast<int>(3);
  auto one = sender.subscribe();
  auto two = sender.subscribe();
  EXPECT_TRUE(sender.send(1));
  one.close();
  EXPECT_EQ(sender.send(2).why(), Why::closed);
  EXPECT_THAT(take_all(two), ElementsAre(1));
  EXPECT_EQ(two.receive().why(), Why::closed);
  auto late = sender.subscribe();
  EXPECT_EQ(late.receive().why(), Why::closed);
}

TEST(Broadcast, ClonesASubscriberWhereItIs) {
  const auto sender = broadcast<int>(4);
  auto one = sender.subscribe();
  for (int i = 0; i < 3; ++i) { EXPECT_TRUE(sender.send(i)); }
  EXPECT_EQ(*one.receive(), 0);
  auto two = one.clone();
  auto three = one.clone(OnLag::lose);
  EXPECT_THAT(take_all(one), ElementsAre(1, 2));
  EXPECT_THAT(take_all(two), ElementsAre(1, 2));
  EXPECT_THAT(take_all(three), ElementsAre(1, 2));
}

TEST(Broadcast, DropsValuesWhenTheyAreOverwrittenOrTheLastSubscriberIsGone) {
  const auto sender = broadcast<std::shared_ptr<int>>(1);
  std::optional receiver = sender.subscribe(OnLag::lose);
  const auto one = std::make_shared<int>(1);
  const auto two = std::make_shared<int>(2);
  EXPECT_TRUE(sender.send(one));
  EXPECT_EQ(one.use_count(), 2);
  EXPECT_TRUE(sender.send(two));
  EXPECT_TRUE(sender.send(two));  // capacity 1 lies in one slot
  EXPECT_EQ(one.use_count(), 1);
  receiver.reset();
  EXPECT_EQ(two.use_count(), 1);
}

TEST(Broadcast, EndsAWaitAtTheDeadlineAndByAStop) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  const auto sender = broadcast<int>(1, clock);
  auto receiver = sender.subscribe();
  EXPECT_EQ(receiver.receive_for(1s).why(), Why::timed_out);
  EXPECT_TRUE(sender.send_for(1, 1s));
  EXPECT_EQ(sender.send_for(2, 1s).why(), Why::timed_out);
  EXPECT_EQ(clock.now(), VirtualClock::kStart + 2s);
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(sender.send(2, source.get_token()).why(), Why::stopped);
  EXPECT_EQ(receiver.receive(source.get_token()).why(), Why::stopped);
}

TEST(Broadcast, BehavesLikeItsModelUnderAnySequenceOfCalls) {
  // A subscriber: what it has still to get, without a limit; what lies before the last `capacity` sent is
  // lost.
  struct Model {
    OnLag on_lag;
    std::uint64_t position;
    ChannelCounters counters = {};
  };
  EXPECT_TRUE(rc::check("any sequence of calls", [] {
    const auto capacity = *rc::gen::inRange<std::size_t>(1, 6);
    const auto sender = broadcast<std::uint64_t>(capacity);
    std::vector<BroadcastReceiver<std::uint64_t>> receivers;
    std::vector<Model> models;
    std::uint64_t sent = 0;
    for (const int call : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 20))) {
      if (call < 8) {
        bool has_room = true;
        for (const Model& model : models) {
          has_room = has_room && (model.on_lag == OnLag::lose || sent - model.position < capacity);
        }
        const Sent result = sender.try_send(sent);
        if (models.empty()) {
          RC_ASSERT(result.why() == Why::closed);
        } else if (!has_room) {
          RC_ASSERT(result.why() == Why::full);
        } else {
          RC_ASSERT(static_cast<bool>(result));
          ++sent;
        }
      } else if (call < 16 && !models.empty()) {
        const std::size_t i = static_cast<std::size_t>(call) % models.size();
        Model& model = models[i];
        const auto received = receivers[i].try_receive();
        if (sent == model.position) {
          RC_ASSERT(received.why() == Why::empty);
        } else if (sent - model.position > capacity) {
          RC_ASSERT(received.why() == Why::lagged);
          RC_ASSERT(received.lost() == sent - capacity - model.position);
          model.counters.dropped += received.lost();
          model.position = sent - capacity;
        } else {
          RC_ASSERT(*received == model.position);
          ++model.position;
          ++model.counters.delivered;
        }
      } else if (call < 18 && models.size() < 5) {
        const OnLag on_lag = call == 16 ? OnLag::wait : OnLag::lose;
        receivers.push_back(sender.subscribe(on_lag));
        models.push_back({on_lag, sent});
      } else if (call == 18 && !models.empty()) {
        receivers.erase(receivers.begin());
        models.erase(models.begin());
      } else if (call == 19 && !models.empty() && models.size() < 5) {
        receivers.push_back(receivers.back().clone());
        models.push_back({models.back().on_lag, models.back().position});
      }
      for (std::size_t i = 0; i < models.size(); ++i) {
        const std::uint64_t left = sent - models[i].position;
        ChannelCounters expected = models[i].counters;
        expected.in_queue = std::min<std::uint64_t>(left, capacity);
        expected.dropped += left - expected.in_queue;
        expected.pushed = expected.delivered + expected.dropped + expected.in_queue;
        RC_ASSERT(receivers[i].counters() == expected);
      }
    }
  }));
}

TEST(Broadcast, OfNoRoomHasRoomForOne) {
  auto sender = broadcast<int>(0);
  EXPECT_EQ(sender.capacity(), 1U);
  auto receiver = sender.subscribe();
  EXPECT_TRUE(sender.send(7));
  EXPECT_EQ(sender.try_send(8).why(), Why::full);
  EXPECT_EQ(*receiver.receive(), 7);
}

TEST(Broadcast, AnEndThatWasMovedFromIsClosed) {
  auto sender = broadcast<int>(4);
  auto receiver = sender.subscribe();
  const auto kept_sender = std::move(sender);
  const auto kept_receiver = std::move(receiver);
  // NOLINTBEGIN(bugprone-use-after-move): that is the test
  EXPECT_EQ(sender.send(1).why(), Why::closed);
  EXPECT_EQ(sender.clone().try_send(1).why(), Why::closed);
  EXPECT_EQ(sender.subscribe().receive().why(), Why::closed);
  EXPECT_EQ(receiver.receive().why(), Why::closed);
  EXPECT_EQ(receiver.clone().try_receive().why(), Why::closed);
  EXPECT_TRUE(sender.closed() && receiver.closed());
  EXPECT_EQ(receiver.counters(), ChannelCounters{});
  EXPECT_EQ(receiver.size() + sender.subscriber_count(), 0U);
  // NOLINTEND(bugprone-use-after-move)
}

TEST(Broadcast, ASubscriberThatLosesValuesHasNoneToPromiseAnother) {
  auto sender = broadcast<int>(4);
  EXPECT_EQ(sender.subscribe(OnLag::lose).clone(OnLag::wait).on_lag(), OnLag::lose);
  EXPECT_EQ(sender.subscribe(OnLag::wait).clone(OnLag::lose).on_lag(), OnLag::lose);
}

}  // namespace
}  // namespace streamlab
