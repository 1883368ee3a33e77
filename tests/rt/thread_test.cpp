// tests/rt/thread_test.cpp
#include "engine/rt/thread.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <pthread.h>

namespace streamlab {
namespace {

std::string name_of_this_thread() {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof name);
  return name;
}

TEST(Thread, BearsItsName) {
  std::string name;
  auto thread = Thread::start("sl-worker", [&] { name = name_of_this_thread(); });
  ASSERT_TRUE(thread.has_value());
  thread->join();
  EXPECT_EQ(name, "sl-worker");
}

TEST(Thread, ShortensANameToWhatTheKernelTakes) {
  std::string name;
  auto thread = Thread::start("a name that is too long", [&] { name = name_of_this_thread(); });
  ASSERT_TRUE(thread.has_value());
  thread->join();
  EXPECT_EQ(name, "a name that is ");
}

TEST(Thread, IsJoinedWhenItsOwnerGoes) {
  std::atomic<bool> done{false};
  {
    auto thread = Thread::start("sl-test", [&] { done = true; });
    ASSERT_TRUE(thread.has_value());
    EXPECT_TRUE(thread->joinable());
  }
  EXPECT_TRUE(done);
}

TEST(Thread, JoinsItsOwnThreadBeforeItTakesOverAnother) {
  std::atomic<int> done{0};
  auto first = Thread::start("sl-first", [&] { done += 1; });
  auto second = Thread::start("sl-second", [&] { done += 10; });
  ASSERT_TRUE(first.has_value() && second.has_value());
  *first = std::move(*second);
  EXPECT_EQ(done % 10, 1);
  first->join();
  first->join();
  EXPECT_EQ(done, 11);
  EXPECT_FALSE(first->joinable());
}

// Of the calling thread; it holds its control block, too, and on some systems its guard page.
std::size_t stack_bytes() {
  pthread_attr_t attributes;
  std::size_t bytes = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
    pthread_attr_getstacksize(&attributes, &bytes);
    pthread_attr_destroy(&attributes);
  }
  return bytes;
}

TEST(Thread, HasASmallStack) {
  std::size_t bytes = 0;
  auto thread = Thread::start("sl-test", [&] { bytes = stack_bytes(); });
  ASSERT_TRUE(thread.has_value());
  thread->join();
  EXPECT_LE(bytes, kThreadStackBytes);
  EXPECT_GE(bytes, kThreadStackBytes - 16384);
}

TEST(Thread, HasTheStackOfTheSystemForFunctionsOfOthers) {
  pthread_attr_t usual;
  std::size_t usual_bytes = 0;
  ASSERT_EQ(pthread_getattr_default_np(&usual), 0);
  pthread_attr_getstacksize(&usual, &usual_bytes);
  pthread_attr_destroy(&usual);
  std::size_t bytes = 0;
  auto thread = Thread::start(
      "sl-test", [&] { bytes = stack_bytes(); }, Thread::Stack::system);
  ASSERT_TRUE(thread.has_value());
  thread->join();
  EXPECT_LE(bytes, usual_bytes);
  EXPECT_GE(bytes, usual_bytes - 16384);
}

TEST(Thread, GoesOnAloneWhenItIsDetached) {
  struct Shared {
    std::atomic<bool> may_end{false};
    std::atomic<bool> has_ended{false};
  };
  const auto shared = std::make_shared<Shared>();
  {
    auto thread = Thread::start("sl-test", [shared] {
      shared->may_end.wait(false);
      shared->has_ended = true;
      shared->has_ended.notify_all();
    });
    ASSERT_TRUE(thread.has_value());
    thread->detach();
    EXPECT_FALSE(thread->joinable());
  }
  shared->may_end = true;
  shared->may_end.notify_all();
  shared->has_ended.wait(false);
}

TEST(Thread, IsNotAThreadFromTheStart) {
  Thread none;
  EXPECT_FALSE(none.joinable());
  none.join();
}

}  // namespace
}  // namespace streamlab
