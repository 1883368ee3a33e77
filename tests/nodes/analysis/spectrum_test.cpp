// tests/nodes/analysis/spectrum_test.cpp
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/dsp/sine.hpp"
#include "tests/nodes/analysis/metadata_of.hpp"
#include "tests/nodes/dsp/welch_reference.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/not_finite.hpp"
#include "tests/support/signals.hpp"

namespace streamlab::test {
namespace {

using testing::Each;
using testing::Eq;

Signal sine(double f, double amplitude, std::size_t frames) {
  Signal signal{std::vector<double>(frames)};
  dsp::Sine(f, 48000.0, amplitude, 33.0).fill(0, signal[0]);
  return signal;
}

// Bins bit for bit (NaN included), headers and metadata.
void expect_same_spectra(const std::vector<DataFrame>& a, const std::vector<DataFrame>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].header(), b[i].header()) << i;
    for (const char* key : {"frames_averaged", "frames_left_out", "gaps"}) {
      EXPECT_EQ(meta(a[i], key), meta(b[i], key));
    }
    for (std::uint32_t c = 0; c < a[i].channel_count(); ++c) {
      EXPECT_EQ(std::memcmp(a[i].channel_data(c), b[i].channel_data(c), a[i].frame_count() * sizeof(double)),
                0)
          << i;
    }
  }
}

// Feeds `x` at `position`.
std::vector<DataFrame> feed_samples(NodeHarness& spectrum, std::int64_t position,
                                    const std::vector<double>& x, std::uint32_t flags = 0,
                                    std::uint64_t gap_frames = 0) {
  DataFrame block = spectrum.input_frame();
  block.header().position = position;
  block.header().timestamp_us = std::llround(static_cast<double>(position) * 1e6 / 48000.0);
  block.header().flags = flags;
  block.header().gap_frames = gap_frames;
  block.set_frame_count(static_cast<std::uint32_t>(x.size()));
  std::copy(x.begin(), x.end(), block.channel(0U).begin());
  return spectrum.process(block);
}

TEST(Spectrum, ShowsTheAmplitudeOfASineOnItsBin) {
  NodeHarness spectrum("Spectrum", R"({"fft_size": 1024})");  // bin 64: 3000 Hz
  const auto results = spectrum.run_frames(sine(3000.0, 0.5, 2048), 480);
  ASSERT_EQ(results.size(), 3U);  // hop 512
  EXPECT_EQ(results[0].frame_count(), 513U);
  EXPECT_NEAR(results[0].channel(0U)[64], 0.5, 1e-15);  // a few ulp
  EXPECT_EQ(results[2].position(), 1024);
  EXPECT_EQ(results[2].timestamp_us(), 21333);
  EXPECT_EQ(results[2].sequence_id(), 2U);
  EXPECT_EQ(results[2].header().flags, 0U);
  EXPECT_EQ(meta(results[2], "frames_averaged"), 1.0);
}

TEST(Spectrum, GivesDecibels) {
  NodeHarness amplitude("Spectrum", R"({"fft_size": 1024, "output": "db"})");
  EXPECT_NEAR(amplitude.run_frames(sine(3000.0, 0.5, 1024), 480)[0].channel(0U)[64], 20.0 * std::log10(0.5),
              1e-13);
  NodeHarness power("Spectrum", R"({"fft_size": 1024, "scaling": "power", "output": "db"})");
  EXPECT_NEAR(power.run_frames(sine(3000.0, 0.5, 1024), 480)[0].channel(0U)[64], 10.0 * std::log10(0.125),
              1e-13);
}

TEST(Spectrum, AgreesWithSciPysWelch) {
  NodeHarness spectrum("Spectrum",
                       R"({"fft_size": 128, "scaling": "psd", "averaging": "linear", "averages": 0})");
  const auto results = spectrum.run_frames({dsp::welch_input()}, 100);
  ASSERT_EQ(results.size(), 30U);
  const double largest = *std::max_element(dsp::kWelchHannDensity.begin(), dsp::kWelchHannDensity.end());
  for (std::size_t k = 0; k < dsp::kWelchHannDensity.size(); ++k) {
    EXPECT_NEAR(results.back().channel(0U)[k], dsp::kWelchHannDensity[k], 1e-15 * largest)
        << k;  // SciPy's rounding
  }
  EXPECT_EQ(meta(results.back(), "frames_averaged"), 30.0);
}

TEST(Spectrum, DescribesItsResult) {
  NodeHarness spectrum("Spectrum",
                       R"({"fft_size": 1000, "window": "kaiser", "window_parameter": 8.5, "scaling": "psd",
                                       "output": "db", "overlap": 0.75})",
                       {48000.0, 2, 64});
  const OutputFormat& out = spectrum.outputs()[0];
  EXPECT_EQ(out.format.kind, StreamKind::spectrum);
  EXPECT_EQ(out.format.axis, (Axis{"frequency", "Hz", 0.0, 48.0}));
  EXPECT_EQ(out.format.channels[1], (ChannelInfo{"right", "dB re 1 FS²/Hz"}));
  EXPECT_EQ(out.format.max_frames, 501U);
  EXPECT_EQ(out.format.notes.at("window"), "kaiser 8.5");
  EXPECT_EQ(out.format.notes.at("hop_frames"), "250");
  EXPECT_EQ(out.format.notes.at("convention"),
            "10 lg of the one-sided density: 2 |X|^2 / (fs sum(w^2)); DC and Nyquist not doubled");
  NodeHarness hann("Spectrum", R"({"fft_size": 1024, "scaling": "power"})");
  EXPECT_NEAR(std::stod(hann.outputs()[0].format.notes.at("coherent_gain")), 0.5, 1e-15);
  EXPECT_NEAR(std::stod(hann.outputs()[0].format.notes.at("enbw_bins")), 1.5, 1e-14);
  EXPECT_NEAR(std::stod(hann.outputs()[0].format.notes.at("enbw_hz")), 1.5 * 46.875, 1e-12);
  EXPECT_EQ(hann.outputs()[0].format.channels[0].unit, "FS²");
}

TEST(Spectrum, TakesUnitsFromTheChannel) {
  const auto unit = [](std::string_view of_channel, std::string_view scaling, std::string_view output) {
    StreamFormat in = audio_format(48000.0, {"a"}, 64);
    in.channels[0].unit = of_channel;
    NodeHarness spectrum(
        "Spectrum",
        R"({"scaling": ")" + std::string(scaling) + R"(", "output": ")" + std::string(output) + "\"}", {in});
    return spectrum.outputs()[0].format.channels[0].unit;
  };
  EXPECT_EQ(unit("Pa", "psd", "db"), "dB re 1 Pa²/Hz");
  EXPECT_EQ(unit("Pa", "psd", "linear"), "Pa²/Hz");
  EXPECT_EQ(unit("Pa", "power", "db"), "dB re 1 Pa²");
  EXPECT_EQ(unit("Pa", "amplitude", "db"), "dB re 1 Pa");
  EXPECT_EQ(unit("V", "rms", "db"), "dBV");
  EXPECT_EQ(unit("V", "amplitude", "db"), "dB re 1 V");  // dBV is of the rms
  EXPECT_EQ(unit("FS", "amplitude", "db"), "dBFS");      // a full-scale sine reads 0
  EXPECT_EQ(unit("FS", "rms", "db"), "dB re 1 FS");      // -3.01
  EXPECT_EQ(unit("FS", "power", "db"), "dB re 1 FS²");
  EXPECT_EQ(unit("FS", "psd", "db"), "dB re 1 FS²/Hz");
  EXPECT_EQ(unit("", "amplitude", "db"), "dB");
  EXPECT_EQ(unit("", "power", "linear"), "");
  EXPECT_EQ(unit("", "psd", "linear"), "1/Hz");
}

TEST(Spectrum, IsTheSameForEveryBlockSize) {
  const Signal x = noise(2, 8000);
  for (const char* config :
       {R"({"fft_size": 256, "overlap": 0.7})",
        R"({"fft_size": 255, "averaging": "linear", "averages": 3, "detrend": "constant"})",
        R"({"fft_size": 256, "averaging": "exponential", "time_constant_s": 0.01})",
        R"({"fft_size": 256, "averaging": "max", "averages": 0, "output": "db"})"}) {
    std::vector<DataFrame> whole;
    for (const std::uint32_t block : {1024U, 1U, 7U, 64U, 480U}) {
      NodeHarness spectrum("Spectrum", config, {48000.0, 2, 1024});
      const auto results = spectrum.run_frames(x, block);
      ASSERT_GT(results.size(), 10U);
      if (whole.empty()) { whole = results; }
      expect_same_spectra(results, whole);
    }
  }
}

TEST(Spectrum, NeverPutsBothSidesOfAGapIntoOneFrame) {
  const auto x = noise(1, 256)[0];
  NodeHarness spectrum("Spectrum", R"({"fft_size": 128})");
  feed_samples(spectrum, 0, std::vector<double>(100, 0.9));
  const auto results = feed_samples(spectrum, 1100, x);
  NodeHarness fresh("Spectrum", R"({"fft_size": 128})");
  const auto expected = feed_samples(fresh, 0, x);
  ASSERT_EQ(results.size(), 3U);
  ASSERT_EQ(expected.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_THAT(results[i].channel(0U), testing::ElementsAreArray(expected[i].channel(0U)));
  }
  EXPECT_TRUE(results[0].header().has(FrameFlag::gap));
  EXPECT_EQ(results[0].header().gap_frames, 1000U);
  EXPECT_EQ(results[0].position(), 1100);
  EXPECT_EQ(results[0].timestamp_us(), 22917);
  EXPECT_EQ(results[1].header().flags, 0U);
}

TEST(Spectrum, SaysThatAnAverageSpansAGap) {
  const auto x = noise(1, 192)[0];
  NodeHarness spectrum("Spectrum", R"({"fft_size": 64, "overlap": 0, "averaging": "linear", "averages": 4})");
  EXPECT_TRUE(feed_samples(spectrum, 0, x).empty());
  const auto results = feed_samples(spectrum, 202, x);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].header().gap_frames, 10U);
  EXPECT_EQ(meta(results[0], "gaps"), 1.0);
  EXPECT_EQ(meta(results[0], "frames_averaged"), 4.0);
}

TEST(Spectrum, TellsOfAGapBeforeTheFirstBlockAndOfAnotherCount) {
  const auto x = noise(1, 64)[0];
  NodeHarness spectrum("Spectrum", R"({"fft_size": 64})");
  const auto first = feed_samples(spectrum, 500, x, static_cast<std::uint32_t>(FrameFlag::gap), 500);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].position(), 500);
  EXPECT_EQ(first[0].header().gap_frames, 500U);
  const auto again = feed_samples(spectrum, 0, x);  // the stream restarts its count
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].position(), 0);
  EXPECT_TRUE(again[0].header().has(FrameFlag::gap));
}

TEST(Spectrum, FlagsWhatIsNotFinite) {
  Signal x = noise(1, 256);
  x[0][70] = kNaN;
  NodeHarness spectrum("Spectrum", R"({"fft_size": 64, "overlap": 0})");
  const auto results = spectrum.run_frames(x, 32);
  ASSERT_EQ(results.size(), 4U);
  EXPECT_EQ(results[0].header().flags, 0U);
  EXPECT_TRUE(results[1].header().has(FrameFlag::not_finite));
  EXPECT_TRUE(results[1].header().has(FrameFlag::incomplete));
  EXPECT_EQ(meta(results[1], "frames_left_out"), 1.0);
  EXPECT_EQ(meta(results[1], "frames_averaged"), 0.0);
  for (const double v : results[1].channel(0U)) { EXPECT_TRUE(std::isnan(v)); }
  EXPECT_EQ(results[2].header().flags, 0U);
  for (const double v : results[2].channel(0U)) { EXPECT_TRUE(std::isfinite(v)); }
}

// The square of 1e200 is beyond the largest number, 1.8e308.
TEST(Spectrum, FlagsPowerThatIsTooLarge) {
  Signal x = noise(1, 128);
  x[0][70] = 1e200;
  NodeHarness spectrum("Spectrum", R"({"fft_size": 64, "overlap": 0, "scaling": "power"})");
  const auto results = spectrum.run_frames(x, 32);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_FALSE(results[0].header().has(FrameFlag::not_finite));
  EXPECT_TRUE(results[1].header().has(FrameFlag::not_finite));
}

TEST(Spectrum, PassesOnXrunsAndClipping) {
  const std::vector<double> loud(64, 1.0);
  const std::vector<double> quiet(64, 0.5);
  NodeHarness spectrum("Spectrum", R"({"fft_size": 64, "overlap": 0})");
  constexpr auto kBoth =
      static_cast<std::uint32_t>(FrameFlag::xrun) | static_cast<std::uint32_t>(FrameFlag::clipped);
  EXPECT_EQ(feed_samples(spectrum, 0, loud, kBoth)[0].header().flags, kBoth);
  feed_samples(spectrum, 64, quiet);
  EXPECT_EQ(feed_samples(spectrum, 128, quiet)[0].header().flags, 0U);
}

TEST(Spectrum, IsZeroForSilenceAndItsLevelThatOfNoEnergy) {
  NodeHarness linear("Spectrum", R"({"fft_size": 64})");
  EXPECT_THAT(linear.run(constant(0.0, 1, 64), 64), Each(Eq(0.0)));
  NodeHarness decibels("Spectrum", R"({"fft_size": 64, "output": "db"})");
  EXPECT_THAT(decibels.run(constant(0.0, 1, 64), 64), Each(Eq(-std::numeric_limits<double>::infinity())));
}

TEST(Spectrum, ShowsFullScale) {
  NodeHarness spectrum("Spectrum", R"({"fft_size": 64, "window": "rectangular"})");
  EXPECT_EQ(spectrum.run(constant(1.0, 1, 64), 64)[0], 1.0);  // DC
}

TEST(Spectrum, IsAsNewAfterReset) {
  const Signal x = noise(1, 2000);
  NodeHarness spectrum("Spectrum", R"({"fft_size": 128, "averaging": "linear", "averages": 0})");
  const auto fresh = spectrum.run_frames(x, 480);
  feed_samples(spectrum, 17, std::vector<double>(300, 2.0));
  spectrum.reset();
  expect_same_spectra(spectrum.run_frames(x, 480), fresh);
}

TEST(Spectrum, PassesOnAGapOnceHoweverLongTheAverage) {
  const auto x = noise(1, 64)[0];
  for (const char* averaging :
       {R"("exponential")", R"("linear", "averages": 0)", R"("max", "averages": 0)"}) {
    NodeHarness spectrum("Spectrum",
                         R"({"fft_size": 64, "overlap": 0, "averaging": )" + std::string(averaging) + "}");
    feed_samples(spectrum, 0, x);
    const auto behind = feed_samples(spectrum, 164, x);
    EXPECT_TRUE(behind[0].header().has(FrameFlag::gap));
    EXPECT_EQ(behind[0].header().gap_frames, 100U);
    const auto later = feed_samples(spectrum, 228, x);
    EXPECT_FALSE(later[0].header().has(FrameFlag::gap));
    EXPECT_EQ(later[0].header().gap_frames, 0U);
    EXPECT_EQ(meta(later[0], "gaps"), 1.0);
    EXPECT_EQ(meta(later[0], "missing_frames"), 100.0);
  }
}

TEST(Spectrum, BeginsWithItsFirstSampleAndSaysHowLongItIs) {
  const auto x = noise(1, 1000);
  const auto stretches = [&](const std::string& more) {
    NodeHarness spectrum("Spectrum", R"({"fft_size": 100, "overlap": 0.5)" + more + "}");
    std::vector<std::pair<std::int64_t, std::uint64_t>> all;
    for (const DataFrame& result : spectrum.run_frames(x, 77)) {
      all.emplace_back(result.position(), result.header().length_frames);
      EXPECT_EQ(result.timestamp_us(), std::llround(static_cast<double>(result.position()) * 1e6 / 48000.0));
    }
    return all;
  };
  using Stretches = std::vector<std::pair<std::int64_t, std::uint64_t>>;
  EXPECT_EQ(stretches("")[3], (std::pair<std::int64_t, std::uint64_t>{150, 100}));
  // 19 frames, from 0 to 1000: groups of 8 begin at frames 0, 8 and 16, the last with three.
  EXPECT_EQ(stretches(R"(, "averaging": "linear")"), (Stretches{{0, 450}, {400, 450}, {800, 200}}));
  EXPECT_EQ(stretches(R"(, "averaging": "max", "averages": 0)")[18],
            (std::pair<std::int64_t, std::uint64_t>{0, 1000}));
  EXPECT_EQ(stretches(R"(, "averaging": "exponential")")[18],
            (std::pair<std::int64_t, std::uint64_t>{900, 100}));  // its newest frame
}

TEST(Spectrum, GivesAnAverageThatTheEndCutsOff) {
  NodeHarness spectrum("Spectrum",
                       R"({"fft_size": 100, "overlap": 0, "averaging": "linear", "averages": 8})");
  const auto results = spectrum.run_frames(noise(1, 350), 64);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_TRUE(results[0].header().has(FrameFlag::incomplete));
  EXPECT_EQ(meta(results[0], "frames_averaged"), 3.0);
  EXPECT_EQ(results[0].header().length_frames, 300U);
  const auto notes = spectrum.node().notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].text,
            "50 frames are in no spectrum, which takes 100 in a row: the end or a gap cut them off");
}

TEST(Spectrum, SaysThatThereWasTooLittle) {
  NodeHarness spectrum("Spectrum", "{}");
  EXPECT_TRUE(spectrum.run_frames(noise(1, 1000), 64).empty());
  const auto notes = spectrum.node().notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].text, "no spectrum: 1000 frames came, but one takes 4096 in a row");
  EXPECT_FALSE(notes[0].data_lost);
}

TEST(Spectrum, GivesNothingForWhatIsNotWhole) {
  NodeHarness spectrum("Spectrum", R"({"fft_size": 64})");
  EXPECT_TRUE(feed_samples(spectrum, 0, {}).empty());
  EXPECT_TRUE(feed_samples(spectrum, 0, {0.5}).empty());
  EXPECT_TRUE(feed_samples(spectrum, 1, std::vector<double>(62, 0.5)).empty());
  EXPECT_TRUE(spectrum.finish().empty());
}

TEST(Spectrum, RefusesWhatItCannotUse) {
  const auto refusal = [](std::string_view config, AudioShape shape = {}) {
    return to_string(NodeHarness::refusals("Spectrum", config, shape), "");
  };
  EXPECT_EQ(refusal(R"({"fft_size": 1})"), "/fft_size: 1 is outside 2 .. 4194304 frames\n");
  EXPECT_EQ(refusal(R"({"fft_size": 4801})"),
            "/config/fft_size: 4801 has a prime factor above 167; expected a size whose transform can run in "
            "real time; "
            "the next smaller valid size is 4800\n");
  EXPECT_EQ(refusal(R"({"fft_size": 4194304})", {48000.0, 8, 1024}),
            "/config/fft_size: 4194304 samples on 8 channels with overlap would need 2.1 GiB of memory; "
            "expected at most "
            "1 GiB; use a smaller fft_size, less overlap or fewer channels\n");
  EXPECT_EQ(
      refusal(R"({"window": "kaiser"})"),
      "/config: window \"kaiser\" needs window_parameter; expected kaiser: beta (0 .. 1000); gaussian: sigma in "
      "samples; tukey: alpha (0 .. 1).\n");
  EXPECT_EQ(
      refusal(R"({"window": "kaiser", "window_parameter": 1001})"),
      "/config/window_parameter: 1001 cannot be used with the window kaiser; expected beta, 0 .. 1000\n");
  EXPECT_EQ(refusal(R"({"window": "gaussian", "window_parameter": 0})"),
            "/config/window_parameter: 0 cannot be used with the window gaussian; expected sigma in samples, "
            "above 0\n");
  EXPECT_EQ(refusal(R"({"window": "tukey", "window_parameter": 1.5})"),
            "/config/window_parameter: 1.5 cannot be used with the window tukey; expected alpha, 0 .. 1\n");
  EXPECT_EQ(
      refusal(R"({"window_parameter": 1})"),
      "/config/window_parameter: means nothing with window \"hann\"; expected window \"kaiser\", \"gaussian\" or "
      "\"tukey\"\n");
  EXPECT_EQ(refusal(R"({"fft_size": 2, "overlap": 0.9})"),
            "/config/overlap: an overlap of 0.9 leaves none of the 2 samples new in the next frame; expected "
            "a smaller "
            "overlap or a "
            "larger fft_size\n");
  EXPECT_EQ(refusal(R"({"overlap": 1})"), "/overlap: 1 is outside 0 .. 0.99\n");
  EXPECT_EQ(
      refusal(R"({"averages": 4})"),
      "/config/averages: means nothing with averaging \"none\"; expected averaging \"linear\", \"max\" or "
      "\"min\"\n");
  EXPECT_EQ(refusal(R"({"averaging": "max", "averages": -1})"),
            "/averages: -1 is outside 0 .. 1000000000 frames\n");
  EXPECT_EQ(
      refusal(R"({"averaging": "max", "time_constant_s": 1})"),
      "/config/time_constant_s: means nothing with averaging \"max\"; expected averaging \"exponential\"\n");
  EXPECT_FALSE(NodeHarness::refusals("Spectrum", R"({"window": "hanning"})").empty());
  EXPECT_FALSE(NodeHarness::refusals("Spectrum", R"({"scaling": "peak"})").empty());
  EXPECT_FALSE(NodeHarness::refusals("Spectrum", R"({"output": "dB"})").empty());
  EXPECT_FALSE(NodeHarness::refusals("Spectrum", R"({"detrend": "linear"})").empty());
}

// Frames of 64 samples without overlap; each has another amplitude, so that an average tells which are in it.
std::vector<DataFrame> feed_frames(NodeHarness& spectrum, const Signal& x, std::size_t from, std::size_t to) {
  std::vector<DataFrame> all;
  for (std::size_t f = from; f < to; ++f) {
    const std::vector<double> part(x[0].begin() + static_cast<std::ptrdiff_t>(64 * f),
                                   x[0].begin() + static_cast<std::ptrdiff_t>(64 * f + 64));
    for (DataFrame& y : feed_samples(spectrum, static_cast<std::int64_t>(64 * f), part)) {
      all.push_back(std::move(y));
    }
  }
  return all;
}

TEST(Spectrum, GoesOnWithWhatItHasWhenTheNumberOfAveragesChanges) {
  const Signal x = noise(1, 64 * 30);
  NodeHarness spectrum("Spectrum", R"({"fft_size": 64, "overlap": 0, "averaging": "linear", "averages": 10})",
                       {48000.0, 1, 64});
  EXPECT_TRUE(feed_frames(spectrum, x, 0, 6).empty());
  ASSERT_TRUE(spectrum.set_params(R"({"averages": 8})").empty());
  const auto eight = feed_frames(spectrum, x, 6, 16);
  ASSERT_EQ(eight.size(), 2U);
  // Those of one that began with 8.
  NodeHarness fresh("Spectrum", R"({"fft_size": 64, "overlap": 0, "averaging": "linear", "averages": 8})",
                    {48000.0, 1, 64});
  expect_same_spectra(eight, feed_frames(fresh, x, 0, 16));
  feed_frames(spectrum, x, 16, 22);
  ASSERT_TRUE(spectrum.set_params(R"({"averages": 3})").empty());  // it has six
  const auto more = feed_frames(spectrum, x, 22, 26);
  ASSERT_EQ(more.size(), 2U);
  EXPECT_EQ(meta(more[0], "frames_averaged"), 7.0);
  EXPECT_EQ(meta(more[1], "frames_averaged"), 3.0);
  EXPECT_FALSE(more[0].header().has(FrameFlag::incomplete));
}

TEST(Spectrum, GivesWhatItHasWhenItAveragesOtherwise) {
  const Signal x = noise(1, 64 * 30);
  NodeHarness spectrum("Spectrum", R"({"fft_size": 64, "overlap": 0, "averaging": "max", "averages": 10})",
                       {48000.0, 1, 64});
  feed_frames(spectrum, x, 0, 4);
  ASSERT_TRUE(spectrum.set_params(R"({"averaging": "linear", "averages": 2})").empty());
  const auto out = feed_frames(spectrum, x, 4, 9);
  ASSERT_EQ(out.size(), 3U);
  EXPECT_TRUE(out[0].header().has(FrameFlag::incomplete));
  EXPECT_EQ(meta(out[0], "frames_averaged"), 5.0);
  EXPECT_EQ(out[0].position(), 0);
  EXPECT_FALSE(out[1].header().has(FrameFlag::incomplete));
  EXPECT_EQ(out[1].position(), 5 * 64);
  // Behind it they are those of a mean of two that began there.
  NodeHarness fresh("Spectrum", R"({"fft_size": 64, "overlap": 0, "averaging": "linear", "averages": 2})",
                    {48000.0, 1, 64});
  const auto expected = feed_frames(fresh, x, 5, 9);
  ASSERT_EQ(expected.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::uint32_t k = 0; k < 33; ++k) {
      EXPECT_EQ(out[i + 1].channel(0U)[k], expected[i].channel(0U)[k]);
    }
  }
  spectrum.reset();
  EXPECT_EQ(feed_frames(spectrum, x, 0, 10).size(), 1U);
}

// y <- y + a (x - y): the average goes on, with another weight.
TEST(Spectrum, FadesFasterFromTheNextFrameOn) {
  const Signal x = noise(1, 64 * 4);
  NodeHarness slow("Spectrum",
                   R"({"fft_size": 64, "overlap": 0, "averaging": "exponential", "time_constant_s": 1,
                   "scaling": "power"})",
                   {48000.0, 1, 64});
  NodeHarness each("Spectrum", R"({"fft_size": 64, "overlap": 0, "scaling": "power"})", {48000.0, 1, 64});
  const auto powers = feed_frames(each, x, 0, 4);
  auto averages = feed_frames(slow, x, 0, 2);
  ASSERT_TRUE(slow.set_params(R"({"time_constant_s": 0.002})").empty());
  for (DataFrame& y : feed_frames(slow, x, 2, 4)) { averages.push_back(std::move(y)); }
  ASSERT_EQ(averages.size(), 4U);
  for (std::uint32_t k = 0; k < 33; ++k) {
    double y = powers[0].channel(0U)[k];
    for (std::size_t f = 1; f < 4; ++f) {
      const double weight = 1.0 - std::exp(-64.0 / 48000.0 / (f < 2 ? 1.0 : 0.002));
      y += weight * (powers[f].channel(0U)[k] - y);
      EXPECT_NEAR(averages[f].channel(0U)[k], y, 1e-14);
    }
  }
}

TEST(Spectrum, RefusesWhatWouldBeAnotherFormat) {
  NodeHarness spectrum("Spectrum", R"({"fft_size": 64, "averaging": "linear", "averages": 8})",
                       {48000.0, 1, 640});
  const std::string message = to_string(spectrum.set_params(R"({"fft_size": 128})"), "");
  EXPECT_EQ(
      message,
      "/fft_size: this parameter cannot be changed while the graph runs: the format of the stream would be another; "
      "expected \"averaging\", \"averages\", \"time_constant_s\", \"detrend\"\n");
  EXPECT_EQ(
      to_string(spectrum.set_params(R"({"averages": 1})"), ""),
      "/config/averages: a block of 640 frames would give 21 spectra, and the graph has room for 3; expected more "
      "frames per spectrum while the graph runs\n");
}

}  // namespace
}  // namespace streamlab::test
