// tests/nodes/dsp/window_test.cpp
#include "nodes/dsp/window.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tests/nodes/dsp/window_reference.hpp"

namespace streamlab::dsp {
namespace {

std::vector<double> window(Window shape, WindowSymmetry symmetry, std::size_t size) {
  std::vector<double> w(size);
  fill_window(shape, symmetry, w);
  return w;
}

TEST(Window, AgreesWithSciPy) {
  for (const WindowReference& reference : kWindowReferences) {
    // Of a peak of 1: SciPy's rounding, which for Kaiser is that of the argument of I0, up to β.
    const double tolerance =
        std::max(2e-15, reference.name == "kaiser" ? reference.parameter * 0x1p-53 : 0.0);
    const Window shape{window_type(reference.name).value(), reference.parameter};
    const auto periodic = window(shape, WindowSymmetry::periodic, 12);
    const auto symmetric = window(shape, WindowSymmetry::symmetric, 12);
    for (std::size_t n = 0; n < 12; ++n) {
      EXPECT_NEAR(periodic[n], reference.periodic[n], tolerance) << reference.name << " periodic " << n;
      EXPECT_NEAR(symmetric[n], reference.symmetric[n], tolerance) << reference.name << " symmetric " << n;
    }
    const auto longer = window(shape, WindowSymmetry::symmetric, 1001);
    for (std::size_t i = 0; i < kLongIndexes.size(); ++i) {
      EXPECT_NEAR(longer[kLongIndexes[i]], reference.long_symmetric[i], tolerance)
          << reference.name << " of 1001 at " << kLongIndexes[i];
    }
  }
}

TEST(Window, HasTheCoherentGainAndNoiseBandwidthOfItsCoefficients) {
  // A cosine window of any length above its order: gain a0, ENBW 1 + Σ a_k² / (2 a0²).
  const auto hann = window({WindowType::hann, 0.0}, WindowSymmetry::periodic, 1000);
  EXPECT_NEAR(coherent_gain(hann), 0.5, 1e-15);
  EXPECT_NEAR(noise_bandwidth_bins(hann), 1.5, 1e-14);
  const auto harris = window({WindowType::blackman_harris, 0.0}, WindowSymmetry::periodic, 64);
  EXPECT_NEAR(coherent_gain(harris), 0.35875, 1e-15);
  const double squares = 0.48829 * 0.48829 + 0.14128 * 0.14128 + 0.01168 * 0.01168;
  EXPECT_NEAR(noise_bandwidth_bins(harris), 1.0 + squares / (2.0 * 0.35875 * 0.35875), 1e-14);
  const auto flat = window({WindowType::rectangular, 0.0}, WindowSymmetry::periodic, 7);
  EXPECT_EQ(coherent_gain(flat), 1.0);
  EXPECT_EQ(noise_bandwidth_bins(flat), 1.0);
}

TEST(Window, OfOneSampleIsOne) {
  for (const std::string_view window_name : kWindowNames) {
    const Window shape{window_type(window_name).value(), 0.5};
    EXPECT_EQ(window(shape, WindowSymmetry::periodic, 1), std::vector<double>{1.0}) << window_name;
    EXPECT_EQ(window(shape, WindowSymmetry::symmetric, 1), std::vector<double>{1.0}) << window_name;
    EXPECT_TRUE(window(shape, WindowSymmetry::periodic, 0).empty());
  }
}

TEST(Window, IsFoundByItsName) {
  for (const std::string_view window_name : kWindowNames) {
    ASSERT_TRUE(window_type(window_name).has_value()) << window_name;
    EXPECT_EQ(name(*window_type(window_name)), window_name);
  }
  EXPECT_FALSE(window_type("Hann").has_value());
  EXPECT_FALSE(window_type("").has_value());
}

}  // namespace
}  // namespace streamlab::dsp
