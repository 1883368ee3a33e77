// nodes/dsp/ramp.hpp
//
// Ramp: a value that reaches each new target along a straight line, so that a change does not click.
//
//   v(n) = from + (target - from) n / length,   n = 1 … length: frames since the target was set
//
// The line comes from a frame counter, not from a running sum: the values are the same, bit for bit, for any
// block size.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace streamlab::dsp {

// How long a change of a parameter takes where the node has no parameter for that. Shorter is heard as a click: a line of
// T seconds spreads what it adds to a tone over about 1 / T Hz.
inline constexpr double kChangeMs = 10.0;
inline std::uint32_t change_frames(double sample_rate_hz) noexcept {
  return static_cast<std::uint32_t>(std::max(1.0, std::round(kChangeMs * 1e-3 * sample_rate_hz)));
}

class Ramp {
 public:
  // At `value`; every line takes `length_frames`, or with 0 is a step.
  explicit Ramp(double value, std::uint32_t length_frames = 0) noexcept
      : length_(length_frames), done_(length_frames), from_(value), target_(value) {}

  // At `value` at once: no line is under way.
  void reset(double value) noexcept {
    from_ = target_ = value;
    done_ = length_;
  }
  // Begins a line where the value is now; another one may be under way.
  void go_to(double target) noexcept {
    from_ = at(0);
    target_ = target;
    done_ = 0;
  }
  // The value `frames` frames after the newest one: at(1) is that of the next frame.
  double at(std::uint32_t frames) const noexcept {
    const std::uint32_t done = done_ + frames;
    if (done >= length_) { return target_; }
    return from_ + (target_ - from_) * static_cast<double>(done) / length_;
  }
  void advance(std::uint32_t frames) noexcept { done_ += std::min(frames, frames_left()); }

  double target() const noexcept { return target_; }
  // How many frames the line under way still takes; from there on the value is target().
  std::uint32_t frames_left() const noexcept { return length_ - done_; }

 private:
  std::uint32_t length_;
  std::uint32_t done_;  // 0 … length_
  double from_;         // where the line began
  double target_;
};

}  // namespace streamlab::dsp
