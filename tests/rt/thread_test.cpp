// tests/rt/thread_test.cpp
#include "engine/rt/thread.hpp"

#include <atomic>
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

TEST(Thread, IsNotAThreadFromTheStart) {
  Thread none;
  EXPECT_FALSE(none.joinable());
  none.join();
}

}  // namespace
}  // namespace streamlab
