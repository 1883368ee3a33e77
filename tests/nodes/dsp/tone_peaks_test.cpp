// tests/nodes/dsp/tone_peaks_test.cpp
#include "nodes/dsp/tone_peaks.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include "nodes/dsp/spectrum_estimator.hpp"

namespace streamlab::dsp {
namespace {

constexpr std::size_t kSize = 4096;
constexpr double kRateHz = 48000.0;

// The amplitude spectrum of tones {bin, amplitude}.
std::vector<double> spectrum_of(const Window& window, const std::vector<TonePeak>& tones) {
  SpectrumSettings settings;
  settings.sample_rate_hz = kRateHz;
  settings.fft_size = kSize;
  settings.hop = kSize;
  settings.window = window;
  SpectrumEstimator estimator(settings);
  std::vector<double> samples(kSize, 0.0);
  for (const TonePeak& tone : tones) {
    for (std::size_t n = 0; n < kSize; ++n) {
      samples[n] +=
          tone.amplitude * std::cos(2.0 * std::numbers::pi * tone.bin * static_cast<double>(n) / kSize + 0.7);
    }
  }
  estimator.push(samples);
  const auto bins = estimator.spectrum();
  return {bins.begin(), bins.end()};
}

TEST(TonePeaks, FindsFrequencyAndAmplitudeBetweenTheBins) {
  for (const WindowType type : {WindowType::rectangular, WindowType::hann, WindowType::hamming,
                                WindowType::blackman, WindowType::blackman_harris, WindowType::nuttall}) {
    const TonePeaks peaks({type, 0.0}, kSize);
    for (const double offset : {0.0, 0.1, 0.25, 0.5, 0.6, 0.9}) {
      const auto found = peaks.find(spectrum_of({type, 0.0}, {{300.0 + offset, 0.25}}), 1, 1000.0);
      ASSERT_EQ(found.size(), 1U) << name(type) << offset;
      // The tone at the negative frequency leaks by up to 1 / (2π · 600) of an amplitude with the rectangular window,
      // and less with every other.
      const double leak = type == WindowType::rectangular ? 3e-4 : 1e-5;
      EXPECT_NEAR(found[0].bin, 300.0 + offset, 10.0 * leak) << name(type);
      EXPECT_NEAR(found[0].amplitude / 0.25, 1.0, 10.0 * leak) << name(type) << offset;
    }
  }
}

// Its lobe is flat: the amplitude is what this window is for, the frequency is not.
TEST(TonePeaks, TakesTheAmplitudeOfAFlatTopAsItIs) {
  const TonePeaks peaks({WindowType::flattop, 0.0}, kSize);
  const auto found = peaks.find(spectrum_of({WindowType::flattop, 0.0}, {{300.4, 0.25}}), 1, 1000.0);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NEAR(found[0].bin, 300.4, 0.1);
  EXPECT_NEAR(found[0].amplitude, 0.25, 0.25 * 2e-3);  // 0.02 dB: how flat it is
}

TEST(TonePeaks, KnowsWindowsWithAParameter) {
  for (const Window& window :
       {Window{WindowType::kaiser, 8.0}, {WindowType::gaussian, 500.0}, {WindowType::tukey, 0.5}}) {
    const auto found = TonePeaks(window, kSize).find(spectrum_of(window, {{1000.3, 0.5}}), 1, 1000.0);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_NEAR(found[0].bin, 1000.3, 2e-3) << name(window.type);
    EXPECT_NEAR(found[0].amplitude, 0.5, 0.5 * 2e-3) << name(window.type);
  }
}

TEST(TonePeaks, GivesTheLargestFirstAndNoneBelowTheRange) {
  const TonePeaks peaks({WindowType::hann, 0.0}, kSize);
  const auto bins =
      spectrum_of({WindowType::hann, 0.0}, {{200.5, 0.1}, {700.2, 1.0}, {1500.0, 0.01}, {90.0, 1e-5}});
  const auto three = peaks.find(bins, 5, 1000.0);
  ASSERT_EQ(three.size(), 3U);
  EXPECT_NEAR(three[0].bin, 700.2, 1e-3);
  EXPECT_NEAR(three[1].amplitude, 0.1, 1e-4);
  EXPECT_NEAR(three[2].bin, 1500.0, 1e-2);
  EXPECT_EQ(peaks.find(bins, 2, 1000.0).size(), 2U);
}

TEST(TonePeaks, LivesWithTheEdgesWithNothingAndWithNaN) {
  const TonePeaks peaks({WindowType::hann, 0.0}, 8);
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(peaks.find({}, 3, 10.0).empty());
  EXPECT_TRUE(peaks.find(std::vector{0.0, 0.0, 0.0}, 3, 10.0).empty());
  EXPECT_TRUE(peaks.find(std::vector{kNone, kNone}, 3, 10.0).empty());
  const auto dc = peaks.find(std::vector{1.0, 0.5, 0.0}, 3, 10.0);
  ASSERT_EQ(dc.size(), 1U);
  EXPECT_EQ(dc[0].bin, 0.0);
  EXPECT_EQ(dc[0].amplitude, 1.0);
  const auto beside = peaks.find(std::vector{kNone, 0.5, 0.25}, 3, 10.0);
  ASSERT_EQ(beside.size(), 1U);
  EXPECT_EQ(beside[0].amplitude, 0.5);
  // A plateau is one peak.
  EXPECT_EQ(peaks.find(std::vector{0.0, 0.5, 0.5, 0.0}, 3, 10.0).size(), 1U);
}

}  // namespace
}  // namespace streamlab::dsp
