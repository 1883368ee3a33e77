// bench/rt/two_threads.hpp
//
// Two threads, each on a processor of its own under SCHED_FIFO if that is allowed: without both, figures of
// two threads mean nothing.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <sched.h>

#include "engine/rt/rt_thread.hpp"

namespace streamlab::bench {

inline std::vector<int> usable_processors() {
  std::vector<int> list;
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) { list.push_back(cpu); }
  }
  return list;
}

struct TwoThreadsRun {
  double seconds = 0.0;    // from the common start to the end of the later one
  std::string scheduling;  // in force on the first thread
};

// Needs two processors.
inline TwoThreadsRun run_two_threads(const std::function<void()>& first,
                                     const std::function<void()>& second) {
  using Clock = std::chrono::steady_clock;
  const std::vector<int> processors = usable_processors();
  TwoThreadsRun result;
  std::atomic<int> ready{0};
  Clock::time_point begin[2];
  Clock::time_point end[2];
  const auto body = [&](std::size_t me, const std::function<void()>& work) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processors[me], &set);
    sched_setaffinity(0, sizeof set, &set);
    RealtimeRequest request;
    request.priority = 50;
    request.lock_memory = false;
    const RealtimeInForce in_force = enter_realtime(request);
    if (me == 0) { result.scheduling = to_string(in_force); }
    ready.fetch_add(1);
    while (ready.load() != 2) {}
    begin[me] = Clock::now();
    work();
    end[me] = Clock::now();
  };
  std::thread other([&] { body(1, second); });
  std::thread one([&] { body(0, first); });
  one.join();
  other.join();
  result.seconds =
      std::chrono::duration<double>(std::max(end[0], end[1]) - std::min(begin[0], begin[1])).count();
  return result;
}

}  // namespace streamlab::bench
