// tests/nodes/sinks/print_test.cpp
#include <cstdio>
#include <cstdlib>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
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

TEST(Print, ShowsAudio) {  // rms² of the left channel: (1 + 0.25 + 0.25) / 4
  EXPECT_EQ(printed(R"({"label": "Async Output"})", stereo()),
            "[Async Output] Frame #7 @ 21333 µs\n"
            "  left: len=4, mean=0.25, rms=0.612372\n"
            "  right: len=4, mean=0.25, rms=0.25\n");
}

TEST(Print, ShowsValuesWithTheirUnits) {
  EXPECT_EQ(printed("{}", values(-20.125)),
            "[Print] Frame #7 @ 21333 µs\n"
            "  left.rms_db: -20.125 dBFS\n"
            "  left.ratio: 0.5\n");
  EXPECT_THAT(printed("{}", values(kNaN)), testing::HasSubstr("  left.rms_db: null\n"));
}

TEST(Print, ShowsThePeakOfASpectrum) {
  EXPECT_EQ(printed("{}", spectrum({kNaN, 0.25, 0.5, 0.125})),
            "[Print] Frame #7 @ 21333 µs\n"
            "  left: bins=4, peak=0.5 FS at 93.75 Hz\n");
  EXPECT_THAT(printed("{}", spectrum({kNaN, kNaN})), testing::HasSubstr("  left: bins=2, peak=null\n"));
}

TEST(Print, TellsWhatIsWrongWithABlock) {
  DataFrame frame = stereo();
  frame.channel(1U)[2] = kNaN;
  frame.header().set(FrameFlag::gap);
  frame.header().gap_frames = 480;
  frame.header().set(FrameFlag::clipped);
  flag_bad_samples(frame);
  EXPECT_EQ(printed("{}", frame),
            "[Print] Frame #7 @ 21333 µs (gap of 480 frames, clipped, not_finite)\n"
            "  left: len=4, mean=0.25, rms=0.612372\n"
            "  right: len=4, mean=0.25, rms=0.25, not_finite=1\n");
}

TEST(Print, ShowsABlockOfNoFrames) {
  const DataFrame frame = frame_of(audio_format(48000.0, {"left"}, 8), {{}});
  EXPECT_THAT(printed("{}", frame), testing::HasSubstr("  left: len=0, mean=null, rms=null\n"));
}

TEST(Print, ShowsEachNthBlock) {
  const std::string one = printed("{}", stereo());
  EXPECT_EQ(printed(R"({"every": 3})", stereo(), 3), one);
  EXPECT_EQ(printed(R"({"every": 3})", stereo(), 4), one + one);
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
}

}  // namespace
}  // namespace streamlab::test
