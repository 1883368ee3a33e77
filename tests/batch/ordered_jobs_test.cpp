// tests/batch/ordered_jobs_test.cpp
#include "engine/batch/ordered_jobs.hpp"

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace streamlab {
namespace {

std::vector<std::size_t> first_numbers(std::size_t count) {
  std::vector<std::size_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0U);
  return numbers;
}

TEST(OrderedJobs, GiveTheirResultsInOrderOnTheCallersThread) {
  for (const std::size_t threads : {0U, 1U, 2U, 5U, 1000U}) {
    std::vector<std::size_t> taken;
    const auto caller = std::this_thread::get_id();
    run_in_order<std::size_t>(
        {.count = 300, .at_a_time = threads}, [](std::size_t i) { return i; },
        [&](std::size_t i) {
          EXPECT_EQ(std::this_thread::get_id(), caller);
          taken.push_back(i);
        });
    EXPECT_EQ(taken, first_numbers(300));
  }
  run_in_order<int>(
      {}, [](std::size_t) { return 0; }, [](int) { FAIL() << "there are no jobs"; });
}

TEST(OrderedJobs, KeepAFewResultsWaitingWhileOneJobIsSlow) {
  constexpr std::size_t kMost = 16 * 2;
  std::atomic<std::size_t> begun{0};
  std::vector<std::size_t> taken;
  run_in_order<std::size_t>(
      {.count = 200, .at_a_time = 2},
      [&](std::size_t i) {
        ++begun;
        if (i == 0) {
          while (begun < kMost) { std::this_thread::yield(); }  // the other thread does what it may
        }
        EXPECT_TRUE(i > 0 || begun == kMost) << begun;
        return i;
      },
      [&](std::size_t i) { taken.push_back(i); });
  EXPECT_EQ(taken, first_numbers(200));
}

TEST(OrderedJobs, BeginNoMoreOnceTheyAreStoppedAndLoseNone) {
  for (const std::size_t threads : {1U, 3U}) {
    std::atomic<std::size_t> begun{0};
    std::atomic<bool> stops{false};
    std::vector<std::size_t> taken;
    run_in_order<std::size_t>(
        {.count = 10000, .at_a_time = threads, .stops = [&] { return stops.load(); }},
        [&](std::size_t i) {
          ++begun;
          return i;
        },
        [&](std::size_t i) {
          taken.push_back(i);
          if (i == 20) { stops = true; }
        });
    EXPECT_GT(taken.size(), 20U);
    EXPECT_LE(taken.size(), 21U + 16U * threads);
    EXPECT_EQ(taken, first_numbers(begun));  // all that were begun, and no hole among them
  }
  std::size_t begun = 0;
  run_in_order<int>(
      {.count = 5, .stops = [] { return true; }}, [&](std::size_t) { return static_cast<int>(++begun); },
      [](int) { FAIL(); });
  EXPECT_EQ(begun, 0U);
}

}  // namespace
}  // namespace streamlab
