// tests/apps/voice.hpp
//
// The samples of a recorded voice, read without the library under test.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "tests/support/temp_dir.hpp"

namespace streamlab::test {

constexpr const char* kVoice = "/usr/share/sounds/alsa/Front_Center.wav";  // mono, 16 bit, 48 kHz

// The samples behind the plain header of 44 bytes.
inline std::vector<double> samples_of_voice() {
  const std::string bytes = content_of(kVoice);
  std::vector<double> samples;
  for (std::size_t at = 44; at + 1 < bytes.size(); at += 2) {
    std::int16_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    samples.push_back(value / 32768.0);
  }
  return samples;
}

// The sum of the squares of x[begin] … x[end - 1].
inline double energy(const std::vector<double>& x, std::size_t begin, std::size_t end) {
  double sum = 0.0;
  for (std::size_t n = begin; n < end; ++n) { sum += x[n] * x[n]; }
  return sum;
}

}  // namespace streamlab::test
