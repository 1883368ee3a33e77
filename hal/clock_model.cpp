// hal/clock_model.cpp
#include "hal/clock_model.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace streamlab {
namespace {

constexpr double kJitterSeconds = 1.0;  // memory of the jitter's mean square

// Floor division: microseconds before the epoch round down like those after it.
std::int64_t floor_div(std::int64_t value, std::int64_t divisor) noexcept {
  const std::int64_t quotient = value / divisor;
  return quotient * divisor > value ? quotient - 1 : quotient;
}

}  // namespace

ClockModel::ClockModel(double nominal_rate_hz, std::int64_t epoch_offset_ns) noexcept
    : nominal_rate_hz_(nominal_rate_hz),
      epoch_offset_ns_(epoch_offset_ns),
      frame_ns_(1e9 / nominal_rate_hz),
      jitter_square_ns2_(kFirstJitterNs * kFirstJitterNs) {}

void ClockModel::restart(std::int64_t position, std::int64_t monotonic_ns) noexcept {
  started_ = true;
  anchor_position_ = position;
  anchor_ns_ = monotonic_ns;
  anchor_fraction_ns_ = 0.0;
  correction_ns_ = 0.0;
  correction_frames_ = 0.0;
  late_updates_ = 0;
  late_s_ = 0.0;
  catching_up_ = false;
}

ClockEvent ClockModel::update(std::int64_t position, std::int64_t monotonic_ns) noexcept {
  if (!started_ || position <= anchor_position_) {
    restart(position, monotonic_ns);
    return ClockEvent::locked;
  }
  const auto frames = static_cast<double>(position - anchor_position_);
  const double step_ns = ahead_ns(position);
  const double whole_ns = std::floor(step_ns);
  anchor_position_ = position;
  anchor_ns_ += static_cast<std::int64_t>(whole_ns);
  anchor_fraction_ns_ = step_ns - whole_ns;

  const double step_s = frames / nominal_rate_hz_;
  const double error_ns = static_cast<double>(monotonic_ns - anchor_ns_) - anchor_fraction_ns_;
  const double limit_ns = kOutlier * std::max(jitter_ns(), kLeastJitterNs);
  ClockEvent event = ClockEvent::locked;
  if (error_ns > limit_ns) {
    event = ClockEvent::late;
    ++late_updates_;
    late_s_ += step_s;
    if (late_updates_ >= kRelockUpdates && late_s_ >= kRelockSeconds) {
      restart(position, monotonic_ns);
      return ClockEvent::relocked;
    }
  } else {
    late_updates_ = 0;
    late_s_ = 0.0;
  }
  // The correction may change the speed of time by at most half, so that time always rises.
  const double most_ns = 0.5 * frames * frame_ns_;
  correction_frames_ = frames;
  catching_up_ = error_ns < (catching_up_ ? -jitter_ns() : -limit_ns);
  if (catching_up_) {
    correction_ns_ = std::max(error_ns, -most_ns);
    return ClockEvent::early;
  }
  const double cut_ns = std::min(error_ns, limit_ns);
  const double k = (measured_s_ + kAssumedSeconds) / step_s + 1.0;
  const double w = 2.0 * std::numbers::pi * kBandwidthHz * step_s;
  const double b = std::min(1.0, std::max(std::numbers::sqrt2 * w, 2.0 * (2.0 * k - 1.0) / (k * (k + 1.0))));
  const double c = std::min(1.0, std::max(w * w, 6.0 / (k * (k + 1.0))));
  frame_ns_ += c * cut_ns / frames;
  correction_ns_ = std::clamp(b * cut_ns, -most_ns, most_ns);
  jitter_square_ns2_ += std::min(1.0, step_s / kJitterSeconds) * (cut_ns * cut_ns - jitter_square_ns2_);
  measured_s_ += step_s;
  return event;
}

double ClockModel::ahead_ns(std::int64_t position) const noexcept {
  const auto frames = static_cast<double>(position - anchor_position_);
  const double done = correction_frames_ > 0.0 ? std::clamp(frames / correction_frames_, 0.0, 1.0) : 0.0;
  return frames * frame_ns_ + done * correction_ns_ + anchor_fraction_ns_;
}

std::int64_t ClockModel::time_of(std::int64_t position) const noexcept {
  return anchor_ns_ + static_cast<std::int64_t>(std::floor(ahead_ns(position)));
}

std::int64_t ClockModel::unix_us_of(std::int64_t position) const noexcept {
  return floor_div(time_of(position) + epoch_offset_ns_, 1000);
}

std::int64_t ClockModel::position_at(std::int64_t monotonic_ns) const noexcept {
  const double ahead = static_cast<double>(monotonic_ns - anchor_ns_) - anchor_fraction_ns_;
  const double bend_ns =
      correction_frames_ * frame_ns_ + correction_ns_;  // how much is still to be corrected
  double frames = ahead / frame_ns_;
  if (ahead > 0.0 && ahead < bend_ns) { frames = ahead * correction_frames_ / bend_ns; }
  if (ahead > 0.0 && ahead >= bend_ns) { frames = (ahead - correction_ns_) / frame_ns_; }
  return anchor_position_ + std::llround(frames);
}

std::int64_t ClockModel::gap_frames(std::int64_t expected_position,
                                    std::int64_t monotonic_ns) const noexcept {
  return std::max<std::int64_t>(0, position_at(monotonic_ns) - expected_position);
}

double ClockModel::jitter_ns() const noexcept { return std::sqrt(jitter_square_ns2_); }

}  // namespace streamlab
