// hal/alsa/alsa_timeline.hpp
//
// AlsaTimeline: positions of the stream through every interruption. ALSA counts frames from its last start
// and forgets them at each xrun and reopening; the clock model knows how many frames the device made
// meanwhile.
//
// `offset` is where the device's pointer stands relative to the next position: as many frames ahead as can be
// read, or as many behind (negative) as are queued. One thread at a time; no allocation, no system call.
#pragma once

#include <cstdint>

#include "hal/clock_model.hpp"

namespace streamlab {

class AlsaTimeline {
 public:
  AlsaTimeline(double rate_hz, std::uint32_t period_frames, std::int64_t epoch_offset_ns) noexcept;

  // The first look at a stream that was started. Returns the frames lost since the last one: a gap.
  std::int64_t begin(std::int64_t offset, std::int64_t monotonic_ns) noexcept;

  // One more look. Returns the frames that the device did not deliver although the time for them has gone by,
  // if it has been late by more than two periods and 50 ms, or persistently by half a period.
  std::int64_t observe(std::int64_t offset, std::int64_t monotonic_ns) noexcept;

  void advance(std::uint32_t frames) noexcept { next_ += frames; }
  std::int64_t next_position() const noexcept { return next_; }
  std::int64_t next_timestamp_us() const noexcept { return model_.unix_us_of(next_); }

 private:
  ClockModel model_;
  ClockModel trusted_;  // as it was before the device began to be late
  std::int64_t period_frames_;
  std::int64_t stall_frames_;
  std::int64_t next_ = 0;
  std::int64_t last_seen_ = 0;  // device position of the last look
};

}  // namespace streamlab
