// nodes/analysis/flag_overflow.hpp
//
// flag_overflow: the last step of every result.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "engine/core/data_frame.hpp"

namespace streamlab {

// Flags a result as `not_finite` where a number in it is +infinity, as the power of samples beyond 1e154 is. (-infinity
// is the level of silence, NaN what does not exist.) Real-time safe.
inline void flag_overflow(DataFrame& result) noexcept {
  constexpr double kTooLarge = std::numeric_limits<double>::infinity();
  for (std::uint32_t c = 0; c < result.channel_count(); ++c) {
    const auto numbers = std::as_const(result).channel(c);
    if (std::find(numbers.begin(), numbers.end(), kTooLarge) != numbers.end()) {
      result.header().set(FrameFlag::not_finite);
    }
  }
}

}  // namespace streamlab
