// tests/nodes/dsp/biquad_morph_test.cpp
#include "nodes/dsp/biquad_morph.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <functional>
#include <limits>
#include <numbers>
#include <random>
#include <variant>

#include <gtest/gtest.h>

#include "nodes/dsp/biquad_design.hpp"

namespace streamlab::dsp {
namespace {

constexpr double kRate = 48000.0;

std::vector<BiquadSection> designed(FilterType type, double frequency_hz, double q, double gain_db = 0.0) {
  FilterSpec spec;
  spec.type = type;
  spec.frequency_hz = frequency_hz;
  spec.q = q;
  if (type == FilterType::peaking || type == FilterType::lowshelf) { spec.gain_db = gain_db; }
  return std::get<std::vector<BiquadSection>>(design_filter(spec, kRate));
}

std::vector<BiquadSection> many_sections() {
  std::vector<BiquadSection> all;
  for (const double frequency : {1.0, 30.0, 1000.0, 12000.0, 23000.0}) {
    for (const double q : {0.3, 0.7071, 20.0}) {
      for (const FilterType type : {FilterType::peaking, FilterType::lowpass, FilterType::highpass,
                                    FilterType::bandpass, FilterType::notch, FilterType::allpass}) {
        all.push_back(designed(type, frequency, q, 9.0)[0]);
      }
    }
  }
  all.push_back(section_from_transfer_function(0.5, 0.25, 0.1, 1.0, 0.0, 0.0));    // FIR
  all.push_back(section_from_transfer_function(0.2, 0.2, 0.0, 1.0, -0.6, 0.0));    // of first order
  all.push_back(section_from_transfer_function(1.0, -0.3, 0.0, 1.0, -1.3, 0.42));  // real poles
  return all;
}

// H of the state-variable form from its definition: s = i tan(w / 2).
std::complex<double> response_of(const SvfSection& svf, double frequency_hz) {
  const std::complex<double> s(0.0, std::tan(std::numbers::pi * frequency_hz / kRate));
  return svf.m0 + (svf.m1 * svf.g * s + svf.m2 * svf.g * svf.g) / (s * s + svf.g * svf.k * s + svf.g * svf.g);
}

std::vector<double> random_samples(std::size_t count) {
  std::mt19937_64 random(7);
  std::vector<double> x(count);
  for (double& v : x) { v = static_cast<double>(static_cast<std::int64_t>(random()) >> 11) * 0x1p-52; }
  return x;
}

std::vector<double> through(BiquadCascade& cascade, std::vector<double> x) {
  double* const y[] = {x.data()};
  const double* const in[] = {x.data()};
  cascade.process(in, y, x.size());
  return x;
}
std::vector<double> through(BiquadMorph& morph, std::vector<double> x) {
  double* const y[] = {x.data()};
  const double* const in[] = {x.data()};
  morph.process(in, y, static_cast<std::uint32_t>(x.size()));
  return x;
}

std::vector<MorphSection> morph_sections(const std::vector<BiquadSection>& sections) {
  return {sections.begin(), sections.end()};
}

TEST(BiquadMorph, HasTheResponseOfEverySection) {
  for (const BiquadSection& section : many_sections()) {
    const SvfSection svf = svf_of(section);
    EXPECT_GT(svf.g, 0.0);
    EXPECT_GT(svf.k, 0.0);
    for (const double frequency : {0.5, 20.0, 997.0, 12000.0, 22000.0}) {
      const auto expected = response(section, frequency, kRate);
      // A few roundings of numbers that are at most the largest gain, near which a pole of Q 20 amplifies them.
      EXPECT_NEAR(std::abs(response_of(svf, frequency) - expected), 0.0, 1e-11) << frequency;
    }
  }
}

// A way from a filter to itself changes nothing: the state is taken over and handed back exactly.
TEST(BiquadMorph, TakesOverTheStateAndHandsItBack) {
  const auto x = random_samples(3000);
  for (const BiquadSection& section : many_sections()) {
    const std::vector sections{section};
    BiquadCascade whole(sections, 1);
    const auto expected = through(whole, x);
    BiquadCascade before(sections, 1);
    BiquadCascade behind(sections, 1);
    BiquadMorph morph(1, 1000);
    auto y = through(before, std::vector(x.begin(), x.begin() + 1000));
    const auto svf = morph_sections(sections);
    morph.go_to(before, svf, svf);
    for (const double v : through(morph, std::vector(x.begin() + 1000, x.begin() + 2000))) { y.push_back(v); }
    ASSERT_EQ(morph.frames_left(), 0U);
    morph.arrive(behind, svf);
    for (const double v : through(behind, std::vector(x.begin() + 2000, x.end()))) { y.push_back(v); }
    double largest = 1.0;
    for (const double v : expected) { largest = std::max(largest, std::abs(v)); }
    for (std::size_t n = 0; n < y.size(); ++n) {
      ASSERT_NEAR(y[n], expected[n], 1e-9 * largest) << n;  // 1e-10 where a zero lies on a pole
    }
  }
}

// Without input the energy s1^2 + s2^2 of a section never grows, however its coefficients jump.
TEST(BiquadMorph, NeverGrowsByAChange) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> exponent(-6.0, 6.0);
  SvfState state{1.0, -0.5};
  double energy = 1.25;
  for (int n = 0; n < 100000; ++n) {
    const double g = std::exp2(exponent(random));
    const double k = std::exp2(exponent(random));
    const double v1 = (state.s1 - g * state.s2) / (1.0 + g * (g + k));
    const double v2 = state.s2 + g * v1;
    state = {2.0 * v1 - state.s1, 2.0 * v2 - state.s2};
    const double now = state.s1 * state.s1 + state.s2 * state.s2;
    ASSERT_LE(now, energy * (1.0 + 1e-14));
    energy = now;
    if (energy < 1e-200) { state = {energy = 1.0, 0.0}; }
  }
  // The same of the real thing: a ringing filter that is turned all the time falls silent.
  const auto a = designed(FilterType::lowpass, 50.0, 30.0);
  const auto b = designed(FilterType::highpass, 9000.0, 30.0);
  BiquadCascade cascade(a, 1);
  through(cascade, random_samples(500));
  BiquadMorph morph(1, 48);
  double largest = 0.0;
  for (int change = 0; change < 2000; ++change) {
    morph.go_to(cascade, morph_sections(a), morph_sections(change % 2 == 0 ? b : a));
    largest = 0.0;
    for (const double v : through(morph, std::vector<double>(24))) {
      largest = std::max(largest, std::abs(v));
    }
  }
  EXPECT_LT(largest, 1e-3);
}

TEST(BiquadMorph, KeepsTheGainsBetweenThoseOfBothEnds) {
  const SvfSection a = svf_of(designed(FilterType::peaking, 100.0, 0.5, -12.0)[0]);
  const SvfSection b = svf_of(designed(FilterType::lowshelf, 5000.0, 3.0, 15.0)[0]);
  const auto gain_at = [&](double part, auto gain) {
    return gain(SvfSection{a.g + (b.g - a.g) * part, a.k + (b.k - a.k) * part, a.m0 + (b.m0 - a.m0) * part,
                           a.m1 + (b.m1 - a.m1) * part, a.m2 + (b.m2 - a.m2) * part});
  };
  const auto at_zero = [](const SvfSection& s) { return s.m0 + s.m2; };
  const auto at_half = [](const SvfSection& s) { return s.m0; };
  for (int i = 0; i <= 100; ++i) {
    for (const auto& gain : {std::function<double(const SvfSection&)>(at_zero), {at_half}}) {
      EXPECT_GE(gain_at(i / 100.0, gain), std::min(gain(a), gain(b)) - 1e-12);
      EXPECT_LE(gain_at(i / 100.0, gain), std::max(gain(a), gain(b)) + 1e-12);
    }
  }
}

TEST(BiquadMorph, PassesThroughWhatOnlyOneSideHas) {
  const auto one = designed(FilterType::peaking, 1000.0, 1.0, 6.0);
  std::vector<BiquadSection> two = one;
  two.push_back(designed(FilterType::highpass, 200.0, 0.7)[0]);
  const auto x = random_samples(2000);
  for (const bool grows : {true, false}) {
    const auto& from = grows ? one : two;
    const auto& to = grows ? two : one;
    BiquadCascade cascade(from, 1);
    BiquadCascade next(to, 1);
    BiquadCascade alone(to, 1);
    BiquadMorph morph(1, 480);
    through(cascade, x);
    morph.go_to(cascade, morph_sections(from), morph_sections(to));
    through(morph, std::vector(x.begin(), x.begin() + 480));
    morph.arrive(next, morph_sections(to));
    through(alone, x);
    through(alone, std::vector(x.begin(), x.begin() + 480));
    // From here on both hear the same; what they were before fades with the filter of 200 Hz.
    const auto y = through(next, x);
    const auto expected = through(alone, x);
    EXPECT_NEAR(y[1999], expected[1999], 1e-12);
  }
}

TEST(BiquadMorph, CountsWhatIsNotFinite) {
  const auto sections = designed(FilterType::lowpass, 1000.0, 0.7);
  BiquadCascade cascade(sections, 2);
  BiquadMorph morph(2, 8);
  morph.go_to(cascade, morph_sections(sections), morph_sections(sections));
  std::vector<double> a{1.0, std::numeric_limits<double>::quiet_NaN(), 1.0, 1.0};
  std::vector<double> b{1.0, 1.0, std::numeric_limits<double>::infinity(), 1.0};
  double* const y[] = {a.data(), b.data()};
  const double* const x[] = {a.data(), b.data()};
  EXPECT_EQ(morph.process(x, y, 4), 2U);
  for (const double v : a) { EXPECT_TRUE(std::isfinite(v)); }
  for (const double v : b) { EXPECT_TRUE(std::isfinite(v)); }
}

}  // namespace
}  // namespace streamlab::dsp
