// tests/nodes/dsp/real_fft_test.cpp
#include "nodes/dsp/real_fft.hpp"

#include <cmath>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

namespace streamlab::dsp {
namespace {

// Uneven values without a pattern that a wrong index could hide behind.
std::vector<double> input(std::size_t size) {
  std::vector<double> x(size);
  for (std::size_t n = 0; n < size; ++n) { x[n] = std::cos(static_cast<double>(n * n + 3 * n + 1)); }
  return x;
}

void load(RealFft& fft, const std::vector<double>& x) {
  std::copy(x.begin(), x.end(), fft.samples().begin());
}

TEST(RealFft, IsTheDefinition) {
  for (const std::size_t size : {1U, 2U, 3U, 15U, 34U, 64U, 100U, 173U}) {
    const auto x = input(size);
    RealFft fft(size);
    load(fft, x);
    fft.forward();
    ASSERT_EQ(fft.bin_count(), size / 2 + 1);
    for (std::size_t k = 0; k < fft.bin_count(); ++k) {
      std::complex<long double> sum = 0.0L;
      for (std::size_t n = 0; n < size; ++n) {
        const long double turn = static_cast<long double>(k * n % size) / static_cast<long double>(size);
        sum +=
            static_cast<long double>(x[n]) * std::polar(1.0L, -2.0L * std::numbers::pi_v<long double> * turn);
      }
      // 1e-14: a few ulp of sums below 100
      EXPECT_NEAR(fft.bins()[k].real(), static_cast<double>(sum.real()), 1e-14) << size << " bin " << k;
      EXPECT_NEAR(fft.bins()[k].imag(), static_cast<double>(sum.imag()), 1e-14) << size << " bin " << k;
    }
  }
}

TEST(RealFft, KnowsItsRealTimeSafeSizes) {  // by prime factors
  for (const std::size_t size : {1U, 2U, 4096U, 1000U, 4801U - 1U, 17U * 167U}) {
    EXPECT_TRUE(RealFft::is_forward_real_time_safe(size)) << size;
  }
  for (const std::size_t size : {173U, 4801U, 173U * 8U}) {
    EXPECT_FALSE(RealFft::is_forward_real_time_safe(size)) << size;
  }
}

TEST(RealFft, KeepsItsInput) {
  const auto x = input(100);
  RealFft fft(100);
  load(fft, x);
  fft.forward();
  EXPECT_EQ(std::vector<double>(fft.samples().begin(), fft.samples().end()), x);
}

TEST(RealFft, ComesBackTimesItsSize) {
  for (const std::size_t size : {1U, 2U, 15U, 34U, 1024U}) {
    const auto x = input(size);
    RealFft fft(size);
    load(fft, x);
    fft.forward();
    fft.inverse();
    for (std::size_t n = 0; n < size; ++n) {
      EXPECT_NEAR(fft.samples()[n] / static_cast<double>(size), x[n], 2e-15) << size;  // ulp · log2(size)
    }
  }
}

TEST(RealFft, GivesTheSameBitsFromEveryObject) {
  const auto x = input(960);
  RealFft first(960);
  load(first, x);
  first.forward();
  const std::vector<std::complex<double>> bins(first.bins().begin(), first.bins().end());
  RealFft second(960);
  RealFft moved(std::move(second));
  load(moved, x);
  moved.forward();
  EXPECT_TRUE(std::equal(bins.begin(), bins.end(), moved.bins().begin()));
}

}  // namespace
}  // namespace streamlab::dsp
