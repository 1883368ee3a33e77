// engine/run/node_times.hpp
//
// NodeTimes: how long the rounds of one node take: its calls, and passing on what it gave. Only some rounds are measured, as to look at
// the clock twice costs more than a small node does.
//
// MeasuredRounds says which: each of the first 64, then ever fewer, at last one in 251. The distances are odd, so that a node that
// works at every 2nd, 4th, … 64th block is neither always nor never met.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <type_traits>

namespace streamlab {

struct NodeTime {
  std::uint64_t measured = 0;  // rounds in which the node worked
  std::uint64_t total_ns = 0;
  std::uint64_t worst_ns = 0;
};

// One thread writes, wait-free; any thread reads. Each number has one writer and stands for itself: relaxed is enough. A reader that
// comes between two of them sees a round more or less.
class NodeTimes {
 public:
  void record(std::uint64_t ns) noexcept {
    const NodeTime so_far = read();
    measured_.store(so_far.measured + 1, std::memory_order_relaxed);
    total_ns_.store(so_far.total_ns + ns, std::memory_order_relaxed);
    worst_ns_.store(std::max(so_far.worst_ns, ns), std::memory_order_relaxed);
  }
  NodeTime read() const noexcept {
    return {measured_.load(std::memory_order_relaxed), total_ns_.load(std::memory_order_relaxed),
            worst_ns_.load(std::memory_order_relaxed)};
  }

 private:
  std::atomic<std::uint64_t> measured_{0};
  std::atomic<std::uint64_t> total_ns_{0};
  std::atomic<std::uint64_t> worst_ns_{0};
};

// The domain's thread.
class MeasuredRounds {
 public:
  static constexpr std::uint64_t kRarest = 251;

  // A round begins: is it measured?
  bool begin() noexcept {
    if (--left_ != 0) [[likely]] { return false; }
    left_ = std::min(kRarest, planned_ / 32 | 1);
    planned_ += left_;
    return true;
  }
  // Nothing worked in it: the next one instead.
  void was_idle() noexcept {
    planned_ -= left_ - 1;
    left_ = 1;
  }
  // What `work` takes, without what the clock itself takes.
  template <class Work>
  std::uint64_t measure(const Work& work) const noexcept {
    const auto begin = Clock::now();
    work();
    const auto ns = static_cast<std::uint64_t>((Clock::now() - begin).count());
    return ns - std::min(ns, clock_ns_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  static_assert(std::is_same_v<Clock::period, std::nano>);

  // The least of some: what is between two looks at the clock at once.
  static std::uint64_t cost_of_clock() noexcept {
    std::uint64_t least = UINT64_MAX;
    for (int i = 0; i < 64; ++i) {
      const auto begin = Clock::now();
      least = std::min(least, static_cast<std::uint64_t>((Clock::now() - begin).count()));
    }
    return least;
  }

  std::uint64_t left_ = 1;     // rounds until the next
  std::uint64_t planned_ = 0;  // its number
  const std::uint64_t clock_ns_ = cost_of_clock();
};

}  // namespace streamlab
