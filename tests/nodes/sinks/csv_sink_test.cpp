// tests/nodes/sinks/csv_sink_test.cpp
#include <cstdlib>
#include <ctime>
#include <limits>

#include <gmock/gmock.h>

#include "tests/nodes/sinks/sink_config.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/not_finite.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing

TEST(CsvSink, WritesARowForEveryBlockOfValues) {
  const TempDir dir;
  const std::string path = dir.file("a.csv");
  StreamFormat format;
  format.kind = StreamKind::values;
  format.sample_rate_hz = 48000.0;
  format.channels = {{"left.rms", "dB"}, {"plain", ""}, {"a, \"b\"", "Hz"}};
  format.max_frames = 1;
  {
    NodeHarness sink("CsvSink", config(path), {format});
    DataFrame block = sink.input_frame();
    block.set_frame_count(1);
    block.header() = {1500000, 3, 72000, 0, 0};
    block.channel(0U)[0] = -20.5;
    block.channel(1U)[0] = kNaN;
    block.channel(2U)[0] = 0.1;
    sink.process(block);
    block.header() = {2500000, 4, 120000, 256, 0, 4800};
    block.header().set(FrameFlag::gap);
    block.header().set(FrameFlag::incomplete);
    block.channel(1U)[0] = -kInfinity;
    sink.process(block);
  }
  EXPECT_EQ(
      content_of(path),
      "position,seconds,timestamp_us,sequence_id,flags,gap_frames,length_frames,left.rms [dB],plain,\"a, \"\"b\"\" "
      "[Hz]\"\r\n"
      "72000,1.5,1500000,3,,0,,-20.5,,0.1\r\n"
      "120000,2.5,2500000,4,gap incomplete,256,4800,-20.5,-inf,0.1\r\n");
}

TEST(CsvSink, WritesARowForEveryBinOfASpectrum) {
  const TempDir dir;
  const std::string path = dir.file("a.csv");
  StreamFormat format;
  format.kind = StreamKind::spectrum;
  format.sample_rate_hz = 48000.0;
  format.channels = {{"left", "dB"}, {"right", "dB"}};
  format.axis = {"frequency", "Hz", 10.0, 2.5};
  format.max_frames = 3;
  {
    NodeHarness sink("CsvSink", config(path), {format});
    DataFrame block = sink.input_frame();
    block.set_frame_count(3);
    block.header() = {1000000, 7, 48000, 0, 0, 4096};
    for (std::uint32_t n = 0; n < 3; ++n) {
      block.channel(0U)[n] = -10.0 * n;
      block.channel(1U)[n] = -100.0;
    }
    sink.process(block);
  }
  EXPECT_EQ(
      content_of(path),
      "position,seconds,timestamp_us,sequence_id,flags,gap_frames,length_frames,frequency [Hz],left [dB],right [dB]\r\n"
      "48000,1,1000000,7,,0,4096,10,-0,-100\r\n"
      "48000,1,1000000,7,,0,4096,12.5,-10,-100\r\n"
      "48000,1,1000000,7,,0,4096,15,-20,-100\r\n");
}

TEST(CsvSink, WritesARowForEveryFrameOfAudioTheSameForEveryBlockSize) {
  const TempDir dir;
  const Signal signal = {{0.1, -0.5, 0.25}, {0.0, 0.125, 1.0 / 3.0}};
  for (const std::uint32_t block : {1U, 2U, 3U}) {
    const std::string path = dir.file("a" + std::to_string(block));
    { NodeHarness("CsvSink", config(path), {2.0, 2, 3}).run(signal, block); }
    EXPECT_EQ(content_of(path),
              "position,seconds,flags,gap_frames,left [FS],right [FS]\r\n"
              "0,0,,0,0.1,0\r\n"
              "1,0.5,,0,-0.5,0.125\r\n"
              "2,1,,0,0.25,0.3333333333333333\r\n")
        << "block of " << block;
  }
}

// What people and spreadsheets read, beside the microseconds; nothing where there is only the time since the beginning.
TEST(CsvSink, WritesDateAndTimeOnRequest) {
  const TempDir dir;
  ASSERT_EQ(::setenv("TZ", "UTC-1", 1), 0);  // an hour ahead of UTC
  ::tzset();
  const auto written = [&](const std::string& zone, StreamKind kind) {
    const std::string path = dir.file(zone + (kind == StreamKind::audio ? "a" : "v"));
    StreamFormat format = audio_format(2.0, {"a"}, 2);
    format.kind = kind;
    {
      NodeHarness sink("CsvSink", config(path, R"("date_time": ")" + zone + R"(")"), {format});
      DataFrame block = sink.input_frame();
      block.set_frame_count(kind == StreamKind::audio ? 2 : 1);
      block.header() = {1'700'000'000'123'456, 3, 4, 0, 0};  // 2023-11-14 22:13:20.123456 UTC
      sink.process(block);
      block.header() = {1'500'000, 4, 6, 0, 0};
      block.set_frame_count(1);
      sink.process(block);
    }
    return content_of(path);
  };
  EXPECT_EQ(written("local", StreamKind::values),
            "position,seconds,timestamp_us,date_time,sequence_id,flags,gap_frames,length_frames,a [FS]\r\n"
            "4,2,1700000000123456,2023-11-14 23:13:20.123,3,,0,,0\r\n"
            "6,3,1500000,,4,,0,,0\r\n");
  EXPECT_EQ(written("utc", StreamKind::audio),
            "position,seconds,date_time [UTC],flags,gap_frames,a [FS]\r\n"
            "4,2,2023-11-14 22:13:20.123,,0,0\r\n"
            "5,2.5,2023-11-14 22:13:20.623,,0,0\r\n"
            "6,3,,,0,0\r\n");
  ::unsetenv("TZ");
  ::tzset();
}

TEST(CsvSink, WritesDecimalCommasOnRequest) {
  const TempDir dir;
  const std::string path = dir.file("a.csv");
  StreamFormat format;
  format.kind = StreamKind::spectrum;
  format.sample_rate_hz = 48000.0;
  format.channels = {{"left", "dB"}, {"a;b.c", "dB"}};
  format.axis = {"frequency", "Hz", 10.0, 2.5};
  format.max_frames = 2;
  {
    NodeHarness sink("CsvSink", config(path, R"("decimal": "comma")"), {format});
    DataFrame block = sink.input_frame();
    block.set_frame_count(2);
    block.header() = {1000000, 7, 24000, 0, 0, 4096};
    block.channel(0U)[0] = -20.5;
    block.channel(0U)[1] = 1e-7;
    block.channel(1U)[0] = kNaN;
    block.channel(1U)[1] = 0.0;
    sink.process(block);
  }
  EXPECT_EQ(
      content_of(path),
      "position;seconds;timestamp_us;sequence_id;flags;gap_frames;length_frames;frequency [Hz];left [dB];"
      "\"a;b.c [dB]\"\r\n"
      "24000;0,5;1000000;7;;0;4096;10;-20,5;\r\n"
      "24000;0,5;1000000;7;;0;4096;12,5;1e-07;0\r\n");
  EXPECT_EQ(
      to_string(NodeHarness::refusals("CsvSink", config("-", R"("decimal": "comma")")), ""),
      "/config/decimal: \"comma\" cannot be used on standard output, nor in the table of a batch; expected a file as \"path\"\n");
}

TEST(CsvSink, FlagsTheFramesOfAudioThatAreMeant) {
  const TempDir dir;
  const std::string path = dir.file("a.csv");
  {
    NodeHarness sink("CsvSink", config(path), {2.0, 1, 3});
    DataFrame block = sink.input_frame();
    block.set_frame_count(3);
    block.set_header({0, 0, 10, 5, flag_bit(FrameFlag::gap) | flag_bit(FrameFlag::end_of_stream)});
    block.flag_frames(FrameFlag::clipped, 1, 1);
    sink.process(block);
  }
  EXPECT_EQ(content_of(path),
            "position,seconds,flags,gap_frames,main_channel [FS]\r\n"
            "10,5,gap,5,0\r\n"
            "11,5.5,clipped,0,0\r\n"
            "12,6,end_of_stream,0,0\r\n");
}

TEST(CsvSink, StartsTheFileAgainAfterReset) {
  const TempDir dir;
  const std::string path = dir.file("a.csv");
  {
    NodeHarness sink("CsvSink", config(path));
    sink.run({{0.5, 0.5}}, 1);
    sink.reset();
    sink.run({{0.25}}, 1);
  }
  EXPECT_EQ(content_of(path), "position,seconds,flags,gap_frames,main_channel [FS]\r\n0,0,,0,0.25\r\n");
}

TEST(CsvSink, WritesToStdoutOnRequest) {
  testing::internal::CaptureStdout();
  { NodeHarness("CsvSink", config("-")).run({{0.5}}, 1); }
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("0,0,,0,0.5\r\n"));
}

TEST(CsvSink, KeepsAFileThatExistsUnlessToldOtherwise) {
  const TempDir dir;
  const std::string path = dir.write("a.csv", "precious");
  EXPECT_THROW(NodeHarness("CsvSink", config(path)), std::runtime_error);
  EXPECT_EQ(content_of(path), "precious");
  { NodeHarness sink("CsvSink", config(path, R"("overwrite": true)")); }
  EXPECT_THAT(content_of(path), HasSubstr("position,"));
  EXPECT_THAT(NodeHarness::refusals("CsvSink", "{}"), SizeIs(1));
}

}  // namespace
}  // namespace streamlab
