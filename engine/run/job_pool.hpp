// engine/run/job_pool.hpp
//
// JobPool: threads that share a queue of jobs. PipelinePool runs frames on it, and engine/batch files.
//
// Threads are started as jobs come while none is idle, up to a limit, and end with the pool. Jobs begin in the order in
// which they were added.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/rt/thread.hpp"

namespace streamlab {

class JobPool {
 public:
  class Job {
   public:
    virtual ~Job() = default;
    // On a thread of the pool, on which denormals are flushed.
    virtual void run() = 0;
    // Then on the same thread, which counts as free by now: who gets the result here may add another job at once, and no
    // thread is started for it. Under the pool's lock: short, and without a call into the pool.
    virtual void deliver() = 0;
  };

  // `name`: of the threads, with a number behind it. `stops` is asked before a job begins, under the pool's lock: once it
  // says so, the jobs that wait are dropped instead.
  JobPool(std::string name, std::size_t max_threads, std::function<bool()> stops = {});
  JobPool(const JobPool&) = delete;
  JobPool& operator=(const JobPool&) = delete;
  // Waits until every job is done.
  ~JobPool();

  // Any thread. Fails where there is no thread yet and none can be started; the job is still the caller's then.
  Result<void> add(const std::shared_ptr<Job>& job);
  std::size_t max_threads() const { return max_threads_; }
  // Most jobs that have run at the same time so far. Any thread.
  std::size_t high_water() const;

 private:
  void work();

  const std::string name_;
  const std::size_t max_threads_;
  const std::function<bool()> stops_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // With the mutex held.
  std::deque<std::shared_ptr<Job>> jobs_;
  std::size_t idle_ = 0;
  std::size_t busy_ = 0;
  std::size_t high_water_ = 0;
  bool closing_ = false;
  std::vector<Thread> threads_;
};

}  // namespace streamlab
