// tests/nodes/sources/file_source_test.cpp
#include <cmath>
#include <cstring>

#include <gmock/gmock.h>

#include "nodes/sound_file/sound_file_writer.hpp"
#include "tests/nodes/sound_file/wave_bytes.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing

// A 16-bit file whose frame n holds the codes n in the first channel and -n in the second.
std::string counting_file(const TempDir& dir, int channels, int frames, std::uint32_t rate_hz = 48000) {
  std::string samples;
  for (int n = 0; n < frames; ++n) {
    samples += little(static_cast<std::uint64_t>(n), 2);
    if (channels == 2) { samples += little(static_cast<std::uint16_t>(-n), 2); }
  }
  return dir.write("count.wav", s16_wave(channels, rate_hz, samples));
}

std::string config(const std::string& path, const std::string& more = "") {
  return R"({"path": ")" + path + "\"" + (more.empty() ? "" : ", " + more) + "}";
}

// The codes of one channel.
std::vector<int> codes(const std::vector<DataFrame>& frames, std::uint32_t channel = 0) {
  std::vector<int> list;
  for (const DataFrame& frame : frames) {
    for (const double x : frame.channel(channel)) {
      list.push_back(static_cast<int>(std::lround(x * 32768.0)));
    }
  }
  return list;
}

std::vector<int> count_from(int first, int count) {
  std::vector<int> list;
  for (int n = 0; n < count; ++n) { list.push_back(first + n); }
  return list;
}

std::string only_refusal(const std::string& json, AudioShape shape = {}) {
  const Errors errors = NodeHarness::refusals("FileSource", json, shape);
  EXPECT_THAT(errors, SizeIs(1));
  return errors.empty() ? std::string() : to_string(errors[0]);
}

TEST(FileSource, PlaysAStereoFileFromItsStartToItsEnd) {
  const TempDir dir;
  NodeHarness source("FileSource", config(counting_file(dir, 2, 1000)), {48000.0, 2, 256});
  EXPECT_EQ(source.outputs()[0].format, audio_format(48000.0, {"left", "right"}, 256, 32767.0 / 32768.0));
  const auto frames = source.run_source(10);
  EXPECT_EQ(source.last_status(), Status::done);
  ASSERT_THAT(frames, SizeIs(4));
  EXPECT_EQ(codes(frames, 0), count_from(0, 1000));
  EXPECT_EQ(codes(frames, 1)[999], -999);
  EXPECT_EQ(frames[3].position(), 768);
  EXPECT_EQ(frames[3].timestamp_us(), 16000);  // 768 / 48000 s
  EXPECT_EQ(frames[3].sequence_id(), 3U);
  EXPECT_EQ(frames[3].frame_count(), 232U);
  EXPECT_TRUE(frames[3].header().has(FrameFlag::end_of_stream));
  EXPECT_FALSE(frames[2].header().has(FrameFlag::end_of_stream));
  EXPECT_THAT(source.node().notes(), IsEmpty());
}

TEST(FileSource, NamesTheChannelOfAMonoFileMainChannel) {
  const TempDir dir;
  NodeHarness source("FileSource", config(counting_file(dir, 1, 10)));
  EXPECT_EQ(source.outputs()[0].format.channels[0].name, "main_channel");
  EXPECT_EQ(codes(source.run_source(2)), count_from(0, 10));
}

TEST(FileSource, GivesTheSameSamplesForEveryBlockSize) {
  const TempDir dir;
  const std::string path = counting_file(dir, 2, 2000);
  for (const int block : {1, 7, 64, 480, 1024, 4096}) {
    NodeHarness source("FileSource", config(path, "\"loop\": 2, \"frame_size\": " + std::to_string(block)));
    auto expected = count_from(0, 2000);
    expected.insert(expected.end(), expected.begin(), expected.begin() + 2000);
    EXPECT_EQ(codes(source.run_source(5000)), expected) << "block of " << block;
  }
}

TEST(FileSource, PlaysARangeAndCountsPositionsFromTheStartOfTheFile) {
  const TempDir dir;
  const std::string path = counting_file(dir, 1, 1000, 8000);
  for (const char* range : {R"("start_frame": 200, "end_frame": 280)", R"("start_s": 0.025, "end_s": 0.035)",
                            R"("start_s": 0.025, "end_frame": 280)"}) {
    NodeHarness source("FileSource", config(path, range), {8000.0, 1, 64});
    const auto frames = source.run_source(10);
    EXPECT_EQ(codes(frames), count_from(200, 80)) << range;
    EXPECT_EQ(frames[0].position(), 200) << range;
    EXPECT_EQ(frames[1].position(), 264) << range;
  }
}

TEST(FileSource, PlaysTheRangeSeveralTimesWithoutASeam) {
  const TempDir dir;
  NodeHarness source("FileSource",
                     config(counting_file(dir, 1, 100), R"("loop": 3, "start_frame": 90, "frame_size": 16)"));
  const auto frames = source.run_source(10);
  auto expected = count_from(90, 10);
  for (int round = 1; round < 3; ++round) {
    for (int n = 90; n < 100; ++n) { expected.push_back(n); }
  }
  EXPECT_EQ(codes(frames), expected);
  EXPECT_EQ(frames[0].frame_count(), 16U);  // across the seam
  EXPECT_EQ(frames[1].position(), 106);     // goes on growing
  EXPECT_EQ(source.last_status(), Status::done);
}

TEST(FileSource, PlaysForeverOnRequest) {
  const TempDir dir;
  NodeHarness source("FileSource", config(counting_file(dir, 1, 10), R"("loop": 0, "frame_size": 7)"));
  const auto frames = source.run_source(1000);
  EXPECT_EQ(source.last_status(), Status::ok);
  EXPECT_EQ(codes(frames)[6999], 9);
  EXPECT_FALSE(frames[999].header().has(FrameFlag::end_of_stream));
}

TEST(FileSource, SaysHowManyFramesItWillGive) {
  const TempDir dir;
  const std::string path = counting_file(dir, 1, 1000);
  const auto length = [&](const std::string& more) {
    return NodeHarness("FileSource", config(path, more)).outputs()[0].length_frames;
  };
  EXPECT_EQ(length(""), 1000U);
  EXPECT_EQ(length(R"("start_frame": 100, "end_frame": 300, "loop": 3)"), 600U);
  EXPECT_EQ(length(R"("loop": 0)"), std::nullopt);
}

TEST(FileSource, BeginsAnewAfterReset) {
  const TempDir dir;
  const std::string json =
      config(counting_file(dir, 2, 1000), R"("start_frame": 17, "loop": 2, "frame_size": 100)");
  NodeHarness fresh("FileSource", json);
  const auto expected = fresh.run_source(100);
  NodeHarness source("FileSource", json);
  for (const std::uint32_t before : {1U, 12U, 100U}) {
    source.run_source(before);
    source.reset();
    const auto again = source.run_source(100);
    ASSERT_THAT(again, SizeIs(expected.size()));
    EXPECT_EQ(samples_of(again), samples_of(expected));
    EXPECT_EQ(again[0].position(), 17);
    EXPECT_EQ(again.back().header().flags, expected.back().header().flags);
  }
}

TEST(FileSource, EndsAtOnceWhenThereIsNothingToPlay) {
  const TempDir dir;
  NodeHarness source("FileSource", config(counting_file(dir, 1, 0), R"("loop": 0)"));
  EXPECT_THAT(source.run_source(3), IsEmpty());
  EXPECT_EQ(source.last_status(), Status::done);
}

TEST(FileSource, FlagsAndCountsNaNAndFullScale) {
  const TempDir dir;
  std::string samples;
  for (const float x : {0.5F, NAN, 0.5F, 0.5F, 1.0F, 0.5F}) {
    std::string bytes(4, '\0');
    std::memcpy(bytes.data(), &x, 4);
    samples += bytes;
  }
  const std::string path =
      dir.write("nan.wav", riff(chunk("fmt ", format_body(3, 1, 48000, 32)) + chunk("data", samples)));
  NodeHarness source("FileSource", config(path, R"("frame_size": 2, "loop": 2)"));
  const auto frames = source.run_source(10);
  ASSERT_THAT(frames, SizeIs(6));
  EXPECT_TRUE(frames[0].header().has(FrameFlag::not_finite));
  EXPECT_TRUE(std::isnan(frames[0].channel(0U)[1]));
  EXPECT_FALSE(frames[1].header().has(FrameFlag::not_finite));
  EXPECT_TRUE(frames[2].header().has(FrameFlag::clipped));
  const auto notes = source.node().notes();
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_EQ(notes[0].text, path + ": samples that are NaN or infinite: 2");
}

// A converter that clips gives the largest code, not 1.
TEST(FileSource, FlagsTheLargestCodeOfIntegersAsClipped) {
  const TempDir dir;
  struct Case {
    int tag;
    int bits;
    std::uint64_t below;
    std::uint64_t largest;
    std::uint64_t smallest;
  };
  const Case cases[] = {{1, 8, 0xFE, 0xFF, 0x00},
                        {1, 16, 0x7FFE, 0x7FFF, 0x8000},
                        {1, 24, 0x7FFFFE, 0x7FFFFF, 0x800000},
                        {1, 32, 0x7FFFFFFE, 0x7FFFFFFF, 0x80000000},
                        {6, 8, 0xAB, 0xAA, 0x2A},
                        {7, 8, 0x81, 0x80, 0x00}};  // A-law, µ-law
  for (const Case& c : cases) {
    std::string samples;
    for (const std::uint64_t code : {c.below, c.largest, c.smallest}) { samples += little(code, c.bits / 8); }
    const std::string path = dir.write(
        "codes.wav", riff(chunk("fmt ", format_body(c.tag, 1, 48000, c.bits)) + chunk("data", samples)));
    NodeHarness source("FileSource", config(path, R"("frame_size": 1)"));
    const auto frames = source.run_source(5);
    ASSERT_THAT(frames, SizeIs(3));
    EXPECT_FALSE(frames[0].header().has(FrameFlag::clipped)) << c.tag << ", " << c.bits;
    EXPECT_TRUE(frames[1].header().has(FrameFlag::clipped)) << c.tag << ", " << c.bits;
    EXPECT_TRUE(frames[2].header().has(FrameFlag::clipped)) << c.tag << ", " << c.bits;
  }
}

TEST(FileSource, PlaysATruncatedFileAsFarAsItGoesAndSaysSo) {
  const TempDir dir;
  std::string bytes = content_of(counting_file(dir, 1, 1000));
  bytes.resize(bytes.size() - 1000);
  NodeHarness source("FileSource", config(dir.write("cut.wav", bytes)));
  EXPECT_EQ(codes(source.run_source(10)), count_from(0, 500));
  const auto notes = source.node().notes();
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_THAT(notes[0].text,
              HasSubstr("the header promises 2000 bytes of samples but the file ends after 1000"));
  EXPECT_TRUE(notes[0].data_lost);
}

TEST(FileSource, PlaysWhatFollowsTheEndOnRequest) {
  const TempDir dir;
  std::string bytes = content_of(counting_file(dir, 1, 1000));
  bytes.replace(40, 4, little(1000, 4));  // the data chunk's size
  const std::string path = dir.write("longer.wav", bytes);
  NodeHarness source("FileSource", config(path));
  EXPECT_EQ(codes(source.run_source(10)), count_from(0, 500));
  ASSERT_THAT(source.node().notes(), SizeIs(1));
  EXPECT_TRUE(source.node().notes()[0].data_lost);
  NodeHarness longer("FileSource", config(path, R"("beyond_end": "play")"));
  EXPECT_EQ(codes(longer.run_source(10)), count_from(0, 1000));
  EXPECT_FALSE(longer.node().notes()[0].data_lost);
}

// A FLAC of 20 blocks of 4096 frames of noise, of which one, not far from the middle, is damaged.
std::string damaged_flac(const TempDir& dir) {
  const std::string path = dir.file("damaged.flac");
  std::vector<double> signal(20 * 4096);
  std::uint32_t random = 1;
  for (double& x : signal) {
    random = random * 1664525U + 1013904223U;
    x = (static_cast<double>(random >> 16U) - 32768.0) / 32768.0;
  }
  auto writer =
      SoundFileWriter::create(path, {SoundContainer::flac, SampleFormat::s16_le, 48000.0, 1}, Overwrite::yes);
  const double* const planar[] = {signal.data()};
  EXPECT_TRUE(writer->write(planar, signal.size()));
  EXPECT_TRUE(writer->close());
  std::string bytes = content_of(path);
  bytes.replace(bytes.size() / 2, 4, "\1\2\3\4");
  return dir.write("damaged.flac", bytes);
}

TEST(FileSource, MarksWhatIsMissingOfADamagedFileAndCountsItAsLost) {
  const TempDir dir;
  const std::string path = damaged_flac(dir);
  std::int64_t begin = 0;
  for (const int block : {100, 1024, 4096, 65536}) {
    NodeHarness source("FileSource", config(path, "\"frame_size\": " + std::to_string(block)));
    const auto frames = source.run_source(2000);
    std::int64_t next = 0;
    int gaps = 0;
    for (const DataFrame& frame : frames) {
      if (frame.header().has(FrameFlag::gap)) {
        ++gaps;
        begin = next;
        EXPECT_EQ(frame.header().gap_frames, 4096U);
        EXPECT_EQ(frame.position(), next + 4096);
      } else {
        EXPECT_EQ(frame.position(), next);
      }
      EXPECT_EQ(frame.timestamp_us(), std::llround(static_cast<double>(frame.position()) * 1e6 / 48000.0));
      next = frame.position() + frame.frame_count();
    }
    EXPECT_EQ(gaps, 1) << block;
    EXPECT_EQ(next, 20 * 4096) << block;
    EXPECT_TRUE(frames.back().header().has(FrameFlag::end_of_stream));
    const auto notes = source.node().notes();
    ASSERT_THAT(notes, SizeIs(1));
    EXPECT_EQ(notes[0].text,
              path + ": damaged at frame " + std::to_string(begin) + ": 4096 frames are missing");
    EXPECT_TRUE(notes[0].data_lost);
  }
  // Ranges that begin, end or lie where nothing is left; twice.
  const auto total = [&](std::int64_t from, std::int64_t to) {
    NodeHarness source("FileSource", config(path, "\"loop\": 2, \"start_frame\": " + std::to_string(from) +
                                                      ", \"end_frame\": " + std::to_string(to)));
    const auto frames = source.run_source(2000);
    EXPECT_EQ(source.last_status(), Status::done);
    std::int64_t end = from;
    for (const DataFrame& frame : frames) { end = frame.position() + frame.frame_count(); }
    return std::pair(codes(frames).size(), end);
  };
  EXPECT_EQ(total(begin + 96, begin + 4196), std::pair(std::size_t{200}, begin + 96 + 2 * 4100));
  EXPECT_EQ(total(begin - 100, begin + 1000).first, 200U);
  EXPECT_EQ(total(begin + 10, begin + 1000).first, 0U);
}

TEST(FileSource, PlaysWhatIsLeftOfACutFileAsOftenForEveryBlockSize) {
  const TempDir dir;
  std::string bytes = content_of(damaged_flac(dir));
  // Frames of 4096 begin with FF F8 and, behind three bytes, their number. Two are left.
  std::size_t at = bytes.find("\xFF\xF8");
  std::size_t third = std::string::npos;
  for (; at != std::string::npos && third == std::string::npos; at = bytes.find("\xFF\xF8", at + 1)) {
    if (bytes[at + 4] == 2 && static_cast<unsigned char>(bytes[at + 2]) >> 4U == 12) { third = at; }
  }
  ASSERT_NE(third, std::string::npos);
  const std::string path = dir.write("cut.flac", bytes.substr(0, third));
  for (const int block : {64, 1000, 1024, 4096, 8192}) {
    NodeHarness source("FileSource", config(path, "\"loop\": 3, \"frame_size\": " + std::to_string(block)));
    EXPECT_EQ(codes(source.run_source(2000)).size(), 3U * 2 * 4096) << block;
    EXPECT_EQ(source.last_status(), Status::done);
    // The end comes as a surprise, also where a block ends there.
    NodeHarness once("FileSource", config(path, "\"frame_size\": " + std::to_string(block)));
    const auto frames = once.run_source(2000);
    for (const DataFrame& frame : frames) {
      EXPECT_EQ(frame.header().has(FrameFlag::end_of_stream), &frame == &frames.back()) << block;
    }
  }
}

// --- what is refused

TEST(FileSource, RefusesWhatCannotBePlayed) {
  const TempDir dir;
  const std::string path = dir.file("none.wav");
  EXPECT_EQ(only_refusal(config(path)), "/config/path: \"" + path + "\" does not exist");
  EXPECT_THAT(only_refusal(config(dir.path().string())), HasSubstr("is a directory; expected a sound file"));
  EXPECT_THAT(only_refusal("{}"), HasSubstr("path"));
}

TEST(FileSource, RefusesARateThatContradictsTheConfiguration) {
  const TempDir dir;
  const std::string path = counting_file(dir, 1, 10, 44100);
  EXPECT_EQ(
      only_refusal(config(path), {48000.0, 1, 256}),
      "/config/path: \"" + path +
          "\" has 44100 Hz, which contradicts /pipeline_config/sample_rate of 48000 Hz; expected the same rate");
}

TEST(FileSource, RefusesRangesThatTheFileDoesNotHave) {
  const TempDir dir;
  const std::string path = counting_file(dir, 1, 480);
  EXPECT_EQ(only_refusal(config(path, R"("start_s": 1)")),
            "/config/start_s: frame 48000 lies behind the end of \"" + path +
                "\"; expected 0 .. 480 frames (0.010 s)");
  EXPECT_THAT(only_refusal(config(path, R"("end_frame": 481)")),
              HasSubstr("/config/end_frame: frame 481 lies behind"));
  EXPECT_EQ(
      only_refusal(config(path, R"("start_frame": 100, "end_frame": 100)")),
      "/config/end_frame: the range ends at frame 100 but begins at frame 100; expected an end after the start");
  EXPECT_EQ(only_refusal(config(path, R"("start_s": 0, "start_frame": 0)")),
            "/config/start_frame: start_s is given too; expected only one of start_s and start_frame");
  EXPECT_THAT(only_refusal(config(path, R"("loop": -1)")), HasSubstr("loop"));
  EXPECT_THAT(only_refusal(config(path, R"("frame_size": 0)")), HasSubstr("frame_size"));
}

}  // namespace
}  // namespace streamlab
