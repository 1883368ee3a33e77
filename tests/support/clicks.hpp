// tests/support/clicks.hpp
//
// How much a signal clicks: a step or a corner is a large second difference, which a slow sine does not have. And how to
// change a node in the middle of one.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/node_harness.hpp"

namespace streamlab::test {

// The largest |y[n+1] - 2 y[n] + y[n-1]|. Of a sine of amplitude A it is at most 4 A sin²(π f / fs).
inline double largest_second_difference(const std::vector<double>& y) {
  double largest = 0.0;
  for (std::size_t n = 1; n + 1 < y.size(); ++n) {
    largest = std::max(largest, std::abs(y[n + 1] - 2.0 * y[n] + y[n - 1]));
  }
  return largest;
}

// What it may be where a sine goes from complex amplitude `a` to `b` along a straight line of `frames`: that of the sine,
// and of what the line adds, which is |b - a| / frames at its corners and |b - a| / frames · 2 sin w on it. With its
// rounding, of numbers that are near the larger one.
inline double largest_allowed(double frequency_hz, std::complex<double> a, std::complex<double> b,
                              double frames = 480.0, double sample_rate_hz = 48000.0) {
  const double w = 2.0 * std::numbers::pi * frequency_hz / sample_rate_hz;
  const double size = std::max(std::abs(a), std::abs(b));
  return 4.0 * std::pow(std::sin(w / 2.0), 2) * size +
         std::max(1.0, 2.0 * std::sin(w)) * std::abs(b - a) / frames + 1e-12 * size;
}

// A sine of amplitude 1 that begins with phase 0, on one channel.
inline Signal sine_signal(double frequency_hz, std::uint32_t frames, double sample_rate_hz = 48000.0) {
  Signal signal(1, std::vector<double>(frames));
  for (std::uint32_t n = 0; n < frames; ++n) {
    signal[0][n] = std::sin(2.0 * std::numbers::pi * frequency_hz * n / sample_rate_hz);
  }
  return signal;
}

// Which values a node gets, and when: `params` are set before frame `frame`.
struct ChangeAt {
  std::size_t frame;
  std::string params;
};

// Feeds `x` in blocks of at most `block` frames with rising positions, and makes the changes, in their order, on the way.
// The samples of channel 0. No finish().
inline std::vector<double> run_with_changes(NodeHarness& node, const Signal& x, std::uint32_t block,
                                            std::vector<ChangeAt> changes) {
  std::vector<double> y;
  DataFrame in = node.input_frame();
  auto change = changes.begin();
  for (std::size_t done = 0; done < x[0].size();) {
    for (; change != changes.end() && change->frame == done; ++change) {
      const Errors errors = node.set_params(change->params);
      EXPECT_TRUE(errors.empty()) << to_string(errors, "");
    }
    std::size_t count = std::min<std::size_t>(block, x[0].size() - done);
    if (change != changes.end()) { count = std::min(count, change->frame - done); }
    in.set_frame_count(static_cast<std::uint32_t>(count));
    in.header() = {};
    in.header().position = static_cast<std::int64_t>(done);
    for (std::uint32_t c = 0; c < in.channel_count(); ++c) {
      std::copy_n(x[c].begin() + static_cast<std::ptrdiff_t>(done), count, in.channel_data(c));
    }
    for (const DataFrame& frame : node.process(in)) {
      y.insert(y.end(), frame.channel(0U).begin(), frame.channel(0U).end());
    }
    done += count;
  }
  return y;
}

}  // namespace streamlab::test
