// tests/nodes/dsp/sine_test.cpp
//
// The reference is the sine of libquadmath: 113 bits, so f / fs · n keeps 85 bits of phase after an hour.
#include "nodes/dsp/sine.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#include <quadmath.h>

#include "nodes/dsp/real_fft.hpp"

namespace streamlab::dsp {
namespace {

__extension__ typedef __float128 Quad;

// Of amplitude 1: half an ulp just below 1 is 0.5 · 2^-53, the rest is what comes before the last rounding.
constexpr double kLimit = 0.501 * 0x1p-53;

Quad exact_sine(double f, double fs, double phase_deg, std::uint64_t n) {
  const Quad turns = Quad(f) / Quad(fs) * Quad(n) + Quad(phase_deg) / Quad(360);
  return sinq(2 * acosq(Quad(-1)) * (turns - floorq(turns)));
}

std::vector<double> filled(const Sine& sine, std::uint64_t first, std::size_t count) {
  std::vector<double> y(count);
  sine.fill(first, y);
  return y;
}

// Largest difference from the exact sine over `count` samples from `first`, for amplitude 1.
double worst_error(double f, double fs, double phase_deg, std::uint64_t first, std::size_t count) {
  const auto y = filled(Sine(f, fs, 1.0, phase_deg), first, count);
  double worst = 0.0;
  for (std::size_t n = 0; n < count; ++n) {
    worst =
        std::max(worst, std::fabs(static_cast<double>(Quad(y[n]) - exact_sine(f, fs, phase_deg, first + n))));
  }
  return worst;
}

TEST(TurnsOfRatio, DividesExactly) {
  EXPECT_EQ(turns_of_ratio(1.0, 4.0), (Turns{1ULL << 62U, 0}));
  EXPECT_EQ(turns_of_ratio(5.0, 4.0), (Turns{1ULL << 62U, 0}));  // whole turns vanish
  EXPECT_EQ(turns_of_ratio(-1.0, 4.0), (Turns{3ULL << 62U, 0}));
  EXPECT_EQ(turns_of_ratio(1.0, 3.0), (Turns{0x5555555555555555U, 0x5555555555555555U}));
  EXPECT_EQ(turns_of_ratio(2.0, 3.0), (Turns{0xAAAAAAAAAAAAAAAAU, 0xAAAAAAAAAAAAAAABU}));  // rounded up
  EXPECT_EQ(turns_of_ratio(0.0, 48000.0), Turns{});
}

TEST(Sine, IsNearlyTheRoundedSine) {
  for (const double f : {440.0, 997.0, 1000.0 / 3.0, 19999.9, 23999.0, 0.01}) {
    EXPECT_LE(worst_error(f, 48000.0, 0.0, 0, 2000), kLimit) << f << " Hz";
  }
  EXPECT_LE(worst_error(1234.5, 44100.0, 77.7, 0, 2000), kLimit);
  EXPECT_LE(worst_error(1234.5, 44100.0, -3000.0, 0, 2000), kLimit);
}

TEST(Sine, DoesNotDriftInAnHour) {
  constexpr std::uint64_t kHour = 172'800'000;
  for (const double f : {440.0, 997.0, 1000.0 / 3.0, 19999.9}) {
    EXPECT_LE(worst_error(f, 48000.0, 30.0, kHour - 1000, 2000), kLimit) << f << " Hz";
    EXPECT_LE(worst_error(f, 192000.0, 30.0, 24 * 4 * kHour, 500), kLimit) << f << " Hz, a day at 192 kHz";
  }
}

TEST(Sine, IsExactWhereTheSineIs) {
  const auto y = filled(Sine(12000.0, 48000.0, 0.75), 1'000'000, 8);
  EXPECT_EQ(y, (std::vector<double>{0.0, 0.75, 0.0, -0.75, 0.0, 0.75, 0.0, -0.75}));
  const auto cosine = filled(Sine(0.0, 48000.0, 2.5, 90.0), 0, 3);
  EXPECT_EQ(cosine, (std::vector<double>{2.5, 2.5, 2.5}));
}

TEST(Sine, HasNoSpurAboveMinus310Decibel) {
  // The spectrum of the error alone: a transform of the samples themselves would add its own rounding.
  constexpr std::size_t kCount = 48000;
  for (const double amplitude : {1.0, 0.7}) {
    for (const double f : {1000.0, 997.0, 7993.0, 400.0}) {  // whole cycles in one second
      const auto y = filled(Sine(f, 48000.0, amplitude), 0, kCount);
      RealFft fft(kCount);
      for (std::size_t n = 0; n < kCount; ++n) {
        fft.samples()[n] = static_cast<double>(Quad(y[n]) - Quad(amplitude) * exact_sine(f, 48000.0, 0.0, n));
      }
      fft.forward();
      double spur = 0.0;
      for (std::size_t k = 0; k < fft.bin_count(); ++k) {
        if (static_cast<double>(k) != f) { spur = std::max(spur, 2.0 * std::abs(fft.bins()[k]) / kCount); }
      }
      RecordProperty("sfdr_db_" + std::to_string(static_cast<int>(f)),
                     std::to_string(20.0 * std::log10(amplitude / spur)));
      EXPECT_GE(20.0 * std::log10(amplitude / spur), 310.0) << f << " Hz, amplitude " << amplitude;
    }
  }
}

TEST(Sine, IsTheSameForEveryBlockSizeAndStart) {
  const Sine sine(997.3, 48000.0, 0.9, 12.0);
  const auto whole = filled(sine, 3, 5000);
  for (const std::size_t block : {1U, 7U, 64U, 480U, 1024U}) {
    std::vector<double> y(whole.size());
    for (std::size_t n = 0; n < y.size(); n += block) {
      sine.fill(3 + n, std::span(y).subspan(n, std::min(block, y.size() - n)));
    }
    EXPECT_EQ(y, whole) << "block of " << block;
  }
}

TEST(Sine, IsTheSameOnEveryVectorPath) {
  const auto baseline = filled(Sine(997.3, 48000.0, 0.9, 12.0, CpuPath::baseline), 5, 4099);
  for (const CpuPath path : {CpuPath::avx2, CpuPath::avx512}) {
    if (path > cpu_path()) { continue; }
    EXPECT_EQ(filled(Sine(997.3, 48000.0, 0.9, 12.0, path), 5, 4099), baseline) << name(path);
  }
}

TEST(Sine, ChangesFrequencyWithoutAJump) {
  const Sine old(1000.0, 48000.0);
  const auto before = filled(old, 0, 200);
  Sine sine(1500.0, 48000.0);
  EXPECT_EQ(sine.continue_from(old, 100), 0.0);
  const auto after = filled(sine, 100, 100);
  EXPECT_EQ(after[0], before[100]);  // sample 100 has the old phase
  // From there on 1500 Hz: phase 2π (1000 · 100 + 1500 k) / 48000. 2^-52: rounding of this formula.
  for (std::size_t k = 0; k < 16; ++k) {
    const Quad turns = (Quad(1000) * 100 + Quad(1500) * Quad(k)) / 48000;
    EXPECT_NEAR(after[k], static_cast<double>(sinq(2 * acosq(Quad(-1)) * (turns - floorq(turns)))), 2.3e-16);
  }
}

TEST(Sine, TellsByWhatThePhaseDiffers) {
  const Sine old(1000.0, 48000.0, 1.0, 30.0);
  Sine sine(1000.0, 48000.0, 1.0, -60.0);
  EXPECT_EQ(sine.continue_from(old, 77), -0.25);
  EXPECT_EQ(filled(sine, 77, 500), filled(Sine(1000.0, 48000.0, 1.0, -60.0), 77, 500));  // bit for bit
}

TEST(Sine, GivesItsCosine) {
  const Sine sine(997.0, 48000.0, 0.5, 12.0);
  std::vector<double> y(300);
  std::vector<double> x(300);
  sine.fill_both(5, y, x);
  EXPECT_EQ(y, filled(Sine(997.0, 48000.0, 1.0, 12.0), 5, 300));
  EXPECT_EQ(x, filled(Sine(997.0, 48000.0, 1.0, 102.0), 5, 300));
}

TEST(Sine, ScalesWithItsAmplitude) {
  const auto one = filled(Sine(997.0, 48000.0), 0, 100);
  const auto quarter = filled(Sine(997.0, 48000.0, 0.25), 0, 100);
  for (std::size_t n = 0; n < one.size(); ++n) { EXPECT_EQ(quarter[n], 0.25 * one[n]); }
}

}  // namespace
}  // namespace streamlab::dsp
