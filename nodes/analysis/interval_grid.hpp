// nodes/analysis/interval_grid.hpp
//
// IntervalGrid: the rule shared by all nodes that work by intervals. It cuts a stream into intervals by
// position only. Interval k holds the positions round(k · interval_frames) … round((k + 1) · interval_frames)
// - 1, so that an interval that is not a whole number of frames does not drift.
#pragma once

#include <cmath>
#include <cstdint>

#include <fmt/format.h>

#include "engine/base/error.hpp"

namespace streamlab {

class IntervalGrid {
 public:
  IntervalGrid() = default;
  explicit IntervalGrid(double interval_frames) noexcept : interval_frames_(interval_frames) {}

  // Refused, at /config/interval_s, when an interval is shorter than a frame.
  static Result<IntervalGrid> make(double interval_s, double sample_rate_hz) {
    const double frames = interval_s * sample_rate_hz;
    if (!(frames >= 1.0)) {
      return refused("/config/interval_s",
                     fmt::format("{} s is shorter than one frame at {} Hz", interval_s, sample_rate_hz),
                     fmt::format("at least {} s", 1.0 / sample_rate_hz));
    }
    return IntervalGrid(frames);
  }

  // The interval that holds `position`.
  std::int64_t index_of(std::int64_t position) const noexcept {
    auto index = static_cast<std::int64_t>(std::floor(static_cast<double>(position) / interval_frames_));
    while (begin(index) > position) { --index; }
    while (begin(index + 1) <= position) { ++index; }
    return index;
  }
  std::int64_t begin(std::int64_t index) const noexcept {
    return std::llround(static_cast<double>(index) * interval_frames_);
  }
  double interval_frames() const noexcept { return interval_frames_; }

 private:
  double interval_frames_ = 1.0;  // at least 1
};

}  // namespace streamlab
