// tests/nodes/dsp/biquad_test.cpp
//
// The cascade against plain transposed direct form II in 80-bit long double, from coefficients in z worked
// out in long double as well: another form, another precision, one sample at a time.
#include "nodes/dsp/biquad.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <gtest/gtest.h>

#include "tests/nodes/dsp/planar.hpp"

namespace streamlab::dsp {
namespace {

static_assert(std::numeric_limits<long double>::digits >= 64, "the reference needs 80-bit arithmetic");

struct Coefficients {  // a0 = 1
  long double b0, b1, b2, a1, a2;
};

// Cookbook peaking filter, as printed there.
Coefficients peaking(long double frequency_hz, long double q, long double gain_db,
                     long double sample_rate_hz) {
  const long double w = 2.0L * std::numbers::pi_v<long double> * frequency_hz / sample_rate_hz;
  const long double a = std::pow(10.0L, gain_db / 40.0L);
  const long double alpha = std::sin(w) / (2.0L * q);
  const long double a0 = 1.0L + alpha / a;
  return {(1.0L + alpha * a) / a0, -2.0L * std::cos(w) / a0, (1.0L - alpha * a) / a0,
          -2.0L * std::cos(w) / a0, (1.0L - alpha / a) / a0};
}

// Cookbook high-pass, as printed there.
Coefficients highpass(long double frequency_hz, long double q, long double sample_rate_hz) {
  const long double w = 2.0L * std::numbers::pi_v<long double> * frequency_hz / sample_rate_hz;
  const long double alpha = std::sin(w) / (2.0L * q);
  const long double a0 = 1.0L + alpha;
  const long double c = std::cos(w);
  return {(1.0L + c) / 2.0L / a0, -(1.0L + c) / a0, (1.0L + c) / 2.0L / a0, -2.0L * c / a0,
          (1.0L - alpha) / a0};
}

// The delta form, worked out in long double and rounded once.
BiquadSection in_delta_form(const Coefficients& c) {
  return {static_cast<double>(c.b0), static_cast<double>(2.0L * c.b0 + c.b1),
          static_cast<double>(c.b0 + c.b1 + c.b2), static_cast<double>(2.0L + c.a1),
          static_cast<double>(1.0L + c.a1 + c.a2)};
}

std::vector<Coefficients> equaliser(std::size_t count) {
  std::vector<Coefficients> sections;
  for (std::size_t k = 0; k < count; ++k) {
    const auto frequency_hz = 40.0L * std::pow(1.7L, static_cast<long double>(k % 11));
    sections.push_back(peaking(frequency_hz, 0.7L + 0.1L * static_cast<long double>(k % 5),
                               k % 2 == 0 ? 4.0L : -4.0L, 48000.0L));
  }
  return sections;
}

std::vector<BiquadSection> in_delta_form(const std::vector<Coefficients>& sections) {
  std::vector<BiquadSection> made;
  for (const Coefficients& c : sections) { made.push_back(in_delta_form(c)); }
  return made;
}

std::vector<long double> reference(const std::vector<Coefficients>& sections, const std::vector<double>& in) {
  std::vector<long double> y(in.begin(), in.end());
  for (const Coefficients& c : sections) {
    long double s1 = 0.0L;
    long double s2 = 0.0L;
    for (long double& sample : y) {
      const long double x = sample;
      sample = c.b0 * x + s1;
      s1 = c.b1 * x - c.a1 * sample + s2;
      s2 = c.b2 * x - c.a2 * sample;
    }
  }
  return y;
}

// Largest difference, in units of the reference's peak.
double error_re_peak(const std::vector<double>& y, const std::vector<long double>& expected) {
  long double peak = 0.0L;
  long double error = 0.0L;
  for (std::size_t n = 0; n < y.size(); ++n) {
    peak = std::max(peak, std::abs(expected[n]));
    error = std::max(error, std::abs(y[n] - expected[n]));
  }
  return static_cast<double>(error / peak);
}

std::vector<long double> as_reference(const std::vector<double>& y) { return {y.begin(), y.end()}; }

TEST(BiquadCascade, IsTheDifferenceEquationForEveryNumberOfSectionsAndChannels) {
  for (const CpuPath path : supported_cpu_paths()) {
    for (const std::size_t channels : {1U, 2U, 3U, 4U, 6U, 8U, 9U}) {
      for (const std::size_t count : {1U, 2U, 3U, 4U, 5U, 7U, 8U, 9U, 10U, 13U, 17U, 33U, 64U}) {
        const auto sections = equaliser(count);
        const Planar in = noise(channels, 300);
        BiquadCascade cascade(in_delta_form(sections), channels, path);
        const Planar out = run_in_blocks(cascade, in, channels, 300);
        for (std::size_t c = 0; c < channels; ++c) {
          // 64 sections round about 400 times a sample: 400 x 1.1e-16, and room for their own gain.
          ASSERT_LT(error_re_peak(out.channel[c], reference(sections, in.channel[c])), 1e-13)
              << name(path) << ", " << channels << " channels, " << count << " sections, channel " << c;
        }
      }
    }
  }
}

TEST(BiquadCascade, GivesTheSameBitsForEveryBlockSize) {
  for (const CpuPath path : supported_cpu_paths()) {
    for (const std::size_t channels : {1U, 2U, 3U, 5U, 8U}) {
      for (const std::size_t count : {1U, 3U, 10U, 12U, 40U}) {
        const Planar in = noise(channels, 1100);
        const auto sections = in_delta_form(equaliser(count));
        BiquadCascade at_once(sections, channels, path);
        const Planar whole = run_in_blocks(at_once, in, channels, 1100);
        for (const std::size_t block : {1U, 2U, 7U, 9U, 10U, 64U, 480U, 1024U}) {
          BiquadCascade cascade(sections, channels, path);
          ASSERT_EQ(run_in_blocks(cascade, in, channels, block), whole)
              << name(path) << ", " << channels << " channels, " << count << " sections, block " << block;
        }
      }
    }
  }
}

TEST(BiquadCascade, PathsAgree) {
  const auto sections = in_delta_form(equaliser(10));
  const Planar in = noise(2, 20000);
  BiquadCascade baseline(sections, 2, CpuPath::baseline);
  const Planar expected = run_in_blocks(baseline, in, 2, 256);
  for (const CpuPath path : supported_cpu_paths()) {
    BiquadCascade cascade(sections, 2, path);
    const Planar out = run_in_blocks(cascade, in, 2, 256);
    for (std::size_t c = 0; c < 2; ++c) {
      EXPECT_LT(error_re_peak(out.channel[c], as_reference(expected.channel[c])), 1e-13) << name(path);
    }
  }
}

// Order 8, 10 Hz at 192 kHz: the poles are 3e-4 from z = 1, and 1 + a1 + a2 is 1e-7.
TEST(BiquadCascade, StaysExactAtHighOrderAndLowFrequency) {
  std::vector<Coefficients> sections;
  for (int k = 0; k < 4; ++k) {
    const long double q = 0.5L / std::sin(std::numbers::pi_v<long double> *
                                          (2.0L * static_cast<long double>(k) + 1.0L) / 16.0L);
    sections.push_back(highpass(10.0L, q, 192000.0L));
  }
  constexpr std::size_t kFrames = 100000;  // half a second: five periods
  Planar step(1, kFrames);
  step.channel[0].assign(kFrames, 1.0);
  Planar sine(1, kFrames);
  for (std::size_t n = 0; n < kFrames; ++n) {
    sine.channel[0][n] = std::sin(2.0 * std::numbers::pi * 10.0 / 192000.0 * static_cast<double>(n));
  }
  for (const Planar& in : {noise(1, kFrames), step, sine}) {
    const auto expected = reference(sections, in.channel[0]);
    for (const CpuPath path : supported_cpu_paths()) {
      BiquadCascade cascade(in_delta_form(sections), 1, path);
      // The limit is 1e-10. Plain direct form in float64 has 5e-11 here, float64 cookbook coefficients alone
      // 7e-9.
      EXPECT_LT(error_re_peak(run_in_blocks(cascade, in, 1, 512).channel[0], expected), 1e-12) << name(path);
    }
  }
}

TEST(BiquadCascade, WorksInPlace) {
  const auto sections = in_delta_form(equaliser(10));
  for (const CpuPath path : supported_cpu_paths()) {
    for (const std::size_t channels : {1U, 2U, 3U}) {
      const Planar in = noise(channels, 1000);
      BiquadCascade apart(sections, channels, path);
      BiquadCascade within(sections, channels, path);
      Planar buffer = in;
      within.process(buffer.in(), buffer.out(), 1000);
      EXPECT_EQ(buffer, run_in_blocks(apart, in, channels, 1000)) << name(path);
    }
  }
}

TEST(BiquadCascade, IsAsNewAfterReset) {
  const Planar in = noise(3, 500);
  for (const CpuPath path : supported_cpu_paths()) {
    BiquadCascade cascade(in_delta_form(equaliser(10)), 3, path);
    const Planar fresh = run_in_blocks(cascade, in, 3, 500);
    cascade.reset();
    EXPECT_EQ(run_in_blocks(cascade, in, 3, 500), fresh) << name(path);
  }
}

TEST(BiquadCascade, NoFramesChangeNothing) {
  const Planar in = noise(2, 100);
  for (const CpuPath path : supported_cpu_paths()) {
    const auto sections = in_delta_form(equaliser(10));
    BiquadCascade plain(sections, 2, path);
    BiquadCascade interrupted(sections, 2, path);
    Planar out(2, 100);
    interrupted.process(in.in(), out.out(), 50);
    interrupted.process(in.in(50), out.out(50), 0);
    interrupted.process(in.in(50), out.out(50), 50);
    EXPECT_EQ(out, run_in_blocks(plain, in, 2, 100)) << name(path);
  }
}

TEST(BiquadCascade, SilenceStaysSilenceAndADefaultSectionPassesEveryBit) {
  for (const CpuPath path : supported_cpu_paths()) {
    BiquadCascade cascade(in_delta_form(equaliser(10)), 2, path);
    EXPECT_EQ(run_in_blocks(cascade, Planar(2, 100), 2, 64), Planar(2, 100));
    const std::vector<BiquadSection> nothing(10);
    BiquadCascade identity(nothing, 2, path);
    const Planar in = noise(2, 100);
    EXPECT_EQ(run_in_blocks(identity, in, 2, 64), in);
  }
}

TEST(BiquadCascade, ReplacesWhatIsNotFiniteByZeroAndCountsIt) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto sections = in_delta_form(equaliser(10));
  for (const CpuPath path : supported_cpu_paths()) {
    for (const std::size_t channels : {1U, 2U, 3U, 8U}) {
      Planar in = noise(channels, 201);
      in.channel[0][100] = 0.0;
      in.channel[0][200] = 0.0;
      in.channel[channels - 1][50] = 0.0;
      BiquadCascade clean(sections, channels, path);
      const Planar expected = run_in_blocks(clean, in, channels, 64);
      in.channel[0][100] = std::numeric_limits<double>::quiet_NaN();
      in.channel[0][200] = -kInfinity;
      in.channel[channels - 1][50] = kInfinity;
      BiquadCascade cascade(sections, channels, path);
      Planar out(channels, 201);
      EXPECT_EQ(cascade.process(in.in(), out.out(), 201), 3U) << name(path);
      EXPECT_EQ(out, expected) << name(path);
    }
  }
}

// Once w1's steps are flushed to zero it stands still: at some 2.2e-308 / d2, which no result
// can show.
TEST(BiquadCascade, ATailEndsAtZeroOrAtANormalNumberAndNeverAmongDenormals) {
  for (const CpuPath path : supported_cpu_paths()) {
    BiquadCascade cascade(in_delta_form(equaliser(2)), 1, path);
    Planar in(1, 400000);
    in.channel[0][0] = 1.0;
    const Planar out = run_in_blocks(cascade, in, 1, 512);
    for (const double y : out.channel[0]) { ASSERT_TRUE(y == 0.0 || std::isnormal(y)) << y; }
    EXPECT_LT(std::abs(out.channel[0].back()), 1e-300) << name(path);
  }
}

TEST(BiquadCascade, NewSectionsKeepTheState) {
  const Planar in = noise(2, 200);
  for (const CpuPath path : supported_cpu_paths()) {
    const auto sections = in_delta_form(equaliser(10));
    BiquadCascade plain(sections, 2, path);
    BiquadCascade renewed(sections, 2, path);
    Planar out(2, 200);
    renewed.process(in.in(), out.out(), 100);
    renewed.set_sections(sections);
    renewed.process(in.in(100), out.out(100), 100);
    EXPECT_EQ(out, run_in_blocks(plain, in, 2, 200)) << name(path);
  }
}

TEST(Response, IsTheTransferFunctionOnTheUnitCircle) {
  const Coefficients c = peaking(1000.0L, 2.0L, 6.0L, 48000.0L);
  for (const double frequency_hz : {0.0, 1e-3, 10.0, 1000.0, 12000.0, 23999.0, 24000.0}) {
    const std::complex<long double> back = std::polar(
        1.0L, -2.0L * std::numbers::pi_v<long double> * static_cast<long double>(frequency_hz) / 48000.0L);
    const auto expected =
        (c.b0 + c.b1 * back + c.b2 * back * back) / (1.0L + c.a1 * back + c.a2 * back * back);
    const std::complex<double> value = response(in_delta_form(c), frequency_hz, 48000.0);
    // Five roundings in float64.
    EXPECT_NEAR(value.real(), static_cast<double>(expected.real()), 2e-15) << frequency_hz;
    EXPECT_NEAR(value.imag(), static_cast<double>(expected.imag()), 2e-15) << frequency_hz;
  }
}

TEST(SectionFromTransferFunction, IsExactNearZEqualOne) {
  // 1 - 2^-20 twice: a1 = -2 + 2^-19, a2 = 1 - 2^-19 + 2^-40, all of them exact in binary.
  const BiquadSection section =
      section_from_transfer_function(1.0, -2.0, 1.0, 1.0, -2.0 + 0x1p-19, 1.0 - 0x1p-19 + 0x1p-40);
  EXPECT_EQ(section, (BiquadSection{1.0, 0.0, 0.0, 0x1p-19, 0x1p-40}));
}

TEST(SectionFromTransferFunction, DividesByA0) {
  EXPECT_EQ(section_from_transfer_function(2.0, -4.0, 2.0, 2.0, -3.0, 1.25),
            section_from_transfer_function(1.0, -2.0, 1.0, 1.0, -1.5, 0.625));
}

TEST(IsStable, MeansThatBothPolesAreInsideTheUnitCircle) {
  const auto with_poles = [](double a1, double a2) {
    return section_from_transfer_function(1.0, 0.0, 0.0, 1.0, a1, a2);
  };
  EXPECT_TRUE(is_stable(with_poles(0.0, 0.0)));
  EXPECT_TRUE(is_stable(with_poles(-1.9, 0.9025)));  // 0.95 twice
  EXPECT_TRUE(is_stable(with_poles(1.9, 0.9025)));   // -0.95 twice
  EXPECT_FALSE(is_stable(with_poles(-2.0, 1.0)));    // 1 twice
  EXPECT_FALSE(is_stable(with_poles(0.0, 1.0)));     // +-i
  EXPECT_FALSE(is_stable(with_poles(-2.1, 1.1)));    // 1 and 1.1
  EXPECT_FALSE(is_stable(with_poles(2.1, 1.1)));     // -1 and -1.1
  EXPECT_FALSE(is_stable(with_poles(std::nan(""), 0.0)));
}

}  // namespace
}  // namespace streamlab::dsp
