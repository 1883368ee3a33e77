// tests/nodes/sinks/print_test.cpp
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <numbers>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "tests/support/node_harness.hpp"
#include "tests/support/not_finite.hpp"
#include "tests/support/signals.hpp"

namespace streamlab::test {
namespace {

// A console that keeps what is written to it.
class Console {
 public:
  explicit Console(streamlab::Console mode = streamlab::Console::text) {
    context_.console = mode;
    context_.console_file = open_memstream(&text_, &size_);
  }
  ~Console() {
    std::fclose(context_.console_file);
    std::free(text_);
  }
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  const PrepareContext& context() const { return context_; }
  std::string text() const { return {text_, size_}; }

 private:
  char* text_ = nullptr;
  std::size_t size_ = 0;
  PrepareContext context_;
};

// What a Print with that configuration writes for `frame`, given `times`.
std::string printed(std::string_view config, const DataFrame& frame, int times = 1,
                    streamlab::Console mode = streamlab::Console::text) {
  const Console console(mode);
  NodeHarness print("Print", config, std::vector<StreamFormat>{frame.format()}, console.context());
  for (int i = 0; i < times; ++i) { print.process(frame); }
  print.finish();
  std::fflush(console.context().console_file);
  return console.text();
}

DataFrame frame_of(StreamFormat format, const std::vector<std::vector<double>>& data) {
  DataFrame frame(std::make_shared<const StreamFormat>(std::move(format)));
  frame.header() = {.timestamp_us = 21333, .sequence_id = 7, .position = 1024, .gap_frames = 0, .flags = 0};
  frame.set_frame_count(static_cast<std::uint32_t>(data[0].size()));
  for (std::uint32_t c = 0; c < data.size(); ++c) {
    std::copy(data[c].begin(), data[c].end(), frame.channel(c).begin());
  }
  return frame;
}

DataFrame stereo() {
  return frame_of(audio_format(48000.0, {"left", "right"}, 8),
                  {{1.0, 0.0, -0.5, 0.5}, {0.25, 0.25, 0.25, 0.25}});
}

DataFrame values(double level) {
  StreamFormat format;
  format.kind = StreamKind::values;
  format.channels = {{"left.rms_db", "dBFS"}, {"left.ratio", ""}};
  format.max_frames = 1;
  return frame_of(format, {{level}, {0.5}});
}

DataFrame spectrum(const std::vector<double>& bins) {
  StreamFormat format;
  format.kind = StreamKind::spectrum;
  format.channels = {{"left", "FS"}};
  format.axis = {"frequency", "Hz", 0.0, 46.875};
  format.max_frames = 8;
  return frame_of(format, {bins});
}

// ---- brief: one line a channel

TEST(Print, ShowsAudio) {  // rms² of the left channel: (1 + 0.25 + 0.25) / 4
  EXPECT_EQ(printed(R"({"label": "Async Output"})", stereo()),
            "[Async Output] 0:00.021  left   rms  0.612 FS  mean  0.250 FS\n"
            "[Async Output] 0:00.021  right  rms  0.250 FS  mean  0.250 FS\n");
}

// What a LevelMeter gives for a sine of amplitude 0.5.
DataFrame levels(double peak_db, double clipped = 0.0) {
  StreamFormat format;
  format.kind = StreamKind::values;
  format.channels = {{"left.peak", "FS"},           {"left.peak_db", "dBFS"},
                     {"left.rms_db", "dB re 1 FS"}, {"left.dc", "FS"},
                     {"left.clipped", "samples"},   {"right.peak_db", "dBFS"},
                     {"right.rms_db", "dB re 1 FS"}};
  format.notes = {{"brief", "peak_db rms_db"}, {"bar", "rms_db peak_db"}};
  format.max_frames = 1;
  return frame_of(format, {{0.5}, {peak_db}, {peak_db - 3.0103}, {1e-7}, {clipped}, {kNaN}, {kNaN}});
}

TEST(Print, ShowsLevelsInALineAChannel) {
  EXPECT_EQ(printed("{}", levels(-6.0206)),
            "[Print] 0:00.021  left   peak   -6.02 dBFS  rms   -9.03 dB re 1 FS\n"
            "[Print] 0:00.021  right  peak      --  rms      --\n");
  EXPECT_THAT(
      printed("{}", levels(0.0, 12.0)),
      testing::StartsWith(
          "[Print] 0:00.021  left   peak    0.00 dBFS  rms   -3.01 dB re 1 FS  clipped 12 samples\n"));
}

TEST(Print, ShowsValuesWithTheirUnits) {
  EXPECT_EQ(printed("{}", values(-20.125)), "[Print] 0:00.021  left  rms  -20.12 dBFS  ratio  0.500\n");
  EXPECT_THAT(printed("{}", values(kNaN)), testing::HasSubstr("left  rms      --  ratio"));
  StreamFormat format;
  format.kind = StreamKind::values;
  format.channels = {{"tempo", "1/min"}, {"a", ""}};  // of a program
  format.max_frames = 1;
  EXPECT_EQ(printed("{}", frame_of(format, {{12345.6}, {-0.00012345}})),
            "[Print] 0:00.021  tempo   12300 1/min\n"
            "[Print] 0:00.021  a      -0.000123\n");
}

// The three largest, at the place and with the level of the tone that makes them. Without a window that is known a
// peak lies on its bin.
TEST(Print, ShowsThePeaksOfASpectrum) {
  EXPECT_EQ(printed("{}", spectrum({kNaN, 0.25, 0.5, 0.125})),
            "[Print] 0:00.021  left    -6.02 dB re 1 FS at 93.8 Hz\n");
  EXPECT_EQ(printed("{}", spectrum({kNaN, kNaN})), "[Print] 0:00.021  left  no peak\n");
  StreamFormat format = spectrum({0.0}).format();
  format.notes = {{"window", "hann"}, {"fft_size", "1024"}};
  format.axis.step = 40.0;
  // A Hann window halves the amplitude of a tone two bins wide: 1/2, 1, 1/2 on a bin; 8/(3π) = 0.8488 on both sides
  // of one that lies in the middle between two.
  EXPECT_EQ(printed("{}", frame_of(format, {{0.0, 0.5, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0}})),
            "[Print] 0:00.021  left     0.00 dB re 1 FS at 80.0 Hz\n");
  EXPECT_EQ(printed("{}", frame_of(format, {{0.0, 0.16977, 0.84883, 0.84883, 0.16977, 0.0, 0.0, 0.0}})),
            "[Print] 0:00.021  left     0.00 dB re 1 FS at 100.0 Hz\n");
  format.channels[0].unit = "dBFS";  // levels stay what they are
  EXPECT_EQ(
      printed("{}", frame_of(format, {{-200.0, -26.0206, -20.0, -26.0206, -200.0, -200.0, -200.0, -200.0}})),
      "[Print] 0:00.021  left   -20.00 dBFS at 80.0 Hz\n");
  format.channels[0].unit = "FS²/Hz";  // a density: 10 lg
  EXPECT_EQ(printed("{}", frame_of(format, {{0.0, 0.0025, 0.01, 0.0025, 0.0, 0.0, 0.0, 0.0}})),
            "[Print] 0:00.021  left   -20.00 dB re 1 FS²/Hz at 80.0 Hz\n");
}

// A tone of amplitude 0.5 on a bin, as a Spectrum of each scaling has it: the unit tells the reference.
TEST(Print, NamesTheReferenceOfALevelOfATone) {
  const auto level = [](const char* scaling, const char* unit, double bin) {
    StreamFormat format = spectrum({0.0}).format();
    format.notes = {{"scaling", scaling}};
    format.channels[0].unit = unit;
    const std::string line = printed("{}", frame_of(format, {{0.0, 0.0, bin, 0.0}}));
    const std::size_t from = line.find_first_not_of(' ', line.find("left") + 4);
    return line.substr(from, line.find(" at ") - from);
  };
  const double rms = 0.5 / std::numbers::sqrt2;
  EXPECT_EQ(level("amplitude", "FS", 0.5), "-6.02 dBFS");  // a full-scale sine reads 0
  EXPECT_EQ(level("rms", "FS", rms), "-9.03 dB re 1 FS");  // as rms_db of a LevelMeter
  EXPECT_EQ(level("power", "FS²", rms * rms), "-9.03 dB re 1 FS²");
  EXPECT_EQ(level("psd", "FS²/Hz", 0.01), "-20.00 dB re 1 FS²/Hz");
  // 0.35355 Pa: 20 lg (0.35355 / 20e-6) = 84.95 dB SPL, however the spectrum is scaled.
  EXPECT_EQ(level("amplitude", "Pa", 0.5), "84.95 dB SPL");
  EXPECT_EQ(level("rms", "Pa", rms), "84.95 dB SPL");
  EXPECT_EQ(level("power", "Pa²", rms * rms), "84.95 dB SPL");
  EXPECT_EQ(level("psd", "Pa²/Hz", 4e-10), "0.00 dB re (20 µPa)²/Hz");
  EXPECT_EQ(level("amplitude", "V", 0.5), "-9.03 dBV");
  EXPECT_EQ(level("amplitude", "m/s²", 0.5), "-9.03 dB re 1 m/s²");  // that square is of the time
  EXPECT_EQ(level("amplitude", "", 0.5), "-6.02 dB");                // plain numbers: nobody knows of what
}

// A density has no tones: no peak lies between its bins.
TEST(Print, LeavesThePeaksOfADensityOnTheirBins) {
  StreamFormat format = spectrum({0.0}).format();
  format.notes = {{"window", "hann"}, {"fft_size", "1024"}, {"scaling", "psd"}};
  format.axis.step = 40.0;
  format.channels[0].unit = "FS²/Hz";
  EXPECT_EQ(printed("{}", frame_of(format, {{0.001, 0.01, 0.0099, 0.0}})),
            "[Print] 0:00.021  left   -20.00 dB re 1 FS²/Hz at 40.0 Hz\n");
}

// In the order in which they are looked at, not in that of the channels; in Pa as in FS.
TEST(Print, ShowsLevelsInTheOrderOfTheNote) {
  StreamFormat format;
  format.kind = StreamKind::values;
  format.channels = {{"left.crest_db", "dB"},
                     {"left.clipped", "samples"},
                     {"left.peak_db_spl", "dB SPL"},
                     {"left.rms_db_spl", "dB SPL"}};
  format.notes = {{"brief", "peak_db_spl rms_db_spl crest_db"}};
  format.max_frames = 1;
  EXPECT_EQ(
      printed("{}", frame_of(format, {{3.0}, {2.0}, {117.0}, {114.0}})),
      "[Print] 0:00.021  left  peak  117.00 dB SPL  rms  114.00 dB SPL  crest    3.00 dB  clipped 2 samples\n");
}

// What a Reduce makes of a LevelMeter is one line a channel, too.
TEST(Print, ShowsReducedLevelsInALineAChannel) {
  StreamFormat format = levels(0.0).format();
  for (ChannelInfo& channel : format.channels) { channel.name += ".max"; }
  format.notes["reduced"] = "max";
  EXPECT_EQ(printed("{}", frame_of(format, {{0.5}, {-6.0206}, {-9.0309}, {0.0}, {0.0}, {kNaN}, {kNaN}})),
            "[Print] 0:00.021  left   max peak   -6.02 dBFS  max rms   -9.03 dB re 1 FS\n"
            "[Print] 0:00.021  right  max peak      --  max rms      --\n");
  format = audio_format(48000.0, {"left.mean"}, 1);  // of sound: there is nothing to join
  format.kind = StreamKind::values;
  format.notes["reduced"] = "mean";
  EXPECT_EQ(printed("{}", frame_of(format, {{0.25}})), "[Print] 0:00.021  left  mean  0.250 FS\n");
}

TEST(Print, TellsTheTimeOfDayOfALiveBlock) {
  ASSERT_EQ(::setenv("TZ", "UTC-1", 1), 0);  // an hour ahead of UTC
  ::tzset();
  DataFrame frame = stereo();
  frame.header().timestamp_us = 1'700'000'000'123'456;  // 2023-11-14 22:13:20.123456 UTC
  EXPECT_THAT(printed("{}", frame), testing::StartsWith("[Print] 23:13:20.123  left "));
  EXPECT_THAT(printed(R"({"format": "full"})", frame),
              testing::StartsWith("[Print] Frame #7 @ 1700000000123456 µs (23:13:20.123)\n"));
  frame.header().timestamp_us = 3'723'004'000;
  EXPECT_THAT(printed("{}", frame), testing::StartsWith("[Print] 1:02:03.004  left "));
  ::unsetenv("TZ");
  ::tzset();
}

TEST(Print, TellsWhatIsWrongWithABlock) {
  DataFrame frame = stereo();
  frame.channel(1U)[2] = kNaN;
  frame.header().set(FrameFlag::gap);
  frame.header().gap_frames = 480;
  frame.header().set(FrameFlag::clipped);
  flag_bad_samples(frame);
  EXPECT_EQ(
      printed("{}", frame),
      "[Print] 0:00.021  left   rms  0.612 FS  mean  0.250 FS  (gap of 480 frames, clipped, not_finite)\n"
      "[Print] 0:00.021  right  rms  0.250 FS  mean  0.250 FS  not_finite 1 samples"
      "  (gap of 480 frames, clipped, not_finite)\n");
}

TEST(Print, ShowsABlockOfNoFrames) {
  const DataFrame frame = frame_of(audio_format(48000.0, {"left"}, 8), {{}});
  EXPECT_EQ(printed("{}", frame), "[Print] 0:00.021  left  rms     --  mean     --\n");
}

// One value, without its unit.
std::string shown(double value, const std::string& unit) {
  StreamFormat format;
  format.kind = StreamKind::values;
  format.channels = {{"u", unit}};
  format.max_frames = 1;
  const std::string line = printed("{}", frame_of(format, {{value}}));
  const std::size_t from = line.find_first_not_of(' ', line.find("  u") + 3);
  return line.substr(from, line.find(" " + unit) - from);
}

TEST(Print, WritesThreeDigits) {
  EXPECT_EQ(shown(9.996, "V"), "10.0");
  EXPECT_EQ(shown(-99.96, "V"), "-100");
  EXPECT_EQ(shown(0.00099999, "V"), "0.00100");
  EXPECT_EQ(shown(1234567.0, "V"), "1230000");
  EXPECT_EQ(shown(1.234e7, "V"), "1.23e+07");
  EXPECT_EQ(shown(7.07169e-5, "V"), "7.07e-05");
  EXPECT_EQ(shown(-0.0, "V"), "0");
  EXPECT_EQ(shown(std::numeric_limits<double>::infinity(), "V"), "inf");
}

// Whatever their size: a calibrator of 114 dB is set to a hundredth.
TEST(Print, WritesLevelsWithTwoDecimals) {
  EXPECT_EQ(shown(0.12345, "dB"), "0.12");
  EXPECT_EQ(shown(-1e-12, "dB"), "0.00");
  EXPECT_EQ(shown(-12.345, "dB"), "-12.35");  // the next double below
  EXPECT_EQ(shown(106.5, "dB SPL"), "106.50");
  EXPECT_EQ(shown(100.0002, "dB SPL"), "100.00");
  EXPECT_EQ(shown(-123.456, "LUFS"), "-123.46");
  EXPECT_EQ(shown(-std::numeric_limits<double>::infinity(), "dBFS"), "-inf");
}

// ---- full

TEST(Print, ShowsAllDigitsOfAllNumbers) {
  constexpr std::string_view kFull = R"({"format": "full"})";
  EXPECT_EQ(printed(kFull, stereo()),
            "[Print] Frame #7 @ 21333 µs\n"
            "  left: len=4, mean=0.25, rms=0.6123724356957945\n"
            "  right: len=4, mean=0.25, rms=0.25\n");
  EXPECT_EQ(printed(kFull, values(-20.125)),
            "[Print] Frame #7 @ 21333 µs\n"
            "  left.rms_db: -20.125 dBFS\n"
            "  left.ratio: 0.5\n");
  EXPECT_THAT(printed(kFull, values(kNaN)), testing::HasSubstr("  left.rms_db: null\n"));
  EXPECT_EQ(printed(kFull, spectrum({kNaN, 0.25, 0.5, 0.125})),
            "[Print] Frame #7 @ 21333 µs\n"
            "  left: bins=4, peak=0.5 FS at 93.75 Hz\n");
  EXPECT_THAT(printed(kFull, spectrum({kNaN, kNaN})), testing::HasSubstr("  left: bins=2, peak=null\n"));
  const DataFrame empty = frame_of(audio_format(48000.0, {"left"}, 8), {{}});
  EXPECT_THAT(printed(kFull, empty), testing::HasSubstr("  left: len=0, mean=null, rms=null\n"));
  DataFrame frame = stereo();
  frame.header().set(FrameFlag::gap);
  frame.header().gap_frames = 480;
  EXPECT_THAT(printed(kFull, frame),
              testing::StartsWith("[Print] Frame #7 @ 21333 µs (gap of 480 frames)\n"));
}

// ---- on a terminal

// What a terminal was told. (It shows a line end as CR LF.)
class Terminal {
 public:
  Terminal() : fd_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    ::grantpt(fd_);
    ::unlockpt(fd_);
    file_ = std::fopen(::ptsname(fd_), "w");
  }
  ~Terminal() {
    std::fclose(file_);
    ::close(fd_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  std::FILE* file() const { return file_; }
  std::string line() const {
    std::string text;
    for (char c = 0; ::read(fd_, &c, 1) == 1 && c != '\n';) {
      if (c != '\r') { text += c; }
    }
    return text;
  }

 private:
  int fd_;
  std::FILE* file_ = nullptr;
};

TEST(Print, ShowsABarOnATerminalAndHoldsItsPeaks) {
  const Terminal terminal;
  ASSERT_NE(terminal.file(), nullptr);
  PrepareContext context;
  context.console_file = terminal.file();
  DataFrame frame = levels(-6.0);
  NodeHarness print("Print", "{}", std::vector<StreamFormat>{frame.format()}, context);
  // A cell is 2 dB: rms -9.01 dB fills 26 of 30, the peak -6 dB is the 27th.
  const auto shown_at = [&](double seconds, double peak_db) {
    frame.channel(1U)[0] = peak_db;
    frame.channel(2U)[0] = peak_db - 3.0103;
    frame.header().timestamp_us = static_cast<std::int64_t>(1e6 * seconds);
    print.process(frame);
    const std::string left = terminal.line();
    EXPECT_THAT(terminal.line(), testing::HasSubstr("right  [                              ]  peak      --"));
    return left.substr(left.find('[', 1));
  };
  const auto bar = [](const std::string& cells) { return testing::StartsWith("[" + cells + "]  peak "); };
  EXPECT_THAT(shown_at(0.0, -6.0), bar("##########################|   "));
  EXPECT_THAT(shown_at(1.0, -41.0), bar("########                  |   "));
  EXPECT_THAT(shown_at(3.0, -41.0), bar("########                  |   "));
  EXPECT_THAT(shown_at(3.5, -41.0), bar("######## |                    "));
  EXPECT_THAT(shown_at(4.0, 0.0), bar("#############################!"));
  EXPECT_THAT(shown_at(5.0, -70.0), bar("                             !"));
  print.reset();
  EXPECT_THAT(shown_at(5.5, -70.0), bar("                              "));
}

TEST(Print, ShowsEachNthBlock) {
  const std::string one = printed("{}", stereo());
  EXPECT_EQ(printed(R"({"every": 3})", stereo(), 3), one);
  EXPECT_EQ(printed(R"({"every": 3})", stereo(), 4), one + one);
}

TEST(Print, ChangesHowManyItShows) {
  const Console console;
  const StreamFormat format = audio_format(48000.0, {"a"}, 1);
  NodeHarness print("Print", R"({"every": 100})", std::vector<StreamFormat>{format}, console.context());
  DataFrame frame = print.input_frame();
  frame.set_frame_count(1);
  const auto lines_after = [&](int blocks) {
    for (int i = 0; i < blocks; ++i) { print.process(frame); }
    std::fflush(console.context().console_file);
    const std::string text = console.text();
    return std::count(text.begin(), text.end(), '\n');
  };
  const auto first = lines_after(50);
  ASSERT_TRUE(print.set_params(R"({"every": 10})").empty());
  EXPECT_EQ(lines_after(50), first * 6);  // blocks 0, 50, 60, 70, 80, 90
}

TEST(Print, CountsAnewAfterReset) {
  const Console console;
  const DataFrame frame = stereo();
  NodeHarness print("Print", R"({"every": 2})", std::vector<StreamFormat>{frame.format()}, console.context());
  print.process(frame);
  const std::string first = console.text();
  print.process(frame);
  EXPECT_EQ(console.text(), first);
  print.reset();
  print.process(frame);
  EXPECT_EQ(console.text(), first + first);
}

TEST(Print, WritesOneJsonObjectALine) {
  DataFrame frame = stereo();
  frame.header().set(FrameFlag::gap);
  frame.header().gap_frames = 480;
  frame.metadata().set("frames", 4.0);
  const std::string line =
      printed(R"({"label": "A \"quoted\" label"})", frame, 1, streamlab::Console::json_lines);
  ASSERT_THAT(line, testing::EndsWith("\n"));
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_EQ(nlohmann::json::parse(line), nlohmann::json::parse(R"({
    "label": "A \"quoted\" label", "sequence_id": 7, "timestamp_us": 21333, "position": 1024,
    "flags": ["gap"], "gap_frames": 480, "metadata": {"frames": 4.0}, "kind": "audio",
    "channels": {"left": {"len": 4, "mean": 0.25, "rms": 0.6123724356957945, "unit": "FS", "not_finite": 0},
                 "right": {"len": 4, "mean": 0.25, "rms": 0.25, "unit": "FS", "not_finite": 0}}})"));
  EXPECT_EQ(nlohmann::json::parse(printed("{}", values(kNaN), 1, streamlab::Console::json_lines))["channels"],
            nlohmann::json::parse(R"({"left.rms_db": {"value": null, "unit": "dBFS"},
                                      "left.ratio": {"value": 0.5, "unit": ""}})"));
  EXPECT_EQ(nlohmann::json::parse(
                printed("{}", spectrum({0.25, 0.5}), 1, streamlab::Console::json_lines))["channels"],
            nlohmann::json::parse(R"({"left": {"bins": 2, "peak": 0.5, "unit": "FS", "at": 46.875,
                                               "at_unit": "Hz"}})"));
}

TEST(Print, IsSilentWhenTheConsoleIsOff) {
  EXPECT_EQ(printed("{}", stereo(), 3, streamlab::Console::off), "");
}

TEST(Print, SaysWhyItCannotWrite) {
  PrepareContext context;
  context.console_file = std::fopen("/dev/full", "w");
  ASSERT_NE(context.console_file, nullptr);
  const DataFrame frame = stereo();
  NodeHarness print("Print", "{}", std::vector<StreamFormat>{frame.format()}, context);
  print.process(frame);
  std::fclose(context.console_file);
  EXPECT_EQ(print.last_status(), Status::fault);
  EXPECT_EQ(to_string(print.node().failure()), "standard output: cannot be written: No space left on device");
}

TEST(Print, RefusesWhatItCannotUse) {
  EXPECT_EQ(to_string(NodeHarness::refusals("Print", R"({"every": 0})"), ""),
            "/every: 0 is outside 1 .. 1000000000 blocks\n");
  EXPECT_FALSE(NodeHarness::refusals("Print", R"({"label": 5})").empty());
  EXPECT_EQ(to_string(NodeHarness::refusals("Print", R"({"format": "long"})"), ""),
            "/format: there is no format \"long\"; expected \"brief\" or \"full\"\n");
}

}  // namespace
}  // namespace streamlab::test
