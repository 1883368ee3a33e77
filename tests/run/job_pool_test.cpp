// tests/run/job_pool_test.cpp
#include "engine/run/job_pool.hpp"

#include <atomic>
#include <functional>
#include <future>
#include <set>
#include <thread>

#include <gtest/gtest.h>

namespace streamlab {
namespace {

// What a test does in a job, and afterwards.
struct TestJob final : JobPool::Job {
  explicit TestJob(std::function<void()> what, std::function<void()> afterwards = {})
      : work(std::move(what)), then(std::move(afterwards)) {}
  void run() override { work(); }
  void deliver() override {
    if (then) { then(); }
  }

  std::function<void()> work;
  std::function<void()> then;
};

TEST(JobPool, DoesJobsInTheirOrderAndAllOfThemBeforeItGoes) {
  std::vector<int> done;
  {
    JobPool pool("test", 1);
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(pool.add(std::make_shared<TestJob>([&done, i] { done.push_back(i); })));
    }
  }
  ASSERT_EQ(done.size(), 100U);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
}

TEST(JobPool, StartsNoThreadForWhoeverHasAResultAndAddsTheNextJob) {
  JobPool pool("test", 4);
  std::set<std::thread::id> threads;
  for (int i = 0; i < 100; ++i) {
    std::promise<std::thread::id> done;
    std::thread::id id;
    ASSERT_TRUE(pool.add(
        std::make_shared<TestJob>([&] { id = std::this_thread::get_id(); }, [&] { done.set_value(id); })));
    threads.insert(done.get_future().get());
  }
  EXPECT_EQ(threads.size(), 1U);
  EXPECT_EQ(pool.high_water(), 1U);
}

TEST(JobPool, RunsAsManyAtATimeAsItMay) {
  JobPool pool("test", 3);
  EXPECT_EQ(pool.max_threads(), 3U);
  std::atomic<int> here{0};
  for (int i = 0; i < 30; ++i) {
    // The first three wait for each other.
    ASSERT_TRUE(pool.add(std::make_shared<TestJob>([&here] {
      ++here;
      while (here < 3) { std::this_thread::yield(); }
    })));
  }
  while (here < 30) { std::this_thread::yield(); }
  EXPECT_EQ(pool.high_water(), 3U);
}

TEST(JobPool, DropsWhatWaitsOnceItIsStopped) {
  std::atomic<bool> stops{false};
  std::atomic<int> done{0};
  std::promise<void> go_on;
  std::vector<std::weak_ptr<TestJob>> waiting;
  {
    JobPool pool("test", 1, [&] { return stops.load(); });
    std::promise<void> begun;
    ASSERT_TRUE(pool.add(std::make_shared<TestJob>([&] {
      begun.set_value();
      go_on.get_future().wait();
      ++done;
    })));
    for (int i = 0; i < 10; ++i) {
      const auto job = std::make_shared<TestJob>([&done] { ++done; });
      waiting.push_back(job);
      ASSERT_TRUE(pool.add(job));
    }
    begun.get_future().wait();
    stops = true;
    go_on.set_value();
  }
  EXPECT_EQ(done, 1);
  for (const auto& job : waiting) { EXPECT_TRUE(job.expired()); }
}

}  // namespace
}  // namespace streamlab
