// hal/alsa/alsa_timeline.hpp
//
// AlsaTimeline: stream positions across interruptions. ALSA counts frames from its last start and loses the
// count at each xrun and reopening; the clock model knows how many frames the device made meanwhile, to the nearest
// frame if it was looked at in time, and the roundings of many gaps do not add up. A stop that is shorter than what
// observe() notices cannot be told from a late look; the frames after it have positions too low until it is noticed.
//
// `offset`: the device's pointer relative to the next position: ahead by the readable frames, or behind
// (negative) by the queued frames. One thread at a time; no allocation, no system call.
#pragma once

#include <cstdint>
#include <optional>

#include "hal/clock_model.hpp"

namespace streamlab {

class AlsaTimeline {
 public:
  AlsaTimeline(double rate_hz, std::uint32_t period_frames, std::int64_t epoch_offset_ns) noexcept;

  // The device is told to start. What it takes until its first frame is its own affair; if it is told again before
  // that, it was lost meanwhile, and the stream has begun with the first start.
  void start(std::int64_t monotonic_ns) noexcept;

  // The first update after a start. Returns the frames lost since the last update: a gap.
  std::int64_t begin(std::int64_t offset, std::int64_t monotonic_ns) noexcept;

  // Any later update. Returns the frames that are overdue if the device is late by more than two periods and
  // 50 ms, or persistently by half a period.
  std::int64_t observe(std::int64_t offset, std::int64_t monotonic_ns) noexcept;

  void advance(std::uint32_t frames) noexcept { next_ += frames; }
  std::int64_t next_position() const noexcept { return next_; }
  std::int64_t next_timestamp_us() const noexcept { return model_.unix_us_of(next_); }

 private:
  ClockModel model_;
  ClockModel trusted_;  // as it was before the device began to be late
  std::int64_t period_frames_;
  std::int64_t stall_frames_;
  std::optional<std::int64_t> first_start_ns_;
  std::int64_t next_ = 0;
  std::int64_t last_seen_ = 0;  // device position at the last update
};

}  // namespace streamlab
