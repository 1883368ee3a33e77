// engine/core/time_at.hpp
//
// The time of any sample of a block, and the moment of a result.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "engine/core/data_frame.hpp"

namespace streamlab {

// Time in µs of the sample at `position`, from a block of the same stream. Positions are converted to times
// before subtracting: if block times are rounded positions (offline), the result does not depend on the
// block.
inline std::int64_t time_at(std::int64_t position, const FrameHeader& block, double sample_rate_hz) noexcept {
  const auto since_start = [&](std::int64_t p) {
    return std::llround(static_cast<double>(p) * 1e6 / sample_rate_hz);
  };
  return block.timestamp_us + since_start(position) - since_start(block.position);
}

// The moment of a block in the stream, for nodes that work by time: audio counts where it begins, a result at
// the last frame that it covers, when it is known. (An average over everything since the start always begins
// at the same frame.)
inline std::int64_t moment_of(const DataFrame& block) noexcept {
  const auto length = static_cast<std::int64_t>(block.header().length_frames);
  return block.position() + std::max<std::int64_t>(0, length - 1);
}

}  // namespace streamlab
