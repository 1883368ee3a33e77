// tests/nodes/processors/biquad_test.cpp
//
// What the node adds to nodes/dsp/biquad.hpp and biquad_design.hpp: reading its parameters, and what users
// see. The arithmetic itself is tested in tests/nodes/dsp.
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/clicks.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/signals.hpp"

namespace streamlab::test {
namespace {

using testing::Each;

// Plain transposed direct form II, from coefficients in z, in long double.
std::vector<double> reference(std::vector<double> x, long double b0, long double b1, long double b2,
                              long double a0, long double a1, long double a2) {
  long double s1 = 0.0L;
  long double s2 = 0.0L;
  for (double& sample : x) {
    const long double in = sample;
    const long double y = (b0 * in + s1) / a0;
    s1 = b1 * in - a1 * y + s2;
    s2 = b2 * in - a2 * y;
    sample = static_cast<double>(y);
  }
  return x;
}

constexpr long double kPi = std::numbers::pi_v<long double>;

// Largest difference: outputs are near 1, and 1e-14 is some ten roundings of numbers near 1.
double difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0.0;
  for (std::size_t n = 0; n < a.size(); ++n) { largest = std::max(largest, std::abs(a[n] - b[n])); }
  return largest;
}

TEST(Biquad, ShortFormIsThePeakingFilterOfTheCookbook) {
  const Signal x = noise(1, 500);
  NodeHarness biquad("Biquad", R"({"type": "peaking", "frequency": 1000, "q": 2, "gain_db": 6})");
  const long double w = 2.0L * kPi * 1000.0L / 48000.0L;
  const long double a = std::pow(10.0L, 6.0L / 40.0L);
  const long double alpha = std::sin(w) / 4.0L;
  EXPECT_LT(
      difference(biquad.run(x, 64), reference(x[0], 1.0L + alpha * a, -2.0L * std::cos(w), 1.0L - alpha * a,
                                              1.0L + alpha / a, -2.0L * std::cos(w), 1.0L - alpha / a)),
      1e-14);
}

TEST(Biquad, SectionsRunOneAfterTheOtherOnEveryChannel) {
  const Signal x = noise(2, 500);
  NodeHarness biquad("Biquad", R"({"sections": [
      {"type": "lowpass", "frequency": 5000, "q": 1.5},
      {"type": "coefficients", "coefficients": [0.5, 0.25, -0.125, 2, -1, 0.5]}]})",
                     {48000.0, 2, 1024});
  const long double w = 2.0L * kPi * 5000.0L / 48000.0L;
  const long double alpha = std::sin(w) / 3.0L;
  const long double c = std::cos(w);
  const auto y = biquad.run(x, 64);
  for (std::size_t channel = 0; channel < 2; ++channel) {
    const auto first = reference(x[channel], (1.0L - c) / 2.0L, 1.0L - c, (1.0L - c) / 2.0L, 1.0L + alpha,
                                 -2.0L * c, 1.0L - alpha);
    const auto expected = reference(first, 0.5L, 0.25L, -0.125L, 2.0L, -1.0L, 0.5L);
    EXPECT_LT(difference({y.begin() + static_cast<std::ptrdiff_t>(channel) * 500,
                          y.begin() + static_cast<std::ptrdiff_t>(channel + 1) * 500},
                         expected),
              1e-14);
  }
}

// Settled gain of a sine, by least squares over whole periods; 1e-6 dB is the limit of the definition.
double gain_db_at(std::string_view config, double frequency_hz) {
  constexpr std::uint32_t kFrames = 96000;
  Signal x = constant(0.0, 1, kFrames);
  for (std::uint32_t n = 0; n < kFrames; ++n) {
    x[0][n] = std::sin(2.0 * std::numbers::pi * frequency_hz / 48000.0 * n);
  }
  NodeHarness biquad("Biquad", config);
  const auto y = biquad.run(x, 1024);
  double in_phase = 0.0;
  double quadrature = 0.0;
  for (std::uint32_t n = 48000; n < kFrames; ++n) {  // the second second
    in_phase += y[n] * x[0][n];
    quadrature += y[n] * std::cos(2.0 * std::numbers::pi * frequency_hz / 48000.0 * n);
  }
  return 20.0 * std::log10(std::hypot(in_phase, quadrature) / 24000.0);
}

TEST(Biquad, EveryTypeHasItsKnownGain) {
  const double half_power_db = -10.0 * std::log10(2.0);
  EXPECT_NEAR(gain_db_at(R"({"type": "peaking", "frequency": 1000, "bandwidth": 1, "gain_db": -9})", 1000.0),
              -9.0, 1e-6);
  EXPECT_NEAR(gain_db_at(R"({"type": "lowpass", "frequency": 1000})", 1000.0), half_power_db, 1e-6);
  EXPECT_NEAR(gain_db_at(R"({"type": "highpass", "frequency": 1000})", 1000.0), half_power_db, 1e-6);
  EXPECT_NEAR(gain_db_at(R"({"type": "bandpass", "frequency": 1000, "q": 5})", 1000.0), 0.0, 1e-6);
  EXPECT_LT(gain_db_at(R"({"type": "notch", "frequency": 1000, "q": 5})", 1000.0), -180.0);
  EXPECT_NEAR(gain_db_at(R"({"type": "allpass", "frequency": 1000, "q": 5})", 700.0), 0.0, 1e-6);
  EXPECT_NEAR(gain_db_at(R"({"type": "lowshelf", "frequency": 1000, "slope": 1, "gain_db": 6})", 1000.0), 3.0,
              1e-6);
  EXPECT_NEAR(gain_db_at(R"({"type": "highshelf", "frequency": 1000, "q": 0.9, "gain_db": 6})", 1000.0), 3.0,
              1e-6);
  for (const char* type : {"butterworth_lowpass", "butterworth_highpass"}) {
    EXPECT_NEAR(
        gain_db_at("{\"type\": \"" + std::string(type) + "\", \"frequency\": 1000, \"order\": 7}", 1000.0),
        half_power_db, 1e-6);
  }
  for (const char* type : {"linkwitz_riley_lowpass", "linkwitz_riley_highpass"}) {
    EXPECT_NEAR(
        gain_db_at("{\"type\": \"" + std::string(type) + "\", \"frequency\": 1000, \"order\": 4}", 1000.0),
        2.0 * half_power_db, 1e-6);
  }
}

constexpr std::string_view kTen = R"({"sections": [
    {"type": "highpass", "frequency": 20}, {"type": "peaking", "frequency": 60, "gain_db": 3},
    {"type": "peaking", "frequency": 120, "gain_db": -3}, {"type": "peaking", "frequency": 250, "gain_db": 2},
    {"type": "peaking", "frequency": 500, "gain_db": -2}, {"type": "peaking", "frequency": 1000, "gain_db": 4},
    {"type": "peaking", "frequency": 2000, "gain_db": -4}, {"type": "peaking", "frequency": 4000, "gain_db": 1},
    {"type": "highshelf", "frequency": 8000, "gain_db": -6}, {"type": "lowpass", "frequency": 20000}]})";

TEST(Biquad, GivesTheSameBitsForEveryBlockSize) {
  const Signal x = noise(2, 2000);
  std::vector<double> whole;
  for (const std::uint32_t block : {1024U, 1U, 7U, 64U, 480U}) {
    NodeHarness biquad("Biquad", kTen, {48000.0, 2, 1024});
    const auto y = biquad.run(x, block);
    if (whole.empty()) { whole = y; }
    EXPECT_EQ(y, whole) << "block of " << block;
  }
}

TEST(Biquad, IsAsNewAfterReset) {
  const Signal x = noise(2, 300);
  NodeHarness biquad("Biquad", kTen, {48000.0, 2, 1024});
  const auto fresh = biquad.run(x, 100);
  biquad.reset();
  EXPECT_EQ(biquad.run(x, 100), fresh);
}

TEST(Biquad, KeepsSilence) {
  NodeHarness biquad("Biquad", kTen, {48000.0, 2, 1024});
  EXPECT_THAT(biquad.run(constant(0.0, 2, 200), 64), Each(0.0));
}

TEST(Biquad, SettlesAtFullScale) {
  NodeHarness biquad("Biquad", R"({"type": "lowpass", "frequency": 1000})");
  EXPECT_NEAR(biquad.run(constant(-1.0, 1, 48000), 1024).back(), -1.0,
              1e-14);  // 0 dB at DC, some ten roundings
}

TEST(Biquad, TakesBlocksOfNoFramesAndOfOne) {
  NodeHarness biquad("Biquad", R"({"type": "coefficients", "coefficients": [0.5, 0, 0, 1, 0, 0]})");
  DataFrame block = biquad.input_frame();
  EXPECT_EQ(biquad.process(block)[0].frame_count(), 0U);
  block.set_frame_count(1);
  block.channel(0)[0] = 1.0;
  EXPECT_EQ(biquad.process(block)[0].channel(0)[0], 0.5);
}

TEST(Biquad, FiltersNanAsZeroFlagsItAndSaysSo) {
  Signal x = noise(2, 300);
  x[1][70] = 0.0;
  NodeHarness clean("Biquad", kTen, {48000.0, 2, 1024});
  const auto expected = clean.run(x, 64);
  EXPECT_TRUE(clean.node().notes().empty());
  x[1][70] = std::numeric_limits<double>::quiet_NaN();
  NodeHarness biquad("Biquad", kTen, {48000.0, 2, 1024});
  const auto frames = biquad.run_frames(x, 64);
  EXPECT_EQ(samples_of(frames), expected);
  EXPECT_FALSE(frames[0].header().has(FrameFlag::not_finite));
  EXPECT_TRUE(frames[1].header().has(FrameFlag::not_finite));
  ASSERT_EQ(biquad.node().notes().size(), 1U);
  EXPECT_EQ(biquad.node().notes()[0].text, "1 samples were NaN or infinite and were replaced by 0");
}

TEST(Biquad, CarriesOnAcrossAGap) {
  NodeHarness whole("Biquad", R"({"type": "lowpass", "frequency": 100})");
  NodeHarness gapped("Biquad", R"({"type": "lowpass", "frequency": 100})");
  DataFrame block = whole.input_frame();
  block.set_frame_count(64);
  for (double& x : block.channel(0)) { x = 1.0; }
  whole.process(block);
  gapped.process(block);
  const auto expected = whole.process(block);
  block.header().set(FrameFlag::gap);
  EXPECT_EQ(samples_of(gapped.process(block)), samples_of(expected));
}

std::string biquad_refusal(std::string_view config) {
  return to_string(NodeHarness::refusals("Biquad", config), "");
}

TEST(Biquad, RefusesFrequenciesAboveHalfTheSampleRateAndPointsAtThem) {
  EXPECT_EQ(biquad_refusal(R"({"type": "lowpass", "frequency": 24000})"),
            "/config/frequency: 24000 Hz cannot be filtered at a sample rate of 48000 Hz; expected above 0 "
            "and below 24000 "
            "Hz\n");
  EXPECT_EQ(
      biquad_refusal(
          R"({"sections": [{"type": "lowpass", "frequency": 100}, {"type": "lowpass", "frequency": 0}]})"),
      "/config/sections/1/frequency: 0 Hz cannot be filtered at a sample rate of 48000 Hz; expected above 0 "
      "and "
      "below 24000 Hz\n");
}

TEST(Biquad, RefusesADescriptionThatIsMissingOrDouble) {
  EXPECT_EQ(biquad_refusal("{}"), "/config: neither type nor sections is given; expected one of them\n");
  EXPECT_EQ(biquad_refusal(R"({"sections": []})"),
            "/sections: the list is empty; expected objects in brackets: [{…}, {…}]\n");
  EXPECT_EQ(biquad_refusal(R"({"frequency": 10, "sections": [{"type": "lowpass", "frequency": 100}]})"),
            "/config/frequency: means nothing without type\n");
  EXPECT_EQ(biquad_refusal(R"({"type": "lowpass"})"),
            "/config: \"frequency\" is missing for a filter of type \"lowpass\"; expected Centre or corner "
            "frequency: above "
            "0, below half the sample rate.\n");
}

TEST(Biquad, RefusesWhatItsTypeDoesNotHaveOrNeeds) {
  EXPECT_EQ(biquad_refusal(R"({"type": "lowpass", "frequency": 100, "gain_db": 3})"),
            "/config/gain_db: a filter of type \"lowpass\" has no gain_db; expected no gain, or a type that "
            "has one: \"peaking\", \"lowshelf\", \"highshelf\"\n");
  EXPECT_EQ(biquad_refusal(R"({"type": "peaking", "frequency": 100})"),
            "/config: a filter of type \"peaking\" needs a gain; expected a number of dB\n");
  EXPECT_EQ(biquad_refusal(R"({"type": "linkwitz_riley_lowpass", "frequency": 100, "order": 3})"),
            "/config/order: a filter of type \"linkwitz_riley_lowpass\" cannot have order 3; expected an "
            "even number in 2 "
            ".. 64\n");
  EXPECT_EQ(
      biquad_refusal(R"({"type": "peaking", "frequency": 100, "gain_db": 3, "q": 1, "bandwidth": 1})"),
      "/config/bandwidth: the bandwidth is given twice, as bandwidth and as q; expected only one of the two\n");
}

TEST(Biquad, RefusesWhatIsOutOfRange) {
  EXPECT_EQ(biquad_refusal(R"({"type": "lopass", "frequency": 100})").substr(0, 34),
            "/type: there is no type \"lopass\"; ");
  EXPECT_EQ(biquad_refusal(R"({"type": "lowpass", "frequency": 100, "q": -1})"),
            "/q: -1 is outside 0 .. 1000000\n");
  EXPECT_EQ(biquad_refusal(R"({"type": "lowpass", "frequency": 100, "q": 0})"),
            "/config/q: 0 is not a positive number; expected a number above 0\n");
  EXPECT_EQ(biquad_refusal(R"({"type": "peaking", "frequency": 100, "gain_db": 201})"),
            "/gain_db: 201 is outside -200 .. 200 dB\n");
  EXPECT_EQ(biquad_refusal(R"({"type": "butterworth_lowpass", "frequency": 100, "order": 65})"),
            "/order: 65 is outside 1 .. 64\n");
}

TEST(Biquad, RefusesCoefficientsThatMakeNoFilter) {
  EXPECT_EQ(biquad_refusal(R"({"type": "coefficients", "coefficients": [1, 0, 0]})"),
            "/config/coefficients: 3 coefficients; expected six: b0, b1, b2, a0, a1, a2\n");
  EXPECT_EQ(biquad_refusal(R"({"type": "coefficients"})"),
            "/config: 0 coefficients; expected six: b0, b1, b2, a0, a1, a2\n");
  EXPECT_EQ(biquad_refusal(R"({"type": "coefficients", "coefficients": [1, 0, 0, 0, 0, 0]})"),
            "/config/coefficients: a0 is 0; expected a number other than 0, usually 1\n");
  EXPECT_EQ(biquad_refusal(R"({"type": "coefficients", "coefficients": [1, 0, 0, 1, -2.1, 1.1]})"),
            "/config/coefficients: the filter is not stable; expected both poles inside the unit circle\n");
  EXPECT_EQ(biquad_refusal(R"({"type": "coefficients", "frequency": 5, "coefficients": [1, 0, 0, 1, 0, 0]})"),
            "/config/frequency: a filter of type \"coefficients\" has no frequency; expected "
            "\"coefficients\" alone\n");
  EXPECT_EQ(
      biquad_refusal(R"({"type": "lowpass", "frequency": 5, "coefficients": [1, 0, 0, 1, 0, 0]})"),
      "/config/coefficients: a filter of type \"lowpass\" calculates them itself; expected no coefficients, "
      "or type \"coefficients\"\n");
}

TEST(Biquad, RefusesMoreSectionsThanItHolds) {
  std::string sections;
  for (int i = 0; i < 3; ++i) {
    sections +=
        std::string(i == 0 ? "" : ", ") + R"({"type": "butterworth_lowpass", "frequency": 100, "order": 64})";
  }
  EXPECT_EQ(
      biquad_refusal("{\"sections\": [" + sections + "]}"),
      "/config/sections: 96 second-order sections; expected at most 64; put the rest into a second Biquad\n");
}

struct Cookbook {
  std::string_view type;
  double frequency = 1000.0;
  double q = 2.0;
  double gain_db = 0.0;

  std::string json() const {
    const bool has_gain = type == "peaking";
    return fmt::format(R"({{"type": "{}", "frequency": {}, "q": {}{}}})", type, frequency, q,
                       has_gain ? fmt::format(R"(, "gain_db": {})", gain_db) : "");
  }
  // H at `f`, from its definition in z.
  std::complex<double> response(double f) const {
    const double w = 2.0 * std::numbers::pi * frequency / 48000.0;
    const double alpha = std::sin(w) / (2.0 * q);
    const double a = std::pow(10.0, gain_db / 40.0);
    const double c = std::cos(w);
    const std::complex<double> z = std::polar(1.0, -2.0 * std::numbers::pi * f / 48000.0);  // z^-1
    const auto below = 1.0 + alpha / a - 2.0 * c * z + (1.0 - alpha / a) * z * z;
    if (type == "lowpass") { return (1.0 - c) / 2.0 * (1.0 + 2.0 * z + z * z) / below; }
    if (type == "highpass") { return (1.0 + c) / 2.0 * (1.0 - 2.0 * z + z * z) / below; }
    if (type == "notch") { return (1.0 - 2.0 * c * z + z * z) / below; }
    return (1.0 + alpha * a - 2.0 * c * z + (1.0 - alpha * a) * z * z) / below;  // peaking
  }
};

// The largest second difference of a tone through the change. The beginning of the tone has faded by then, and is left out.
double largest_through_change(const Cookbook& from, const Cookbook& to, double frequency) {
  NodeHarness biquad("Biquad", from.json(), {48000.0, 1, 64});
  const auto y = run_with_changes(biquad, sine_signal(frequency, 16000), 64, {{12000, to.json()}});
  return largest_second_difference({y.begin() + 11000, y.end()});
}

// The poles stay: the bound is exact.
TEST(Biquad, ChangesItsKindWithoutAClick) {
  for (const double frequency : {50.0, 997.0, 15000.0}) {
    for (const auto& [from, to] : {std::pair<Cookbook, Cookbook>{{"lowpass"}, {"highpass"}},
                                   {{"highpass"}, {"notch"}},
                                   {{"notch"}, {"lowpass"}}}) {
      EXPECT_LE(largest_through_change(from, to, frequency),
                largest_allowed(frequency, from.response(frequency), to.response(frequency)))
          << frequency << " Hz, " << from.type << " to " << to.type;
    }
  }
}

// Where the poles move, turns of an equaliser by 24 dB, three octaves of bandwidth or two of frequency: no more than 5 % above
// the tone itself, and twice the line between its complex amplitudes. A filter that is swapped at once has up to 470 times
// what is allowed here (peaking, 50 Hz).
TEST(Biquad, TurnsWithoutAClick) {
  for (const double frequency : {50.0, 997.0, 4000.0}) {
    const double w = 2.0 * std::numbers::pi * frequency / 48000.0;
    for (const auto& [from, to] :
         {std::pair<Cookbook, Cookbook>{{"peaking", 1000.0, 1.0, 12.0}, {"peaking", 1000.0, 1.0, -12.0}},
          {{"peaking", 1000.0, 1.0, 6.0}, {"peaking", 1000.0, 8.0, 6.0}},
          {{"lowpass", 500.0, 0.7071}, {"lowpass", 2000.0, 0.7071}},
          {{"lowpass", 2000.0, 0.7071}, {"lowpass", 500.0, 0.7071}},
          {{"highpass", 20.0, 0.7071}, {"highpass", 100.0, 0.7071}}}) {
      const auto a = from.response(frequency);
      const auto b = to.response(frequency);
      const double tone = 4.0 * std::pow(std::sin(w / 2.0), 2) * std::max(std::abs(a), std::abs(b));
      const double line = std::max(1.0, 2.0 * std::sin(w)) * std::abs(b - a) / 480.0;
      EXPECT_LE(largest_through_change(from, to, frequency), 1.05 * tone + 2.0 * line)
          << frequency << " Hz, " << from.json() << " to " << to.json();
    }
  }
}

// What is left of the difference to a filter that began so fades with its poles: at 1000 Hz and Q 2 by e in 31 frames.
TEST(Biquad, IsTheNewFilterBehindTheChange) {
  const Signal x = noise(1, 4000);
  NodeHarness biquad("Biquad", Cookbook{"peaking", 300.0, 1.0, 9.0}.json(), {48000.0, 1, 64});
  NodeHarness fresh("Biquad", Cookbook{"lowpass"}.json(), {48000.0, 1, 64});
  const auto y = run_with_changes(
      biquad, x, 64, {{1000, R"({"type": "lowpass", "frequency": 1000, "q": 2, "gain_db": null})"}});
  const auto expected = run_with_changes(fresh, x, 64, {});
  EXPECT_GT(std::abs(y[1400] - expected[1400]), 1e-6);
  for (std::size_t n = 1480 + 31 * 35; n < y.size(); ++n) {
    ASSERT_NEAR(y[n], expected[n], 1e-12) << n;
  }  // e^-35
}

TEST(Biquad, ChangesTheSameWayForEveryBlockSizeAndTurnsOnTheWay) {
  const Signal x = noise(2, 4000);
  std::vector<double> whole;
  for (const std::uint32_t block : {1024U, 1U, 7U, 64U}) {
    NodeHarness biquad("Biquad", R"({"type": "butterworth_lowpass", "frequency": 1000, "order": 5})",
                       {48000.0, 2, 1024});
    const auto y = run_with_changes(
        biquad, x, block,
        {{1000, R"({"order": 8, "frequency": 3000})"},
         {1200, R"({"sections": [{"type": "highpass", "frequency": 30}], "frequency": null, "order": null})"},
         {2500, R"({"type": "peaking", "frequency": 100, "gain_db": 6})"}});
    if (whole.empty()) { whole = y; }
    EXPECT_EQ(y, whole) << "block of " << block;
    for (const double v : y) { ASSERT_LT(std::abs(v), 10.0); }
  }
}

TEST(Biquad, IsAsNewAfterResetInTheMiddleOfAChange) {
  const Signal x = noise(1, 300);
  NodeHarness biquad("Biquad", Cookbook{"notch"}.json());
  const auto fresh = biquad.run(x, 100);
  ASSERT_TRUE(biquad.set_params(R"({"type": "lowpass"})").empty());
  biquad.run(x, 100);
  biquad.reset();
  EXPECT_EQ(biquad.run(x, 100), fresh);
}

TEST(Biquad, RefusesChangesThatAreNoFilter) {
  NodeHarness biquad("Biquad", Cookbook{"peaking"}.json());
  EXPECT_FALSE(biquad.set_params(R"({"type": "lowpass"})").empty());  // a gain is no parameter of it
  EXPECT_TRUE(biquad.set_params(R"({"type": "lowpass", "gain_db": null})").empty());
  EXPECT_FALSE(biquad.set_params(R"({"frequency": 24000})").empty());
}

}  // namespace
}  // namespace streamlab::test
