// apps/streamlab/ordered_jobs.hpp
//
// run_in_order: many jobs on a few threads, their results taken one by one in the order of the jobs.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "apps/streamlab/interrupt.hpp"

namespace streamlab::app {

// Calls work(0) … work(count - 1) on `jobs` threads and take(result) on one thread at a time, in order. No
// more than a few results per thread are kept waiting, however slow one job is. After an interrupt no job is
// begun any more; those under way are finished and taken.
template <class Result, class Work, class Take>
void run_in_order(std::size_t count, std::size_t jobs, Work work, Take take) {
  constexpr std::size_t kAhead = 16;  // jobs per thread that may be begun before the oldest one is taken
  jobs = std::clamp<std::size_t>(jobs, 1, std::max<std::size_t>(count, 1));
  std::mutex mutex;
  std::condition_variable taken;
  std::map<std::size_t, Result> waiting;
  std::size_t begun = 0;
  std::size_t next = 0;  // to be taken
  const auto worker = [&] {
    std::unique_lock lock(mutex);
    while (true) {
      taken.wait(lock, [&] { return begun < next + kAhead * jobs; });
      if (begun == count || interrupted()) { return; }
      const std::size_t mine = begun++;
      lock.unlock();
      Result result = work(mine);
      lock.lock();
      waiting.emplace(mine, std::move(result));
      for (auto first = waiting.find(next); first != waiting.end(); first = waiting.find(next)) {
        take(std::move(first->second));
        waiting.erase(first);
        ++next;
      }
      taken.notify_all();
    }
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < jobs; ++i) { threads.emplace_back(worker); }
  worker();
}

}  // namespace streamlab::app
