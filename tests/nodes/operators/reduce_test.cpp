// tests/nodes/operators/reduce_test.cpp
#include <numbers>

#include <rapidcheck.h>

#include "tests/nodes/operators/flow_blocks.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string config(const char* operation, const std::string& rest = "") {
  return fmt::format(R"({{"operation": "{}"{}}})", operation, rest);
}

// From the definitions, in 80 bits.
double reduced(const std::string& operation, std::span<const double> x, bool levels) {
  long double sum = 0.0L;
  double best = x[0];
  for (const double v : x) {
    sum += operation != "power_mean" ? static_cast<long double>(v)
           : levels                  ? std::pow(10.0L, static_cast<long double>(v) / 10.0L)
                                     : static_cast<long double>(v) * static_cast<long double>(v);
    best = operation == "min" ? std::min(best, v) : std::max(best, v);
  }
  if (operation == "max" || operation == "min") { return best; }
  if (operation == "sum") { return static_cast<double>(sum); }
  const long double mean = sum / static_cast<long double>(x.size());
  if (operation == "mean") { return static_cast<double>(mean); }
  return static_cast<double>(levels ? 10.0L * std::log10(mean) : std::sqrt(mean));
}

// Values that are no levels.
StreamFormat plain_values() {
  StreamFormat format = values_format();
  format.channels[0].unit = "";
  return format;
}

TEST(Reduce, FollowsItsDefinitionsOverAnyCountInAnyBlocks) {
  for (const std::string operation : {"mean", "power_mean", "max", "min", "sum"}) {
    EXPECT_TRUE(rc::check(operation, [&] {
      const auto frames = *rc::gen::inRange<std::uint32_t>(1, 300);
      const auto count = *rc::gen::inRange<std::size_t>(1, 120);
      const auto block = *rc::gen::inRange<std::uint32_t>(1, 100);
      const Signal x = noise(1, frames, frames + 7 * count);
      NodeHarness reduce("Reduce", config(operation.c_str(), fmt::format(R"(, "count": {})", count)),
                         {48000.0, 1, 100});
      const auto results = reduce.run_frames(x, block);
      RC_ASSERT(results.size() == (frames + count - 1) / count);
      for (std::size_t k = 0; k < results.size(); ++k) {
        const std::size_t length = std::min(count, frames - k * count);
        const double expected = reduced(operation, std::span(x[0]).subspan(k * count, length), false);
        // The result rounds once for the sum and once for each of the last steps: 4 ulp of what was added up.
        const double scale = operation == "sum" ? static_cast<double>(length) : 1.0;
        RC_ASSERT(std::abs(results[k].channel(0U)[0] - expected) <= 9e-16 * scale);
        RC_ASSERT(results[k].position() == static_cast<std::int64_t>(k * count));
        RC_ASSERT(results[k].header().has(FrameFlag::incomplete) == (length < count));
        RC_ASSERT(meta(results[k], "count") == static_cast<double>(length));
        RC_ASSERT(meta(results[k], "used") == static_cast<double>(length));
      }
    }));
  }
}

TEST(Reduce, AveragesLevelsAsPowers) {
  EXPECT_TRUE(rc::check([] {
    const auto levels =
        *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(-1200, 300)));
    NodeHarness reduce("Reduce", config("power_mean"), {values_format()});
    std::vector<double> x;
    for (const int level : levels) {
      x.push_back(level / 10.0);
      RC_ASSERT(
          reduce.process(block_at(reduce, static_cast<std::int64_t>(x.size()) * 100, {x.back()})).empty());
    }
    const auto results = reduce.finish();
    RC_ASSERT(results.size() == 1U);
    // 1e-13 dB is about 1 ulp of a level of 100 dB on either side.
    RC_ASSERT(std::abs(results[0].channel(0U)[0] - reduced("power_mean", x, true)) <= 1e-13);
  }));
  // Equal halves of -10 dB and silence next to it: 3.0103 dB less.
  NodeHarness reduce("Reduce", config("power_mean"), {values_format()});
  reduce.process(block_at(reduce, 0, {-10.0}));
  reduce.process(block_at(reduce, 100, {-400.0}));
  EXPECT_NEAR(reduce.finish()[0].channel(0U)[0], -13.010299956639812, 1e-14);
}

// Frames of 1000 Hz with an amplitude of 0.5, then silence, at 48 kHz.
Signal tone_and_silence(std::size_t tone_frames, std::size_t silent_frames) {
  Signal x(1);
  for (std::size_t n = 0; n < tone_frames; ++n) {
    x[0].push_back(0.5 * std::sin(2.0 * std::numbers::pi * static_cast<double>(n % 48) / 48.0));
  }
  x[0].resize(tone_frames + silent_frames, 0.0);
  return x;
}

// Half of the time no energy: 3.0103 dB less. The tone of amplitude 0.5 has a mean square of 1/8, both together 1/16.
TEST(Reduce, GivesLeqOfASecondOfToneAndASecondOfSilence) {
  for (const char* operation : {"power_mean", "mean"}) {
    NodeHarness meter("LevelMeter", R"({"interval_s": 0.25})");
    const Signal x = tone_and_silence(48000, 48000);
    NodeHarness reduce("Reduce", config(operation), {meter.outputs()[0].format});
    for (const DataFrame& levels : meter.run_frames(x, 1024)) { EXPECT_TRUE(reduce.process(levels).empty()); }
    const auto leq = reduce.finish();
    ASSERT_EQ(leq.size(), 1U);
    const std::string name = fmt::format("main_channel.rms_db.{}", operation);
    EXPECT_NEAR(leq[0].channel(name)[0], 10.0 * std::log10(1.0 / 16.0), 1e-12);  // -12.04
    EXPECT_EQ(meta(leq[0], "count"), 8.0);
    EXPECT_EQ(leq[0].header().flags, 0U);
  }
}

TEST(Reduce, AddsLevelsAsPowersAndTakesSilenceForNone) {
  const auto reduced_levels = [](const char* operation, std::vector<double> levels) {
    NodeHarness reduce("Reduce", config(operation), {values_format()});
    std::int64_t position = 0;
    for (const double level : levels) { reduce.process(block_at(reduce, position += 100, {level})); }
    const auto results = reduce.finish();
    return std::pair(results[0].channel(0U)[0], meta(results[0], "used"));
  };
  EXPECT_NEAR(reduced_levels("sum", {-3.0, -3.0}).first, -3.0 + 10.0 * std::log10(2.0), 1e-14);
  EXPECT_NEAR(reduced_levels("sum", {-3.0, -kInfinity}).first, -3.0, 1e-14);
  EXPECT_EQ(reduced_levels("mean", {-kInfinity, -kInfinity}), std::pair(-kInfinity, 2.0));
  EXPECT_EQ(reduced_levels("min", {-3.0, -kInfinity}), std::pair(-kInfinity, 2.0));
  EXPECT_EQ(reduced_levels("max", {-kInfinity, -3.0}), std::pair(-3.0, 2.0));
  EXPECT_NEAR(reduced_levels("mean", {-3.0, kNaN, kInfinity}).first, -3.0, 1e-14);  // these are no levels
  EXPECT_EQ(reduced_levels("mean", {-3.0, kNaN, kInfinity}).second, 1.0);
}

// One second of tone, a tenth of a second of silence: the shorter interval counts for a tenth.
TEST(Reduce, CountsValuesByTheirLength) {
  NodeHarness meter("LevelMeter", R"({"interval_s": 1})");
  const Signal x = tone_and_silence(48000, 4800);
  std::vector<DataFrame> levels = meter.run_frames(x, 480);
  for (DataFrame& last : meter.finish()) { levels.push_back(std::move(last)); }
  ASSERT_EQ(levels.size(), 2U);
  NodeHarness reduce("Reduce", config("mean"), {meter.outputs()[0].format});
  for (const DataFrame& level : levels) { reduce.process(level); }
  const auto leq = reduce.finish();
  EXPECT_NEAR(leq[0].channel("main_channel.rms_db.mean")[0], 10.0 * std::log10(0.125 / 1.1), 1e-12);
  EXPECT_NEAR(leq[0].channel("main_channel.rms.mean")[0], std::sqrt(0.125 / 1.1), 1e-14);
  EXPECT_TRUE(leq[0].header().has(FrameFlag::incomplete));
}

// What a meter gives of a tone of amplitude 0.5 and of silence: in one row, a mean says the same in every unit.
TEST(Reduce, AveragesTheValuesOfAMeterSoThatTheyAgree) {
  NodeHarness meter("LevelMeter", R"({"interval_s": 1, "pa_per_full_scale": 10})");
  NodeHarness reduce("Reduce", config("mean"), {meter.outputs()[0].format});
  for (const DataFrame& levels : meter.run_frames(tone_and_silence(48000, 48000), 480)) {
    reduce.process(levels);
  }
  const DataFrame mean = reduce.finish()[0];
  const double rms = std::sqrt(1.0 / 16.0);
  const auto value = [&](const char* name) {
    return mean.channel(fmt::format("main_channel.{}.mean", name))[0];
  };
  EXPECT_NEAR(value("rms"), rms, 1e-14);
  EXPECT_NEAR(value("rms_db"), 20.0 * std::log10(rms), 1e-12);
  EXPECT_NEAR(value("ac_rms"), rms, 1e-14);
  EXPECT_NEAR(value("rms_pa"), 10.0 * rms, 1e-13);
  EXPECT_NEAR(value("rms_db_spl"), 20.0 * std::log10(10.0 * rms / 20e-6), 1e-12);
  EXPECT_NEAR(value("dc"), 0.0, 1e-15);  // a mean of means
}

TEST(Reduce, LeavesOutTheMeansThatSayNothing) {
  NodeHarness meter("LevelMeter", R"({"pa_per_full_scale": 10})");
  const StreamFormat& levels = meter.outputs()[0].format;
  const auto names = [&](const char* operation) {
    std::vector<std::string> list;
    NodeHarness reduce("Reduce", config(operation), {levels});
    for (const ChannelInfo& channel : reduce.outputs()[0].format.channels) {
      list.push_back(channel.name.substr(std::string("main_channel.").size()));
    }
    return list;
  };
  EXPECT_THAT(names("mean"), ElementsAre("rms.mean", "rms_db.mean", "rms_db_aes17.mean", "dc.mean",
                                         "ac_rms.mean", "rms_pa.mean", "rms_db_spl.mean"));
  EXPECT_EQ(names("power_mean").size(), 7U);
  for (const char* operation : {"max", "min", "sum"}) {
    EXPECT_EQ(names(operation).size(), levels.channels.size()) << operation;
  }
  StreamFormat peaks = levels;
  peaks.channels = {levels.channels[1]};
  EXPECT_EQ(
      to_string(NodeHarness::refusals("Reduce", config("mean"), {peaks}), ""),
      "/config/operation: a mean of \"main_channel.peak_db\" would say nothing; expected \"max\" or \"min\" of "
      "peaks, crest factors and counts\n");
}

// The mean of amplitudes of a noise would be 1.05 dB too low (√(π/4)); this is what averaging = linear gives.
TEST(Reduce, AveragesTheAmplitudesOfASpectrumAsEnergy) {
  const Signal x = noise(1, 64 * 256);
  for (const char* scaling : {"amplitude", "rms", "power", "psd"}) {
    const auto settings = [&](const char* rest) {
      return fmt::format(R"({{"fft_size": 256, "overlap": 0, "scaling": "{}"{}}})", scaling, rest);
    };
    NodeHarness single("Spectrum", settings(""));
    NodeHarness averaged("Spectrum", settings(R"(, "averaging": "linear", "averages": 64)"));
    NodeHarness reduce("Reduce", config("mean"), {single.outputs()[0].format});
    for (const DataFrame& spectrum : single.run_frames(x, 256)) { reduce.process(spectrum); }
    const DataFrame mean = reduce.finish()[0];
    const DataFrame expected = averaged.run_frames(x, 256)[0];
    for (std::uint32_t k = 0; k < expected.frame_count(); ++k) {
      EXPECT_NEAR(mean.channel(0U)[k] / expected.channel(0U)[k], 1.0, 1e-13) << scaling << ", bin " << k;
    }
  }
}

TEST(Reduce, GoesByTheUnit) {
  const auto of_3_and_4 = [](const char* unit) {
    NodeHarness reduce("Reduce", config("power_mean"), {spectrum_format(1, unit)});
    reduce.process(block_at(reduce, 0, {3.0}));
    reduce.process(block_at(reduce, 1, {4.0}));
    return reduce.finish()[0].channel(0U)[0];
  };
  EXPECT_DOUBLE_EQ(of_3_and_4("FS"), std::sqrt(12.5));
  EXPECT_DOUBLE_EQ(of_3_and_4("FS²/Hz"), 3.5);
  EXPECT_DOUBLE_EQ(of_3_and_4("1/Hz"), 3.5);              // the density of plain numbers
  EXPECT_DOUBLE_EQ(of_3_and_4("m/s²"), std::sqrt(12.5));  // an acceleration is no power
  EXPECT_DOUBLE_EQ(of_3_and_4("m/s²²/Hz"), 3.5);          // but its density is
  const double levels = 10.0 * std::log10((std::pow(10.0, 0.3) + std::pow(10.0, 0.4)) / 2.0);
  EXPECT_DOUBLE_EQ(of_3_and_4("dBFS"), levels);
  EXPECT_DOUBLE_EQ(of_3_and_4("LUFS"), levels);
}

TEST(Reduce, IsTheSameForEveryBlockSizeAndAfterReset) {
  const Signal x = noise(2, 30'000);
  for (const char* rest : {R"(, "interval_s": 0.1)", R"(, "count": 700)", ""}) {
    std::vector<DataFrame> whole;
    for (const std::uint32_t block : {1024U, 1U, 7U, 64U, 480U}) {
      NodeHarness reduce("Reduce", config("power_mean", rest), {48000.0, 2, 1024});
      const auto results = reduce.run_frames(x, block);
      if (whole.empty()) { whole = results; }
      EXPECT_GE(results.size(), 1U);
      expect_same_blocks(results, whole);
      reduce.reset();
      expect_same_blocks(reduce.run_frames(x, block), whole);
    }
  }
}

TEST(Reduce, LosesNoDigitsToALargeOffset) {
  Signal x = constant(0x1p-10, 1, 20'001);
  x[0][0] = 1e16;
  x[0][20'000] = -1e16;
  NodeHarness reduce("Reduce", config("sum"));
  EXPECT_EQ(reduce.run(x, 1000)[0], 19'999.0 * 0x1p-10);  // exact; a plain sum gives 0
}

TEST(Reduce, NamesWhatItGives) {
  NodeHarness reduce("Reduce", config("max"), {48000.0, 2, 64});
  const StreamFormat& format = reduce.outputs()[0].format;
  EXPECT_EQ(format.kind, StreamKind::values);
  EXPECT_EQ(format.channels, (std::vector<ChannelInfo>{{"left.max", "FS"}, {"right.max", "FS"}}));
  EXPECT_EQ(format.max_frames, 1U);
}

TEST(Reduce, ReducesSpectraBinByBin) {
  NodeHarness reduce("Reduce", config("max", R"(, "count": 2)"), {spectrum_format(3)});
  EXPECT_EQ(reduce.outputs()[0].format.axis, spectrum_format(3).axis);
  EXPECT_THAT(reduce.process(block_at(reduce, 0, {1.0, 5.0, kNaN})), IsEmpty());
  const auto results = reduce.process(block_at(reduce, 8, {2.0, 3.0, -1.0}));
  ASSERT_EQ(results.size(), 1U);
  EXPECT_THAT(channel_of(results[0]), ElementsAre(2.0, 5.0, -1.0));
  EXPECT_EQ(meta(results[0], "count"), 2.0);
  EXPECT_EQ(meta(results[0], "used"), 1.0);
}

TEST(Reduce, KeepsAGridOfIntervals) {
  NodeHarness reduce("Reduce", config("mean", R"(, "interval_s": 0.001)"),
                     {44100.0, 1, 1024});  // 44.1 frames
  const auto results = reduce.run_frames(constant(0.5, 1, 44100), 1000);
  ASSERT_EQ(results.size(), 1000U);
  for (std::size_t k = 0; k < 1000; ++k) {
    EXPECT_EQ(results[k].position(), std::llround(static_cast<double>(k) * 44.1)) << k;
    EXPECT_EQ(results[k].header().flags, 0U);
  }
}

TEST(Reduce, PutsValuesIntoTheIntervalInWhichTheyBegin) {
  NodeHarness reduce("Reduce", config("mean", R"(, "interval_s": 1)"), {plain_values()});  // 1000 Hz
  EXPECT_THAT(reduce.process(block_at(reduce, 0, {1.0})), IsEmpty());
  EXPECT_THAT(reduce.process(block_at(reduce, 500, {2.0})), IsEmpty());
  const auto first = reduce.process(block_at(reduce, 1000, {10.0}));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].channel(0U)[0], 1.5);
  EXPECT_EQ(first[0].header().flags, 0U);
  const auto second = reduce.process(block_at(reduce, 3500, {20.0}));  // nothing came in 2000 .. 2999
  EXPECT_EQ(second[0].position(), 1000);
  EXPECT_EQ(second[0].channel(0U)[0], 10.0);
  const auto last = reduce.finish();
  ASSERT_EQ(last.size(), 1U);
  EXPECT_EQ(last[0].position(), 3000);
  EXPECT_EQ(last[0].timestamp_us(), 3'000'000);
  EXPECT_FALSE(last[0].header().has(FrameFlag::incomplete));  // the next, 2500 on, would lie behind it
  EXPECT_THAT(reduce.finish(), IsEmpty());
}

TEST(Reduce, FlagsTheIntervalThatTheEndCutsShort) {
  NodeHarness values("Reduce", config("mean", R"(, "interval_s": 1)"), {plain_values()});
  values.process(block_at(values, 0, {1.0}));
  values.process(block_at(values, 100, {1.0}));
  EXPECT_TRUE(values.finish()[0].header().has(FrameFlag::incomplete));
  NodeHarness audio("Reduce", config("mean", R"(, "interval_s": 0.001)"));
  const auto results = audio.run_frames(constant(1.0, 1, 100), 30);
  ASSERT_EQ(results.size(), 3U);
  EXPECT_FALSE(results[1].header().has(FrameFlag::incomplete));
  EXPECT_TRUE(results[2].header().has(FrameFlag::incomplete));
  EXPECT_EQ(meta(results[2], "count"), 4.0);
}

TEST(Reduce, LeavesOutWhatIsNotFiniteAndSaysSo) {
  NodeHarness reduce("Reduce", config("mean", R"(, "per_block": true)"));
  const auto some = reduce.process(block_at(reduce, 0, {1.0, kNaN, 3.0, -kInfinity}));
  EXPECT_EQ(some[0].channel(0U)[0], 2.0);
  EXPECT_EQ(meta(some[0], "count"), 4.0);
  EXPECT_EQ(meta(some[0], "used"), 2.0);
  EXPECT_TRUE(some[0].header().has(FrameFlag::not_finite));
  const auto none = reduce.process(block_at(reduce, 4, {kNaN}));
  EXPECT_TRUE(std::isnan(none[0].channel(0U)[0]));
  EXPECT_EQ(meta(none[0], "used"), 0.0);
  const auto silent = reduce.process(block_at(reduce, 5, {0.0, 0.0}));
  EXPECT_EQ(silent[0].channel(0U)[0], 0.0);
  EXPECT_EQ(silent[0].header().flags, 0U);
  EXPECT_TRUE(reduce.process(block_at(reduce, 7, {-1.0}))[0].header().has(FrameFlag::clipped));
  EXPECT_THAT(reduce.process(block_at(reduce, 8, {})), IsEmpty());
}

TEST(Reduce, CountsWhatIsMissingInsideAWindowOnce) {
  NodeHarness reduce("Reduce", config("mean", R"(, "per_block": true)"));
  DataFrame first = block_at(reduce, 100, std::vector<double>(50, 1.0));
  first.metadata().set("missing_frames", 20.0);  // it lies over 100 .. 169
  const auto one = reduce.process(first);
  EXPECT_EQ(one[0].header().length_frames, 70U);
  EXPECT_EQ(meta(one[0], "missing_frames"), 20.0);
  EXPECT_TRUE(one[0].header().has(FrameFlag::incomplete));
  DataFrame second = block_at(reduce, 200, std::vector<double>(50, 1.0));
  const auto two = reduce.process(second);
  EXPECT_EQ(two[0].header().gap_frames, 30U);  // 170 .. 199
  EXPECT_EQ(two[0].header().length_frames, 50U);
}

TEST(Reduce, SaysWhatAGapTakesFromAStretch) {
  NodeHarness interval("Reduce", config("mean", R"(, "interval_s": 0.01)"));  // 480 frames
  EXPECT_THAT(interval.process(block_at(interval, 80, std::vector<double>(100, 1.0), 80)), IsEmpty());
  const auto first = interval.process(block_at(interval, 380, std::vector<double>(200, 4.0)));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].channel(0U)[0], 2.5);
  EXPECT_EQ(first[0].header().gap_frames, 280U);
  EXPECT_EQ(meta(first[0], "missing_frames"), 280.0);
  EXPECT_TRUE(first[0].header().has(FrameFlag::incomplete));
  const auto jump = interval.process(block_at(interval, 4800 + 80, std::vector<double>(400, 1.0)));
  ASSERT_EQ(jump.size(), 2U);
  EXPECT_EQ(jump[0].header().gap_frames, 380U);
  EXPECT_EQ(jump[1].position(), 4800);
  EXPECT_EQ(jump[1].header().gap_frames, 4800U - 960U + 80U);  // every missing frame is told once

  NodeHarness count("Reduce", config("sum", R"(, "count": 4)"));
  count.process(block_at(count, 0, {1.0, 1.0}));
  const auto whole = count.process(block_at(count, 10, {1.0, 1.0}));
  EXPECT_EQ(whole[0].channel(0U)[0], 4.0);
  EXPECT_EQ(whole[0].header().gap_frames, 8U);
  EXPECT_TRUE(whole[0].header().has(FrameFlag::incomplete));
  const auto later = count.process(block_at(count, 20, {1.0, 1.0, 1.0, 1.0}));
  EXPECT_EQ(later[0].header().gap_frames, 8U);  // before it, not inside
  EXPECT_FALSE(later[0].header().has(FrameFlag::incomplete));
}

TEST(Reduce, BeginsAnewWhereTheStreamCountsAnew) {
  NodeHarness interval("Reduce", config("mean", R"(, "interval_s": 0.01)"));
  interval.process(block_at(interval, 960, {1.0}));
  const auto results = interval.process(block_at(interval, 0, std::vector<double>(480, 0.25)));
  ASSERT_EQ(results.size(), 2U);
  EXPECT_TRUE(results[0].header().has(FrameFlag::incomplete));
  EXPECT_EQ(results[1].header().flags, 0U);
  EXPECT_EQ(results[1].channel(0U)[0], 0.25);
  NodeHarness stream("Reduce", config("mean"));  // all that there was
  stream.process(block_at(stream, 960, {1.0}));
  stream.process(block_at(stream, 0, {3.0}));
  EXPECT_EQ(stream.finish()[0].channel(0U)[0], 2.0);
}

TEST(Reduce, TakesOverWhatBlocksOfValuesSay) {
  NodeHarness reduce("Reduce", config("mean", R"(, "count": 2)"), {plain_values()});
  DataFrame block = block_at(reduce, 100, {1.0}, 50);
  block.header().set(FrameFlag::xrun);
  reduce.process(block);
  const auto flagged = reduce.process(block_at(reduce, 200, {2.0}));
  EXPECT_TRUE(flagged[0].header().has(FrameFlag::gap));
  EXPECT_TRUE(flagged[0].header().has(FrameFlag::incomplete));
  EXPECT_TRUE(flagged[0].header().has(FrameFlag::xrun));
  EXPECT_EQ(flagged[0].header().gap_frames, 50U);
  EXPECT_EQ(flagged[0].position(), 100);
  reduce.process(block_at(reduce, 300, {1.0}));
  EXPECT_EQ(reduce.process(block_at(reduce, 400, {2.0}))[0].header().flags, 0U);
}

TEST(Reduce, RefusesTwoStretchesAndNone) {
  const std::string expected = "; expected only one of count, interval_s and per_block";
  EXPECT_EQ(refusal_of("Reduce", R"({"count": 3, "interval_s": 1})"),
            "/config/interval_s: count is given too" + expected);
  EXPECT_EQ(refusal_of("Reduce", R"({"interval_s": 1, "per_block": true})"),
            "/config/per_block: interval_s is given too" + expected);
  EXPECT_EQ(refusal_of("Reduce", R"({"count": 3, "per_block": false})"), "");
  EXPECT_EQ(refusal_of("Reduce", R"({"interval_s": 0.00001})"),
            "/config/interval_s: 1e-05 s is shorter than one frame at 48000 Hz; expected at least "
            "2.0833333333333333e-05 s");
  EXPECT_THAT(refusal_of("Reduce", R"({"count": 0})"), testing::HasSubstr("0 is outside"));
  EXPECT_THAT(refusal_of("Reduce", R"({"interval_s": -1})"), testing::HasSubstr("-1 is outside"));
  EXPECT_THAT(refusal_of("Reduce", R"({"operation": "median"})"), testing::HasSubstr("\"median\""));
}

}  // namespace
}  // namespace streamlab::test
