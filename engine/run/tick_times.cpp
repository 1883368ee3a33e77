// engine/run/tick_times.cpp
#include "engine/run/tick_times.hpp"

#include <algorithm>
#include <cmath>

namespace streamlab {

std::uint64_t TickTimes::quantile_ns(double p) const noexcept {
  std::uint64_t total = 0;
  for (const auto& count : counts_) { total += count.load(std::memory_order_relaxed); }
  if (total == 0) { return 0; }
  const auto wanted = static_cast<std::uint64_t>(std::ceil(p * static_cast<double>(total)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[bucket].load(std::memory_order_relaxed);
    if (seen >= std::max<std::uint64_t>(1, wanted)) { return std::min(end_of(bucket), worst_ns()); }
  }
  return worst_ns();
}

}  // namespace streamlab
