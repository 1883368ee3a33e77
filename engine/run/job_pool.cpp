// engine/run/job_pool.cpp
#include "engine/run/job_pool.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/rt/denormals.hpp"

namespace streamlab {

JobPool::JobPool(std::string name, std::size_t max_threads, std::function<bool()> stops)
    : name_(std::move(name)), max_threads_(max_threads), stops_(std::move(stops)) {}

JobPool::~JobPool() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  threads_.clear();  // joins: the jobs that wait are done first
}

Result<void> JobPool::add(const std::shared_ptr<Job>& job) {
  {
    const std::scoped_lock lock(mutex_);
    const bool all_busy = idle_ <= jobs_.size();
    if (all_busy && threads_.size() < max_threads_) {
      auto thread = Thread::start(fmt::format("{}-{}", name_, threads_.size()), [this] { work(); });
      if (thread) {
        threads_.push_back(std::move(*thread));
      } else if (threads_.empty()) {
        return tl::unexpected(thread.error());
      }
    }
    jobs_.push_back(job);
  }
  changed_.notify_one();
  return {};
}

void JobPool::work() {
  flush_denormals();
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
    --idle_;
    if (jobs_.empty()) { return; }
    if (stops_ && stops_()) {
      auto dropped = std::exchange(jobs_, {});
      lock.unlock();  // what a job does as it goes is its own matter
      dropped.clear();
      lock.lock();
      continue;
    }
    std::shared_ptr<Job> job = std::move(jobs_.front());
    jobs_.pop_front();
    high_water_ = std::max(high_water_, ++busy_);
    lock.unlock();
    job->run();
    lock.lock();
    --busy_;
    job->deliver();
  }
}

std::size_t JobPool::high_water() const {
  const std::scoped_lock lock(mutex_);
  return high_water_;
}

}  // namespace streamlab
