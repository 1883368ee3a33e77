// tests/channel/broadcast_threads_test.cpp
//
// broadcast and watch between real threads: order, exact accounting and the end of every wait. Also run under
// the thread sanitizer.
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/channel/broadcast.hpp"
#include "engine/channel/watch.hpp"

namespace streamlab {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kBroadcastSenders = 2;
constexpr std::uint64_t kBroadcastValues = 3000;  // of each sender

struct Got {
  std::vector<std::uint64_t> values;
  std::uint64_t lost = 0;
  std::optional<Why> end;
};

// Everything up to the end.
Got drain(BroadcastReceiver<std::shared_ptr<const std::uint64_t>>& receiver) {
  Got got;
  while (true) {
    auto received = receiver.receive();
    if (received) {
      got.values.push_back(**received);
    } else if (received.why() == Why::lagged) {
      got.lost += received.lost();
    } else {
      got.end = received.why();
      return got;
    }
  }
}

TEST(BroadcastThreads, GiveEveryoneTheSameOrderAndCountEveryLoss) {
  for (const std::size_t capacity : {1U, 2U, 3U, 16U}) {
    using Shared = std::shared_ptr<const std::uint64_t>;  // a value that is destroyed too soon is noticed
    std::optional sender = broadcast<Shared>(capacity);
    std::vector<BroadcastReceiver<Shared>> receivers;
    for (const OnLag on_lag : {OnLag::wait, OnLag::wait, OnLag::lose, OnLag::lose, OnLag::wait}) {
      receivers.push_back(sender->subscribe(on_lag));
    }
    std::vector<Got> got(receivers.size());
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < receivers.size(); ++i) {
      threads.emplace_back([&, i] { got[i] = drain(receivers[i]); });
    }
    for (std::uint64_t s = 0; s < kBroadcastSenders; ++s) {
      threads.emplace_back([s, own = sender->clone()] {
        for (std::uint64_t i = 0; i < kBroadcastValues; ++i) {
          EXPECT_TRUE(own.send(std::make_shared<const std::uint64_t>(i * kBroadcastSenders + s)));
        }
      });
    }
    sender.reset();
    for (auto& thread : threads) { thread.join(); }
    for (std::size_t i = 0; i < receivers.size(); ++i) {
      EXPECT_EQ(got[i].end, Why::closed);
      EXPECT_EQ(got[i].values.size() + got[i].lost, kBroadcastSenders * kBroadcastValues);
      EXPECT_EQ(receivers[i].counters(), (ChannelCounters{kBroadcastSenders * kBroadcastValues,
                                                          got[i].values.size(), got[i].lost, 0}));
      if (receivers[i].on_lag() == OnLag::wait) {
        EXPECT_EQ(got[i].lost, 0U);
        EXPECT_EQ(got[i].values, got[0].values);  // the one order
      } else {
        // In that order too: what it got is a subsequence.
        std::size_t at = 0;
        for (const std::uint64_t value : got[i].values) {
          while (at < got[0].values.size() && got[0].values[at] != value) { ++at; }
          ASSERT_LT(at, got[0].values.size());
        }
      }
    }
  }
}

TEST(BroadcastThreads, ContinueWhenSubscribersComeAndGo) {
  std::optional sender = broadcast<int>(2);
  auto steady = sender->subscribe(OnLag::wait);
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (const OnLag on_lag : {OnLag::wait, OnLag::lose}) {
    threads.emplace_back([&, on_lag, own = sender->clone()] {
      while (!done.load()) {
        auto receiver = own.subscribe(on_lag);
        int last = -1;
        for (int i = 0; i < 5; ++i) {
          if (const auto value = receiver.receive_for(1ms)) {
            EXPECT_GT(*value, last);
            last = *value;
          }
        }
        auto other = receiver.clone();
        { const auto gone = std::move(receiver); }
        const auto value = other.try_receive();
        EXPECT_TRUE(!value || *value > last);
      }
    });
  }
  threads.emplace_back([own = std::move(*sender)] {
    for (int i = 0; i < 2000; ++i) { EXPECT_TRUE(own.send(i)); }
  });
  for (int i = 0; i < 2000; ++i) { EXPECT_EQ(*steady.receive(), i); }
  done.store(true);
  for (auto& thread : threads) { thread.join(); }
  EXPECT_EQ(steady.try_receive().why(), Why::closed);  // every sender went with its thread
}

class BroadcastWait : public testing::Test {
 protected:
  // What receive() ends with after `change`.
  template <class Change>
  std::optional<Why> receive_until_after(Change&& change) {
    std::stop_source source;
    std::optional sender = broadcast<int>(1, clock_);
    auto receiver = sender->subscribe();
    std::optional<Why> why;
    std::thread waiting([&] {
      const auto received = receiver.receive_for(1s, source.get_token());
      if (!received) { why = received.why(); }
    });
    clock_.wait_for_waiters(1);
    change(sender, source);
    waiting.join();
    return why;
  }
  // What send() to a subscriber that is behind ends with after `change`.
  template <class Change>
  std::optional<Why> send_until_after(Change&& change) {
    std::stop_source source;
    auto sender = broadcast<int>(1, clock_);
    std::optional receiver = sender.subscribe();
    auto other = sender.subscribe(OnLag::lose);
    EXPECT_TRUE(sender.send(0));
    std::optional<Why> why;
    std::thread waiting([&] {
      const auto sent = sender.send_for(1, 1s, source.get_token());
      if (!sent) { why = sent.why(); }
    });
    clock_.wait_for_waiters(1);
    change(receiver, source);
    waiting.join();
    return why;
  }
  VirtualClock clock_{VirtualClock::Advance::by_hand};
};

TEST_F(BroadcastWait, OfASubscriberEnds) {
  EXPECT_EQ(receive_until_after([](auto& sender, auto&) { EXPECT_TRUE(sender->send(1)); }), std::nullopt);
  EXPECT_EQ(receive_until_after([](auto& sender, auto&) { sender->close(); }), Why::closed);
  EXPECT_EQ(receive_until_after([](auto& sender, auto&) { sender.reset(); }), Why::closed);
  EXPECT_EQ(receive_until_after([](auto&, auto& source) { source.request_stop(); }), Why::stopped);
  EXPECT_EQ(receive_until_after([this](auto&, auto&) { clock_.advance(1s); }), Why::timed_out);
}

TEST_F(BroadcastWait, OfASenderEnds) {
  EXPECT_EQ(send_until_after([](auto& receiver, auto&) { EXPECT_TRUE(receiver->receive()); }), std::nullopt);
  EXPECT_EQ(send_until_after([](auto& receiver, auto&) { receiver.reset(); }), std::nullopt);
  EXPECT_EQ(send_until_after([](auto& receiver, auto&) { receiver->close(); }), Why::closed);
  EXPECT_EQ(send_until_after([](auto&, auto& source) { source.request_stop(); }), Why::stopped);
  EXPECT_EQ(send_until_after([this](auto&, auto&) { clock_.advance(1s); }), Why::timed_out);
}

TEST(WatchThreads, ShowValuesInOrderAndTheLastOneToEveryone) {
  auto channel = watch<std::uint64_t>(0);
  std::vector<WatchReceiver<std::uint64_t>> receivers;
  for (int i = 0; i < 3; ++i) { receivers.push_back(channel.receiver.clone()); }
  std::vector<std::uint64_t> last(receivers.size());
  std::atomic<std::uint64_t> disorder{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < receivers.size(); ++i) {
    threads.emplace_back([&, i] {
      while (auto value = receivers[i].receive()) {
        disorder.fetch_add(*value <= last[i] ? 1 : 0);
        last[i] = *value;
      }
    });
  }
  {
    const auto sender = std::move(channel.sender);
    for (std::uint64_t i = 1; i <= kBroadcastValues; ++i) { EXPECT_TRUE(sender.send(i)); }
  }
  for (auto& thread : threads) { thread.join(); }
  EXPECT_EQ(disorder.load(), 0U);
  EXPECT_THAT(last, testing::Each(kBroadcastValues));
  for (const auto& receiver : receivers) {
    EXPECT_EQ(receiver.counters().pushed, kBroadcastValues);
    EXPECT_EQ(receiver.counters().in_queue, 0U);
  }
}

TEST(WatchThreads, ShowTheLastValueOfARealTimeSender) {
  auto channel = watch<std::vector<std::uint64_t>>(std::vector<std::uint64_t>(8, 0));
  auto other = channel.receiver.clone();
  const auto follow = [](WatchReceiver<std::vector<std::uint64_t>>& receiver) {
    std::uint64_t last = 0;
    while (auto value = receiver.receive()) {
      EXPECT_THAT(*value, testing::Each(value->front()));  // none is half old
      EXPECT_GT(value->front(), last);
      last = value->front();
    }
    EXPECT_EQ(last, kBroadcastValues);
    EXPECT_EQ(receiver.counters().pushed, kBroadcastValues);
  };
  std::thread first([&] { follow(channel.receiver); });
  std::thread second([&] { follow(other); });
  {
    auto rt = channel.sender.rt_sender();
    { const auto gone = std::move(channel.sender); }
    for (std::uint64_t i = 1; i <= kBroadcastValues; ++i) {
      EXPECT_TRUE(rt.try_send_with([i](std::vector<std::uint64_t>& next) noexcept {
        for (auto& element : next) { element = i; }
      }));
    }
  }
  first.join();
  second.join();
}

}  // namespace
}  // namespace streamlab
