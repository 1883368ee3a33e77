// tests/nodes/analysis/level_meter_test.cpp
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/core/node_catalog.hpp"
#include "nodes/dsp/sine.hpp"
#include "tests/nodes/analysis/metadata_of.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/not_finite.hpp"
#include "tests/support/signals.hpp"

namespace streamlab::test {
namespace {

Signal sine_with_dc(double f, double amplitude, double dc, std::size_t frames) {
  Signal signal{std::vector<double>(frames)};
  dsp::Sine(f, 48000.0, amplitude).fill(0, signal[0]);
  for (double& x : signal[0]) { x += dc; }
  return signal;
}

double value(const DataFrame& frame, std::string_view name) {
  EXPECT_TRUE(frame.has_channel(name)) << name;
  return frame.has_channel(name) ? frame.channel(name)[0] : kNaN;
}

// Values bit for bit (NaN included), headers and metadata.
void expect_same_levels(const std::vector<DataFrame>& a, const std::vector<DataFrame>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].header(), b[i].header()) << i;
    for (const char* key : {"interval_frames", "frames", "missing_frames"}) {
      EXPECT_EQ(meta(a[i], key), meta(b[i], key));
    }
    for (std::uint32_t c = 0; c < a[i].channel_count(); ++c) {
      EXPECT_EQ(std::memcmp(a[i].channel_data(c), b[i].channel_data(c), sizeof(double)), 0)
          << a[i].format().channels[c].name << " of result " << i;
    }
  }
}

// Feeds `frames` frames of `value` at `position`.
std::vector<DataFrame> feed_constant(NodeHarness& meter, std::int64_t position, std::uint32_t frames,
                                     double x, std::uint32_t flags = 0, std::uint64_t gap_frames = 0) {
  DataFrame block = meter.input_frame();
  block.header().position = position;
  block.header().timestamp_us = std::llround(static_cast<double>(position) * 1e6 / 48000.0);
  block.header().flags = flags;
  block.header().gap_frames = gap_frames;
  block.set_frame_count(frames);
  for (double& v : block.channel(0U)) { v = x; }
  return meter.process(block);
}

// The names that `streamlab nodes LevelMeter` shows are those that it gives, with their units.
TEST(LevelMeter, GivesTheValuesThatItsDescriptionNames) {
  std::map<std::string, std::string> described;  // unit by name
  for (const ValueInfo& value : default_catalog().find("LevelMeter")->info.values) {
    EXPECT_TRUE(described.emplace(value.name, value.unit).second) << value.name;
  }
  std::set<std::string> given;
  const auto add = [&](const char* config, const char* unit) {
    StreamFormat in = audio_format(48000.0, {"mic"}, 8);
    in.channels[0].unit = unit;
    NodeHarness meter("LevelMeter", config, {in});
    for (const ChannelInfo& channel : meter.outputs()[0].format.channels) {
      const std::string name = channel.name.substr(4);
      given.insert(name);
      ASSERT_TRUE(described.contains(name)) << name;
      if (in.channels[0].unit == "FS") { EXPECT_EQ(channel.unit, described[name]) << name; }
    }
  };
  add("{}", "FS");
  add(R"({"pa_per_full_scale": 10})", "FS");
  add(R"({"v_per_full_scale": 10})", "FS");
  add("{}", "Pa");
  add("{}", "V");
  add("{}", "m/s²");
  EXPECT_EQ(given.size(), described.size());
}

// Sound that clipped in 16 bits has 32767 and -32768, and no 1.
TEST(LevelMeter, CountsTheLargestCodesOfItsSourceAsClipped) {
  const std::vector<double> codes = {32766, 32767, 32767, -32766, -32768, 0};
  for (const double clip_level : {1.0, 32767.0 / 32768.0}) {
    NodeHarness meter("LevelMeter", "{}", {audio_format(48000.0, {"mic"}, 8, clip_level)});
    Signal signal{{}};
    for (const double code : codes) { signal[0].push_back(code / 32768.0); }
    const auto results = meter.run_frames(signal, 8);
    ASSERT_EQ(results.size(), 1U);
    EXPECT_EQ(value(results[0], "mic.clipped"), clip_level < 1.0 ? 3.0 : 1.0);
  }
  // Behind what calculates, there are no codes.
  const std::pair<const char*, const char*> nodes[] = {
      {"Gain", "{}"},
      {"Biquad", R"({"type": "lowpass", "frequency": 1000})"},
      {"Mixer", R"({"matrix": [[1]]})"},
      {"Map", R"({"channels": {"twice": "2*mic"}})"}};
  for (const auto& [type, config] : nodes) {
    NodeHarness node(type, config, {audio_format(48000.0, {"mic"}, 8, 0.5)});
    EXPECT_EQ(node.outputs()[0].format.channels[0].clip_level, 1.0) << type;
  }
  for (const auto& [type, config] :
       {std::pair{"Delay", R"({"frames": 1})"}, std::pair{"Take", R"({"frames": 1})"},
        std::pair{"ChannelSelect", R"({"channels": ["mic"]})"}, std::pair{"Window", R"({"size": 4})"},
        std::pair{"Buffer", "{}"}}) {
    NodeHarness node(type, config, {audio_format(48000.0, {"mic"}, 8, 0.5)});
    EXPECT_EQ(node.outputs()[0].format.channels[0].clip_level, 0.5) << type;
  }
}

TEST(LevelMeter, MeasuresASineOnDc) {
  // 1 kHz, 0.25, on DC 0.1: closed form. 1e-15 is 8 ulp; dB: 1e-14.
  NodeHarness meter("LevelMeter", "{}");
  const auto results = meter.run_frames(sine_with_dc(1000.0, 0.25, 0.1, 96000), 1024);
  ASSERT_EQ(results.size(), 2U);
  for (const DataFrame& r : results) {
    EXPECT_NEAR(value(r, "main_channel.dc"), 0.1, 1e-15);
    EXPECT_NEAR(value(r, "main_channel.rms"), 0.203100960115899, 1e-15);
    EXPECT_NEAR(value(r, "main_channel.ac_rms"), 0.176776695296637, 1e-15);
    EXPECT_NEAR(value(r, "main_channel.peak"), 0.35, 1e-15);
    EXPECT_NEAR(value(r, "main_channel.peak_db"), 20.0 * std::log10(0.35), 1e-14);
    EXPECT_NEAR(value(r, "main_channel.rms_db"), 20.0 * std::log10(0.203100960115899), 1e-13);
    EXPECT_EQ(r.header().flags, 0U);
    EXPECT_EQ(meta(r, "frames"), 48000.0);
  }
  EXPECT_EQ(results[1].position(), 48000);
  EXPECT_EQ(results[1].timestamp_us(), 1'000'000);
  EXPECT_EQ(results[1].sequence_id(), 1U);
}

TEST(LevelMeter, ReadsAFullScaleSineAs0DbfsByAes17) {
  NodeHarness meter("LevelMeter", "{}");
  const auto results = meter.run_frames(sine_with_dc(1000.0, 1.0, 0.0, 48000), 480);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_NEAR(value(results[0], "main_channel.rms_db"), -3.010299956639812, 1e-14);
  EXPECT_NEAR(value(results[0], "main_channel.rms_db_aes17"), 0.0, 1e-14);
  EXPECT_NEAR(value(results[0], "main_channel.crest_db"), 3.010299956639812, 1e-14);
  EXPECT_EQ(value(results[0], "main_channel.clipped"), 2000.0);
  EXPECT_TRUE(results[0].header().has(FrameFlag::clipped));
}

TEST(LevelMeter, NamesEachChannelAndUnit) {
  NodeHarness meter("LevelMeter", "{}", {48000.0, 2, 64});
  const StreamFormat& format = meter.outputs()[0].format;
  EXPECT_EQ(format.kind, StreamKind::values);
  ASSERT_EQ(format.channel_count(), 20U);
  EXPECT_EQ(format.channels[3], (ChannelInfo{"left.rms_db", "dB re 1 FS", 1.0, Mean::energy}));
  EXPECT_EQ(format.channels[16], (ChannelInfo{"right.dc", "FS"}));
  EXPECT_EQ(format.notes.at("rms_db"), "20 lg rms re 1 of the channel's unit");
  Signal x = constant(0.5, 2, 48000);
  x[1].assign(48000, -0.25);
  const auto results = meter.run_frames(x, 64);
  EXPECT_EQ(value(results[0], "left.dc"), 0.5);
  EXPECT_EQ(value(results[0], "right.dc"), -0.25);
}

TEST(LevelMeter, TakesUnitsFromTheChannel) {
  StreamFormat in = audio_format(48000.0, {"mic", "line", "plain", "full"}, 48000);
  in.channels[0].unit = "Pa";
  in.channels[1].unit = "V";
  in.channels[2].unit = "";
  NodeHarness meter("LevelMeter", "{}", {in});
  const StreamFormat& format = meter.outputs()[0].format;
  const auto unit = [&](std::string_view name) -> std::string {
    for (const ChannelInfo& channel : format.channels) {
      if (channel.name == name) { return channel.unit; }
    }
    return "left out";
  };
  EXPECT_EQ(unit("mic.rms"), "Pa");
  EXPECT_EQ(unit("mic.dc"), "Pa");
  EXPECT_EQ(unit("mic.peak_db"), "dB re 1 Pa");
  EXPECT_EQ(unit("mic.rms_db_spl"), "dB SPL");
  EXPECT_EQ(unit("mic.rms_db_aes17"), "left out");
  EXPECT_EQ(unit("mic.clipped"), "left out");
  EXPECT_EQ(unit("line.rms_db"), "dBV");
  EXPECT_EQ(unit("line.rms_dbu"), "dBu");
  EXPECT_EQ(unit("plain.rms"), "");
  EXPECT_EQ(unit("plain.rms_db"), "dB");
  EXPECT_EQ(unit("full.peak_db"), "dBFS");
  EXPECT_EQ(unit("full.clipped"), "samples");
  // A sine of 2 Pa peak, 1.4142 Pa rms; the same in volts.
  Signal x = sine_with_dc(1000.0, 2.0, 0.0, 48000);
  x.resize(3, x[0]);
  x.push_back(std::vector<double>(48000, 0.5));
  const auto results = meter.run_frames(x, 48000);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_NEAR(value(results[0], "mic.rms_db"), 10.0 * std::log10(2.0), 1e-13);
  EXPECT_NEAR(value(results[0], "mic.rms_db_spl"), 10.0 * std::log10(2.0 / (20e-6 * 20e-6)), 1e-12);
  EXPECT_NEAR(value(results[0], "line.peak_dbu"), 10.0 * std::log10(4.0 / 0.6), 1e-13);
  EXPECT_EQ(results[0].header().flags, 0U);  // nothing clips at 1 Pa
  EXPECT_EQ(to_string(NodeHarness::refusals("LevelMeter", R"({"pa_per_full_scale": 2})", {in}), ""),
            "/config/pa_per_full_scale: channel \"mic\" is already in Pa; expected channels in FS\n");
}

TEST(LevelMeter, IsTheSameForEveryBlockSize) {
  const Signal x = noise(2, 30'000);
  std::vector<DataFrame> whole;
  for (const std::uint32_t block : {1024U, 1U, 7U, 64U, 480U}) {
    NodeHarness meter("LevelMeter", R"({"interval_s": 0.1})", {48000.0, 2, 1024});
    const auto results = meter.run_frames(x, block);
    if (whole.empty()) { whole = results; }
    EXPECT_EQ(results.size(), 7U);
    expect_same_levels(results, whole);
  }
}

TEST(LevelMeter, KeepsItsGridWhereAnIntervalIsNotAWholeNumberOfFrames) {
  NodeHarness meter("LevelMeter", R"({"interval_s": 0.001})", {44100.0, 1, 1024});  // 44.1 frames
  const auto results = meter.run_frames(constant(0.5, 1, 44100), 1000);
  ASSERT_EQ(results.size(), 1000U);
  for (std::int64_t k = 0; k < 1000; ++k) {
    EXPECT_EQ(results[static_cast<std::size_t>(k)].position(), std::llround(static_cast<double>(k) * 44.1))
        << k;
    EXPECT_EQ(results[static_cast<std::size_t>(k)].header().flags, 0U);
  }
}

TEST(LevelMeter, GivesTheLastIntervalApart) {
  NodeHarness meter("LevelMeter", "{}");
  const auto results = meter.run_frames(constant(0.5, 1, 48000 + 100), 480);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_FALSE(results[0].header().has(FrameFlag::incomplete));
  EXPECT_TRUE(results[1].header().has(FrameFlag::incomplete));
  EXPECT_FALSE(results[1].header().has(FrameFlag::gap));
  EXPECT_EQ(meta(results[1], "frames"), 100.0);
  EXPECT_EQ(meta(results[1], "interval_frames"), 48000.0);
  EXPECT_EQ(meta(results[1], "missing_frames"), 0.0);
  EXPECT_EQ(value(results[1], "main_channel.rms"), 0.5);
}

TEST(LevelMeter, SaysWhereAResultBeginsAndHowLongItIs) {
  NodeHarness meter("LevelMeter", R"({"interval_s": 0.01})");            // 480 frames
  std::vector<DataFrame> results = feed_constant(meter, 100, 480, 0.5);  // the stream begins at 100
  for (DataFrame& r : feed_constant(meter, 600, 400, 0.5)) { results.push_back(std::move(r)); }  // 20 missing
  for (DataFrame& r : meter.finish()) { results.push_back(std::move(r)); }
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0].position(), 100);
  EXPECT_EQ(results[0].header().length_frames, 380U);
  EXPECT_EQ(results[1].position(), 480);
  EXPECT_EQ(results[1].header().length_frames, 480U);  // those that are missing inside count, too
  EXPECT_EQ(meta(results[1], "missing_frames"), 20.0);
  EXPECT_EQ(results[2].position(), 960);
  EXPECT_EQ(results[2].header().length_frames, 40U);  // the end
  EXPECT_TRUE(results[2].header().has(FrameFlag::incomplete));
}

TEST(LevelMeter, SaysHowManyFramesAreMissing) {
  NodeHarness meter("LevelMeter", R"({"interval_s": 0.01})");  // 480 frames
  EXPECT_TRUE(feed_constant(meter, 0, 100, 0.5).empty());
  const auto first = feed_constant(meter, 300, 200, 0.5);  // 200 lost, then to 500
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(first[0].header().has(FrameFlag::gap));
  EXPECT_TRUE(first[0].header().has(FrameFlag::incomplete));
  EXPECT_EQ(first[0].header().gap_frames, 200U);
  EXPECT_EQ(meta(first[0], "missing_frames"), 200.0);
  EXPECT_EQ(meta(first[0], "frames"), 280.0);
  EXPECT_EQ(value(first[0], "main_channel.rms"), 0.5);
  const auto second = feed_constant(meter, 500, 460, 0.5);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].header().flags, 0U);  // whole again
}

TEST(LevelMeter, SkipsIntervalsThatAreMissing) {
  NodeHarness meter("LevelMeter", R"({"interval_s": 0.01})");
  feed_constant(meter, 0, 100, 0.5);
  const auto results = feed_constant(meter, 480'000 + 80, 400, 0.25);  // ten seconds on
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].position(), 0);
  EXPECT_EQ(meta(results[0], "missing_frames"), 380.0);
  EXPECT_EQ(results[0].header().gap_frames, 380U);
  EXPECT_EQ(value(results[0], "main_channel.rms"), 0.5);
  EXPECT_EQ(results[1].position(), 480'000);
  EXPECT_EQ(results[1].timestamp_us(), 10'000'000);
  EXPECT_EQ(meta(results[1], "missing_frames"), 80.0);
  EXPECT_EQ(results[1].header().gap_frames, 480'000U - 480U + 80U);  // every missing frame is told once
  EXPECT_EQ(value(results[1], "main_channel.rms"), 0.25);
  EXPECT_TRUE(meter.finish().empty());
}

TEST(LevelMeter, CountsAGapBeforeTheFirstBlock) {
  NodeHarness meter("LevelMeter", R"({"interval_s": 0.01})");
  const auto results = feed_constant(meter, 80, 400, 0.5, static_cast<std::uint32_t>(FrameFlag::gap), 80);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(meta(results[0], "missing_frames"), 80.0);
  EXPECT_EQ(results[0].header().gap_frames, 80U);
}

TEST(LevelMeter, RestartsWhereTheStreamRestartsItsCount) {
  NodeHarness meter("LevelMeter", R"({"interval_s": 0.01})");
  feed_constant(meter, 960, 100, 0.5);
  const auto results = feed_constant(meter, 0, 480, 0.25);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_TRUE(results[0].header().has(FrameFlag::incomplete));
  EXPECT_EQ(value(results[0], "main_channel.rms"), 0.5);
  EXPECT_EQ(results[1].header().flags, 0U);
  EXPECT_EQ(value(results[1], "main_channel.rms"), 0.25);
}

TEST(LevelMeter, PassesOnAnXrun) {
  NodeHarness meter("LevelMeter", R"({"interval_s": 0.01})");
  feed_constant(meter, 0, 240, 0.5, static_cast<std::uint32_t>(FrameFlag::xrun));
  EXPECT_TRUE(feed_constant(meter, 240, 240, 0.5)[0].header().has(FrameFlag::xrun));
  EXPECT_EQ(feed_constant(meter, 480, 480, 0.5)[0].header().flags, 0U);
}

TEST(LevelMeter, GivesSilenceTheLevelOfNoEnergy) {
  NodeHarness meter("LevelMeter", R"({"pa_per_full_scale": 2})");
  const auto results = meter.run_frames(constant(0.0, 1, 48000), 1024);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(value(results[0], "main_channel.rms"), 0.0);
  for (const char* name : {"rms_db", "rms_db_aes17", "peak_db", "rms_db_spl", "peak_db_spl"}) {
    EXPECT_EQ(value(results[0], std::string("main_channel.") + name),
              -std::numeric_limits<double>::infinity())
        << name;
  }
  EXPECT_TRUE(std::isnan(value(results[0], "main_channel.crest_db")));
  EXPECT_EQ(results[0].header().flags, 0U);
}

TEST(LevelMeter, CountsWhatIsNotFinite) {
  NodeHarness meter("LevelMeter", R"({"interval_s": 0.01})");
  Signal x = constant(0.5, 1, 960);
  x[0][100] = kNaN;
  x[0][101] = -std::numeric_limits<double>::infinity();
  const auto results = meter.run_frames(x, 64);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_TRUE(results[0].header().has(FrameFlag::not_finite));
  EXPECT_EQ(value(results[0], "main_channel.not_finite"), 2.0);
  EXPECT_EQ(value(results[0], "main_channel.rms"), 0.5);
  EXPECT_EQ(results[1].header().flags, 0U);
}

// The square of 1e200 is beyond the largest number, 1.8e308.
TEST(LevelMeter, FlagsALevelThatIsTooLarge) {
  NodeHarness meter("LevelMeter", R"({"interval_s": 0.01})");
  Signal x = constant(0.5, 1, 960);
  x[0][100] = 1e200;
  const auto results = meter.run_frames(x, 64);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_TRUE(results[0].header().has(FrameFlag::not_finite));
  EXPECT_EQ(value(results[0], "main_channel.peak"), 1e200);
  EXPECT_FALSE(results[1].header().has(FrameFlag::not_finite));
}

TEST(LevelMeter, GivesSoundPressureWhenCalibrated) {
  // Full scale is 2 Pa on the left, 20 µPa on the right.
  NodeHarness meter("LevelMeter", R"({"pa_per_full_scale": [2, 20e-6]})", {48000.0, 2, 1024});
  const auto results = meter.run_frames(constant(0.5, 2, 48000), 1024);
  EXPECT_EQ(value(results[0], "left.rms_pa"), 1.0);
  EXPECT_NEAR(value(results[0], "left.rms_db_spl"), 93.9794000867204, 1e-12);  // 1 Pa; dB
  EXPECT_NEAR(value(results[0], "right.peak_db_spl"), 20.0 * std::log10(0.5), 1e-13);
  EXPECT_EQ(meter.outputs()[0].format.channels[13],
            (ChannelInfo{"left.rms_db_spl", "dB SPL", 1.0, Mean::energy}));
}

TEST(LevelMeter, GivesVoltageWhenCalibrated) {
  NodeHarness meter("LevelMeter", R"({"v_per_full_scale": [2]})");
  const auto results = meter.run_frames(constant(0.5, 1, 48000), 1024);
  EXPECT_EQ(value(results[0], "main_channel.rms_v"), 1.0);
  EXPECT_EQ(value(results[0], "main_channel.rms_dbv"), 0.0);
  EXPECT_NEAR(value(results[0], "main_channel.peak_dbu"), 2.218487496163564,
              1e-12);  // 1 V: 10 lg(1 / 0.6) dBu
}

TEST(LevelMeter, IsAsNewAfterReset) {
  const Signal x = noise(1, 10'000);
  NodeHarness meter("LevelMeter", R"({"interval_s": 0.05})");
  const auto fresh = meter.run_frames(x, 480);
  feed_constant(meter, 123, 77, 2.0);
  meter.reset();
  expect_same_levels(meter.run_frames(x, 480), fresh);
}

TEST(LevelMeter, TakesBlocksOfNoAndOneFrame) {
  NodeHarness meter("LevelMeter", "{}");
  EXPECT_TRUE(feed_constant(meter, 0, 0, 0.0).empty());
  EXPECT_TRUE(meter.finish().empty());
  EXPECT_TRUE(feed_constant(meter, 0, 1, 0.5).empty());
  const auto last = meter.finish();
  ASSERT_EQ(last.size(), 1U);
  EXPECT_EQ(value(last[0], "main_channel.rms"), 0.5);
  EXPECT_EQ(meta(last[0], "frames"), 1.0);
}

TEST(LevelMeter, RefusesWhatItCannotUse) {
  const auto refusal = [](std::string_view config, AudioShape shape = {}) {
    return to_string(NodeHarness::refusals("LevelMeter", config, shape), "");
  };
  EXPECT_EQ(
      refusal(R"({"interval_s": 0.0009})"),
      "/config/interval_s: 0.0009 s is too short; expected 0.001 s or more, or 0 for one result of the whole stream\n");
  EXPECT_EQ(refusal(R"({"interval_s": 0.001})", {100.0, 1, 64}),
            "/config/interval_s: 0.001 s is shorter than one frame at 100 Hz; expected at least 0.01 s\n");
  EXPECT_EQ(refusal(R"({"pa_per_full_scale": [1, 2, 3]})", {48000.0, 2, 64}),
            "/config/pa_per_full_scale: 3 numbers for 2 channels; expected one number, or one per channel\n");
  EXPECT_EQ(refusal(R"({"pa_per_full_scale": [1, 2, 3]})", {48000.0, 2, 64}),
            "/config/pa_per_full_scale: 3 numbers for 2 channels; expected one number, or one per channel\n");
  EXPECT_EQ(refusal(R"({"pa_per_full_scale": [1], "v_per_full_scale": [1]})"),
            "/config/v_per_full_scale: pa_per_full_scale is given too; expected only one of "
            "pa_per_full_scale and v_per_full_scale; use two "
            "LevelMeters for "
            "both kinds of input\n");
  EXPECT_EQ(refusal(R"({"v_per_full_scale": [0]})"),
            "/v_per_full_scale/0: 0 is outside 1e-12 .. 1000000000000 V\n");
}

// A new interval begins where the old one ends, which here lies inside an interval of the new grid.
TEST(LevelMeter, ChangesItsIntervalAtTheNextBoundary) {
  const Signal x = noise(1, 4800);
  for (const std::uint32_t block : {480U, 7U, 1U, 100U}) {
    NodeHarness meter("LevelMeter", R"({"interval_s": 0.01})", {48000.0, 1, 480});
    NodeHarness fresh("LevelMeter", R"({"interval_s": 0.02})", {48000.0, 1, 480});
    std::vector<DataFrame> all;
    DataFrame in = meter.input_frame();
    const auto feed = [&](NodeHarness& to, std::size_t from, std::size_t end,
                          std::vector<DataFrame>& results) {
      for (std::size_t n = from; n < end;) {
        const std::size_t count = std::min<std::size_t>(block, end - n);
        in.set_frame_count(static_cast<std::uint32_t>(count));
        in.header().position = static_cast<std::int64_t>(n);
        in.header().timestamp_us = std::llround(static_cast<double>(n) * 1e6 / 48000.0);
        std::copy_n(x[0].begin() + static_cast<std::ptrdiff_t>(n), count, in.channel_data(0));
        for (DataFrame& result : to.process(in)) { results.push_back(std::move(result)); }
        n += count;
      }
    };
    feed(meter, 0, 1300, all);
    meter.set_param("interval_s", 0.02);
    feed(meter, 1300, 4800, all);
    std::vector<DataFrame> expected;
    feed(fresh, 0, 4800, expected);
    std::vector<std::int64_t> begins;
    std::vector<std::uint64_t> lengths;
    for (const DataFrame& result : all) {
      begins.push_back(result.position());
      lengths.push_back(result.header().length_frames);
      EXPECT_EQ(result.header().has(FrameFlag::incomplete), result.position() == 1440);
      EXPECT_FALSE(result.header().has(FrameFlag::gap));
    }
    EXPECT_THAT(begins, testing::ElementsAre(0, 480, 960, 1440, 1920, 2880, 3840));
    EXPECT_THAT(lengths, testing::ElementsAre(480, 480, 480, 480, 960, 960, 960));
    ASSERT_EQ(expected.size(), 5U);
    for (std::size_t i = 2; i < 5; ++i) {  // those of the one that began so
      EXPECT_EQ(value(all[i + 2], "main_channel.rms"), value(expected[i], "main_channel.rms"));
      EXPECT_EQ(all[i + 2].header().timestamp_us, expected[i].header().timestamp_us);
      EXPECT_EQ(meta(all[i + 2], "interval_frames"), 960.0);
    }
  }
}

TEST(LevelMeter, ChangesItsIntervalAtOnceWhereOneHasJustEnded) {
  NodeHarness meter("LevelMeter", R"({"interval_s": 0.01})", {48000.0, 1, 480});
  EXPECT_EQ(feed_constant(meter, 0, 480, 0.5).size(), 1U);
  meter.set_param("interval_s", 0.02);
  const auto cut = feed_constant(meter, 480, 480, 0.5);
  ASSERT_EQ(cut.size(), 1U);
  EXPECT_EQ(cut[0].position(), 480);
  EXPECT_TRUE(cut[0].header().has(FrameFlag::incomplete));
  EXPECT_TRUE(feed_constant(meter, 960, 480, 0.5).empty());
  EXPECT_EQ(feed_constant(meter, 1440, 480, 0.5).size(), 1U);
  meter.reset();
  EXPECT_EQ(feed_constant(meter, 0, 480, 0.5).size(), 1U);
}

TEST(LevelMeter, RefusesIntervalsForWhichThereIsNoRoom) {
  NodeHarness meter("LevelMeter", R"({"interval_s": 1})", {48000.0, 1, 480});
  EXPECT_EQ(
      to_string(meter.set_params(R"({"interval_s": 0.01})"), ""),
      "/config/interval_s: 0.01 s would give more results for a block of 480 frames than the graph has room for; "
      "expected at least 0.010020833333333333 s while the graph runs\n");
  EXPECT_TRUE(meter.set_params(R"({"interval_s": 0.01003})").empty());
}

TEST(LevelMeter, TakesAnotherCalibrationOfTheSameKind) {
  NodeHarness meter("LevelMeter", R"({"interval_s": 0.01, "pa_per_full_scale": [2]})", {48000.0, 1, 480});
  feed_constant(meter, 0, 100, 0.5);
  ASSERT_TRUE(meter.set_params(R"({"pa_per_full_scale": [20]})").empty());
  EXPECT_EQ(value(feed_constant(meter, 100, 380, 0.5)[0], "main_channel.rms_pa"), 10.0);
  EXPECT_EQ(
      to_string(meter.set_params(R"({"v_per_full_scale": [1]})"), ""),
      "/config/v_per_full_scale: another kind of calibration would give other quantities; expected the kind of the "
      "configuration while the graph runs\n");
  meter.reset();
  EXPECT_EQ(value(feed_constant(meter, 0, 480, 0.5)[0], "main_channel.rms_pa"), 1.0);
}

}  // namespace
}  // namespace streamlab::test
