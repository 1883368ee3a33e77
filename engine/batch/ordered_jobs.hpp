// engine/batch/ordered_jobs.hpp
//
// run_in_order: many jobs, several at a time, their results taken one by one in the order of the jobs.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "engine/run/job_pool.hpp"

namespace streamlab {

struct OrderedJobs {
  std::size_t count = 0;
  std::size_t at_a_time = 1;
  std::string thread_name = "sl-job";
  std::function<bool()> stops = {};  // asked before each job; any thread
};

// Calls work(0) … work(count - 1) on threads of a pool, and take(result) on the caller's thread, in order. No more than a few
// results per thread are kept waiting, however slow one job is. Once `stops` says so no job is begun any more; those under
// way are finished and taken.
template <class Result, class Work, class Take>
void run_in_order(const OrderedJobs& jobs, Work work, Take take) {
  // Jobs per thread that may be added before the oldest one is taken.
  constexpr std::size_t kAhead = 16;

  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    // With the mutex held.
    std::map<std::size_t, Result> waiting;
    std::size_t under_way = 0;  // jobs that were added and have not gone yet
  };
  class OneJob final : public JobPool::Job {
   public:
    OneJob(Shared& shared, Work& work, std::size_t index) : shared_(shared), work_(work), index_(index) {
      const std::scoped_lock lock(shared_.mutex);
      ++shared_.under_way;
    }
    OneJob(const OneJob&) = delete;
    OneJob& operator=(const OneJob&) = delete;
    ~OneJob() override {  // also of one that is dropped
      const std::scoped_lock lock(shared_.mutex);
      --shared_.under_way;
      shared_.changed.notify_all();  // under the lock: once this job is known to have gone, `shared_` may go
    }
    void run() override {
      Result result = work_(index_);
      const std::scoped_lock lock(shared_.mutex);
      shared_.waiting.emplace(index_, std::move(result));
    }
    void deliver() override {}

   private:
    Shared& shared_;
    Work& work_;
    const std::size_t index_;
  };

  const std::size_t threads =
      std::clamp<std::size_t>(jobs.at_a_time, 1, std::max<std::size_t>(jobs.count, 1));
  Shared shared;
  JobPool pool(jobs.thread_name, threads, jobs.stops);  // goes first: its jobs use `shared`
  const auto stops = [&] { return jobs.stops && jobs.stops(); };
  std::size_t added = 0;
  for (std::size_t next = 0; next < jobs.count;) {
    for (; added < jobs.count && added < next + kAhead * threads && !stops(); ++added) {
      const auto job = std::make_shared<OneJob>(shared, work, added);
      if (!pool.add(job)) { job->run(); }  // without threads it is done here
    }
    std::unique_lock lock(shared.mutex);
    shared.changed.wait(lock, [&] { return shared.waiting.contains(next) || shared.under_way == 0; });
    auto first = shared.waiting.find(next);
    if (first == shared.waiting.end()) { return; }  // stopped: it was not begun
    for (; first != shared.waiting.end() && first->first == next; first = shared.waiting.find(next)) {
      Result result = std::move(first->second);
      shared.waiting.erase(first);
      lock.unlock();
      take(std::move(result));
      lock.lock();
      ++next;
    }
  }
}

}  // namespace streamlab
