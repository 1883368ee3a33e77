// tests/channel/registry_test.cpp
#include "engine/channel/registry.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streamlab {
namespace {

TEST(TypeName, IsWhatAPersonWouldWrite) {
  EXPECT_EQ(type_name<int>(), "int");
  EXPECT_EQ(type_name<double>(), "double");
  EXPECT_EQ(type_name<std::string>(), "std::string");
  EXPECT_EQ(type_name<std::vector<std::string>>(), "std::vector<std::string>");
  EXPECT_EQ(type_name<std::vector<std::vector<double>>>(), "std::vector<std::vector<double>>");
  EXPECT_EQ(type_name<std::shared_ptr<const std::vector<float>>>(),
            "std::shared_ptr<std::vector<float> const>");
  EXPECT_EQ(type_name<Error>(), "streamlab::Error");
}

TEST(ChannelRegistry, ConnectsThoseWhoKnowTheName) {
  ChannelRegistry registry;
  ASSERT_TRUE(registry.add("settings", mpsc<int>(4)));
  ASSERT_TRUE(registry.add("levels", broadcast<double>(4)));
  ASSERT_TRUE(registry.add("gain", watch<float>(1.0F)));

  auto settings = registry.receiver<int>("settings");
  ASSERT_TRUE(settings);
  EXPECT_TRUE(registry.sender<int>("settings")->send(1));
  EXPECT_EQ(*settings->receive(), 1);  // though that sender is gone
  EXPECT_EQ(settings->try_receive().why(), Why::empty);

  auto levels = registry.subscribe<double>("levels", OnLag::lose);
  ASSERT_TRUE(levels);
  EXPECT_EQ(levels->on_lag(), OnLag::lose);
  EXPECT_TRUE(registry.broadcast_sender<double>("levels")->send(0.5));
  EXPECT_EQ(*levels->receive(), 0.5);

  auto gain = registry.watch<float>("gain");
  ASSERT_TRUE(gain);
  EXPECT_TRUE(registry.watch_sender<float>("gain")->send(2.0F));
  EXPECT_EQ(*gain->receive(), 2.0F);
}

std::string message(const auto& result) { return result ? "no error" : to_string(result.error()); }

TEST(ChannelRegistry, SaysBothTypesAndBothKinds) {
  ChannelRegistry registry;
  ASSERT_TRUE(registry.add("raw", broadcast<std::vector<double>>(4)));
  EXPECT_EQ(message(registry.subscribe<std::vector<float>>("raw")),
            "channel \"raw\" is broadcast<std::vector<double>>; expected broadcast<std::vector<float>>");
  EXPECT_EQ(message(registry.sender<std::vector<double>>("raw")),
            "channel \"raw\" is broadcast<std::vector<double>>; expected mpsc<std::vector<double>>");
  EXPECT_EQ(message(registry.watch<int>("raw")),
            "channel \"raw\" is broadcast<std::vector<double>>; expected watch<int>");
  EXPECT_EQ(registry.watch<int>("raw").error().code, ErrorCode::refused);
}

TEST(ChannelRegistry, RefusesNamesThatAreNotThereOrThereTwice) {
  ChannelRegistry registry;
  ASSERT_TRUE(registry.add("spectrum", broadcast<int>(4)));
  EXPECT_EQ(message(registry.subscribe<int>("spectrun")),
            "there is no channel \"spectrun\"; did you mean \"spectrum\"?");
  EXPECT_EQ(message(registry.subscribe<int>("level")), "there is no channel \"level\"");
  EXPECT_EQ(message(registry.add("spectrum", mpsc<double>(4))),
            "there is a channel \"spectrum\" already, broadcast<int>");
  EXPECT_EQ(message(registry.add("", mpsc<double>(4))),
            "a channel without a name; expected at least one letter");
  EXPECT_EQ(message(registry.close("spectra")),
            "there is no channel \"spectra\"; did you mean \"spectrum\"?");
  EXPECT_EQ(message(registry.remove("x")), "there is no channel \"x\"");
}

TEST(ChannelRegistry, GivesTheReceiverOfAnMpscChannelOnce) {
  ChannelRegistry registry;
  ASSERT_TRUE(registry.add("settings", mpsc<int>(4)));
  EXPECT_TRUE(registry.sender<int>("settings")->send(1));  // waits in the channel
  auto receiver = registry.receiver<int>("settings");
  ASSERT_TRUE(receiver);
  EXPECT_EQ(*receiver->receive(), 1);
  EXPECT_EQ(
      message(registry.receiver<int>("settings")),
      "the receiver of channel \"settings\" was already taken; expected one receiver; a broadcast channel "
      "can have any number of them");
}

TEST(ChannelRegistry, ListsAndCloses) {
  ChannelRegistry registry;
  ASSERT_TRUE(registry.add("b", mpsc<int>(4)));
  ASSERT_TRUE(registry.add("a", broadcast<double>(8)));
  ASSERT_TRUE(registry.add("c", watch<std::string>("")));
  const auto text = [&] {
    std::vector<std::string> lines;
    for (const RegisteredChannel& channel : registry.list()) {
      lines.push_back(channel.name + " " + std::string(to_string(channel.kind)) + "<" + channel.type + "> " +
                      std::to_string(channel.capacity) + (channel.closed ? " closed" : ""));
    }
    return lines;
  };
  EXPECT_THAT(text(),
              testing::ElementsAre("a broadcast<double> 8", "b mpsc<int> 4", "c watch<std::string> 1"));
  auto receiver = registry.receiver<int>("b");
  auto subscriber = registry.subscribe<double>("a");
  auto watcher = registry.watch<std::string>("c");
  ASSERT_TRUE(registry.close("b"));
  EXPECT_EQ(receiver->receive().why(), Why::closed);
  EXPECT_THAT(text(), testing::ElementsAre("a broadcast<double> 8", "b mpsc<int> 4 closed",
                                           "c watch<std::string> 1"));
  registry.close_all();
  EXPECT_EQ(subscriber->receive().why(), Why::closed);
  EXPECT_EQ(watcher->receive().why(), Why::closed);
}

TEST(ChannelRegistry, LetsGoOfWhatIsRemoved) {
  ChannelRegistry registry;
  ASSERT_TRUE(registry.add("a", broadcast<int>(8)));
  auto sender = registry.broadcast_sender<int>("a");
  auto subscriber = registry.subscribe<int>("a");
  ASSERT_TRUE(registry.remove("a"));
  EXPECT_TRUE(sender->send(1));  // between those who have an end
  EXPECT_EQ(*subscriber->receive(), 1);
  ASSERT_TRUE(registry.add("a", mpsc<int>(8)));
}

TEST(ChannelRegistry, ServesManyThreads) {
  ChannelRegistry registry;
  ASSERT_TRUE(registry.add("sum", mpsc<int>(64)));
  auto receiver = registry.receiver<int>("sum");
  ASSERT_TRUE(receiver);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&registry, t] {
      const std::string own = "own " + std::to_string(t);
      for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(registry.add(own, broadcast<int>(2)));
        EXPECT_TRUE(registry.sender<int>("sum")->send(1));
        EXPECT_GE(registry.list().size(), 2U);
        EXPECT_TRUE(registry.remove(own));
      }
    });
  }
  int sum = 0;
  while (sum < 400) { sum += *receiver->receive(); }
  for (auto& thread : threads) { thread.join(); }
  EXPECT_EQ(registry.list().size(), 1U);
}

}  // namespace
}  // namespace streamlab
