// nodes/analysis/time_at.hpp
//
// The time of another sample than a block's first, and the moment of a result.
#pragma once

#include <algorithm>
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

// Where a block stands in the course of the stream, for nodes that ask when: sound where it begins, a
// result at the last frame that it is about, with which it is known. (An average over everything since the
// start begins at the same frame for ever.)
inline std::int64_t moment_of(const DataFrame& block) noexcept {
  const auto length = static_cast<std::int64_t>(block.header().length_frames);
  return block.position() + std::max<std::int64_t>(0, length - 1);
}

}  // namespace streamlab
