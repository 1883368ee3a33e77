// tests/nodes/dsp/spectrum_estimator_test.cpp
#include "nodes/dsp/spectrum_estimator.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "nodes/dsp/sine.hpp"
#include "tests/nodes/dsp/welch_reference.hpp"
#include "tests/support/not_finite.hpp"

namespace streamlab::dsp {
namespace {

using test::kNaN;

using Spectra = std::vector<std::vector<double>>;

struct Stream {
  Spectra spectra;
  std::vector<SpectrumEstimator::Origin> origins;
};

void push_all(SpectrumEstimator& estimator, std::span<const double> x, Stream& run) {
  while (!x.empty()) {
    x = x.subspan(estimator.push(x));
    if (estimator.ready()) {
      run.spectra.emplace_back(estimator.spectrum().begin(), estimator.spectrum().end());
      run.origins.push_back(estimator.origin());
    }
  }
}

Stream run(const SpectrumSettings& settings, const std::vector<double>& x, std::size_t block = 1U << 20U) {
  SpectrumEstimator estimator(settings);
  Stream result;
  for (std::size_t n = 0; n < x.size(); n += block) {
    push_all(estimator, std::span(x).subspan(n, std::min(block, x.size() - n)), result);
  }
  return result;
}

SpectrumSettings settings(std::size_t size, std::size_t hop, WindowType window = WindowType::hann) {
  SpectrumSettings s;
  s.fft_size = size;
  s.hop = hop;
  s.window = {window, 0.0};
  return s;
}

std::vector<double> tone(double f, double amplitude, std::size_t count) {
  std::vector<double> x(count);
  Sine(f, 48000.0, amplitude, 33.0).fill(0, x);
  return x;
}

template <std::size_t bins>
void expect_welch(SpectrumSettings s, const std::array<double, bins>& reference) {
  s.averaging = Averaging::linear;
  s.averages = 0;
  const Stream result = run(s, welch_input(), 100);
  ASSERT_FALSE(result.spectra.empty());
  const auto& spectrum = result.spectra.back();
  ASSERT_EQ(spectrum.size(), bins);
  const double largest = *std::max_element(reference.begin(), reference.end());
  for (std::size_t k = 0; k < bins; ++k) {
    EXPECT_NEAR(spectrum[k], reference[k], 1e-15 * largest) << "bin " << k;  // SciPy's rounding
  }
}

TEST(SpectrumEstimator, AgreesWithSciPysWelch) {
  SpectrumSettings hann = settings(128, 64);
  hann.scaling = SpectrumScaling::psd;
  expect_welch(hann, kWelchHannDensity);

  SpectrumSettings blackman = settings(64, 16, WindowType::blackman);
  blackman.scaling = SpectrumScaling::psd;
  blackman.detrend = Detrend::constant;
  expect_welch(blackman, kWelchBlackmanConstant);

  SpectrumSettings flattop = settings(45, 25, WindowType::flattop);
  flattop.scaling = SpectrumScaling::power;
  expect_welch(flattop, kWelchFlattopSpectrum);
}

TEST(SpectrumEstimator, ShowsASineOnABinWithItsAmplitude) {
  const double bin_hz = 48000.0 / 1024.0;
  for (const WindowType window : {WindowType::rectangular, WindowType::hann, WindowType::flattop}) {
    SpectrumSettings s = settings(1024, 512, window);
    const auto x = tone(100.0 * bin_hz, 0.5, 4096);
    EXPECT_NEAR(run(s, x).spectra.back()[100], 0.5, 1e-15);  // a few ulp
    s.scaling = SpectrumScaling::rms_amplitude;
    EXPECT_NEAR(run(s, x).spectra.back()[100], 0.5 / std::sqrt(2.0), 1e-15);
    s.scaling = SpectrumScaling::power;
    EXPECT_NEAR(run(s, x).spectra.back()[100], 0.125, 1e-15);
    s.scaling = SpectrumScaling::psd;  // the sine's power spread over the window's noise bandwidth
    const SpectrumEstimator estimator(s);
    EXPECT_NEAR(run(s, x).spectra.back()[100] * estimator.window_noise_bandwidth_bins() * bin_hz, 0.125,
                1e-15);
    EXPECT_EQ(estimator.bin_hz(), bin_hz);
  }
}

TEST(SpectrumEstimator, DoesNotDoubleDcAndNyquist) {
  std::vector<double> x(64);
  for (std::size_t n = 0; n < x.size(); ++n) { x[n] = 0.25 + (n % 2 == 0 ? 0.5 : -0.5); }
  SpectrumSettings s = settings(64, 64, WindowType::rectangular);
  for (const SpectrumScaling scaling : {SpectrumScaling::amplitude, SpectrumScaling::rms_amplitude}) {
    s.scaling = scaling;
    const Stream result = run(s, x);
    EXPECT_EQ(result.spectra[0][0], 0.25);
    EXPECT_EQ(result.spectra[0][32], 0.5);
    EXPECT_EQ(result.spectra[0][7], 0.0);
  }
  s.scaling = SpectrumScaling::power;
  EXPECT_EQ(run(s, x).spectra[0][0], 0.0625);
  EXPECT_EQ(run(s, x).spectra[0][32], 0.25);
}

TEST(SpectrumEstimator, KeepsThePowerOfTheSignal) {  // Parseval, rectangular window
  const auto x = welch_input();
  SpectrumSettings s = settings(1000, 1000, WindowType::rectangular);
  s.scaling = SpectrumScaling::power;
  for (const std::size_t size : {1000U, 999U}) {
    s.fft_size = s.hop = size;
    double mean_square = 0.0;
    for (std::size_t n = 0; n < size; ++n) { mean_square += x[n] * x[n] / static_cast<double>(size); }
    double sum = 0.0;
    const auto spectrum = run(s, x).spectra.at(0);
    for (const double v : spectrum) { sum += v; }
    EXPECT_NEAR(sum, mean_square, 1e-14) << size;  // rounding of 1000 additions
  }
}

TEST(SpectrumEstimator, IsTheSameForEveryBlockSize) {
  const auto x = welch_input();
  for (const Averaging averaging :
       {Averaging::none, Averaging::linear, Averaging::exponential, Averaging::max, Averaging::min}) {
    SpectrumSettings s = settings(128, 37);
    s.averaging = averaging;
    s.averages = 5;
    s.alpha = 0.3;
    const Stream whole = run(s, x);
    ASSERT_GT(whole.spectra.size(), 3U);
    for (const std::size_t block : {1U, 7U, 64U, 480U, 1024U}) {
      const Stream cut = run(s, x, block);
      EXPECT_EQ(cut.spectra, whole.spectra) << "block of " << block;
      EXPECT_EQ(cut.origins, whole.origins) << "block of " << block;
    }
  }
}

TEST(SpectrumEstimator, GivesOneSpectrumPerHop) {
  const auto x = welch_input();
  const Stream result = run(settings(128, 50), x);
  ASSERT_EQ(result.spectra.size(), (2000U - 128U) / 50U + 1U);
  for (std::size_t i = 0; i < result.origins.size(); ++i) {
    EXPECT_EQ(result.origins[i], (SpectrumEstimator::Origin{50 * i, 128, 1, 0, 0, 0}));
    const std::vector<double> frame(x.begin() + static_cast<std::ptrdiff_t>(50 * i),
                                    x.begin() + static_cast<std::ptrdiff_t>(50 * i + 128));
    EXPECT_EQ(run(settings(128, 50), frame).spectra.at(0), result.spectra[i]);
  }
  EXPECT_TRUE(run(settings(4096, 50), x).spectra.empty());  // never a partial frame
}

// The averages, from the single spectra and their definitions. 1e-15 of values below 1: rounding.
TEST(SpectrumEstimator, Averages) {
  const auto x = welch_input();
  SpectrumSettings s = settings(64, 64);
  s.scaling = SpectrumScaling::power;
  const Spectra single = run(s, x).spectra;
  ASSERT_EQ(single.size(), 31U);
  s.averages = 10;

  s.averaging = Averaging::linear;
  const Stream linear = run(s, x);
  s.averaging = Averaging::max;
  const Stream largest = run(s, x);
  s.averaging = Averaging::min;
  const Stream smallest = run(s, x);
  ASSERT_EQ(linear.spectra.size(), 3U);  // the group of one frame at the end stays unfinished
  for (std::size_t group = 0; group < 3; ++group) {
    EXPECT_EQ(linear.origins[group], (SpectrumEstimator::Origin{640 * group, 640, 10, 0, 0, 0}));
    for (std::size_t k = 0; k < 33; ++k) {
      double sum = 0.0;
      double high = 0.0;
      double low = 1e300;
      for (std::size_t i = 10 * group; i < 10 * group + 10; ++i) {
        sum += single[i][k];
        high = std::max(high, single[i][k]);
        low = std::min(low, single[i][k]);
      }
      EXPECT_NEAR(linear.spectra[group][k], sum / 10.0, 1e-15);
      EXPECT_EQ(largest.spectra.at(group)[k], high);
      EXPECT_EQ(smallest.spectra.at(group)[k], low);
    }
  }

  s.averaging = Averaging::exponential;
  s.alpha = 0.25;
  const Stream fading = run(s, x);
  ASSERT_EQ(fading.spectra.size(), 31U);
  auto expected = single[0];
  for (std::size_t i = 0; i < 31; ++i) {
    for (std::size_t k = 0; k < 33; ++k) {
      if (i > 0) { expected[k] = 0.75 * expected[k] + 0.25 * single[i][k]; }
      EXPECT_NEAR(fading.spectra[i][k], expected[k], 1e-15);
    }
  }

  s.averaging = Averaging::max;
  s.averages = 0;  // since the start, after every frame
  const Stream hold = run(s, x);
  ASSERT_EQ(hold.spectra.size(), 31U);
  EXPECT_EQ(hold.spectra[9], largest.spectra[0]);
  EXPECT_EQ(hold.origins[30], (SpectrumEstimator::Origin{0, 31 * 64, 31, 0, 0, 0}));
  EXPECT_EQ(fading.origins[30], (SpectrumEstimator::Origin{30 * 64, 64, 31, 0, 0, 0}));  // its newest frame
}

TEST(SpectrumEstimator, TurnsATimeConstantIntoAWeight) {
  EXPECT_NEAR(exponential_alpha(0.125, 480, 48000.0), 1.0 - std::exp(-0.01 / 0.125), 1e-16);
}

TEST(SpectrumEstimator, NeverPutsBothSidesOfAGapIntoOneFrame) {
  const auto x = welch_input();
  const SpectrumSettings s = settings(128, 64);
  SpectrumEstimator estimator(s);
  Stream result;
  push_all(estimator, std::span(x).first(300), result);  // frames at 0, 64, 128; the next is under way
  ASSERT_EQ(result.spectra.size(), 3U);
  estimator.gap(1000);
  push_all(estimator, std::span(x).subspan(300), result);
  const Stream fresh = run(s, {x.begin() + 300, x.end()});
  ASSERT_EQ(result.spectra.size(), 3U + fresh.spectra.size());
  for (std::size_t i = 0; i < fresh.spectra.size(); ++i) {
    EXPECT_EQ(result.spectra[3 + i], fresh.spectra[i]);
  }
  EXPECT_EQ(result.origins[3], (SpectrumEstimator::Origin{1300, 128, 1, 0, 1, 1000}));
  EXPECT_EQ(result.origins[4], (SpectrumEstimator::Origin{1364, 128, 1, 0, 0, 0}));
}

TEST(SpectrumEstimator, SaysThatAnAverageSpansAGap) {
  const auto x = welch_input();
  SpectrumSettings s = settings(64, 64);
  s.averaging = Averaging::linear;
  s.averages = 4;
  SpectrumEstimator estimator(s);
  Stream result;
  push_all(estimator, std::span(x).first(150), result);  // two frames and a bit
  estimator.gap(10);
  push_all(estimator, std::span(x).subspan(150, 6 * 64), result);
  ASSERT_EQ(result.spectra.size(), 2U);
  EXPECT_EQ(result.origins[0], (SpectrumEstimator::Origin{0, 160 + 2 * 64, 4, 0, 1, 10}));
  EXPECT_EQ(result.origins[1].gaps, 0U);
}

TEST(SpectrumEstimator, TellsOfAGapInAnEndlessAverageOnce) {
  const auto x = welch_input();
  for (const Averaging averaging : {Averaging::linear, Averaging::exponential}) {
    SpectrumSettings s = settings(64, 64);
    s.averaging = averaging;
    s.averages = 0;
    SpectrumEstimator estimator(s);
    estimator.push(std::span(x).first(64));
    estimator.gap(10);
    estimator.push(std::span(x).subspan(64, 64));
    EXPECT_EQ(estimator.news(), (SpectrumEstimator::Origin{74, 64, 1, 0, 1, 10}));
    EXPECT_EQ(estimator.origin().missing, 10U);
    estimator.push(std::span(x).subspan(128, 64));
    EXPECT_EQ(estimator.news(), (SpectrumEstimator::Origin{138, 64, 1, 0, 0, 0}));
    EXPECT_EQ(estimator.origin().missing, 10U);  // it is still in the average
  }
}

TEST(SpectrumEstimator, GivesWhatAGroupHasAtTheEnd) {
  const auto x = welch_input();
  SpectrumSettings s = settings(64, 32);
  s.averaging = Averaging::linear;
  s.averages = 8;
  SpectrumEstimator estimator(s);
  estimator.push(std::span(x).first(64 + 2 * 32 + 11));
  EXPECT_FALSE(estimator.ready());
  estimator.end();
  ASSERT_TRUE(estimator.ready());
  EXPECT_EQ(estimator.origin(), (SpectrumEstimator::Origin{0, 128, 3, 0, 0, 0}));
  EXPECT_EQ(estimator.unused(), 11U);
  s.averages = 3;
  const Stream whole = run(s, {x.begin(), x.begin() + 128});
  EXPECT_EQ(Spectra{std::vector<double>(estimator.spectrum().begin(), estimator.spectrum().end())},
            whole.spectra);
  estimator.end();
  EXPECT_FALSE(estimator.ready());
}

TEST(SpectrumEstimator, CountsWhatIsInNoFrame) {
  const auto x = welch_input();
  SpectrumEstimator estimator(settings(64, 32));
  estimator.push(std::span(x).first(50));
  estimator.gap(1);  // 50 that filled no frame
  for (std::size_t done = 50; done < 50 + 64 + 40;) {
    done += estimator.push(std::span(x).subspan(done, 50 + 64 + 40 - done));
  }
  estimator.end();  // 40 - 32 behind the second frame
  EXPECT_EQ(estimator.unused(), 50U + 8U);
}

TEST(SpectrumEstimator, LeavesOutFramesThatAreNotFinite) {
  auto x = welch_input();
  SpectrumSettings s = settings(64, 64);
  s.averaging = Averaging::linear;
  s.averages = 3;
  std::vector<double> without(x.begin(), x.begin() + 64);
  without.insert(without.end(), x.begin() + 128, x.begin() + 192);
  x[100] = kNaN;  // in the second frame
  const Stream result = run(s, x);
  EXPECT_EQ(result.origins[0], (SpectrumEstimator::Origin{0, 192, 2, 1, 0, 0}));
  s.averages = 2;
  EXPECT_EQ(result.spectra[0], run(s, without).spectra[0]);

  s.averaging = Averaging::none;
  x[0] = std::numeric_limits<double>::infinity();
  const Stream broken = run(s, x);
  EXPECT_EQ(broken.origins[0], (SpectrumEstimator::Origin{0, 64, 0, 1, 0, 0}));
  for (const double v : broken.spectra[0]) { EXPECT_TRUE(std::isnan(v)); }
  for (const double v : broken.spectra[2]) { EXPECT_TRUE(std::isfinite(v)); }
}

TEST(SpectrumEstimator, ResetIsAsNew) {
  const auto x = welch_input();
  SpectrumSettings s = settings(128, 64);
  s.averaging = Averaging::linear;
  s.averages = 0;
  SpectrumEstimator estimator(s);
  Stream before;
  push_all(estimator, std::span(x).first(777), before);
  estimator.gap(5);
  estimator.reset();
  EXPECT_FALSE(estimator.ready());
  Stream after;
  push_all(estimator, x, after);
  const Stream fresh = run(s, x);
  EXPECT_EQ(after.spectra, fresh.spectra);
  EXPECT_EQ(after.origins, fresh.origins);
}

TEST(SpectrumEstimator, IsZeroForSilence) {
  const auto spectrum = run(settings(64, 32), std::vector<double>(128, 0.0)).spectra.at(1);
  for (const double v : spectrum) { EXPECT_EQ(v, 0.0); }
}

}  // namespace
}  // namespace streamlab::dsp
