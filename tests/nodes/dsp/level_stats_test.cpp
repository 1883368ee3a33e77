// tests/nodes/dsp/level_stats_test.cpp
#include "nodes/dsp/level_stats.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "nodes/dsp/sine.hpp"
#include "tests/support/not_finite.hpp"

namespace streamlab::dsp {
namespace {

using test::kNaN;

constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<double> sine(double f, double amplitude, double dc, std::size_t count) {
  std::vector<double> x(count);
  Sine(f, 48000.0, amplitude).fill(0, x);
  for (double& v : x) { v += dc; }
  return x;
}

Levels levels_of(const std::vector<double>& x, std::size_t block, CpuPath path = cpu_path()) {
  LevelStats stats(path);
  for (std::size_t n = 0; n < x.size(); n += block) {
    stats.add(std::span(x).subspan(n, std::min(block, x.size() - n)));
  }
  return stats.levels();
}

// NaN equals NaN here: the same bits are wanted.
void expect_same_bits(const Levels& a, const Levels& b) {
  EXPECT_EQ(a.samples, b.samples);
  EXPECT_EQ(a.not_finite, b.not_finite);
  EXPECT_EQ(a.clipped, b.clipped);
  const double of_a[] = {a.peak, a.rms, a.dc, a.ac_rms, a.peak_db, a.rms_db, a.rms_db_aes17, a.crest_db};
  const double of_b[] = {b.peak, b.rms, b.dc, b.ac_rms, b.peak_db, b.rms_db, b.rms_db_aes17, b.crest_db};
  EXPECT_EQ(std::memcmp(of_a, of_b, sizeof of_a), 0);
}

TEST(LevelStats, MeasuresASineOnDc) {
  // 1 kHz, amplitude 0.25, on 0.1 for 2 s: whole cycles, a sample on each crest. Closed form; 1e-15 is 8 ulp.
  const Levels levels = levels_of(sine(1000.0, 0.25, 0.1, 96000), 480);
  EXPECT_EQ(levels.samples, 96000U);
  EXPECT_NEAR(levels.dc, 0.1, 1e-15);
  EXPECT_NEAR(levels.rms, 0.203100960115899, 1e-15);
  EXPECT_NEAR(levels.ac_rms, 0.176776695296637, 1e-15);
  EXPECT_NEAR(levels.peak, 0.35, 1e-15);
  EXPECT_EQ(levels.clipped, 0U);
  EXPECT_EQ(levels.not_finite, 0U);
}

TEST(LevelStats, GivesTheDecibelsOfAFullScaleSine) {
  const Levels levels = levels_of(sine(1000.0, 1.0, 0.0, 48000), 1024);
  EXPECT_EQ(levels.peak, 1.0);
  EXPECT_EQ(levels.peak_db, 0.0);
  EXPECT_NEAR(levels.rms_db, -3.010299956639812, 1e-14);  // dB; rms good to an ulp is 1e-15 dB
  EXPECT_NEAR(levels.rms_db_aes17, 0.0, 1e-14);
  EXPECT_NEAR(levels.crest_db, 3.010299956639812, 1e-14);
  EXPECT_EQ(levels.clipped, 2000U);  // each crest of 1000 cycles, both signs
}

TEST(LevelStats, IsExactForAConstant) {
  const Levels levels = levels_of(std::vector<double>(5000, -0.5), 64);
  EXPECT_EQ(levels.dc, -0.5);
  EXPECT_EQ(levels.rms, 0.5);
  EXPECT_EQ(levels.ac_rms, 0.0);
  EXPECT_EQ(levels.peak, 0.5);
  EXPECT_EQ(levels.crest_db, 0.0);
}

TEST(LevelStats, FindsASmallSignalOnALargeDc) {
  // 1024 ± 2^-20 is exact in binary; the mean square less the squared mean would leave nothing.
  std::vector<double> x(48000);
  for (std::size_t n = 0; n < x.size(); ++n) { x[n] = 1024.0 + (n % 2 == 0 ? 0x1p-20 : -0x1p-20); }
  const Levels levels = levels_of(x, 480);
  EXPECT_EQ(levels.dc, 1024.0);
  EXPECT_NEAR(levels.ac_rms, 0x1p-20, 0x1p-20 * 1e-14);
}

TEST(LevelStats, FindsASmallSignalAfterALargeSample) {
  // One sample of 1, then ±1e-9: dc and squares are those of the definition, in long double.
  std::vector<double> x(10000, 0.0);
  x[0] = 1.0;
  for (std::size_t n = 1; n < x.size(); ++n) { x[n] = n % 2 == 0 ? 1e-9 : -1e-9; }
  long double sum = 0.0L;
  for (const double v : x) { sum += v; }
  const long double mean = sum / 10000.0L;
  long double squares = 0.0L;
  for (const double v : x) { squares += (v - mean) * (v - mean); }
  const Levels levels = levels_of(x, 7);
  constexpr double kLane = 64 * 0x1p-53;  // 64 additions to a running sum in one lane, relative
  EXPECT_NEAR(levels.dc, static_cast<double>(mean), 1e-4 * kLane);
  EXPECT_NEAR(levels.ac_rms, static_cast<double>(std::sqrt(squares / 10000.0L)), 0.01 * kLane);
}

TEST(LevelStats, StaysExactOverALongSignal) {
  const auto x = sine(997.0, 0.8, 0.01, 1'000'003);
  long double sum = 0.0L;
  long double squares = 0.0L;
  for (const double v : x) {
    sum += v;
    squares += static_cast<long double>(v) * v;
  }
  const Levels levels = levels_of(x, 480);
  EXPECT_NEAR(levels.dc, static_cast<double>(sum / 1000003.0L), 1e-17);                    // 0.01: 6 ulp
  EXPECT_NEAR(levels.rms, static_cast<double>(std::sqrt(squares / 1000003.0L)), 2.3e-16);  // 0.57: 2 ulp
}

TEST(LevelStats, IsTheSameForEveryBlockSize) {
  auto x = sine(997.3, 1.1, 0.05, 10'007);
  x[5000] = kNaN;
  const Levels whole = levels_of(x, x.size());
  for (const std::size_t block : {1U, 7U, 64U, 480U, 1024U}) { expect_same_bits(levels_of(x, block), whole); }
}

TEST(LevelStats, IsTheSameOnEveryVectorPath) {
  auto x = sine(997.3, 1.1, 0.05, 10'007);
  x[77] = -kInf;
  const Levels baseline = levels_of(x, 480, CpuPath::baseline);
  for (const CpuPath path : {CpuPath::avx2, CpuPath::avx512}) {
    if (path <= cpu_path()) { expect_same_bits(levels_of(x, 480, path), baseline); }
  }
}

TEST(LevelStats, CountsWhatIsNotFiniteAndLeavesItOut) {
  std::vector<double> x(3000, 0.25);
  x[0] = kNaN;
  x[1023] = kInf;
  x[1024] = -kInf;
  x[2999] = -kNaN;
  const Levels levels = levels_of(x, 480);
  EXPECT_EQ(levels.samples, 3000U);
  EXPECT_EQ(levels.not_finite, 4U);
  EXPECT_EQ(levels.rms, 0.25);
  EXPECT_EQ(levels.dc, 0.25);
  EXPECT_EQ(levels.peak, 0.25);
  EXPECT_EQ(levels.clipped, 0U);  // an infinity is not a clip
}

TEST(LevelStats, CountsFullScaleAsClipped) {
  const Levels levels = levels_of({1.0, -1.0, 1.5, std::nextafter(1.0, 0.0), -0.999, 0.0}, 6);
  EXPECT_EQ(levels.clipped, 3U);
  EXPECT_EQ(levels.peak, 1.5);
}

TEST(LevelStats, GivesSilenceTheLevelOfNoEnergy) {
  const Levels levels = levels_of(std::vector<double>(2000, 0.0), 480);
  EXPECT_EQ(levels.rms, 0.0);
  EXPECT_EQ(levels.peak, 0.0);
  EXPECT_EQ(levels.dc, 0.0);
  EXPECT_EQ(levels.rms_db, -kInf);
  EXPECT_EQ(levels.rms_db_aes17, -kInf);
  EXPECT_EQ(levels.peak_db, -kInf);
  EXPECT_TRUE(std::isnan(levels.crest_db));
}

TEST(LevelStats, HasNoValueWithoutAFiniteSample) {
  const Levels nothing = LevelStats().levels();
  EXPECT_EQ(nothing.samples, 0U);
  EXPECT_TRUE(std::isnan(nothing.rms));
  const Levels broken = levels_of({kNaN, kInf}, 2);
  EXPECT_EQ(broken.not_finite, 2U);
  EXPECT_TRUE(std::isnan(broken.rms));
  EXPECT_TRUE(std::isnan(broken.peak));
  EXPECT_TRUE(std::isnan(broken.rms_db));  // not silence: nothing is known
}

TEST(LevelStats, BeginsAnewAfterRestart) {
  const auto x = sine(440.0, 0.3, 0.0, 3001);
  LevelStats stats;
  stats.add(std::vector<double>(1500, kNaN));
  stats.add(std::vector<double>(1500, 2.0));
  stats.restart();
  stats.add(x);
  expect_same_bits(stats.levels(), levels_of(x, x.size()));
}

}  // namespace
}  // namespace streamlab::dsp
