// engine/run/input_counts.hpp
#pragma once

#include <atomic>
#include <cstdint>

#include "engine/core/data_frame.hpp"

namespace streamlab {

// What came in from the device, up to the end of the graph. The domain's thread adds; any thread reads.
struct InputCounts {
  std::atomic<std::uint64_t> frames{0};
  std::atomic<std::uint64_t> gaps{0};
  std::atomic<std::uint64_t> gap_frames{0};
  std::atomic<std::uint64_t> clipped_blocks{0};
  std::atomic<std::uint64_t> not_finite_blocks{0};

  void add(const DataFrame& block) noexcept;
  void restart() noexcept;
};

}  // namespace streamlab
