// tests/nodes/sources/sine_generator_test.cpp
#include <cmath>
#include <complex>
#include <numbers>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <quadmath.h>

#include "tests/support/clicks.hpp"
#include "tests/support/node_harness.hpp"

namespace streamlab::test {
namespace {

using testing::Each;
using testing::Eq;

__extension__ typedef __float128 Quad;

double exact_sine(double f, double fs, std::int64_t n) {
  const Quad turns = Quad(f) / Quad(fs) * Quad(n);
  return static_cast<double>(sinq(2 * acosq(Quad(-1)) * (turns - floorq(turns))));
}

// No pipeline rate and no device, as in a graph that says nothing of them.
constexpr AudioShape kNothingSaid{0.0, 1, 0};

std::vector<double> first_frames(NodeHarness& source, std::size_t frames) {
  std::vector<double> all;
  while (all.size() < frames) {
    const auto block = samples_of(source.run_source(1));
    all.insert(all.end(), block.begin(), block.end());
  }
  all.resize(frames);
  return all;
}

TEST(SineGenerator, IsTheSine) {
  NodeHarness sine("SineGenerator", R"({"frequency": 440})");
  const auto y = samples_of(sine.run_source(4));
  ASSERT_EQ(y.size(), 4096U);
  for (std::size_t n = 0; n < y.size(); ++n) {
    EXPECT_NEAR(y[n], exact_sine(440.0, 48000.0, static_cast<std::int64_t>(n)),
                1.1 * 0x1p-53);  // an ulp just below 1
  }
}

TEST(SineGenerator, AppliesAmplitudeAndPhase) {
  NodeHarness sine("SineGenerator",
                   R"({"frequency": 12000, "amplitude": 0.5, "phase_deg": 90, "frame_size": 4})");
  EXPECT_EQ(samples_of(sine.run_source(1)), (std::vector<double>{0.5, 0.0, -0.5, 0.0}));  // exact
}

TEST(SineGenerator, NumbersItsBlocks) {
  NodeHarness sine("SineGenerator", R"({"frame_size": 480})");
  const auto frames = sine.run_source(3);
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[2].sequence_id(), 2U);
  EXPECT_EQ(frames[2].position(), 960);
  EXPECT_EQ(frames[2].timestamp_us(), 20000);  // 960 frames at 48 kHz
  EXPECT_EQ(frames[2].frame_count(), 480U);
  EXPECT_TRUE(frames[2].has_channel("main_channel"));
  EXPECT_EQ(sine.outputs()[0].format.channels[0].unit, "FS");
}

TEST(SineGenerator, IsTheSameForEveryFrameSize) {
  NodeHarness whole("SineGenerator", R"({"frequency": 997.3, "frame_size": 5000})");
  const auto y = first_frames(whole, 5000);
  for (const int size : {1, 7, 64, 480, 1024}) {
    NodeHarness cut("SineGenerator", R"({"frequency": 997.3, "frame_size": )" + std::to_string(size) + "}");
    EXPECT_EQ(first_frames(cut, 5000), y) << "frames of " << size;
  }
}

TEST(SineGenerator, TakesItsRateAndFrameSizeFromWhoeverSaysThem) {
  NodeHarness nobody("SineGenerator", "{}", kNothingSaid);
  EXPECT_EQ(nobody.outputs()[0].format.sample_rate_hz, 48000.0);
  EXPECT_EQ(nobody.outputs()[0].format.max_frames, 1024U);
  NodeHarness itself("SineGenerator", R"({"sample_rate": 96000, "frame_size": 100})", kNothingSaid);
  EXPECT_EQ(itself.outputs()[0].format.sample_rate_hz, 96000.0);
  EXPECT_EQ(itself.outputs()[0].format.max_frames, 100U);
  NodeHarness pipeline("SineGenerator", "{}", {44100.0, 1, 256});
  EXPECT_EQ(pipeline.outputs()[0].format.sample_rate_hz, 44100.0);
  EXPECT_EQ(pipeline.outputs()[0].format.max_frames, 256U);
  DeviceStream device;
  device.sample_rate_hz = 32000.0;
  device.max_block_frames = 128;
  PrepareContext context;
  context.device = &device;
  NodeHarness with_device("SineGenerator", "{}", std::vector<StreamFormat>{}, context);
  EXPECT_EQ(with_device.outputs()[0].format.sample_rate_hz, 32000.0);
  EXPECT_EQ(with_device.outputs()[0].format.max_frames, 128U);
}

TEST(SineGenerator, EndsAfterItsDuration) {
  NodeHarness sine("SineGenerator", R"({"duration_s": 0.0005, "frame_size": 10})");  // 24 frames
  const auto frames = sine.run_source(100);
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[2].frame_count(), 4U);
  EXPECT_EQ(sine.last_status(), Status::done);
  NodeHarness nothing("SineGenerator", R"({"duration_s": 0})");
  EXPECT_TRUE(nothing.run_source(10).empty());
  EXPECT_FALSE(sine.node().is_endless());
  EXPECT_TRUE(NodeHarness("SineGenerator", "{}").node().is_endless());
}

TEST(SineGenerator, ChangesWhileItRuns) {
  NodeHarness sine("SineGenerator", R"({"frequency": 12000, "frame_size": 4, "amplitude": 0.25})");
  EXPECT_EQ(samples_of(sine.run_source(1)), (std::vector<double>{0.0, 0.25, 0.0, -0.25}));
  sine.set_param("frequency", 24000.0);  // from phase 0 on: a sine at half the rate is silent
  EXPECT_THAT(samples_of(sine.run_source(1)), Each(Eq(0.0)));
  sine.set_param("frequency", 12000.0);
  EXPECT_EQ(samples_of(sine.run_source(1)), (std::vector<double>{0.0, 0.25, 0.0, -0.25}));
  const Errors errors = sine.set_params(R"({"frequency": 24001})");
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(to_string(errors[0]),
            "/config/frequency: 24001 Hz is above half the sample rate of 48000 Hz; expected 0 .. 24000 Hz");
  EXPECT_EQ(samples_of(sine.run_source(1)), (std::vector<double>{0.0, 0.25, 0.0, -0.25}));
}

TEST(SineGenerator, ReachesAmplitudeAndPhaseWithoutAClick) {
  struct Case {
    double amplitude;
    double phase_deg;
  };
  for (const Case& to :
       {Case{0.0, 0.0}, Case{3.0, 0.0}, Case{1.0, 90.0}, Case{1.0, 180.0}, Case{-2.0, 33.0}}) {
    for (const double frequency : {50.0, 997.3, 15000.0}) {
      NodeHarness sine("SineGenerator", fmt::format(R"({{"frequency": {}, "frame_size": 64}})", frequency));
      auto y = samples_of(sine.run_source(10));
      ASSERT_TRUE(
          sine.set_params(fmt::format(R"({{"amplitude": {}, "phase_deg": {}}})", to.amplitude, to.phase_deg))
              .empty());
      const auto after = samples_of(sine.run_source(20));
      y.insert(y.end(), after.begin(), after.end());
      const double turn = to.phase_deg / 180.0 * std::numbers::pi;
      EXPECT_LE(largest_second_difference(y),
                largest_allowed(frequency, 1.0, std::polar(1.0, turn) * to.amplitude))
          << frequency << " Hz, to " << to.amplitude << " at " << to.phase_deg;
      // Behind the line it is the sine that began so, bit for bit.
      NodeHarness fresh("SineGenerator",
                        fmt::format(R"({{"frequency": {}, "amplitude": {}, "phase_deg": {}}})", frequency,
                                    to.amplitude, to.phase_deg));
      const auto expected = first_frames(fresh, y.size());
      for (std::size_t n = 640 + 480; n < y.size(); ++n) { ASSERT_EQ(y[n], expected[n]) << n; }
    }
  }
}

TEST(SineGenerator, ChangesItsFrequencyWithoutAJump) {
  // Where the phase is p, with w before and v behind it, the second difference is sin p (cos w + cos v - 2) + cos p (sin v -
  // sin w), at most the root of both squared.
  NodeHarness sine("SineGenerator", R"({"frequency": 300, "frame_size": 100})");
  auto y = samples_of(sine.run_source(7));
  sine.set_param("frequency", 2000.0);
  const auto after = samples_of(sine.run_source(7));
  y.insert(y.end(), after.begin(), after.end());
  const double w = 2.0 * std::numbers::pi * 300.0 / 48000.0;
  const double v = 2.0 * std::numbers::pi * 2000.0 / 48000.0;
  const double at_change = std::hypot(std::cos(w) + std::cos(v) - 2.0, std::sin(v) - std::sin(w));
  EXPECT_LE(largest_second_difference(y), std::max(at_change, 2.0 - 2.0 * std::cos(v)) + 1e-15);
}

TEST(SineGenerator, TurnsFromALineUnderWayTheSameWayForEveryFrameSize) {
  std::vector<double> whole;
  for (const int size : {300, 1, 10, 50}) {
    NodeHarness sine("SineGenerator", R"({"frequency": 997.3, "frame_size": )" + std::to_string(size) + "}");
    std::vector<double> y = first_frames(sine, 2100);
    for (const char* change :
         {R"({"amplitude": 0.25, "phase_deg": 70})", R"({"phase_deg": -100, "frequency": 1200})"}) {
      ASSERT_TRUE(sine.set_params(change).empty());
      const auto more = first_frames(sine, 300);
      y.insert(y.end(), more.begin(), more.end());
    }
    if (whole.empty()) { whole = y; }
    EXPECT_EQ(y, whole) << "frames of " << size;
  }
}

TEST(SineGenerator, IsAsNewAfterReset) {
  NodeHarness sine("SineGenerator", R"({"frequency": 997.3, "phase_deg": 30})");
  const auto fresh = samples_of(sine.run_source(3));
  sine.set_param("frequency", 100.0);
  sine.set_param("amplitude", 3.0);
  sine.run_source(2);
  sine.reset();
  EXPECT_EQ(samples_of(sine.run_source(3)), fresh);
}

TEST(SineGenerator, FlagsFullScale) {
  NodeHarness loud("SineGenerator", R"({"frequency": 12000, "frame_size": 4})");
  EXPECT_TRUE(loud.run_source(1)[0].header().has(FrameFlag::clipped));
  NodeHarness quiet("SineGenerator", R"({"frequency": 12000, "frame_size": 4, "amplitude": 0.999})");
  EXPECT_FALSE(quiet.run_source(1)[0].header().has(FrameFlag::clipped));
  NodeHarness silent("SineGenerator", R"({"amplitude": 0})");
  EXPECT_THAT(samples_of(silent.run_source(1)), Each(Eq(0.0)));
}

TEST(SineGenerator, RefusesWhatItCannotMake) {
  const auto refusal = [](std::string_view config, AudioShape shape = {}) {
    return to_string(NodeHarness::refusals("SineGenerator", config, shape), "");
  };
  EXPECT_EQ(
      refusal(R"({"frequency": 24001})"),
      "/config/frequency: 24001 Hz is above half the sample rate of 48000 Hz; expected 0 .. 24000 Hz\n");
  EXPECT_EQ(refusal(R"({"frequency": 24000})"), "");
  EXPECT_EQ(refusal(R"({"sample_rate": 44100})"),
            "/config/sample_rate: 44100 Hz contradicts /pipeline_config/sample_rate, which is 48000 Hz; "
            "expected the same rate; leave one of them out\n");
  EXPECT_EQ(refusal(R"({"sample_rate": 48000})"), "");
  EXPECT_EQ(refusal(R"({"frequency": -1})"), "/frequency: -1 is outside 0 .. 10000000 Hz\n");
  EXPECT_EQ(refusal(R"({"amplitude": 2e6})"), "/amplitude: 2000000.0 is outside -1000000 .. 1000000 FS\n");
  EXPECT_EQ(refusal(R"({"phase_deg": 2e6})"), "/phase_deg: 2000000.0 is outside -1000000 .. 1000000 deg\n");
  EXPECT_EQ(refusal(R"({"sample_rate": 0})"), "/sample_rate: 0 is outside 1 .. 10000000 Hz\n");
  EXPECT_EQ(refusal(R"({"frame_size": 0})"), "/frame_size: 0 is outside 1 .. 65536 frames\n");
  EXPECT_EQ(refusal(R"({"duration_s": -1})"), "/duration_s: -1 is outside 0 .. 1000000000 s\n");
}

}  // namespace
}  // namespace streamlab::test
