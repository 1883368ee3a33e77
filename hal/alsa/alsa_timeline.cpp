// hal/alsa/alsa_timeline.cpp
#include "hal/alsa/alsa_timeline.hpp"

#include <algorithm>
#include <cmath>

namespace streamlab {
namespace {

constexpr double kStallSeconds = 0.05;

}  // namespace

AlsaTimeline::AlsaTimeline(double rate_hz, std::uint32_t period_frames, std::int64_t epoch_offset_ns) noexcept
    : model_(rate_hz, epoch_offset_ns),
      trusted_(model_),
      period_frames_(period_frames),
      stall_frames_(std::max(2 * period_frames_, std::int64_t{std::lround(kStallSeconds * rate_hz)})) {}

void AlsaTimeline::start(std::int64_t monotonic_ns) noexcept {
  if (model_.started()) { return; }
  if (first_start_ns_) {
    model_.restart(0, *first_start_ns_);
  } else {
    first_start_ns_ = monotonic_ns;
  }
}

std::int64_t AlsaTimeline::begin(std::int64_t offset, std::int64_t monotonic_ns) noexcept {
  const std::int64_t gap = model_.started() ? model_.gap_frames(next_ + offset, monotonic_ns) : 0;
  next_ += gap;
  last_seen_ = next_ + offset;
  if (gap > 0) {
    model_.carry_on(last_seen_);
  } else {
    model_.restart(last_seen_, monotonic_ns);
  }
  trusted_ = model_;
  return gap;
}

std::int64_t AlsaTimeline::observe(std::int64_t offset, std::int64_t monotonic_ns) noexcept {
  const std::int64_t seen = next_ + offset;
  if (seen <= last_seen_) { return 0; }
  last_seen_ = seen;
  std::int64_t late = model_.gap_frames(seen, monotonic_ns);
  ClockModel line = model_;
  if (late <= stall_frames_) {
    const ClockEvent event = model_.update(seen, monotonic_ns);
    if (event == ClockEvent::locked || event == ClockEvent::early) { trusted_ = model_; }
    if (event != ClockEvent::relocked) { return 0; }
    late = trusted_.gap_frames(seen, monotonic_ns);
    line = trusted_;
    trusted_ = model_;
    if (late < std::max<std::int64_t>(period_frames_ / 2, 1)) { return 0; }
  }
  next_ += late;
  last_seen_ += late;
  line.carry_on(last_seen_);
  trusted_ = model_ = line;
  return late;
}

}  // namespace streamlab
