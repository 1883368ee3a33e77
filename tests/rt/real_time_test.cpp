// tests/rt/real_time_test.cpp
//
// What real-time threads use of engine/rt, under the guard: no allocation, no lock, no system call.
#include <array>
#include <cstdint>
#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/rt/denormals.hpp"
#include "engine/rt/edge.hpp"
#include "engine/rt/latest.hpp"
#include "engine/rt/spsc_ring.hpp"
#include "tests/support/rt_guard.hpp"

namespace streamlab {
namespace {

TEST(RealTime, EdgesNeitherAllocateNorCallTheSystem) {
  for (const auto name : kOverflowPolicyNames) {
    Edge<int> edge(3, *parse_overflow_policy(name), [] { return 0; });
    RtGuardScope::take_violations();
    {
      const RtGuardScope guarded;
      for (int round = 0; round < 20; ++round) {
        for (int i = 0; i < 5; ++i) {
          if (int* const block = edge.acquire(); block != nullptr) {
            *block = i;
            if (i == 2) {
              edge.abandon(block);
            } else {
              edge.commit(block);
            }
          }
        }
        for (int i = 0; i < 2; ++i) {
          if (int* const block = edge.try_pop(); block != nullptr) { edge.release(block); }
        }
      }
      edge.close();
      EXPECT_FALSE(edge.ended() && edge.counters().in_queue != 0);
    }
    EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty()) << name;
    EXPECT_GT(edge.delivered(), 0U) << name;
  }
}

TEST(RealTime, QueuesNeitherAllocateNorCallTheSystem) {
  SpscRing<int> ring(4);
  Latest<std::array<double, 8>> latest;
  std::array<int, 3> values{1, 2, 3};
  int value = 0;
  std::size_t moved = 0;
  RtGuardScope::take_violations();
  {
    const RtGuardScope guarded;
    for (int round = 0; round < 20; ++round) {
      moved += ring.try_push_n(values);
      moved += ring.try_push(round) ? 1U : 0U;
      moved += ring.try_pop(value) ? 1U : 0U;
      moved += ring.try_pop_n(values);
      latest.write({});
      latest.update();
    }
    flush_denormals();
  }
  EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty());
  EXPECT_GT(moved, 0U);
}

}  // namespace
}  // namespace streamlab
