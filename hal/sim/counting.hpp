// hal/sim/counting.hpp
//
// The counting pattern: a signal in which every sample encodes its position.
//
//   x[c][p] = ((p + c 2^20) mod 2^23) / 2^23        p: position in the device's stream, c: channel from 0
//
// All values are in [0, 1) on a grid of 2^-23, so they pass unchanged through 24-bit, 32-bit, float32 and
// float64 formats. A lost, repeated or swapped frame shows in the numbers themselves. The pattern repeats
// after 2^23 frames (175 s at 48 kHz).
#pragma once

#include <cstdint>

namespace streamlab {

inline constexpr std::int64_t kCountingPeriod = std::int64_t{1} << 23;
inline constexpr std::int64_t kCountingChannelStep = std::int64_t{1} << 20;

// The sample of channel `channel` (from 0) at `position` >= 0.
constexpr double counting_sample(std::int64_t position, std::uint32_t channel) noexcept {
  const std::int64_t count = (position + channel * kCountingChannelStep) % kCountingPeriod;
  return static_cast<double>(count) / static_cast<double>(kCountingPeriod);
}

// The position, modulo 2^23, that `sample` of `channel` encodes; -1 if it is not a sample of the pattern.
constexpr std::int64_t counting_position(double sample, std::uint32_t channel) noexcept {
  if (!(sample >= 0.0 && sample < 1.0)) { return -1; }
  const double scaled = sample * static_cast<double>(kCountingPeriod);
  const auto count = static_cast<std::int64_t>(scaled);
  if (static_cast<double>(count) != scaled) { return -1; }
  const std::int64_t offset = channel * kCountingChannelStep % kCountingPeriod;
  return (count + kCountingPeriod - offset) % kCountingPeriod;
}

}  // namespace streamlab
