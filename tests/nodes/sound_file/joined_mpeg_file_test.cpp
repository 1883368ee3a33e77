// tests/nodes/sound_file/joined_mpeg_file_test.cpp
//
// MP3 files put one behind the other, and those whose header is wrong: every sample is played, at its place. ffmpeg
// writes the files; what they hold is a sine whose phase tells where a sample belongs.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>

#include <gmock/gmock.h>

#include "nodes/sound_file/sound_file_reader.hpp"
#include "tests/nodes/sound_file/mpeg_bytes.hpp"
#include "tests/nodes/sound_file/read_samples.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing

constexpr std::size_t kToneFrames = 44100;  // a second
constexpr double kRounding = 1e-6;  // of float32: libmpg123's last bit depends on where it has been before

// The same on both channels.
const std::string kStereo = "-af 'pan=stereo|c0=c0|c1=c0' ";  // NOLINT(cert-err58-cpp): of a test

// `hz`: of the sine, whose amplitude is 1/8.
std::string tone_mpeg(const TempDir& dir, int hz, const std::string& options, int rate_hz = 44100) {
  const std::string path = dir.file("tone.mp3");
  const std::string make = "ffmpeg -y -v error -f lavfi -i sine=frequency=" + std::to_string(hz) +
                           ":sample_rate=" + std::to_string(rate_hz) + ":duration=1 " + options + " " + path;
  EXPECT_EQ(std::system(make.c_str()), 0);
  return content_of(path);
}

struct Played {
  SoundFileInfo info;
  std::vector<std::vector<double>> channels;
  std::vector<std::string> losses;
};

Played play(const std::string& path) {
  auto reader = SoundFileReader::open(path);
  EXPECT_TRUE(reader.has_value());
  const auto losses_at_open = reader->losses();
  Played played{reader->info(), read_samples(*reader).channels, reader->losses()};
  EXPECT_EQ(played.losses, losses_at_open);  // "streamlab info" does not read to the end
  EXPECT_TRUE(played.info.length_known);
  EXPECT_EQ(played.info.frames, played.channels[0].size());
  return played;
}

// The largest difference to the sine, away from its ends, where the encoder smears it.
double distance_from_tone(const std::vector<double>& x, std::size_t begin, int hz) {
  double largest = 0.0;
  for (std::size_t n = 1000; n < kToneFrames - 1000; ++n) {
    const double sine = 0.125 * std::sin(2.0 * std::numbers::pi * hz * static_cast<double>(n) / 44100.0);
    largest = std::max(largest, std::abs(x.at(begin + n) - sine));
  }
  return largest;
}
constexpr double kCoding =
    0.004;  // what the coding costs; a frame more or less: 0.125 * 2 pi * 440 / 44100 = 0.008

void expect_same(const std::vector<double>& x, const std::vector<double>& y, std::size_t begin,
                 const std::string& what) {
  ASSERT_LE(begin + y.size(), x.size()) << what;
  double largest = 0.0;
  for (std::size_t n = 0; n < y.size(); ++n) { largest = std::max(largest, std::abs(x[begin + n] - y[n])); }
  EXPECT_LE(largest, kRounding) << what;
}

TEST(JoinedMpegFile, PlaysEveryPartAsItIsAlone) {
  const TempDir dir;
  const std::string id3v1 = "TAG" + std::string(125, ' ');
  const std::string id3v2 = std::string("ID3\x03\0\0\0\0\0\x14", 10) + std::string(20, '\0');
  for (const std::string& options : {kStereo + "-b:a 256k", std::string("-q:a 0")}) {
    const std::string first = tone_mpeg(dir, 440, options);
    const std::string second = tone_mpeg(dir, 1000, options);
    const auto alone = play(dir.write("1.mp3", first));
    const auto other = play(dir.write("2.mp3", second));
    EXPECT_EQ(alone.info.frames, kToneFrames);
    EXPECT_LE(distance_from_tone(alone.channels[0], 0, 440), kCoding);
    for (const std::string& between : {std::string(), id3v1, id3v2}) {
      const std::string path = dir.write("a.mp3", first + between + second + between + first);
      const auto joined = play(path);
      EXPECT_THAT(joined.losses, IsEmpty());
      EXPECT_THAT(joined.info.warnings, IsEmpty());
      ASSERT_EQ(joined.info.frames, 3 * kToneFrames);
      EXPECT_LE(distance_from_tone(joined.channels[0], kToneFrames, 1000), kCoding);
      expect_same(joined.channels.back(), alone.channels.back(), 0, "first");
      expect_same(joined.channels.back(), other.channels.back(), kToneFrames, "second");
      expect_same(joined.channels.back(), alone.channels.back(), 2 * kToneFrames, "third");

      auto reader = SoundFileReader::open(path);
      ASSERT_TRUE(reader);
      for (const std::size_t frame :
           {kToneFrames, std::size_t{60000}, std::size_t{20000}, kToneFrames - 1, 2 * kToneFrames - 300,
            2 * kToneFrames + 1, std::size_t{80000}, std::size_t{0}, 3 * kToneFrames - 1}) {
        ASSERT_TRUE(reader->seek(frame));
        const auto part = read_samples(*reader).channels.back();
        EXPECT_EQ(part.size(), 3 * kToneFrames - frame);
        expect_same(joined.channels.back(), part, frame, "from " + std::to_string(frame));
      }
      ASSERT_TRUE(reader->seek(3 * kToneFrames));
      EXPECT_EQ(read_samples(*reader).channels[0].size(), 0U);
    }
  }
}

TEST(JoinedMpegFile, HasAWayToEveryFrameOfPartsOfTwoLayers) {
  const TempDir dir;
  const std::string second = tone_mpeg(dir, 440, kStereo + "-c:a mp2 -f mp2");
  const std::string third = tone_mpeg(dir, 1000, kStereo + "-b:a 256k");
  for (const std::string& bytes : {second + third, third + second}) {
    const std::string path = dir.write("a.mp3", bytes);
    const auto joined = play(path);
    EXPECT_GE(joined.info.frames, 2 * kToneFrames);
    auto reader = SoundFileReader::open(path);
    for (const std::size_t frame : {60000U, 20000U, 80000U, 50000U, 44100U}) {
      ASSERT_TRUE(reader->seek(frame));
      expect_same(joined.channels[0], read_samples(*reader).channels[0], frame, std::to_string(frame));
    }
  }
}

// Behind a file whose header counts its frames, one without a header.
TEST(JoinedMpegFile, KnowsThatATagEndsAPart) {
  const TempDir dir;
  const std::string first = tone_mpeg(dir, 440, kStereo + "-b:a 128k");
  const std::string tag = "TAG" + std::string(125, ' ');
  const auto joined = play(dir.write("a.mp3", first + tag + mpeg_frames(20, 128)));
  EXPECT_EQ(joined.info.frames, kToneFrames + 20U * kMpegFrames);
  EXPECT_THAT(joined.info.warnings, IsEmpty());
  EXPECT_THAT(joined.losses, IsEmpty());
}

TEST(JoinedMpegFile, KeepsThePlaceOfEverySampleWhereTheRateChanges) {
  const TempDir dir;
  const std::string first = tone_mpeg(dir, 440, kStereo + "-b:a 128k");
  const auto alone = play(dir.write("1.mp3", first));
  for (const int rate_hz : {48000, 22050, 8000}) {  // MPEG frames of 1152, of 576
    const auto joined = play(dir.write("a.mp3", first + tone_mpeg(dir, 440, kStereo, rate_hz) + first));
    EXPECT_EQ(joined.info.frames, kToneFrames);
    expect_same(joined.channels[0], alone.channels[0], 0, "rate");
    EXPECT_THAT(joined.losses, ElementsAre("the sample rate changes at frame 44100: the rest is not played"));
  }
}

// Two channels that differ are never made one, wherever they begin.
TEST(JoinedMpegFile, HasTwoChannelsWhereAnyPartHasTwo) {
  const TempDir dir;
  const std::string mono = tone_mpeg(dir, 440, "-b:a 128k");
  const std::string stereo = tone_mpeg(dir, 1000, "-af 'pan=stereo|c0=c0|c1=0.3*c0' -b:a 256k");
  const auto one = play(dir.write("1.mp3", mono));
  const auto two = play(dir.write("2.mp3", stereo));
  ASSERT_EQ(one.channels.size(), 1U);
  ASSERT_EQ(two.channels.size(), 2U);
  for (const bool is_mono_first : {true, false}) {
    const std::string path = dir.write("a.mp3", is_mono_first ? mono + stereo : stereo + mono);
    const auto joined = play(path);
    ASSERT_EQ(joined.channels.size(), 2U);
    EXPECT_EQ(joined.info.frames, 2 * kToneFrames);
    for (std::size_t c = 0; c < 2; ++c) {
      expect_same(joined.channels[c], one.channels[0], is_mono_first ? 0 : kToneFrames, "one");
      expect_same(joined.channels[c], two.channels[c], is_mono_first ? kToneFrames : 0, "two");
    }
    EXPECT_THAT(joined.losses, IsEmpty());
    EXPECT_THAT(joined.info.warnings,
                ElementsAre("the number of channels changes at frame 44100: where there "
                            "is one, both are the same"));
    auto reader = SoundFileReader::open(path);
    for (const std::size_t frame : {std::size_t{60000}, std::size_t{20000}}) {
      ASSERT_TRUE(reader->seek(frame));
      const auto part = read_samples(*reader).channels;
      expect_same(joined.channels[0], part[0], frame, "left");
      expect_same(joined.channels[1], part[1], frame, "right");
    }
  }
}

TEST(JoinedMpegFile, KeepsThePlaceOfEverySampleWhateverItsHeaderCounts) {
  const TempDir dir;
  std::string bytes = tone_mpeg(dir, 440, kStereo + "-b:a 128k");
  const auto right = play(dir.write("1.mp3", bytes));
  const std::size_t header = std::min(bytes.find("Info"), bytes.find("Xing"));
  ASSERT_LT(header, 1000U);
  const auto count_at = header + 8;
  for (const char count : {'\0', '\1', '\x0A', '\x7F'}) {
    bytes.replace(count_at, 4, std::string("\0\0\0", 3) + count);
    const auto wrong = play(dir.write("2.mp3", bytes));
    EXPECT_GE(wrong.info.frames, right.info.frames);
    EXPECT_LT(wrong.info.frames, right.info.frames + 2U * kMpegFrames);  // what fills up the last
    expect_same(wrong.channels[0], right.channels[0], 0, "count");
    const bool is_less = count == '\1' || count == '\x0A';
    EXPECT_EQ(wrong.info.warnings.size(), is_less ? 1U : 0U);
    if (is_less) {
      EXPECT_THAT(wrong.info.warnings[0], HasSubstr("counts " + std::to_string(count) + " MPEG frames, but"));
    }
    EXPECT_EQ(wrong.losses.size(), count == '\x7F' ? 1U : 0U);
  }
}

TEST(JoinedMpegFile, KeepsThePlaceOfEverySampleWhereItIsCutShort) {
  const TempDir dir;
  const std::string bytes = tone_mpeg(dir, 440, kStereo + "-b:a 128k");
  const auto whole = play(dir.write("1.mp3", bytes));
  const auto half = play(dir.write("2.mp3", bytes.substr(0, bytes.size() / 2)));
  EXPECT_GT(half.info.frames, kToneFrames / 3);
  expect_same(whole.channels[0], half.channels[0], 0, "half");
  EXPECT_THAT(half.losses, ElementsAre(HasSubstr("more MPEG frames than the file has"),
                                       HasSubstr("ends within an MPEG frame")));
  // The first of two, between two frames: the second stands where it ends.
  const std::size_t cut = bytes.find("\xFF\xFB", bytes.size() / 2);  // an MPEG frame begins
  const auto joined = play(dir.write("3.mp3", bytes.substr(0, cut) + bytes));
  expect_same(joined.channels[0], whole.channels[0], joined.info.frames - kToneFrames, "second");
  EXPECT_THAT(joined.losses, ElementsAre(HasSubstr("more MPEG frames than the file has")));
}

// Bytes of a damaged frame that look like the header of another kind of file, which they do not begin.
TEST(JoinedMpegFile, GoesOnBehindDamageThatLooksLikeAnotherKindOfFrame) {
  const TempDir dir;
  const std::string bytes = tone_mpeg(dir, 440, "-b:a 128k -write_xing 0 -id3v2_version 0");
  const auto whole = play(dir.write("whole.mp3", bytes)).channels[0];
  for (const std::string& fake :
       {std::string("\xFF\xFB\x98\xC0", 4),     // 32000 Hz, 128 kbit/s: 576 bytes
        std::string("\xFF\xFF\x40\xC0", 4),     // layer I, 44100 Hz, 128 kbit/s: 136 bytes
        std::string("\xFF\xF3\x80\xC0", 4)}) {  // MPEG-2, 22050 Hz, 64 kbit/s: 208 bytes
    std::string damaged = bytes;
    damaged.replace(bytes.size() / 2, 1000, std::string(1000, '\x55'));
    damaged.replace(bytes.size() / 2 + 300, 4, fake);
    const Played played = play(dir.write("a.mp3", damaged));
    EXPECT_THAT(played.losses, ElementsAre(HasSubstr(" bytes are damaged, the first before frame ")));
    const std::size_t missing = whole.size() - played.channels[0].size();
    EXPECT_EQ(missing % 1152, 0U);
    EXPECT_LE(missing, 4 * 1152U);
    constexpr std::size_t kBehind = 15000;  // and far enough behind it
    const std::vector<double> end(whole.end() - kBehind, whole.end());
    expect_same(played.channels[0], end, played.channels[0].size() - kBehind, "end");
    auto reader = SoundFileReader::open(dir.file("a.mp3"));
    ASSERT_TRUE(reader->seek(played.channels[0].size() - kBehind));
    expect_same(read_samples(*reader).channels[0], end, 0, "sought");
  }
}

TEST(JoinedMpegFile, GoesOnBehindAHeaderThatWasChanged) {
  const TempDir dir;
  std::string bytes = mpeg_frames(100, 128);
  const std::size_t frame = mpeg_frame(128).size();
  bytes[40 * frame + 2] =
      mpeg_frame(128, 32000)[2];  // one of 576 bytes, of which the next frame is a part, too
  const Played played = play(dir.write("a.mp3", bytes));
  EXPECT_EQ(played.channels[0].size(), 98U * kMpegFrames);
  EXPECT_THAT(played.losses,
              ElementsAre("834 bytes are damaged, the first before frame 46080: their contents are "
                          "skipped"));
}

TEST(JoinedMpegFile, SaysWhatIsDamagedBeforeItsFirstFrame) {
  const TempDir dir;
  const std::string tag = std::string("ID3\x04\0\0\0\0\1\0", 10) + std::string(128, '\0');
  const std::size_t frame = mpeg_frame(128).size();
  for (const std::string& front : {std::string(), tag}) {
    std::string bytes = mpeg_frames(100, 128);
    EXPECT_THAT(play(dir.write("whole.mp3", front + bytes)).losses, IsEmpty());
    bytes.insert(200, 1, '\x55');         // the first frame is longer than it says
    bytes.erase(2 * frame + 1 + 200, 1);  // the third is shorter
    const Played played = play(dir.write("a.mp3", front + bytes));
    EXPECT_EQ(played.channels[0].size(), 98U * kMpegFrames);
    EXPECT_THAT(played.losses, ElementsAre(std::to_string(2 * frame) +
                                           " bytes are damaged, the first before frame 0: their contents are "
                                           "skipped"));
  }
}

}  // namespace
}  // namespace streamlab
