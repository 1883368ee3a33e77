// nodes/analysis/time_at.hpp
//
// The time of another sample than a block's first.
#pragma once

#include <cmath>
#include <cstdint>

#include "engine/core/data_frame.hpp"

namespace streamlab {

// Time in µs of the sample at `position`, from a block of the same stream. Positions are turned into times
// before they are subtracted: where the blocks' times are their rounded positions, as offline, the result
// does not depend on the block.
inline std::int64_t time_at(std::int64_t position, const FrameHeader& block, double sample_rate_hz) noexcept {
  const auto since_start = [&](std::int64_t p) {
    return std::llround(static_cast<double>(p) * 1e6 / sample_rate_hz);
  };
  return block.timestamp_us + since_start(position) - since_start(block.position);
}

}  // namespace streamlab
