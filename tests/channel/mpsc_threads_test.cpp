// tests/channel/mpsc_threads_test.cpp
//
// mpsc between real threads: order, exact accounting and the end of every wait. Also run under the thread
// sanitizer.
#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <ostream>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/channel/mpsc.hpp"
#include "tests/rt/give_way.hpp"
#include "tests/support/rt_guard.hpp"

namespace streamlab {

// How GoogleTest prints a parameter.
void PrintTo(OverflowPolicy policy, std::ostream* out) { *out << to_string(policy); }

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kMpscSenders = 4;
constexpr std::uint32_t kMpscValues = 3000;  // of each sender

struct Value {
  std::uint32_t sender = 0;
  std::uint32_t number = 0;
};

class MpscThreads : public testing::TestWithParam<std::tuple<OverflowPolicy, std::size_t>> {};

TEST_P(MpscThreads, KeepTheOrderOfEverySenderAndCountEveryValue) {
  const auto [policy, capacity] = GetParam();
  auto channel = mpsc<Value>(capacity, policy);
  std::vector<std::thread> threads;
  std::atomic<std::uint64_t> sent{0};
  std::atomic<std::uint64_t> offered{0};
  for (std::uint32_t s = 0; s < kMpscSenders; ++s) {
    threads.emplace_back([&, s, sender = channel.sender.clone()] {
      for (std::uint32_t i = 1; i <= kMpscValues; ++i) {
        const Sent result = sender.send({s, i});
        if (!result && result.why() == Why::closed) { return; }
        offered.fetch_add(1);
        sent.fetch_add(result ? 1 : 0);
      }
    });
  }
  { const auto gone = std::move(channel.sender); }
  std::array<std::uint32_t, kMpscSenders> last{};
  std::uint64_t received = 0;
  std::uint64_t disorder = 0;
  auto value = channel.receiver.receive();
  for (; value; value = channel.receiver.receive()) {
    ++received;
    disorder += value->number <= last.at(value->sender) ? 1U : 0U;
    last.at(value->sender) = value->number;
  }
  EXPECT_EQ(value.why(), Why::closed);
  for (auto& thread : threads) { thread.join(); }
  EXPECT_EQ(disorder, 0U);
  const ChannelCounters counters = channel.receiver.counters();
  EXPECT_EQ(counters.pushed, offered.load());
  EXPECT_EQ(counters.delivered, received);
  EXPECT_EQ(counters.dropped, offered.load() - received);
  EXPECT_EQ(counters.in_queue, 0U);
  if (policy == OverflowPolicy::block) {
    EXPECT_EQ(received, std::uint64_t{kMpscSenders} * kMpscValues);
    EXPECT_THAT(last, testing::Each(kMpscValues));
  }
  if (policy == OverflowPolicy::drop_newest || policy == OverflowPolicy::fail) {
    EXPECT_EQ(received, sent.load());
  }
  if (policy == OverflowPolicy::fail) { EXPECT_EQ(channel.receiver.failed(), counters.dropped > 0); }
}

INSTANTIATE_TEST_SUITE_P(Every, MpscThreads,
                         testing::Combine(testing::Values(OverflowPolicy::block, OverflowPolicy::drop_oldest,
                                                          OverflowPolicy::drop_newest,
                                                          OverflowPolicy::drop_buffer, OverflowPolicy::latest,
                                                          OverflowPolicy::fail),
                                          testing::Values(1U, 2U, 3U, 16U)),
                         [](const auto& instance) {
                           return std::string(to_string(std::get<0>(instance.param))) + "_" +
                                  std::to_string(std::get<1>(instance.param));
                         });

// ---- Ends in the middle of everything: what was said to be sent is received, to the value.

// Sends from several threads until the channel is closed; how many were sent.
class ManySenders {
 public:
  ManySenders(const MpscSender<int>& sender, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      threads_.emplace_back([this, own = sender.clone()] {
        while (true) {
          const Sent result = own.send_for(1, 1us);
          if (result) {
            sent_.fetch_add(1);
          } else if (result.why() == Why::closed) {
            return;
          }
        }
      });
    }
  }
  std::uint64_t join() {
    for (auto& thread : threads_) { thread.join(); }
    threads_.clear();
    return sent_.load();
  }

 private:
  std::vector<std::thread> threads_;
  std::atomic<std::uint64_t> sent_{0};
};

TEST(MpscEnd, LosesNothingThatWasSentWhenTheReceiverCloses) {
  for (const std::size_t capacity : {1U, 3U, 64U}) {
    for (std::uint64_t round = 0; round < 20; ++round) {
      auto channel = mpsc<int>(capacity);
      ManySenders senders(channel.sender, 3);
      std::uint64_t received = 0;
      while (received < round * 10) { received += channel.receiver.receive() ? 1U : 0U; }
      channel.receiver.close();
      while (channel.receiver.receive()) { ++received; }
      EXPECT_EQ(senders.join(), received);
    }
  }
}

TEST(MpscEnd, LosesNothingThatWasSentWhenASenderCloses) {
  for (std::uint64_t round = 0; round < 20; ++round) {
    auto channel = mpsc<int>(4);
    ManySenders senders(channel.sender, 2);
    std::thread closer([&] {
      for (std::uint64_t i = 0; i < round * 10; ++i) { give_way(); }
      channel.sender.close();
    });
    std::uint64_t received = 0;
    while (channel.receiver.receive()) { ++received; }
    EXPECT_EQ(senders.join(), received);
    closer.join();
  }
}

TEST(MpscEnd, FreesEveryValueWhenTheReceiverGoes) {
  for (std::uint64_t round = 0; round < 20; ++round) {
    const auto token = std::make_shared<int>(0);
    auto channel =
        mpsc<std::shared_ptr<int>>(3, round % 2 == 0 ? OverflowPolicy::block : OverflowPolicy::drop_oldest);
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&token, sender = channel.sender.clone()] {
        while (sender.send(token)) {}
      });
    }
    {
      auto receiver = std::move(channel.receiver);
      for (std::uint64_t i = 0; i < round * 5; ++i) { EXPECT_TRUE(receiver.receive()); }
    }
    for (auto& thread : threads) { thread.join(); }
    EXPECT_EQ(token.use_count(), 1);  // though the channel itself still lives
    const ChannelCounters counters = channel.sender.counters();
    EXPECT_EQ(counters.pushed, counters.delivered + counters.dropped);
  }
}

// ---- Every wait ends, and says why

class MpscWait : public testing::Test {
 protected:
  // What receive() on an empty channel ends with after `change`.
  template <class Change>
  std::optional<Why> receive_until_after(Change&& change) {
    std::stop_source source;
    auto channel = mpsc<int>(1, OverflowPolicy::block, clock_);
    std::optional<Why> why;
    std::thread waiting([&] {
      const auto received = channel.receiver.receive_for(1s, source.get_token());
      if (!received) { why = received.why(); }
    });
    clock_.wait_for_waiters(1);
    change(channel, source);
    waiting.join();
    return why;
  }
  // What send() on a full channel ends with after `change`.
  template <class Change>
  std::optional<Why> send_until_after(Change&& change) {
    std::stop_source source;
    auto channel = mpsc<int>(1, OverflowPolicy::block, clock_);
    EXPECT_TRUE(channel.sender.send(0));
    std::optional<Why> why;
    std::thread waiting([&, sender = channel.sender.clone()] {
      const auto sent = sender.send_for(1, 1s, source.get_token());
      if (!sent) { why = sent.why(); }
    });
    clock_.wait_for_waiters(1);
    change(channel, source);
    waiting.join();
    return why;
  }
  VirtualClock clock_{VirtualClock::Advance::by_hand};
};

TEST_F(MpscWait, OfTheReceiverEnds) {
  EXPECT_EQ(receive_until_after([](auto& channel, auto&) { EXPECT_TRUE(channel.sender.send(1)); }),
            std::nullopt);
  EXPECT_EQ(receive_until_after([](auto& channel, auto&) { channel.sender.close(); }), Why::closed);
  EXPECT_EQ(receive_until_after([](auto& channel, auto&) { const auto gone = std::move(channel.sender); }),
            Why::closed);
  EXPECT_EQ(receive_until_after([](auto&, auto& source) { source.request_stop(); }), Why::stopped);
  EXPECT_EQ(receive_until_after([this](auto&, auto&) { clock_.advance(1s); }), Why::timed_out);
}

TEST_F(MpscWait, OfASenderEnds) {
  EXPECT_EQ(send_until_after([](auto& channel, auto&) { EXPECT_TRUE(channel.receiver.receive()); }),
            std::nullopt);
  EXPECT_EQ(send_until_after([](auto& channel, auto&) { channel.receiver.close(); }), Why::closed);
  EXPECT_EQ(send_until_after([](auto& channel, auto&) { channel.sender.close(); }), Why::closed);
  EXPECT_EQ(send_until_after([](auto& channel, auto&) { const auto gone = std::move(channel.receiver); }),
            Why::closed);
  EXPECT_EQ(send_until_after([](auto&, auto& source) { source.request_stop(); }), Why::stopped);
  EXPECT_EQ(send_until_after([this](auto&, auto&) { clock_.advance(1s); }), Why::timed_out);
}

TEST_F(MpscWait, OfSeveralSendersEndsForOneWithEveryValueReceived) {
  auto channel = mpsc<int>(1, OverflowPolicy::block, clock_);
  EXPECT_TRUE(channel.sender.send(0));
  std::atomic<int> sent{0};
  std::atomic<int> timed_out{0};
  std::vector<std::thread> threads;
  for (int i = 1; i <= 3; ++i) {
    threads.emplace_back([&, i] {
      // The first gives up after a second: it must not take the room along.
      const Sent result = i == 1 ? channel.sender.send_for(i, 1s) : channel.sender.send(i);
      (result ? sent : timed_out).fetch_add(1);
    });
    clock_.wait_for_waiters(static_cast<std::size_t>(i));
  }
  clock_.advance(1s);
  threads[0].join();
  EXPECT_EQ(timed_out.load(), 1);
  for (int i = 0; i < 3; ++i) { EXPECT_TRUE(channel.receiver.receive()); }
  threads[1].join();
  threads[2].join();
  EXPECT_EQ(sent.load(), 2);
  EXPECT_EQ(channel.receiver.try_receive().why(), Why::empty);
}

// ---- Real-time senders

TEST(MpscRtSender, SendsWithoutAllocationOrSystemCall) {
  auto [sender, receiver] = mpsc<int>(4);
  auto rt = sender.rt_sender();
  int sent = 0;
  int full = 0;
  RtGuardScope::take_violations();
  {
    const RtGuardScope guarded;
    for (int i = 0; i < 10; ++i) {
      if (const Sent result = rt.try_send(i)) {
        ++sent;
      } else {
        full += result.why() == Why::full ? 1 : 0;
      }
    }
  }
  EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty());
  EXPECT_EQ(sent, 4);
  EXPECT_EQ(full, 6);
  EXPECT_EQ(receiver.counters(), (ChannelCounters{4, 0, 0, 4}));
  for (int i = 0; i < 4; ++i) { EXPECT_EQ(*receiver.receive(), i); }
  EXPECT_EQ(receiver.try_receive().why(), Why::empty);
  EXPECT_EQ(receiver.counters(), (ChannelCounters{4, 4, 0, 0}));
}

TEST(MpscRtSender, HasRoomOfItsOwn) {
  auto [sender, receiver] = mpsc<int>(1);
  auto one = sender.rt_sender(2);
  auto two = sender.rt_sender();
  EXPECT_TRUE(sender.send(1));
  EXPECT_TRUE(one.try_send(2));
  EXPECT_TRUE(one.try_send(3));
  EXPECT_EQ(one.try_send(4).why(), Why::full);
  EXPECT_TRUE(two.try_send(5));
  EXPECT_EQ(two.try_send(6).why(), Why::full);
  std::vector<int> values;
  while (auto value = receiver.try_receive()) { values.push_back(*value); }
  EXPECT_THAT(values, testing::UnorderedElementsAre(1, 2, 3, 5));
}

TEST(MpscRtSender, IsFoundByAReceiverThatWaits) {
  VirtualClock clock(VirtualClock::Advance::by_hand);
  auto channel = mpsc<int>(4, OverflowPolicy::block, clock);
  auto rt = channel.sender.rt_sender();
  EXPECT_EQ(channel.receiver.poll_period(), kRealTimePollPeriod);
  int got = 0;
  std::thread waiting([&] { got = *channel.receiver.receive(); });
  clock.wait_for_waiters(1);
  EXPECT_TRUE(rt.try_send(7));
  clock.advance(kRealTimePollPeriod);
  waiting.join();
  EXPECT_EQ(got, 7);
}

TEST(MpscRtSender, KeepsTheChannelOpenAndIsForgottenOnceItIsGoneAndEmpty) {
  auto channel = mpsc<int>(4);
  std::optional<MpscRtSender<int>> rt = channel.sender.rt_sender();
  { const auto gone = std::move(channel.sender); }
  EXPECT_FALSE(channel.receiver.closed());
  EXPECT_TRUE(rt->try_send(1));
  rt.reset();
  EXPECT_EQ(*channel.receiver.receive(), 1);
  EXPECT_EQ(channel.receiver.receive().why(), Why::closed);
  EXPECT_EQ(channel.receiver.poll_period(), 0ns);
  EXPECT_EQ(channel.receiver.counters(), (ChannelCounters{1, 1, 0, 0}));
}

TEST(MpscRtSender, LearnsThatTheChannelIsClosed) {
  auto channel = mpsc<std::shared_ptr<int>>(4);
  auto rt = channel.sender.rt_sender();
  const auto token = std::make_shared<int>(1);
  EXPECT_TRUE(rt.try_send(std::shared_ptr<int>(token)));
  { const auto gone = std::move(channel.receiver); }
  EXPECT_EQ(token.use_count(), 1);
  auto value = token;
  EXPECT_EQ(rt.try_send(std::move(value)).why(), Why::closed);
  EXPECT_EQ(value, token);  // untouched
  auto late = channel.sender.rt_sender();
  EXPECT_EQ(late.try_send(nullptr).why(), Why::closed);
  EXPECT_EQ(channel.sender.counters(), (ChannelCounters{1, 0, 1, 0}));
}

TEST(MpscRtSender, LosesNothingThatWasSentWhenTheReceiverCloses) {
  for (std::uint64_t round = 0; round < 20; ++round) {
    auto channel = mpsc<int>(8);
    std::uint64_t sent = 0;
    std::thread pushing([&sent, rt = channel.sender.rt_sender()]() mutable {
      while (true) {
        const Sent result = rt.try_send(1);
        if (!result && result.why() == Why::closed) { return; }
        sent += result ? 1U : 0U;
        give_way();
      }
    });
    std::uint64_t received = 0;
    while (received < round * 5) { received += channel.receiver.try_receive() ? 1U : 0U; }
    channel.receiver.close();
    while (channel.receiver.receive()) { ++received; }
    pushing.join();
    EXPECT_EQ(sent, received);
    EXPECT_EQ(channel.receiver.counters(), (ChannelCounters{received, received, 0, 0}));
  }
}

TEST(MpscRtSender, DeliversEverythingInOrderBesideOtherSenders) {
  auto channel = mpsc<Value>(8);
  std::vector<std::thread> threads;
  for (std::uint32_t s = 0; s < 2; ++s) {
    threads.emplace_back([s, rt = channel.sender.rt_sender()]() mutable {
      for (std::uint32_t i = 1; i <= kMpscValues; ++i) {
        while (!rt.try_send(Value{s, i})) { give_way(); }
      }
    });
  }
  threads.emplace_back([sender = std::move(channel.sender)] {
    for (std::uint32_t i = 1; i <= kMpscValues; ++i) { EXPECT_TRUE(sender.send({2, i})); }
  });
  std::array<std::uint32_t, 3> last{};
  std::uint64_t disorder = 0;
  while (auto value = channel.receiver.receive()) {
    disorder += value->number != last.at(value->sender) + 1 ? 1U : 0U;
    last.at(value->sender) = value->number;
  }
  for (auto& thread : threads) { thread.join(); }
  EXPECT_EQ(disorder, 0U);
  EXPECT_THAT(last, testing::Each(kMpscValues));
}

}  // namespace
}  // namespace streamlab
