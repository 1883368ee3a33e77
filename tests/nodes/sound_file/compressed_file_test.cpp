// tests/nodes/sound_file/compressed_file_test.cpp
//
// MP3, Ogg and FLAC: all of a file is played, and what cannot be is told. MP3 is put together from tables, Ogg
// written by libsndfile, FLAC by the project's own writer.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <gmock/gmock.h>
#include <sndfile.h>

#include "nodes/sound_file/sound_file_reader.hpp"
#include "nodes/sound_file/sound_file_writer.hpp"
#include "tests/nodes/sound_file/mpeg_bytes.hpp"
#include "tests/nodes/sound_file/read_samples.hpp"
#include "tests/nodes/sound_file/wave_bytes.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing

SoundFileReader opened(const std::string& path) {
  auto reader = SoundFileReader::open(path);
  EXPECT_TRUE(reader.has_value()) << to_string(reader.error());
  return std::move(*reader);
}

// --- MP3

// Frames of 320 kbit/s make the rest of the file look ten times as short as it is.
std::string variable_rate_mpeg() { return mpeg_frames(10, 320) + mpeg_frames(500, 32); }

TEST(MpegFile, IsPlayedWholeThoughNothingSaysHowLongItIs) {
  const TempDir dir;
  SoundFileReader reader = opened(dir.write("a.mp3", variable_rate_mpeg()));
  EXPECT_EQ(reader.info().container, "MPEG");
  EXPECT_EQ(reader.info().subtype, "layer III");
  EXPECT_EQ(reader.info().sample_rate_hz, 44100U);
  EXPECT_TRUE(reader.info().length_known);
  EXPECT_EQ(reader.info().frames, 510U * kMpegFrames);
  EXPECT_THAT(read_samples(reader).channels,
              ElementsAre(SizeIs(510 * kMpegFrames), SizeIs(510 * kMpegFrames)));
  EXPECT_THAT(reader.losses(), IsEmpty());
}

TEST(MpegFile, HasAWayToEveryFrame) {
  const TempDir dir;
  SoundFileReader reader = opened(dir.write("a.mp3", variable_rate_mpeg()));
  for (const std::uint64_t frame : {509U * kMpegFrames + 7U, 100U, 300U * kMpegFrames}) {
    ASSERT_TRUE(reader.seek(frame));
    EXPECT_EQ(read_samples(reader).channels[0].size(), 510U * kMpegFrames - frame);
  }
}

// In files of variable bit rate the bits of a frame may lie far before it.
TEST(MpegFile, GivesTheSameSoundWhereverReadingBegins) {
  const TempDir dir;
  const std::string path = dir.file("tones.mp3");
  const std::string make =
      "ffmpeg -v error -f lavfi -i sine=frequency=440:sample_rate=48000:duration=2 -ac 2 -q:a 5 " + path;
  ASSERT_EQ(std::system(make.c_str()), 0);
  SoundFileReader whole_reader = opened(path);
  const std::vector<double> whole = read_samples(whole_reader).channels[0];
  ASSERT_GE(whole.size(), 96000U);
  SoundFileReader reader = opened(path);
  for (const std::size_t first : {60000U, 1U, 20000U, 30000U, 1152U, 40000U}) {
    ASSERT_TRUE(reader.seek(first));
    const std::vector<double> part = read_samples(reader).channels[0];
    ASSERT_EQ(part.size(), whole.size() - first);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + static_cast<std::ptrdiff_t>(first)))
        << first;
  }
}

TEST(MpegFile, SaysWhenItIsShorterThanItsHeaderSays) {
  const TempDir dir;
  std::string header = mpeg_frame(128);
  header.replace(4 + 32, 12, std::string("Info\0\0\0\1\0\0\0\x1E", 12));  // 30 frames follow
  EXPECT_THAT(opened(dir.write("a.mp3", header + mpeg_frames(30, 128))).losses(), IsEmpty());
  SoundFileReader shorter = opened(dir.write("b.mp3", header + mpeg_frames(12, 128)));
  EXPECT_THAT(shorter.losses(), ElementsAre(HasSubstr("promises 18 more MPEG frames")));
}

TEST(MpegFile, MayBeSeveralFilesOneBehindTheOther) {
  const TempDir dir;
  const std::string id3v1 = "TAG" + std::string(125, ' ');
  const std::string id3v2 = std::string("ID3\x03\0\0\0\0\0\x14", 10) + std::string(20, '\0');
  const std::string one = id3v2 + mpeg_frames(20, 64) + id3v1;
  SoundFileReader reader = opened(dir.write("a.mp3", one + one));
  EXPECT_EQ(reader.info().frames, 40U * kMpegFrames);
  EXPECT_EQ(read_samples(reader).channels[0].size(), 40U * kMpegFrames);
  EXPECT_THAT(reader.losses(), IsEmpty());
}

TEST(MpegFile, IsPlayedBehindDamageWhichIsTold) {
  const TempDir dir;
  std::string bytes = mpeg_frames(100, 128);
  const std::size_t frame = mpeg_frame(128).size();
  bytes.replace(40 * frame, 3 * frame, std::string(3 * frame, '\x55'));
  testing::internal::CaptureStderr();
  SoundFileReader reader = opened(dir.write("a.mp3", bytes));
  EXPECT_EQ(read_samples(reader).channels[0].size(), 97U * kMpegFrames);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");  // libmpg123 has notes of its own
  EXPECT_THAT(reader.losses(),
              ElementsAre("1251 bytes are damaged, the first before frame 46080: their contents are "
                          "skipped"));
}

TEST(MpegFile, SaysThatItEndsWithinAFrame) {
  const TempDir dir;
  const std::string tag = "TAG" + std::string(125, ' ');
  const std::string whole = mpeg_frames(300, 128);
  const std::size_t size = mpeg_frame(128).size();
  const auto losses = [&](const std::string& bytes, std::size_t frames) {
    SoundFileReader reader = opened(dir.write("a.mp3", bytes));
    const std::vector<std::string> at_open = reader.losses();
    EXPECT_EQ(read_samples(reader).channels[0].size(), frames * kMpegFrames);
    EXPECT_EQ(reader.losses(), at_open);  // "streamlab info" does not read to the end
    return at_open;
  };
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{3}, std::size_t{4}, size / 2, size - 1}) {
    EXPECT_THAT(losses(whole.substr(0, 250 * size + bytes), 250),
                ElementsAre("the file ends within an MPEG frame: the " + std::to_string(bytes) +
                            " bytes of it that are there are not played"));
  }
  // Several frames, of which nothing is left, or only zeros, as in a download that was interrupted.
  EXPECT_THAT(losses(whole + std::string(2 * size, '\x55'), 300),
              ElementsAre("834 bytes behind the last MPEG frame are damaged: their contents are not played"));
  EXPECT_THAT(losses(whole + std::string(size, '\0'), 300), ElementsAre(HasSubstr("417 bytes behind")));
  EXPECT_THAT(losses(whole + std::string(100000, '\0'), 300), ElementsAre(HasSubstr("100000 bytes behind")));
  // What holds no sound.
  EXPECT_THAT(losses(whole, 300), IsEmpty());
  EXPECT_THAT(losses(whole + std::string(size - 1, '\0'), 300), IsEmpty());
  EXPECT_THAT(losses(whole + tag, 300), IsEmpty());
}

TEST(MpegFile, EndsWhereTheSampleRateChangesAndSaysSo) {
  const TempDir dir;
  SoundFileReader reader = opened(dir.write("a.mp3", mpeg_frames(30, 128) + mpeg_frames(50, 128, 48000)));
  EXPECT_EQ(read_samples(reader).channels[0].size(), 30U * kMpegFrames);
  EXPECT_THAT(reader.losses(), testing::Contains(HasSubstr("the sample rate changes at frame 34560")));
}

TEST(MpegFile, MayLieInAWav) {
  const TempDir dir;
  const std::string format = format_body(0x55, 2, 44100, 0) + little(12, 2) + std::string(12, '\0');
  SoundFileReader reader =
      opened(dir.write("a.wav", riff(chunk("fmt ", format) + chunk("data", variable_rate_mpeg()))));
  EXPECT_EQ(reader.info().container, "WAV");
  EXPECT_EQ(reader.info().frames, 510U * kMpegFrames);
  EXPECT_EQ(read_samples(reader).channels[1].size(), 510U * kMpegFrames);
}

TEST(MpegFile, IsRefusedWhereItOnlyLooksLikeOne) {
  const TempDir dir;
  testing::internal::CaptureStderr();
  const auto reader = SoundFileReader::open(dir.write("a.mp3", "\xFF\xFB\x90" + std::string(3000, 'x')));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  ASSERT_FALSE(reader);
  EXPECT_THAT(reader.error().what, HasSubstr("it holds no MPEG audio that can be decoded"));
}

// --- Ogg

std::string ogg_bytes(const TempDir& dir, int subtype, int rate_hz, int channels, int frames, double hz) {
  const std::string path = dir.file("link.ogg");
  SF_INFO info{};
  info.samplerate = rate_hz;
  info.channels = channels;
  info.format = SF_FORMAT_OGG | subtype;
  SNDFILE* const file = sf_open(path.c_str(), SFM_WRITE, &info);
  EXPECT_NE(file, nullptr);
  std::uint32_t random = 1;  // noise, so that there are many pages
  for (int n = 0; n < frames; ++n) {
    random = random * 1664525U + 1013904223U;
    const double x = 0.3 * std::sin(0.1 + hz * n / rate_hz) + 0.1 * random * 0x1p-32;
    std::vector<double> frame(static_cast<std::size_t>(channels), x);
    sf_writef_double(file, frame.data(), 1);
  }
  sf_close(file);
  return content_of(path);
}

TEST(OggFile, IsPlayedWithAllOfItsStreams) {
  const TempDir dir;
  for (const int subtype : {SF_FORMAT_VORBIS, SF_FORMAT_OPUS}) {
    const std::string first = ogg_bytes(dir, subtype, 48000, 2, 30000, 1000.0);
    const std::string second = ogg_bytes(dir, subtype, 48000, 2, 20000, 3000.0);
    SoundFileReader one = opened(dir.write("1.ogg", first));
    SoundFileReader two = opened(dir.write("2.ogg", second));
    auto expected = read_samples(one).channels;
    const auto tail = read_samples(two).channels;
    for (std::size_t c = 0; c < 2; ++c) {
      expected[c].insert(expected[c].end(), tail[c].begin(), tail[c].end());
    }

    for (const std::string between : {"", "rubbish"}) {
      SoundFileReader reader = opened(dir.write("chain.ogg", first + between + second));
      EXPECT_EQ(reader.info().frames, one.info().frames + two.info().frames);
      const auto got = read_samples(reader);
      EXPECT_TRUE(got.channels == expected);
      EXPECT_THAT(got.missing, IsEmpty());
      if (between.empty()) {
        EXPECT_THAT(reader.losses(), IsEmpty());
      } else {
        EXPECT_THAT(reader.losses(), ElementsAre("7 bytes do not belong to any Ogg page: damaged"));
      }

      for (const std::uint64_t frame : {40000U, 29990U, 0U}) {
        ASSERT_TRUE(reader.seek(frame));
        EXPECT_EQ(read_samples(reader).channels[1].size(), expected[1].size() - frame);
      }
    }
    // The same file twice: even the numbers of the streams are the same.
    SoundFileReader twice = opened(dir.write("twice.ogg", first + first));
    EXPECT_EQ(read_samples(twice).channels[0].size(), 2 * one.info().frames);
  }
}

TEST(OggFile, SaysWhichOfItsStreamsCannotFollowTheFirst) {
  const TempDir dir;
  const std::string first = ogg_bytes(dir, SF_FORMAT_VORBIS, 48000, 2, 10000, 1000.0);
  const std::string other = ogg_bytes(dir, SF_FORMAT_VORBIS, 44100, 1, 10000, 1000.0);
  SoundFileReader reader = opened(dir.write("a.ogg", first + first + other + first));
  EXPECT_EQ(reader.info().frames, 20000U);
  EXPECT_EQ(read_samples(reader).channels[0].size(), 20000U);
  EXPECT_THAT(
      reader.losses(),
      ElementsAre("stream 3 of 4, after frame 20000, cannot be played with the first (it has 44100 Hz and 1 "
                  "channels): it and everything after it is not played"));
}

TEST(OggFile, SaysThatItIsCutShort) {
  const TempDir dir;
  const std::string whole = ogg_bytes(dir, SF_FORMAT_VORBIS, 48000, 2, 100000, 1000.0);
  EXPECT_THAT(opened(dir.write("a.ogg", whole)).losses(), IsEmpty());
  EXPECT_THAT(opened(dir.write("b.ogg", whole.substr(0, whole.size() - 10))).losses(),
              ElementsAre("the file ends within a page: 10 bytes of it are missing"));
}

// A page of 27 bytes and a table, which says how long the rest is (RFC 3533, section 6).
std::size_t page_bytes(std::string_view bytes) {
  const auto segments = static_cast<unsigned char>(bytes[26]);
  std::size_t size = 27U + segments;
  for (std::size_t s = 0; s < segments; ++s) { size += static_cast<unsigned char>(bytes[27 + s]); }
  return size;
}

TEST(OggFile, SaysThatItWasCutShortBetweenTwoPages) {
  const TempDir dir;
  const std::string whole = ogg_bytes(dir, SF_FORMAT_VORBIS, 48000, 2, 100000, 1000.0);
  std::size_t last_page = 0;
  for (std::size_t at = 0; at < whole.size(); at += page_bytes(whole.substr(at))) { last_page = at; }
  EXPECT_THAT(opened(dir.write("a.ogg", whole.substr(0, last_page))).losses(),
              ElementsAre("the last page of a stream is missing: the file was cut short"));
}

TEST(OggFile, SaysThatItsLastPageIsDamaged) {
  const TempDir dir;
  for (const int frames : {10000, 100000}) {  // of the short one, all sound is on its last page
    std::string bytes = ogg_bytes(dir, SF_FORMAT_VORBIS, 48000, 2, frames, 1000.0);
    bytes[bytes.size() - 300] = static_cast<char>(bytes[bytes.size() - 300] ^ 1);
    EXPECT_THAT(opened(dir.write("a.ogg", bytes)).losses(),
                testing::Contains("damaged pages, with wrong checksums: 1"));
  }
}

TEST(OggFile, SaysWhatIsMissingWhereAStreamIsDamaged) {
  const TempDir dir;
  const std::string whole = ogg_bytes(dir, SF_FORMAT_VORBIS, 48000, 2, 100000, 1000.0);
  std::vector<std::size_t> pages{0};
  while (pages.back() < whole.size()) {
    pages.push_back(pages.back() + page_bytes(whole.substr(pages.back())));
  }
  ASSERT_GE(pages.size(), 6U);
  const std::size_t damaged_page = pages.size() - 3;  // neither the last nor one of the headers
  const std::size_t begin = pages[damaged_page];
  const std::size_t size = pages[damaged_page + 1] - begin;

  std::string without_page = whole;
  without_page.erase(begin, size);
  std::string wiped = whole;
  wiped.replace(begin, size, std::string(size, '\0'));
  std::string flipped = whole;
  flipped[begin + size / 2] = static_cast<char>(flipped[begin + size / 2] ^ 1);  // fails its checksum
  for (const std::string& damaged : {without_page, wiped, flipped}) {
    SoundFileReader reader = opened(dir.write("a.ogg", damaged + whole));
    EXPECT_EQ(reader.info().frames, 200000U);
    const auto got = read_samples(reader);
    ASSERT_THAT(got.missing, SizeIs(1));
    EXPECT_EQ(got.missing[0].first + got.missing[0].second, 100000U);  // the second stream is at its place
    EXPECT_EQ(got.channels[0].size(), 200000U - got.missing[0].second);
    EXPECT_THAT(reader.losses(), testing::Contains(HasSubstr(" frames are missing")));
    SoundFileReader alone = opened(dir.write("b.ogg", damaged));
    EXPECT_LT(read_samples(alone).channels[0].size(), 100000U);
    EXPECT_THAT(alone.losses(), testing::Not(IsEmpty()));
  }
}

// --- FLAC

constexpr std::size_t kFlacBlock = 4096;  // libsndfile's
constexpr std::size_t kFlacBlocks = 20;

// Noise, which does not compress: every block is about as long as the others.
std::vector<double> flac_signal() {
  std::vector<double> signal(kFlacBlocks * kFlacBlock - 100);
  std::uint32_t random = 1;
  for (double& x : signal) {
    random = random * 1664525U + 1013904223U;
    x = (static_cast<double>(random >> 16U) - 32768.0) / 32768.0;
  }
  return signal;
}

std::string flac_bytes(const TempDir& dir, const std::vector<double>& signal) {
  const std::string path = dir.file("whole.flac");
  auto writer =
      SoundFileWriter::create(path, {SoundContainer::flac, SampleFormat::s16_le, 48000.0, 1}, Overwrite::yes);
  EXPECT_TRUE(writer.has_value());
  const double* const planar[] = {signal.data()};
  EXPECT_TRUE(writer->write(planar, signal.size()));
  EXPECT_TRUE(writer->close());
  return content_of(path);
}

std::vector<double> without(std::vector<double> signal, std::size_t begin, std::size_t count) {
  signal.erase(signal.begin() + static_cast<std::ptrdiff_t>(begin),
               signal.begin() + static_cast<std::ptrdiff_t>(begin + count));
  return signal;
}

TEST(FlacFile, GoesOnBehindDamageWithAGapOfTheRightLength) {
  const TempDir dir;
  const auto signal = flac_signal();
  const std::string whole = flac_bytes(dir, signal);
  const std::size_t middle = whole.size() / 2;  // within block 9 or 10
  std::string flipped = whole;
  for (std::size_t i = middle; i < middle + 50; ++i) { flipped[i] = static_cast<char>(flipped[i] ^ 0x5A); }
  std::string shortened = whole;
  shortened.erase(middle, 30000);  // several blocks

  for (const std::string& bytes : {flipped, shortened}) {
    const std::string path = dir.write("a.flac", bytes);
    for (const std::size_t block : {1000U, 4096U, 100000U}) {
      SoundFileReader reader = opened(path);
      EXPECT_EQ(reader.info().frames, signal.size());
      const auto got = read_samples(reader, block);
      ASSERT_THAT(got.missing, SizeIs(1));
      const auto [begin, count] = got.missing[0];
      EXPECT_EQ(begin % kFlacBlock, 0U);
      EXPECT_EQ(count % kFlacBlock, 0U);
      EXPECT_GE(count, bytes == flipped ? kFlacBlock : 3 * kFlacBlock);
      EXPECT_LE(count, 6 * kFlacBlock);
      EXPECT_TRUE(got.channels[0] == without(signal, begin, count)) << block;
      EXPECT_THAT(reader.losses(), ElementsAre("damaged at frame " + std::to_string(begin) + ": " +
                                               std::to_string(count) + " frames are missing"));
    }
  }
}

TEST(FlacFile, HasAWayToFramesBehindDamage) {
  const TempDir dir;
  const auto signal = flac_signal();
  std::string bytes = flac_bytes(dir, signal);
  for (std::size_t i = bytes.size() / 2; i < bytes.size() / 2 + 50; ++i) { bytes[i] = '\x33'; }
  SoundFileReader reader = opened(dir.write("a.flac", bytes));
  const auto gap = read_samples(reader).missing;
  ASSERT_THAT(gap, SizeIs(1));
  for (std::size_t block = 0; block < kFlacBlocks; ++block) {
    const std::size_t frame = block * kFlacBlock + 123;
    ASSERT_TRUE(reader.seek(frame));
    const auto missing = reader.skip_missing();
    ASSERT_TRUE(missing);
    const bool inside = frame >= gap[0].first && frame < gap[0].first + gap[0].second;
    EXPECT_EQ(*missing, inside ? gap[0].first + gap[0].second - frame : 0U) << block;
    double sample = 0.0;
    double* const planar[] = {&sample};
    ASSERT_TRUE(reader.read(planar, 1));
    EXPECT_EQ(sample, signal[reader.position() - 1]) << block;
  }
}

TEST(FlacFile, TellsItsFirstDamagedPlacesAndCountsTheOthers) {
  const TempDir dir;
  const auto signal = flac_signal();
  std::string bytes = flac_bytes(dir, signal);
  const std::size_t block = bytes.size() / kFlacBlocks;
  for (std::size_t b = 1; b < kFlacBlocks - 1; b += 2) {
    bytes.replace(b * block + block / 2, 4, "\1\2\3\4");
  }
  SoundFileReader reader = opened(dir.write("a.flac", bytes));
  const auto got = read_samples(reader);
  EXPECT_EQ(got.missing.size(), 9U);
  const auto losses = reader.losses();
  EXPECT_THAT(losses, SizeIs(9));
  EXPECT_EQ(losses.back(), "damaged in 1 more places: 4096 frames are missing there");
}

TEST(FlacFile, SaysThatItIsCutShort) {
  const TempDir dir;
  const auto signal = flac_signal();
  std::string bytes = flac_bytes(dir, signal);
  bytes.resize(bytes.size() * 3 / 4);
  SoundFileReader reader = opened(dir.write("a.flac", bytes));
  const std::size_t frames = read_samples(reader).channels[0].size();
  EXPECT_EQ(frames % kFlacBlock, 0U);
  EXPECT_THAT(reader.losses(), ElementsAre("the header promises " + std::to_string(signal.size()) +
                                           " frames but only " + std::to_string(frames) + " could be read"));
}

TEST(FlacFile, SaysThatAnotherFollows) {
  const TempDir dir;
  const std::string one = flac_bytes(dir, flac_signal());
  const std::string tag = "TAG" + std::string(125, ' ');
  for (const std::string& between : {std::string(), tag, std::string(3 << 20, '\0')}) {
    SoundFileReader reader = opened(dir.write("a.flac", one + between + one));
    EXPECT_EQ(read_samples(reader).channels[0].size(), flac_signal().size());
    EXPECT_THAT(reader.losses(),
                ElementsAre(HasSubstr("another FLAC stream of " +
                                      std::to_string(between.size() + one.size()) + " bytes follows")));
  }
  SoundFileReader tagged = opened(dir.write("b.flac", one + tag));
  read_samples(tagged);
  EXPECT_THAT(tagged.losses(), IsEmpty());
  SoundFileReader strange = opened(dir.write("c.flac", one + std::string(800, '\x5A')));
  EXPECT_EQ(read_samples(strange).channels[0].size(), flac_signal().size());
  EXPECT_THAT(strange.losses(),
              ElementsAre("800 bytes behind the last FLAC frame are neither sound nor a tag"));
}

// STREAMINFO (RFC 9639, section 8.2) begins at byte 8: the number of frames ends with its byte 17, the MD5 follows.
constexpr std::size_t kFlacCount = 8 + 16;
constexpr std::size_t kFlacMd5 = 8 + 18;

TEST(FlacFile, PlaysAsManyFramesAsItsHeaderCountsAndTellsOfTheOthers) {
  const TempDir dir;
  const auto signal = flac_signal();
  std::string bytes = flac_bytes(dir, signal);
  bytes.replace(kFlacCount - 2, 2, std::string(2, '\0'));
  for (const std::size_t count : {std::size_t{256}, std::size_t{5000}, 2 * kFlacBlock, 3 * kFlacBlock - 1}) {
    bytes[kFlacCount] = static_cast<char>(count >> 8U);
    bytes[kFlacCount + 1] = static_cast<char>(count & 0xFFU);
    SoundFileReader reader = opened(dir.write("a.flac", bytes));
    const auto losses_at_open = reader.losses();
    const auto got = read_samples(reader).channels[0];
    EXPECT_TRUE(got ==
                std::vector<double>(signal.begin(), signal.begin() + static_cast<std::ptrdiff_t>(count)));
    ASSERT_THAT(reader.losses(), SizeIs(1));
    EXPECT_EQ(reader.losses(), losses_at_open);
    EXPECT_THAT(losses_at_open[0], HasSubstr("follows the " + std::to_string(count) +
                                             " frames stated by the header: not played"));
    if (count % kFlacBlock != 0) {
      EXPECT_THAT(losses_at_open[0],
                  HasSubstr("of " + std::to_string(kFlacBlock - count % kFlacBlock) + " frames and "));
    }
  }
}

TEST(FlacFile, SaysThatItsSamplesDoNotHaveTheirChecksum) {
  const TempDir dir;
  const auto signal = flac_signal();
  std::string bytes = flac_bytes(dir, signal);
  const auto losses = [&] {
    SoundFileReader reader = opened(dir.write("a.flac", bytes));
    EXPECT_TRUE(read_samples(reader).channels[0] == signal);
    const auto told = reader.losses();
    EXPECT_TRUE(reader.seek(0));  // as a loop does
    EXPECT_TRUE(read_samples(reader).channels[0] == signal);
    EXPECT_TRUE(reader.seek(7000));
    EXPECT_EQ(read_samples(reader).channels[0].size(), signal.size() - 7000);
    EXPECT_EQ(reader.losses(), told);
    return told;
  };
  EXPECT_THAT(losses(), IsEmpty());
  bytes[kFlacMd5] = static_cast<char>(bytes[kFlacMd5] ^ 1);
  EXPECT_THAT(losses(), ElementsAre(HasSubstr("the checksum (MD5) that the header states")));
  bytes.replace(kFlacMd5, 16, std::string(16, '\0'));  // not known
  EXPECT_THAT(losses(), IsEmpty());
}

}  // namespace
}  // namespace streamlab
