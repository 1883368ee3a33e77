// engine/run/tick_times.hpp
//
// TickTimes: how long the ticks of one thread took, as a histogram that the thread fills and any thread may
// read.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace streamlab {

class TickTimes {
 public:
  // Only the measured thread; wait-free.
  void record(std::uint64_t ns) noexcept {
    auto& bucket = counts_[bucket_of(ns)];
    bucket.store(bucket.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (ns > worst_ns_.load(std::memory_order_relaxed)) { worst_ns_.store(ns, std::memory_order_relaxed); }
  }

  // Any thread.
  std::uint64_t worst_ns() const noexcept { return worst_ns_.load(std::memory_order_relaxed); }
  // The duration that a fraction `p` (0 .. 1) of the ticks did not exceed, rounded up by at most 12.5 %; 0
  // without ticks.
  std::uint64_t quantile_ns(double p) const noexcept;

 private:
  // Eight buckets per doubling: the first 8 hold 0 .. 7 ns exactly.
  static constexpr std::size_t kBuckets = 8 * 62;
  static std::size_t bucket_of(std::uint64_t ns) noexcept {
    if (ns < 8) { return static_cast<std::size_t>(ns); }
    const auto exponent = static_cast<std::size_t>(std::bit_width(ns)) - 4;  // of the eighth's size
    return 8 * exponent + static_cast<std::size_t>(ns >> exponent);
  }
  static std::uint64_t end_of(std::size_t bucket) noexcept {
    if (bucket < 16) { return bucket; }
    const std::size_t exponent = bucket / 8 - 1;
    return ((bucket % 8 + 9ULL) << exponent) - 1;
  }

  std::array<std::atomic<std::uint32_t>, kBuckets> counts_{};
  std::atomic<std::uint64_t> worst_ns_{0};
};

}  // namespace streamlab
