// tests/channel/oneshot_test.cpp
#include "engine/channel/oneshot.hpp"

#include <memory>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

namespace streamlab {
namespace {

using namespace std::chrono_literals;

TEST(Oneshot, CarriesOneValue) {
  auto [sender, receiver] = oneshot<std::unique_ptr<int>>();
  EXPECT_EQ(receiver.try_receive().why(), Why::empty);
  EXPECT_FALSE(sender.closed());
  EXPECT_TRUE(sender.send(std::make_unique<int>(7)));
  EXPECT_TRUE(sender.closed());
  auto second = std::make_unique<int>(8);
  EXPECT_EQ(sender.send(std::move(second)).why(), Why::closed);
  EXPECT_EQ(*second, 8);  // untouched
  EXPECT_EQ(receiver.size(), 1U);
  auto received = receiver.receive();
  ASSERT_TRUE(received);
  EXPECT_EQ(**received, 7);
  EXPECT_EQ(receiver.receive().why(), Why::closed);
  EXPECT_EQ(receiver.counters(), (ChannelCounters{1, 1, 0, 0}));
}

TEST(Oneshot, TellsTheReceiverThatNoValueWillCome) {
  auto channel = oneshot<int>();
  { const auto gone = std::move(channel.sender); }
  EXPECT_EQ(channel.receiver.receive().why(), Why::closed);
}

TEST(Oneshot, KeepsTheValueOfASenderThatIsGone) {
  auto channel = oneshot<int>();
  EXPECT_TRUE(channel.sender.send(1));
  { const auto gone = std::move(channel.sender); }
  EXPECT_EQ(*channel.receiver.receive(), 1);
}

TEST(Oneshot, TellsTheSenderThatNoOneWaits) {
  auto channel = oneshot<std::shared_ptr<int>>();
  const auto value = std::make_shared<int>(1);
  { const auto gone = std::move(channel.receiver); }
  EXPECT_TRUE(channel.sender.closed());
  EXPECT_EQ(channel.sender.send(value).why(), Why::closed);
  EXPECT_EQ(value.use_count(), 1);
}

TEST(Oneshot, DropsAValueThatNoOneTook) {
  auto channel = oneshot<std::shared_ptr<int>>();
  const auto value = std::make_shared<int>(1);
  EXPECT_TRUE(channel.sender.send(value));
  EXPECT_EQ(value.use_count(), 2);
  { const auto gone = std::move(channel.receiver); }
  EXPECT_EQ(value.use_count(), 1);
}

TEST(Oneshot, ClosedByTheReceiverStillGivesAValueThatWasSent) {
  auto one = oneshot<int>();
  EXPECT_TRUE(one.sender.send(1));
  one.receiver.close();
  EXPECT_EQ(*one.receiver.receive(), 1);
  auto two = oneshot<int>();
  two.receiver.close();
  EXPECT_EQ(two.sender.send(1).why(), Why::closed);
  EXPECT_EQ(two.receiver.receive().why(), Why::closed);
}

TEST(Oneshot, EndsAWaitAtTheDeadlineAndByAStop) {
  VirtualClock clock(VirtualClock::Advance::when_idle);
  auto [sender, receiver] = oneshot<int>(clock);
  EXPECT_EQ(receiver.receive_for(3s).why(), Why::timed_out);
  EXPECT_EQ(clock.now(), VirtualClock::kStart + 3s);
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(receiver.receive(source.get_token()).why(), Why::stopped);
}

TEST(Oneshot, WakesTheReceiver) {
  VirtualClock clock(VirtualClock::Advance::by_hand);
  for (const bool sends : {true, false}) {
    auto channel = oneshot<int>(clock);
    std::optional<Received<int>> received;
    std::thread waiting([&] { received.emplace(channel.receiver.receive()); });
    clock.wait_for_waiters(1);
    if (sends) {
      EXPECT_TRUE(channel.sender.send(5));
    } else {
      channel.sender.close();
    }
    waiting.join();
    EXPECT_EQ(received->has_value(), sends);
  }
}

TEST(Oneshot, AnEndThatWasMovedFromIsClosed) {
  auto [sender, receiver] = oneshot<int>();
  const auto kept_sender = std::move(sender);
  const auto kept_receiver = std::move(receiver);
  // NOLINTBEGIN(bugprone-use-after-move): that is the test
  EXPECT_EQ(sender.send(1).why(), Why::closed);
  EXPECT_EQ(receiver.receive().why(), Why::closed);
  EXPECT_TRUE(sender.closed() && receiver.closed());
  // NOLINTEND(bugprone-use-after-move)
}

}  // namespace
}  // namespace streamlab
