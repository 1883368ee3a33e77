// tests/nodes/dsp/biquad_design_test.cpp
//
// Designs against the analogue prototypes that define them, in long double: H(s) of the cookbook and of
// Butterworth's and Linkwitz and Riley's filters at s = i tan(w/2) / tan(w0/2), the bilinear transform warped
// to w0.
#include "nodes/dsp/biquad_design.hpp"

#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streamlab::dsp {
namespace {

using Complex = std::complex<long double>;
constexpr long double kPi = std::numbers::pi_v<long double>;

std::vector<BiquadSection> designed(const FilterSpec& spec, double sample_rate_hz) {
  const auto result = design_filter(spec, sample_rate_hz);
  if (const auto* error = std::get_if<DesignError>(&result)) {
    ADD_FAILURE() << error->field << ": " << error->what;
    return {};
  }
  return std::get<std::vector<BiquadSection>>(result);
}

DesignError refused(const FilterSpec& spec, double sample_rate_hz = 48000.0) {
  const auto result = design_filter(spec, sample_rate_hz);
  if (const auto* error = std::get_if<DesignError>(&result)) { return *error; }
  ADD_FAILURE() << "not refused";
  return {};
}

// H(s) as the cookbook prints it, with Q and A.
Complex prototype(FilterType type, Complex s, long double q, long double a) {
  const Complex s2 = s * s;
  const long double root = std::sqrt(a) / q;
  switch (type) {
    case FilterType::lowpass:
      return 1.0L / (s2 + s / q + 1.0L);
    case FilterType::highpass:
      return s2 / (s2 + s / q + 1.0L);
    case FilterType::bandpass:
      return (s / q) / (s2 + s / q + 1.0L);
    case FilterType::notch:
      return (s2 + 1.0L) / (s2 + s / q + 1.0L);
    case FilterType::allpass:
      return (s2 - s / q + 1.0L) / (s2 + s / q + 1.0L);
    case FilterType::peaking:
      return (s2 + s * (a / q) + 1.0L) / (s2 + s / (a * q) + 1.0L);
    case FilterType::lowshelf:
      return a * (s2 + root * s + a) / (a * s2 + root * s + 1.0L);
    case FilterType::highshelf:
      return a * (a * s2 + root * s + 1.0L) / (s2 + root * s + a);
    default:
      ADD_FAILURE();
      return 0.0L;
  }
}

// Butterworth's low-pass prototype: the product over its poles exp(i pi (2k + N + 1) / 2N).
Complex butterworth(Complex s, int order) {
  Complex product = 1.0L;
  for (int k = 0; k < order; ++k) {
    product *= s - std::polar(1.0L, kPi * (2.0L * k + order + 1.0L) / (2.0L * order));
  }
  return 1.0L / product;
}

Complex warped(double frequency_hz, double centre_hz, double sample_rate_hz) {
  const long double rate = sample_rate_hz;
  return {0.0L, std::tan(kPi * frequency_hz / rate) / std::tan(kPi * centre_hz / rate)};
}

// The limit is 1e-6 dB, which is 1.2e-7 of the magnitude, also where the response is far down.
void expect_same(const std::vector<BiquadSection>& sections, double frequency_hz, double sample_rate_hz,
                 Complex expected) {
  const std::complex<double> value = response(sections, frequency_hz, sample_rate_hz);
  const Complex difference = Complex(value.real(), value.imag()) - expected;
  // Relative to the value itself; 1e-11 is 1e-10 dB. Close to half the sample rate a response falls, or
  // resonates, with the square of the distance: there (0.0005 of the rate away) the last bit of a coefficient
  // counts 1e7 times.
  const long double tolerance = frequency_hz < 0.45 * sample_rate_hz ? 1e-11L : 1e-8L;
  EXPECT_LT(std::abs(difference), tolerance * std::abs(expected))
      << frequency_hz << " Hz of " << sample_rate_hz;
}

const std::vector<double> kRates{8000.0, 44100.0, 48000.0, 192000.0};
const std::vector<double> kFractions{1e-5, 1e-3, 0.03, 0.2, 0.45, 0.499};  // of the sample rate

TEST(DesignFilter, CookbookTypesFollowTheirPrototypes) {
  for (const FilterType type :
       {FilterType::peaking, FilterType::lowpass, FilterType::highpass, FilterType::bandpass,
        FilterType::notch, FilterType::allpass, FilterType::lowshelf, FilterType::highshelf}) {
    const bool gain =
        type == FilterType::peaking || type == FilterType::lowshelf || type == FilterType::highshelf;
    for (const double rate : kRates) {
      for (const double at : kFractions) {
        for (const double q : {0.1, 0.5, std::numbers::sqrt2 / 2.0, 4.0, 50.0}) {
          for (const double gain_db : {-24.0, -3.0, 0.0, 12.0}) {
            FilterSpec spec{type, at * rate, q};
            if (gain) { spec.gain_db = gain_db; }
            const auto sections = designed(spec, rate);
            ASSERT_EQ(sections.size(), 1U);
            // Off the zero of the notch, where float64 frequencies themselves round.
            for (const double f : {0.3 * at * rate, 0.9 * at * rate, std::min(1.7 * at, 0.4995) * rate}) {
              const long double a = gain ? std::pow(10.0L, static_cast<long double>(gain_db) / 40.0L) : 1.0L;
              expect_same(sections, f, rate, prototype(type, warped(f, spec.frequency_hz, rate), q, a));
            }
          }
        }
      }
    }
  }
}

TEST(DesignFilter, BandwidthIsInOctavesWithTheCookbooksCorrection) {
  for (const FilterType type : {FilterType::peaking, FilterType::lowpass, FilterType::highpass,
                                FilterType::bandpass, FilterType::notch, FilterType::allpass}) {
    for (const double octaves : {0.1, 1.0, 3.0}) {
      FilterSpec spec{.type = type,
                      .frequency_hz = 9000.0,
                      .q = {},
                      .bandwidth_octaves = octaves,
                      .slope = {},
                      .gain_db = {},
                      .order = {}};
      if (type == FilterType::peaking) { spec.gain_db = 6.0; }
      const long double w0 = 2.0L * kPi * 9000.0L / 48000.0L;
      const long double q =
          0.5L / std::sinh(0.5L * std::numbers::ln2_v<long double> * octaves * w0 / std::sin(w0));
      const long double a = type == FilterType::peaking ? std::pow(10.0L, 6.0L / 40.0L) : 1.0L;
      for (const double f : {100.0, 8000.0, 20000.0}) {
        expect_same(designed(spec, 48000.0), f, 48000.0, prototype(type, warped(f, 9000.0, 48000.0), q, a));
      }
    }
  }
}

TEST(DesignFilter, ShelvesTakeASlope) {
  for (const FilterType type : {FilterType::lowshelf, FilterType::highshelf}) {
    for (const double slope : {0.25, 1.0}) {
      for (const double gain_db : {-9.0, 15.0}) {
        const FilterSpec spec{type, 1000.0, {}, {}, slope, gain_db, {}};
        const long double a = std::pow(10.0L, static_cast<long double>(gain_db) / 40.0L);
        const long double q = 1.0L / std::sqrt((a + 1.0L / a) * (1.0L / slope - 1.0L) + 2.0L);
        for (const double f : {100.0, 900.0, 20000.0}) {
          expect_same(designed(spec, 48000.0), f, 48000.0, prototype(type, warped(f, 1000.0, 48000.0), q, a));
        }
      }
    }
  }
}

TEST(DesignFilter, HasTheRoundValuesThatPeopleKnow) {
  const auto gain_db = [](const FilterSpec& spec, double f) {
    return 20.0 * std::log10(std::abs(response(designed(spec, 48000.0), f, 48000.0)));
  };
  // 1e-9 dB: a handful of roundings.
  EXPECT_NEAR(gain_db({FilterType::peaking, 1000.0, 2.0, {}, {}, 6.0, {}}, 1000.0), 6.0, 1e-9);
  EXPECT_NEAR(gain_db({FilterType::bandpass, 1000.0, 5.0, {}, {}, {}, {}}, 1000.0), 0.0, 1e-9);
  EXPECT_NEAR(gain_db({FilterType::lowshelf, 1000.0, {}, {}, {}, -8.0, {}}, 0.0), -8.0, 1e-9);
  EXPECT_NEAR(gain_db({FilterType::lowshelf, 1000.0, {}, {}, {}, -8.0, {}}, 1000.0), -4.0, 1e-9);
  EXPECT_NEAR(gain_db({FilterType::highshelf, 1000.0, {}, {}, {}, 8.0, {}}, 24000.0), 8.0, 1e-9);
  EXPECT_NEAR(gain_db({FilterType::lowpass, 1000.0, {}, {}, {}, {}, {}}, 1000.0), -10.0 * std::log10(2.0),
              1e-9);
  EXPECT_LT(gain_db({FilterType::notch, 1000.0, 5.0, {}, {}, {}, {}}, 1000.0), -250.0);
  EXPECT_EQ(
      std::abs(response(designed({FilterType::highpass, 10.0, {}, {}, {}, {}, {}}, 192000.0), 0.0, 192000.0)),
      0.0);
}

TEST(DesignFilter, ButterworthFollowsItsPolesForEveryOrder) {
  for (int order = 1; order <= kMaxFilterOrder; ++order) {
    for (const double centre : {10.0, 1000.0, 20000.0}) {
      const auto low = designed({FilterType::butterworth_lowpass, centre, {}, {}, {}, {}, order}, 48000.0);
      const auto high = designed({FilterType::butterworth_highpass, centre, {}, {}, {}, {}, order}, 48000.0);
      ASSERT_EQ(low.size(), static_cast<std::size_t>((order + 1) / 2));
      for (const double f : {0.8 * centre, centre, 1.1 * centre}) {
        const Complex s = warped(f, centre, 48000.0);
        expect_same(low, f, 48000.0, butterworth(s, order));
        expect_same(high, f, 48000.0, butterworth(1.0L / s, order));
      }
    }
  }
}

TEST(DesignFilter, LinkwitzRileyIsAnAllPassInSum) {
  for (int order = 2; order <= kMaxFilterOrder; order += 2) {
    const auto low = designed({FilterType::linkwitz_riley_lowpass, 1000.0, {}, {}, {}, {}, order}, 48000.0);
    const auto high = designed({FilterType::linkwitz_riley_highpass, 1000.0, {}, {}, {}, {}, order}, 48000.0);
    for (const double f : {10.0, 700.0, 1000.0, 1400.0, 15000.0}) {
      // 1e-11: two cascades of up to 64 sections.
      EXPECT_NEAR(std::abs(response(low, f, 48000.0) + response(high, f, 48000.0)), 1.0, 1e-11)
          << order << ", " << f;
    }
    const Complex half = butterworth(warped(700.0, 1000.0, 48000.0), order / 2);
    expect_same(low, 700.0, 48000.0, half * half);
    EXPECT_NEAR(std::abs(response(low, 1000.0, 48000.0)), 0.5, 1e-12);
  }
}

TEST(DesignFilter, LinkwitzRileyInvertsTheHighOutputOfOrders2And6Only) {
  for (const int order : {2, 4, 6, 8}) {
    const auto high = designed({FilterType::linkwitz_riley_highpass, 1000.0, {}, {}, {}, {}, order}, 48000.0);
    const double at_nyquist = response(high, 24000.0, 48000.0).real();
    EXPECT_NEAR(at_nyquist, order == 2 || order == 6 ? -1.0 : 1.0, 1e-12) << order;
  }
}

TEST(DesignFilter, RefusesFrequenciesOutsideTheBand) {
  for (const double f :
       {0.0, -1.0, 24000.0, 30000.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    const DesignError error = refused({FilterType::lowpass, f, {}, {}, {}, {}, {}});
    EXPECT_EQ(error.field, "frequency");
    EXPECT_EQ(error.expected, "above 0 and below 24000 Hz");
  }
  EXPECT_EQ(refused({FilterType::lowpass, 30000.0, {}, {}, {}, {}, {}}).what,
            "30000 Hz cannot be filtered at a sample rate of 48000 Hz");
}

TEST(DesignFilter, RefusesWidthsThatAreNotPositive) {
  for (const double bad : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(refused({FilterType::lowpass, 1000.0, bad, {}, {}, {}, {}}).field, "q");
    EXPECT_EQ(refused({FilterType::lowpass, 1000.0, {}, bad, {}, {}, {}}).field, "bandwidth");
    EXPECT_EQ(refused({FilterType::lowshelf, 1000.0, {}, {}, bad, 3.0, {}}).field, "slope");
  }
}

TEST(DesignFilter, RefusesWhatATypeDoesNotHave) {
  using enum FilterType;
  EXPECT_EQ(refused({butterworth_lowpass, 1000.0, 1.0, {}, {}, {}, 4}).field, "q");
  EXPECT_EQ(refused({lowshelf, 1000.0, {}, 1.0, {}, 3.0, {}}).field, "bandwidth");
  EXPECT_EQ(refused({linkwitz_riley_lowpass, 1000.0, {}, 1.0, {}, {}, 4}).field, "bandwidth");
  EXPECT_EQ(refused({peaking, 1000.0, {}, {}, 1.0, 3.0, {}}).field, "slope");
  EXPECT_EQ(refused({lowpass, 1000.0, {}, {}, {}, 3.0, {}}).field, "gain_db");
  EXPECT_EQ(refused({lowpass, 1000.0, {}, {}, {}, {}, 4}).field, "order");
  EXPECT_EQ(refused({lowpass, 1000.0, {}, {}, {}, {}, 4}).what, "a filter of type \"lowpass\" has no order");
}

TEST(DesignFilter, RefusesTwoWaysOfSayingOneThing) {
  EXPECT_EQ(refused({FilterType::lowpass, 1000.0, 1.0, 1.0, {}, {}, {}}).field, "bandwidth");
  EXPECT_EQ(refused({FilterType::lowshelf, 1000.0, 1.0, {}, 1.0, 3.0, {}}).field, "slope");
}

TEST(DesignFilter, RefusesMissingAndImpossibleGainsSlopesAndOrders) {
  using enum FilterType;
  EXPECT_EQ(refused({peaking, 1000.0, {}, {}, {}, {}, {}}).field, "gain_db");
  EXPECT_EQ(refused({peaking, 1000.0, {}, {}, {}, std::nan(""), {}}).field, "gain_db");
  EXPECT_EQ(refused({lowshelf, 1000.0, {}, {}, 20.0, 30.0, {}}).what, "20 is too steep for a gain of 30 dB");
  EXPECT_EQ(refused({butterworth_lowpass, 1000.0, {}, {}, {}, {}, {}}).field, "order");
  for (const int bad : {0, -2, 65}) {
    EXPECT_EQ(refused({butterworth_lowpass, 1000.0, {}, {}, {}, {}, bad}).field, "order");
  }
  for (const int bad : {0, 3, 66}) {
    EXPECT_EQ(refused({linkwitz_riley_highpass, 1000.0, {}, {}, {}, {}, bad}).field, "order");
  }
}

TEST(DesignFilter, RefusesWhatFloat64CannotHold) {
  // The poles coincide with the unit circle in float64.
  EXPECT_EQ(refused({FilterType::lowpass, 1e-200, {}, {}, {}, {}, {}}).what,
            "these values do not give a stable filter in float64");
  EXPECT_EQ(refused({FilterType::peaking, 1000.0, {}, {}, {}, 1e6, {}}).what,
            "these values do not give a stable filter in float64");
}

TEST(DesignFilter, NamesItsTypes) {
  ASSERT_EQ(filter_type_names().size(), 12U);
  EXPECT_EQ(filter_type_names()[static_cast<std::size_t>(FilterType::highshelf)], "highshelf");
  EXPECT_EQ(filter_type_names()[static_cast<std::size_t>(FilterType::linkwitz_riley_highpass)],
            "linkwitz_riley_highpass");
}

}  // namespace
}  // namespace streamlab::dsp
