// tests/support/signals.hpp
//
// Test signals, by channel.
#pragma once

#include <cstdint>
#include <random>

#include "tests/support/node_harness.hpp"

namespace streamlab::test {

inline Signal constant(double value, std::uint32_t channels, std::uint32_t frames) {
  return Signal(channels, std::vector<double>(frames, value));
}

// 1 at frame `at`, else 0, in every channel.
inline Signal impulse(std::uint32_t channels, std::uint32_t frames, std::uint32_t at = 0) {
  Signal signal = constant(0.0, channels, frames);
  for (auto& channel : signal) { channel[at] = 1.0; }
  return signal;
}

// Uniform in -1 .. 1, the same on every machine (mt19937_64 is specified bit for bit; the scaling is exact).
inline Signal noise(std::uint32_t channels, std::uint32_t frames, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  Signal signal = constant(0.0, channels, frames);
  for (auto& channel : signal) {
    for (double& x : channel) {
      x = static_cast<double>(static_cast<std::int64_t>(random()) >> 11) * 0x1p-52;
    }
  }
  return signal;
}

}  // namespace streamlab::test
