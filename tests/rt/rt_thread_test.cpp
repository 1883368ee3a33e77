// tests/rt/rt_thread_test.cpp
//
// What a thread may have depends on the machine; that the answer is what the kernel says does not.
#include "engine/rt/rt_thread.hpp"

#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

namespace streamlab {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

RealtimeInForce on_a_thread_of_its_own(const RealtimeRequest& request, int* policy = nullptr) {
  RealtimeInForce in_force;
  std::thread([&] {
    in_force = enter_realtime(request);
    if (policy != nullptr) { *policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK; }
  }).join();
  munlockall();
  return in_force;
}

TEST(RealtimeInForce, ReadsLikeASentence) {
  RealtimeInForce in_force;
  in_force.scheduling = Scheduling::fifo;
  in_force.priority = 70;
  in_force.memory_locked = true;
  in_force.denormals_flushed = true;
  EXPECT_EQ(to_string(in_force), "SCHED_FIFO 70, memory locked, denormals flushed");
}

TEST(RealtimeInForce, SaysWhyItIsLessThanAsked) {
  RealtimeInForce in_force;
  in_force.scheduling_note = "no permission: rtprio limit 0";
  in_force.memory_note = "no permission: memlock limit 8192 KiB";
  in_force.denormals_flushed = true;
  in_force.cpu_dma_latency_note = "/dev/cpu_dma_latency: Permission denied";
  EXPECT_EQ(
      to_string(in_force),
      "normal scheduling (no permission: rtprio limit 0), memory not locked (no permission: memlock limit "
      "8192 KiB), denormals flushed, CPU wake-up latency not held (/dev/cpu_dma_latency: Permission "
      "denied)");
  in_force.scheduling = Scheduling::round_robin;
  in_force.priority = 20;
  in_force.scheduling_note = "asked for 70, through RealtimeKit";
  EXPECT_THAT(to_string(in_force), StartsWith("SCHED_RR 20 (asked for 70, through RealtimeKit), "));
}

TEST(EnterRealtime, ReportsWhatTheKernelSays) {
  int policy = -1;
  const RealtimeInForce in_force = on_a_thread_of_its_own(
      {.realtime = true, .priority = 33, .lock_memory = true, .name = "sl-rt"}, &policy);
  EXPECT_TRUE(in_force.denormals_flushed);
  EXPECT_EQ(in_force.scheduling == Scheduling::fifo, policy == SCHED_FIFO);
  EXPECT_EQ(in_force.scheduling == Scheduling::normal, policy == SCHED_OTHER);
  if (realtime_limits().may_set_any_priority) {
    EXPECT_EQ(in_force.scheduling, Scheduling::fifo);
    EXPECT_EQ(in_force.priority, 33);
    EXPECT_EQ(in_force.scheduling_note, "");
  } else if (in_force.scheduling == Scheduling::normal) {
    EXPECT_THAT(in_force.scheduling_note, HasSubstr("rtprio limit"));
  }
}

TEST(EnterRealtime, TouchesNoSchedulingThatWasNotAskedFor) {
  int policy = -1;
  const RealtimeInForce in_force = on_a_thread_of_its_own({.realtime = false, .lock_memory = false}, &policy);
  EXPECT_EQ(policy, SCHED_OTHER);
  EXPECT_EQ(in_force.scheduling, Scheduling::normal);
  EXPECT_EQ(in_force.priority, 0);
  EXPECT_EQ(in_force.scheduling_note, "");
  EXPECT_EQ(in_force.memory_note, "");
  EXPECT_TRUE(in_force.denormals_flushed);
  EXPECT_THAT(to_string(in_force), Not(HasSubstr("(")));
}

TEST(EnterRealtime, SaysThatAPriorityDoesNotExist) {
  const RealtimeInForce in_force = on_a_thread_of_its_own({.priority = 1000, .lock_memory = false});
  EXPECT_EQ(in_force.scheduling, Scheduling::normal);
  EXPECT_EQ(in_force.scheduling_note, "priority 1000 was refused: Invalid argument");
}

TEST(EnterRealtime, HoldsTheWakeUpLatencyOrSaysWhyNot) {
  const RealtimeInForce in_force =
      on_a_thread_of_its_own({.realtime = false, .lock_memory = false, .hold_cpu_dma_latency = true});
  if (in_force.cpu_dma_latency) {
    EXPECT_THAT(to_string(in_force), HasSubstr("CPU wake-up latency held at 0"));
  } else {
    EXPECT_THAT(in_force.cpu_dma_latency_note, StartsWith("/dev/cpu_dma_latency: "));
  }
}

TEST(EnterRealtime, NamesTheThread) {
  std::string name;
  std::thread([&] {
    enter_realtime({.realtime = false, .lock_memory = false, .name = "sl-capture"});
    char text[16] = {};
    pthread_getname_np(pthread_self(), text, sizeof text);
    name = text;
  }).join();
  EXPECT_EQ(name, "sl-capture");
}

TEST(RealtimeLimits, AreThoseOfTheProcess) {
  rlimit rtprio{};
  rlimit memlock{};
  ASSERT_EQ(getrlimit(RLIMIT_RTPRIO, &rtprio), 0);
  ASSERT_EQ(getrlimit(RLIMIT_MEMLOCK, &memlock), 0);
  const RealtimeLimits limits = realtime_limits();
  EXPECT_EQ(limits.rtprio, rtprio.rlim_cur);
  EXPECT_EQ(limits.memlock_bytes.has_value(), memlock.rlim_cur != RLIM_INFINITY);
  if (limits.memlock_bytes) { EXPECT_EQ(*limits.memlock_bytes, memlock.rlim_cur); }
}

}  // namespace
}  // namespace streamlab
