// tests/hal/clock_model_test.cpp
//
// A device is a formula here: frame n happens at start + n / (nominal · (1 + ppm·1e-6)), and its wake-up is
// measured with a delay drawn uniformly from 0 .. width. Nothing reads a clock.
#include "hal/clock_model.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

#include <gtest/gtest.h>

namespace streamlab {
namespace {

constexpr double kRateHz = 48000.0;
constexpr std::int64_t kStartNs = 1'000'000'000'000;  // monotonic: about 17 minutes after boot

struct Device {
  double ppm = 0.0;
  double width_ns = 0.0;
  std::mt19937_64 random{1};

  std::int64_t true_ns(std::int64_t position) const {
    return kStartNs + std::llround(static_cast<double>(position) * 1e9 / (kRateHz * (1.0 + ppm * 1e-6)));
  }
  std::int64_t measured_ns(std::int64_t position) {
    return true_ns(position) + std::llround(std::uniform_real_distribution(0.0, width_ns)(random));
  }
};

// Feeds `seconds` of periods and returns the position of the last one.
std::int64_t feed(ClockModel& model, Device& device, std::int64_t from, double seconds, std::int64_t period) {
  std::int64_t position = from;
  for (; static_cast<double>(position - from) < seconds * kRateHz; position += period) {
    model.update(position, device.measured_ns(position));
  }
  return position - period;
}

// Standard deviation of the settled loop's rate, in ppm, for white jitter of `rms_s` (see clock_model.hpp).
double settled_rate_ppm(double rms_s, double step_s) {
  const double w = 2.0 * std::numbers::pi * ClockModel::kBandwidthHz;
  return 1e6 * rms_s * std::sqrt(w * w * w * step_s / (2.0 * std::numbers::sqrt2));
}

struct Case {
  double ppm;
  double width_us;
  std::int64_t period;
};
class Converges : public testing::TestWithParam<Case> {};

TEST_P(Converges, ToTheTrueRateAndTime) {
  const auto [ppm, width_us, period] = GetParam();
  Device device{ppm, width_us * 1e3};
  ClockModel model(kRateHz);
  const std::int64_t last = feed(model, device, 0, 60.0, period);

  // Uniform jitter of width u has a standard deviation of u / sqrt(12); five of the loop's deviations, plus
  // 0.02 ppm for what remains of the start: the assumed 0.1 s at the nominal rate.
  const double rms_s = width_us * 1e-6 / std::sqrt(12.0);
  const double rate_ppm = 5.0 * settled_rate_ppm(rms_s, static_cast<double>(period) / kRateHz) + 0.02;
  EXPECT_NEAR(model.ppm(), ppm, rate_ppm);
  EXPECT_NEAR(model.rate_hz(), kRateHz * (1.0 + ppm * 1e-6), rate_ppm * 1e-6 * kRateHz);

  // The time is that of the frame plus the mean delay; a loop of bandwidth B passes about 3 W T / (2 sqrt 2)
  // of the jitter's variance. Five deviations plus 1 µs.
  const double w_t =
      2.0 * std::numbers::pi * ClockModel::kBandwidthHz * static_cast<double>(period) / kRateHz;
  const double time_us = 5.0 * rms_s * 1e6 * std::sqrt(1.5 * w_t / std::numbers::sqrt2) + 1.0;
  const double error_us = 1e-3 * static_cast<double>(model.time_of(last) - device.true_ns(last));
  EXPECT_NEAR(error_us, width_us / 2.0, time_us);
  EXPECT_NEAR(model.jitter_ns() * 1e-3, rms_s * 1e6, 0.15 * rms_s * 1e6 + 1.0);  // over about a second
}

INSTANTIATE_TEST_SUITE_P(ClockModel, Converges,
                         testing::Values(Case{0.0, 0.0, 64}, Case{100.0, 0.0, 64}, Case{-100.0, 0.0, 1024},
                                         Case{100.0, 100.0, 64}, Case{-100.0, 100.0, 64},
                                         Case{37.5, 500.0, 256}, Case{-250.0, 500.0, 256},
                                         Case{12.0, 2000.0, 1024}, Case{-12.0, 2000.0, 1024}));

TEST(ClockModel, IsCloseAfterASecond) {
  // A least-squares line through N points with deviation s over T seconds has a slope of deviation
  // s sqrt(12 / N) / T: 29 µs, N = 750, T = 1 s give 3.7 ppm; five of these, and the nominal rate assumed for
  // the first 0.1 s pulls by less than its share of 10 %.
  Device device{80.0, 100e3};
  ClockModel model(kRateHz);
  feed(model, device, 0, 1.0, 64);
  EXPECT_NEAR(model.ppm(), 80.0, 5.0 * 3.7 + 8.0);
}

TEST(ClockModel, TimeRisesWithThePositionAcrossUpdates) {
  Device device{-300.0, 3e6};  // jitter of more than two periods
  ClockModel model(kRateHz);
  std::int64_t last_ns = 0;
  for (std::int64_t position = 0; position < 480'000; position += 64) {
    model.update(position, device.measured_ns(position));
    for (std::int64_t frame = 0; frame < 64; frame += 16) {
      const std::int64_t ns = model.time_of(position + frame);
      if (position > 0 || frame > 0) { ASSERT_GT(ns, last_ns) << "frame " << position + frame; }
      last_ns = ns;
    }
  }
}

TEST(ClockModel, PositionAndTimeAreInverse) {
  Device device{55.0, 300e3};
  ClockModel model(kRateHz);
  const std::int64_t last = feed(model, device, 0, 3.0, 256);
  for (const std::int64_t offset : {-100'000, -1, 0, 1, 100, 255, 256, 1000, 480'000}) {
    EXPECT_EQ(model.position_at(model.time_of(last + offset)), last + offset);
  }
}

TEST(ClockModel, OneLateWakeUpMovesTimeByLessThanItsJitter) {
  Device device{20.0, 100e3};
  ClockModel model(kRateHz);
  ClockModel undisturbed(kRateHz);
  std::int64_t position = 0;
  for (; position < 20 * 48'000; position += 64) {
    const std::int64_t ns = device.measured_ns(position);
    model.update(position, ns);
    undisturbed.update(position, ns);
  }
  const std::int64_t ns = device.measured_ns(position);
  undisturbed.update(position, ns);
  EXPECT_EQ(model.update(position, ns + 50'000'000), ClockEvent::late);  // 50 ms late
  // The error is cut at four times the jitter (29 µs rms) and enters with b = sqrt(2) W T = 6e-4.
  const std::int64_t later = position + 48'000;
  EXPECT_NEAR(static_cast<double>(model.time_of(later) - undisturbed.time_of(later)), 0.0, 500.0);  // ns
  EXPECT_NEAR(model.ppm(), undisturbed.ppm(), 0.1);
}

TEST(ClockModel, RecoversFromALateFirstWakeUp) {
  Device device{20.0, 100e3};
  ClockModel model(kRateHz);
  model.update(0, device.true_ns(0) + 80'000'000);  // 80 ms late
  const std::int64_t last = feed(model, device, 64, 5.0, 64);
  // The line comes down at half speed until it is within one jitter, believed to be 0.5 ms at first. That
  // rest is a wrong beginning of 0.1 s of the least-squares line, gone as 2 · 0.1 / T in time: 20 µs of 500
  // after 5 s.
  EXPECT_NEAR(static_cast<double>(model.time_of(last) - device.true_ns(last)), 50e3, 25e3);  // ns
  EXPECT_NEAR(model.ppm(), 20.0, 10.0);
}

TEST(ClockModel, RelocksWhenTheDeviceStoodStill) {
  Device device{0.0, 50e3};
  ClockModel model(kRateHz);
  std::int64_t position = feed(model, device, 0, 10.0, 256) + 256;
  const double ppm = model.ppm();
  int relocked = 0;
  for (int n = 0; n < 40; ++n, position += 256) {  // every frame from here on comes two seconds later
    const ClockEvent event = model.update(position, device.measured_ns(position) + 2'000'000'000);
    if (event == ClockEvent::relocked) { ++relocked; }
  }
  EXPECT_EQ(relocked, 1);
  const std::int64_t last = position - 256;
  EXPECT_NEAR(static_cast<double>(model.time_of(last) - device.true_ns(last)), 2e9, 100e3);  // ns
  EXPECT_NEAR(model.ppm(), ppm, 2.0);
}

TEST(ClockModel, CountsTheFramesOfAGapByTheMeasuredRate) {
  Device device{200.0, 0.0};
  ClockModel model(kRateHz);
  const std::int64_t expected = feed(model, device, 0, 30.0, 256) + 256;
  for (const std::int64_t lost : {0, 1, 4711, 10 * 48'000, 3600 * 48'000}) {
    // An hour at a rate known to 0.01 ppm is 1.7 frames.
    const double tolerance = 0.01e-6 * static_cast<double>(lost);
    EXPECT_NEAR(static_cast<double>(model.gap_frames(expected, device.true_ns(expected + lost))),
                static_cast<double>(lost), tolerance);
  }
  EXPECT_EQ(model.gap_frames(expected, device.true_ns(expected) - 1'000'000), 0);  // early is not a gap
}

TEST(ClockModel, KeepsTheRateAcrossAGap) {
  Device device{150.0, 0.0};
  ClockModel model(kRateHz);
  feed(model, device, 0, 30.0, 256);
  const double ppm = model.ppm();
  model.restart(5'000'000, kStartNs + 999);
  EXPECT_EQ(model.time_of(5'000'000), kStartNs + 999);
  EXPECT_EQ(model.ppm(), ppm);
}

TEST(ClockModel, FollowsPeriodsOfChangingLength) {
  Device device{-60.0, 20e3};
  ClockModel model(kRateHz);
  std::int64_t position = 0;
  for (const std::int64_t period : {64, 1024, 128, 4096, 64}) {
    position = feed(model, device, position, 10.0, period) + period;
  }
  EXPECT_NEAR(model.ppm(), -60.0, 1.0);
  EXPECT_NEAR(static_cast<double>(model.time_of(position) - device.true_ns(position)), 10e3, 10e3);  // ns
}

TEST(ClockModel, GivesMicrosecondsOfTheEpoch) {
  ClockModel model(kRateHz, 1'700'000'000'000'000'000 - kStartNs);
  model.restart(96'000, kStartNs);
  EXPECT_EQ(model.unix_us_of(96'000), 1'700'000'000'000'000);
  EXPECT_EQ(model.unix_us_of(96'000 + 48'000), 1'700'000'001'000'000);
  EXPECT_EQ(model.unix_us_of(96'000 + 1), 1'700'000'000'000'020);  // 20.8 µs, rounded down
  EXPECT_EQ(model.unix_us_of(96'000 - 1), 1'699'999'999'999'979);
}

TEST(ClockModel, RestartsWhenThePositionGoesBack) {
  ClockModel model(kRateHz);
  EXPECT_FALSE(model.started());
  model.update(1000, kStartNs);
  EXPECT_TRUE(model.started());
  model.update(500, kStartNs + 5'000'000);
  EXPECT_EQ(model.time_of(500), kStartNs + 5'000'000);
}

}  // namespace
}  // namespace streamlab
