// tests/nodes/sound_file/sound_file_reader_test.cpp
#include "nodes/sound_file/sound_file_reader.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/nodes/sound_file/read_samples.hpp"
#include "tests/nodes/sound_file/wave_bytes.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing

// All samples, channel after channel, read `block` frames at a time.
std::vector<std::vector<double>> read_all(SoundFileReader& reader, std::size_t block = 1000) {
  return read_samples(reader, block).channels;
}

std::string refusal(const std::string& path) {
  const auto reader = SoundFileReader::open(path);
  if (reader) { return "was accepted"; }
  EXPECT_EQ(reader.error().code, ErrorCode::refused);
  EXPECT_EQ(reader.error().where, path);
  Error error = reader.error();
  error.where.clear();
  return to_string(error);
}

TEST(SoundFileReader, ReadsSixteenBitStereo) {
  const TempDir dir;
  const std::string samples = little(0x4000, 2) + little(0xC000, 2) + little(0x7FFF, 2) + little(0x8000, 2);
  auto reader = SoundFileReader::open(dir.write("a.wav", s16_wave(2, 44100, samples)));
  ASSERT_TRUE(reader) << to_string(reader.error());
  EXPECT_EQ(reader->info().sample_rate_hz, 44100U);
  EXPECT_EQ(reader->info().channels, 2U);
  EXPECT_EQ(reader->info().frames, 2U);
  EXPECT_TRUE(reader->info().length_known);
  EXPECT_THAT(reader->info().warnings, IsEmpty());
  EXPECT_THAT(read_all(*reader), ElementsAre(ElementsAre(0.5, 32767.0 / 32768.0), ElementsAre(-0.5, -1.0)));
}

TEST(SoundFileReader, ReadsEveryPcmAndFloatWidth) {
  const TempDir dir;
  const auto wave = [](int tag, int bits, std::string_view samples) {
    return riff(chunk("fmt ", format_body(tag, 1, 8000, bits)) + chunk("data", samples));
  };
  const double third = -1.0 / 3.0;
  const float tenth = 0.1F;
  std::string third_bytes(8, '\0');
  std::string tenth_bytes(4, '\0');
  std::memcpy(third_bytes.data(), &third, 8);
  std::memcpy(tenth_bytes.data(), &tenth, 4);
  struct Case {
    std::string bytes;
    double value;
    const char* subtype;
  };
  const Case cases[] = {{wave(1, 8, "\xC0"), 0.5, "8-bit PCM"},
                        {wave(1, 24, little(0xFFFFFF, 3)), -1.0 / 8388608.0, "24-bit PCM"},
                        {wave(1, 32, little(1, 4)), 1.0 / 2147483648.0, "32-bit PCM"},
                        {wave(3, 32, tenth_bytes), static_cast<double>(tenth), "32-bit float"},
                        {wave(3, 64, third_bytes), third, "64-bit float"}};
  for (const Case& c : cases) {
    auto reader = SoundFileReader::open(dir.write("a.wav", c.bytes));
    ASSERT_TRUE(reader) << c.subtype << ": " << to_string(reader.error());
    EXPECT_EQ(reader->info().subtype, c.subtype);
    EXPECT_THAT(read_all(*reader), ElementsAre(ElementsAre(c.value))) << c.subtype;
  }
}

TEST(SoundFileReader, ReadsBigEndianFilesToo) {
  const TempDir dir;
  // AU: magic, offset of the data, its size, encoding 3 (16-bit PCM), rate, channels; all big-endian.
  const std::string au = std::string(".snd") +
                         std::string("\0\0\0\x18\0\0\0\x04\0\0\0\x03\0\0\xBB\x80\0\0\0\x01", 20) +
                         std::string("\x40\0\xC0\0", 4);
  auto reader = SoundFileReader::open(dir.write("a.au", au));
  ASSERT_TRUE(reader) << to_string(reader.error());
  EXPECT_EQ(reader->info().sample_rate_hz, 48000U);
  EXPECT_EQ(reader->info().container, "AU");
  EXPECT_THAT(read_all(*reader), ElementsAre(ElementsAre(0.5, -0.5)));
}

TEST(SoundFileReader, GivesTheSameSamplesForEveryBlockSize) {
  const TempDir dir;
  constexpr int kFrames = 100000;  // several of the reader's own buffers
  std::string samples;
  std::vector<double> expected;
  for (int n = 0; n < kFrames; ++n) {
    const auto code = static_cast<std::int16_t>(n * 7919);
    samples += little(static_cast<std::uint16_t>(code), 2) + little(static_cast<std::uint16_t>(~code), 2);
    expected.push_back(code / 32768.0);
  }
  const std::string path = dir.write("a.wav", s16_wave(2, 48000, samples));
  for (const std::size_t block : {1U, 7U, 480U, 1024U, 200000U}) {
    auto reader = SoundFileReader::open(path);
    ASSERT_TRUE(reader);
    const auto got = read_all(*reader, block);
    EXPECT_TRUE(got[0] == expected) << "block of " << block;
    EXPECT_EQ(reader->position(), static_cast<std::uint64_t>(kFrames));
  }
}

TEST(SoundFileReader, SeeksToAFrame) {
  const TempDir dir;
  std::string samples;
  for (int n = 0; n < 1000; ++n) { samples += little(static_cast<std::uint64_t>(n), 2); }
  auto reader = SoundFileReader::open(dir.write("a.wav", s16_wave(1, 48000, samples)));
  ASSERT_TRUE(reader);
  double sample = 0.0;
  double* const planar[] = {&sample};
  for (const std::uint64_t frame : {999U, 0U, 500U}) {
    ASSERT_TRUE(reader->seek(frame));
    ASSERT_TRUE(reader->read(planar, 1));
    EXPECT_EQ(sample, static_cast<double>(frame) / 32768.0);
    EXPECT_EQ(reader->position(), frame + 1);
  }
  EXPECT_TRUE(reader->seek(1000));
  EXPECT_EQ(reader->read(planar, 1)->frames, 0U);
  EXPECT_FALSE(reader->seek(1001));
}

TEST(SoundFileReader, CountsNaNAndInfinities) {
  const TempDir dir;
  const auto word = [](float value) {
    std::string bytes(4, '\0');
    std::memcpy(bytes.data(), &value, 4);
    return bytes;
  };
  const std::string samples = word(0.5F) + word(NAN) + word(-INFINITY) + word(1.5F);
  auto reader = SoundFileReader::open(
      dir.write("a.wav", riff(chunk("fmt ", format_body(3, 1, 48000, 32)) + chunk("data", samples))));
  ASSERT_TRUE(reader);
  std::vector<double> got(4);
  double* const planar[] = {got.data()};
  const auto block = reader->read(planar, 4);
  ASSERT_TRUE(block);
  EXPECT_EQ(block->counts.not_finite, 2U);
  EXPECT_TRUE(std::isnan(got[1]));
  EXPECT_EQ(got[3], 1.5);
}

// --- headers that lie

TEST(SoundFileReader, PlaysWhatIsThereOfATruncatedFileAndSaysSo) {
  const TempDir dir;
  std::string bytes = s16_wave(1, 48000, std::string(2000, '\1'));
  bytes.resize(bytes.size() - 1000);
  auto reader = SoundFileReader::open(dir.write("a.wav", bytes));
  ASSERT_TRUE(reader) << to_string(reader.error());
  EXPECT_THAT(reader->losses(),
              ElementsAre("the header promises 2000 bytes of samples but the file ends after 1000: these are "
                          "played"));
  EXPECT_EQ(reader->info().frames, 500U);
  EXPECT_EQ(read_all(*reader)[0].size(), 500U);
}

TEST(SoundFileReader, PlaysAFileWhoseHeaderWasNeverFinished) {
  const TempDir dir;
  for (const std::uint64_t stated : {0ULL, 0xFFFFFFFFULL}) {  // the second is what a pipe gets
    const std::string bytes = "RIFF" + little(stated, 4) + "WAVE" +
                              chunk("fmt ", format_body(1, 1, 48000, 16)) + "data" + little(stated, 4) +
                              std::string(200, '\1');
    auto reader = SoundFileReader::open(dir.write("a.wav", bytes));
    ASSERT_TRUE(reader) << to_string(reader.error());
    EXPECT_THAT(reader->info().warnings, ElementsAre(HasSubstr("the header states no length"))) << stated;
    EXPECT_EQ(read_all(*reader)[0].size(), 100U) << stated;
  }
}

TEST(SoundFileReader, SaysWhenBytesFollowTheStatedEnd) {
  const TempDir dir;
  const std::string bytes = s16_wave(1, 48000, std::string(200, '\1')) + std::string(77, '\2');
  auto reader = SoundFileReader::open(dir.write("a.wav", bytes));
  ASSERT_TRUE(reader);
  EXPECT_THAT(reader->losses(), ElementsAre(HasSubstr("77 bytes follow the end stated by the header")));
  EXPECT_EQ(read_all(*reader)[0].size(), 100U);

  auto to_the_end = SoundFileReader::open(dir.file("a.wav"), BeyondEnd::play);
  ASSERT_TRUE(to_the_end);
  EXPECT_THAT(to_the_end->info().warnings, ElementsAre(HasSubstr("they are played")));
  EXPECT_THAT(to_the_end->losses(), ElementsAre(HasSubstr("1 bytes of an incomplete frame")));
  EXPECT_EQ(read_all(*to_the_end)[0].size(), 138U);
}

// A file of `bytes` bytes behind its header, of which all but the last two are a hole that takes no space.
std::string long_wave(const TempDir& dir, std::string_view head, std::uint64_t bytes,
                      std::string_view tail = "") {
  const std::string path = dir.write("long.wav", head);
  const auto size = static_cast<off_t>(head.size() + bytes);
  EXPECT_EQ(truncate(path.c_str(), size), 0);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(size - 2);
  file << std::string_view("\x00\x40", 2) << tail;
  return path;
}

std::string wave_head(std::string_view id, std::uint64_t riff, std::string_view between, std::uint64_t data) {
  return std::string(id) + little(riff, 4) + "WAVE" + std::string(between) +
         chunk("fmt ", format_body(1, 2, 48000, 16)) + "data" + little(data, 4);
}

void expect_all_frames(const std::string& path, std::uint64_t bytes, std::string_view warning) {
  auto reader = SoundFileReader::open(path);
  ASSERT_TRUE(reader) << to_string(reader.error());
  EXPECT_EQ(reader->info().frames, bytes / 4);
  EXPECT_THAT(reader->losses(), IsEmpty());
  if (warning.empty()) {
    EXPECT_THAT(reader->info().warnings, IsEmpty());
  } else {
    EXPECT_THAT(reader->info().warnings, ElementsAre(HasSubstr(std::string(warning))));
  }
  ASSERT_TRUE(reader->seek(bytes / 4 - 1));
  EXPECT_THAT(read_all(*reader), ElementsAre(ElementsAre(0.0), ElementsAre(0.5)));
}

constexpr std::uint64_t kGibibyte = 1ULL << 30U;

// sox, ffmpeg and PipeSink state these sizes where they do not know the true one.
TEST(SoundFileReader, PlaysALongWavWhoseSizeMeansNotKnown) {
  const TempDir dir;
  for (const std::uint64_t stated : {0x7FFFF000ULL, 0x7FFFFFFFULL, 0x80000000ULL, 0xFFFFFFFFULL, 0ULL}) {
    expect_all_frames(long_wave(dir, wave_head("RIFF", stated, "", stated), 3 * kGibibyte), 3 * kGibibyte,
                      "the header states no length");
  }
  // The same size as a true one.
  expect_all_frames(long_wave(dir, wave_head("RIFF", 0x7FFFF024, "", 0x7FFFF000), 0x7FFFF000), 0x7FFFF000,
                    "");
  expect_all_frames(
      long_wave(dir, wave_head("RIFF", 0x7FFFF030, "", 0x7FFFF000), 0x7FFFF000, chunk("LIST", "INFO")),
      0x7FFFF000, "");
}

TEST(SoundFileReader, PlaysALongWavWhoseSizeHasLostItsHighBits) {
  const TempDir dir;
  const std::uint64_t stated = 5 * kGibibyte + 4000 - (4 * kGibibyte);
  for (const std::string& tail :
       {std::string(), chunk("LIST", "INFO"), chunk("id3 ", "x") + chunk("LIST", "INFO")}) {
    expect_all_frames(
        long_wave(dir, wave_head("RIFF", stated + 36 + tail.size(), "", stated), 5 * kGibibyte + 4000, tail),
        5 * kGibibyte + 4000, "too many for its 32 bits");
  }
  expect_all_frames(long_wave(dir, wave_head("RIFF", 36 + 400, "", 400), 12 * kGibibyte + 400),
                    12 * kGibibyte + 400, "too many for its 32 bits");
  // Another number of bytes than a multiple of 2^32 is no such size.
  auto reader =
      SoundFileReader::open(long_wave(dir, wave_head("RIFF", stated + 36, "", stated), 5 * kGibibyte));
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->info().frames, stated / 4);
  EXPECT_THAT(reader->losses(), ElementsAre(HasSubstr("bytes follow the end stated by the header")));
}

TEST(SoundFileReader, PlaysRf64AndBw64WithAndWithoutTheirSize) {
  const TempDir dir;
  const std::uint64_t bytes = 5 * kGibibyte;
  const auto ds64 = [](std::uint64_t data) {
    return chunk("ds64", little(data + 80, 8) + little(data, 8) + little(data / 4, 8) + little(0, 4));
  };
  for (const char* id : {"RF64", "BW64"}) {
    expect_all_frames(long_wave(dir, wave_head(id, 0xFFFFFFFF, ds64(bytes), 0xFFFFFFFF), bytes), bytes, "");
    // ffmpeg fills neither in when it writes into a pipe, nor a recorder that is killed.
    for (const std::uint64_t unknown : {0ULL, ~0ULL}) {
      expect_all_frames(long_wave(dir, wave_head(id, 0xFFFFFFFF, ds64(unknown), 0xFFFFFFFF), bytes), bytes,
                        "the header states no length");
    }
    expect_all_frames(long_wave(dir, wave_head(id, 0xFFFFFFFF, "", 0xFFFFFFFF), bytes), bytes,
                      "the header states no length");
  }
  EXPECT_EQ(SoundFileReader::open(dir.file("long.wav"))->info().container, "BW64");
}

std::string w64_head(std::uint64_t data) {
  const std::string riff_tail("\x2E\x91\xCF\x11\xA5\xD6\x28\xDB\x04\xC1\x00\x00", 12);
  const std::string tail("\xF3\xAC\xD3\x11\x8C\xD1\x00\xC0\x4F\x8E\xDB\x8A", 12);
  return "riff" + riff_tail + little(data, 8) + "wave" + tail + "fmt " + tail + little(40, 8) +
         format_body(1, 2, 48000, 16) + "data" + tail + little(data, 8);
}

TEST(SoundFileReader, PlaysAW64WhoseSizeMeansNotKnown) {
  const TempDir dir;
  for (const std::uint64_t stated : {0ULL, 24ULL, ~0ULL, (1ULL << 63U) - 1}) {  // the last two by ffmpeg
    const std::string head = w64_head(stated);
    expect_all_frames(long_wave(dir, head, 4000), 4000, "the header states no length");
  }
}

// What libsndfile decodes is played to the same end as what is read directly.
TEST(SoundFileReader, PlaysOtherCodingsWhoseSizeMeansNotKnown) {
  const TempDir dir;
  for (const int tag : {1, 6, 7}) {  // 8-bit PCM, A-law, µ-law
    for (const char* id : {"RIFF", "BW64"}) {
      for (const std::uint64_t stated : {0ULL, 0xFFFFFFFFULL}) {
        const std::string bytes = std::string(id) + little(stated, 4) + "WAVE" +
                                  chunk("fmt ", format_body(tag, 1, 8000, 8)) + "data" + little(stated, 4) +
                                  std::string(5000, '\xC0');
        auto reader = SoundFileReader::open(dir.write("a.wav", bytes));
        ASSERT_TRUE(reader) << to_string(reader.error());
        EXPECT_EQ(reader->info().frames, 5000U);
        EXPECT_EQ(read_all(*reader)[0].size(), 5000U) << tag << id << stated;
      }
    }
  }
}

std::string big(std::uint64_t value, int count) {
  std::string bytes = little(value, count);
  std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

// 16 bits, one channel, 48000 Hz; 80-bit numbers as in IEEE 754.
std::string aiff_common(std::uint64_t frames) {
  return "COMM" + big(18, 4) + big(1, 2) + big(frames, 4) + big(16, 2) + "\x40\x0E" + big(0xBB80, 2) +
         std::string(6, '\0');
}

std::string aiff_head(std::uint64_t sound_bytes) {
  const std::string common = aiff_common(0);
  return "FORM" + big(sound_bytes, 4) + "AIFF" + common + "SSND" + big(sound_bytes, 4) + std::string(8, '\0');
}

std::string caf_head(std::uint64_t data_bytes) {
  const std::string rate("\x40\xE7\x70\0\0\0\0\0", 8);  // 48000 as a float64
  return std::string("caff\0\1\0\0", 8) + "desc" + big(32, 8) + rate + "lpcm" + big(0, 4) + big(2, 4) +
         big(1, 4) + big(1, 4) + big(16, 4) + "data" + big(data_bytes, 8) + big(0, 4);
}

TEST(SoundFileReader, PlaysAiffAndCafWhoseSizeMeansNotKnown) {
  const TempDir dir;
  const std::string samples(2000, '\x40');
  for (const std::string& head : {aiff_head(0), aiff_head(8), aiff_head(0x7F000008), aiff_head(0xFFFFFFFF),
                                  caf_head(0), caf_head(4), caf_head(~0ULL)}) {
    auto reader = SoundFileReader::open(dir.write("a", head + samples));
    ASSERT_TRUE(reader) << to_string(reader.error());
    EXPECT_EQ(reader->info().frames, 1000U);
    EXPECT_THAT(reader->info().warnings, ElementsAre(HasSubstr("the header states no length")));
    EXPECT_THAT(reader->losses(), IsEmpty());
    EXPECT_EQ(read_all(*reader)[0].size(), 1000U);
  }
  // 3 GiB: what libsndfile takes for 2 GiB.
  auto reader = SoundFileReader::open(long_wave(dir, aiff_head(0x7F000008), 3 * kGibibyte));
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->info().frames, 3 * kGibibyte / 2);
  // True sizes, and what follows them.
  for (const std::string& head : {aiff_head(208), caf_head(204)}) {
    const bool is_aiff = head.starts_with("FORM");
    const std::string chunk = is_aiff ? "NAME" + big(2, 4) + "ab" : "free" + big(2, 8) + "ab";
    for (const std::string& tail : {std::string(), chunk}) {
      auto whole = SoundFileReader::open(dir.write("a", head + samples.substr(0, 200) + tail));
      ASSERT_TRUE(whole);
      EXPECT_EQ(whole->info().frames, 100U);
      EXPECT_THAT(whole->info().warnings, IsEmpty());
      EXPECT_THAT(whole->losses(), IsEmpty());
    }
    auto longer = SoundFileReader::open(dir.write("a", head + samples));
    ASSERT_TRUE(longer);
    EXPECT_EQ(longer->info().frames, 100U);
    EXPECT_THAT(longer->losses(), ElementsAre(HasSubstr("1800 bytes follow the end")));
    EXPECT_EQ(SoundFileReader::open(dir.file("a"), BeyondEnd::play)->info().frames, 1000U);
    auto shorter = SoundFileReader::open(dir.write("a", head + samples.substr(0, 100)));
    ASSERT_TRUE(shorter);
    EXPECT_EQ(shorter->info().frames, 50U);
    EXPECT_THAT(shorter->losses(),
                ElementsAre(HasSubstr("promises 200 bytes of samples but the file ends after 100")));
  }
}

// Its samples begin `offset` bytes later than usual; `tail` follows them.
std::string aiff_with_offset(const std::string& common, std::uint64_t offset, std::size_t sample_bytes,
                             const std::string& tail = "") {
  return "FORM" + big(0, 4) + "AIFF" + common + "SSND" + big(8 + sample_bytes, 4) + big(offset, 4) +
         big(0, 4) + std::string(sample_bytes, '\x40') + tail;
}

TEST(SoundFileReader, TellsWhenAnAiffHasFewerFramesThanItPromises) {
  const TempDir dir;
  const auto losses = [&](const std::string& bytes, std::uint64_t frames) {
    auto reader = SoundFileReader::open(dir.write("a.aiff", bytes));
    EXPECT_TRUE(reader) << to_string(reader.error());
    EXPECT_EQ(reader->info().frames, frames);
    EXPECT_EQ(read_all(*reader)[0].size(), frames);
    return reader->losses();
  };
  // Samples that begin later, as in files that are aligned: nothing is missing.
  EXPECT_THAT(losses(aiff_with_offset(aiff_common(90), 20, 200), 90), IsEmpty());
  EXPECT_THAT(losses(aiff_with_offset(aiff_common(50), 0, 200), 100), IsEmpty());
  // So late that some are passed over, whichever of the two chunks comes first.
  const std::string expected = "the header promises 100 frames but has samples of 90: these are played";
  EXPECT_THAT(losses(aiff_with_offset(aiff_common(100), 20, 200), 90), ElementsAre(expected));
  EXPECT_THAT(losses(aiff_with_offset("", 20, 200, aiff_common(100)), 90), ElementsAre(expected));
  EXPECT_THAT(losses(aiff_with_offset(aiff_common(100), 0, 180), 90), ElementsAre(expected));
  // Behind their chunk, with any number of frames.
  for (const std::uint64_t frames : {0U, 100U}) {
    for (const std::uint64_t offset : {201U, 0x80000000U}) {
      EXPECT_THAT(losses(aiff_with_offset(aiff_common(frames), offset, 200), 0),
                  ElementsAre(HasSubstr("within their chunk, which has 208: none are played")));
    }
  }
  // A size that means "not known", and as many frames as sox promises into a pipe, or a number to be kept.
  for (const std::uint64_t frames : {0ULL, 0x7F000000ULL / 2, 100ULL, 101ULL}) {
    std::string bytes = aiff_with_offset(aiff_common(frames), 0, 200);
    bytes.replace(12 + 26 + 4, 4, big(0, 4));
    EXPECT_THAT(losses(bytes, 100), testing::SizeIs(frames == 101 ? 1 : 0)) << frames;
  }
  // A chunk that is smaller than its own head, at the end of the file.
  std::string bytes = aiff_with_offset(aiff_common(0), 0, 0);
  bytes.replace(12 + 26 + 4, 4, big(5, 4));
  bytes.resize(bytes.size() - 6);
  EXPECT_THAT(losses(bytes, 0), ElementsAre(HasSubstr("promises 0 bytes of samples")));
}

// libsndfile finds them where the walk from chunk to chunk ends among samples, and nobody else judged how many there are.
TEST(SoundFileReader, JudgesSamplesBehindAChunkOfAWrongSize) {
  const TempDir dir;
  std::string list = chunk("LIST", "INFO" + chunk("ISFT", "Lavf59.27.100"));
  list.replace(4, 4, little(500, 4));  // ends among the samples
  for (const int bits : {16, 8}) {
    const std::string whole =
        riff(chunk("fmt ", format_body(1, 2, 44100, bits)) + list + chunk("data", std::string(2000, '\x99')));
    auto reader = SoundFileReader::open(dir.write("a.wav", whole));
    ASSERT_TRUE(reader) << to_string(reader.error());
    EXPECT_EQ(read_all(*reader)[0].size(), 8000U / static_cast<unsigned>(bits));
    EXPECT_THAT(reader->info().warnings, ElementsAre(HasSubstr("has a wrong size; they were found")));
    EXPECT_THAT(reader->losses(), IsEmpty());
    auto cut = SoundFileReader::open(dir.write("a.wav", whole.substr(0, whole.size() - 1000)));
    ASSERT_TRUE(cut) << to_string(cut.error());
    EXPECT_EQ(read_all(*cut)[0].size(), 4000U / static_cast<unsigned>(bits));
    EXPECT_THAT(cut->losses(),
                ElementsAre(HasSubstr("promises 2000 bytes of samples but the file ends after 1000")));
  }
}

TEST(SoundFileReader, TellsOfOtherSamplesBehindTheFirst) {
  const TempDir dir;
  const std::string one =
      riff(chunk("fmt ", format_body(1, 1, 48000, 16)) + chunk("data", std::string(200, '\x40')));
  for (const std::string& bytes :
       {one + one, riff(one.substr(12) + chunk("data", std::string(200, '\x40')))}) {
    auto reader = SoundFileReader::open(dir.write("a.wav", bytes));
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->info().frames, 100U);
    EXPECT_THAT(reader->losses(), ElementsAre(HasSubstr("other samples begin at byte 244")));
  }
}

TEST(SoundFileReader, TellsWhenAnAuIsNotAsLongAsItSays) {
  const TempDir dir;
  const auto au = [](std::uint64_t size) {
    return ".snd" + big(24, 4) + big(size, 4) + big(3, 4) + big(48000, 4) + big(1, 4) +
           std::string(200, '\x40');
  };
  for (const std::uint64_t size : {200ULL, 0xFFFFFFFFULL}) {
    auto whole = SoundFileReader::open(dir.write("a.au", au(size)));
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->info().frames, 100U);
    EXPECT_THAT(whole->losses(), IsEmpty());
  }
  EXPECT_THAT(SoundFileReader::open(dir.write("a.au", au(500)))->losses(),
              ElementsAre(HasSubstr("promises 500 bytes of samples but the file ends after 200")));
  EXPECT_THAT(SoundFileReader::open(dir.write("a.au", au(120)))->losses(),
              ElementsAre(HasSubstr("80 bytes follow the end")));
  for (const std::uint64_t size : {200ULL, 0xFFFFFFFFULL}) {
    std::string late = au(size);
    late.replace(4, 4, big(225, 4));
    EXPECT_THAT(SoundFileReader::open(dir.write("a.au", late))->losses(),
                ElementsAre(HasSubstr("begin at byte 225, but the file ends after 224: none are played")));
  }
}

TEST(SoundFileReader, NamesTheCoding) {
  const TempDir dir;
  const std::pair<int, const char*> codings[] = {{6, "A-law"}, {7, "µ-law"}};
  for (const auto& [tag, name] : codings) {
    auto reader = SoundFileReader::open(
        dir.write("a.wav", riff(chunk("fmt ", format_body(tag, 1, 8000, 8)) + chunk("data", "abcd"))));
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->info().subtype, name);
  }
}

TEST(SoundFileReader, KnowsThatOtherChunksMayFollowTheSamples) {
  const TempDir dir;
  const std::string bytes =
      riff(chunk("fmt ", format_body(1, 1, 48000, 8)) + chunk("data", "abc") + chunk("LIST", "INFO"));
  auto reader = SoundFileReader::open(dir.write("a.wav", bytes));
  ASSERT_TRUE(reader);
  EXPECT_THAT(reader->info().warnings, IsEmpty());
}

TEST(SoundFileReader, LeavesOutAnUnfinishedLastFrame) {
  const TempDir dir;
  auto reader = SoundFileReader::open(dir.write("a.wav", s16_wave(2, 48000, std::string(42, '\1'))));
  ASSERT_TRUE(reader);
  EXPECT_THAT(reader->losses(), ElementsAre(HasSubstr("2 bytes of an incomplete frame")));
  EXPECT_EQ(read_all(*reader)[0].size(), 10U);
}

// --- what is refused

TEST(SoundFileReader, RefusesWhatIsNoSoundFile) {
  const TempDir dir;
  EXPECT_EQ(refusal(dir.file("none.wav")), "does not exist");
  EXPECT_EQ(refusal(dir.path().string()), "is a directory; expected a sound file");
  EXPECT_EQ(refusal(dir.write("empty.wav", "")), "is empty; expected a sound file");
  EXPECT_EQ(refusal("/dev/zero"), "is a device, which never ends; expected a sound file");
  const std::string fifo = dir.file("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(refusal(fifo), "is a FIFO, which never ends; expected a sound file");
  EXPECT_EQ(refusal(dir.write("text.wav", "{\"a\": 1}")),
            "is not a sound file that can be read: it begins with \"{\"a\": 1}\"; expected WAV, RF64, W64, "
            "FLAC, AIFF, "
            "AU, CAF, Ogg or MP3");
  EXPECT_EQ(
      refusal(dir.write("rubbish.wav", std::string_view("\x7F\x45LF\x02\x01\x01\x00\x99", 9))),
      "is not a sound file that can be read: it begins with the bytes 7F 45 4C 46 02 01 01 00; expected WAV, "
      "RF64, W64, FLAC, AIFF, AU, CAF, Ogg or MP3");
}

// Creative Voice: type, length (24 bits), and of sound of type 9 a head of 12 bytes.
std::string voice_file(int blocks) {
  std::string bytes = "Creative Voice File\x1A" + little(26, 2) + little(0x114, 2) + little(0x101F, 2);
  const std::string samples(200, '\1');
  bytes += little(9, 1) + little(12 + samples.size(), 3) + little(8000, 4) + little(16, 1) + little(1, 1) +
           little(4, 2) + little(0, 4) + samples;
  for (int block = 1; block < blocks; ++block) {
    bytes += little(2, 1) + little(samples.size(), 3) + samples;
  }
  return bytes + little(0, 1);
}

TEST(SoundFileReader, RefusesFramesThatDoNotFitTheSamples) {
  const TempDir dir;
  std::string format = format_body(1, 1, 48000, 24);
  format.replace(12, 2, little(4, 2));  // four bytes for 24 bits, and nothing says which three
  EXPECT_THAT(
      refusal(dir.write("a.wav", riff(chunk("fmt ", format) + chunk("data", std::string(400, '\1'))))),
      HasSubstr("24 bits per sample and 1 channels (frames of 4 bytes)"));
}

TEST(SoundFileReader, RefusesATagInFrontOfAWav) {
  const TempDir dir;
  const std::string tag = "ID3\3" + std::string(5, '\0') + "\12" + std::string(10, 'x');
  EXPECT_THAT(refusal(dir.write("a.wav", tag + s16_wave(1, 48000, std::string(100, '\1')))),
              HasSubstr("but only MP3 and FLAC may have an ID3 tag in front"));
}

TEST(SoundFileReader, RefusesVoiceFilesOfSeveralBlocks) {
  const TempDir dir;
  auto reader = SoundFileReader::open(dir.write("a.voc", voice_file(1)));
  ASSERT_TRUE(reader) << to_string(reader.error());
  EXPECT_EQ(read_all(*reader)[0].size(), 100U);
  EXPECT_THAT(refusal(dir.write("b.voc", voice_file(2))), HasSubstr("but its sound is in several blocks"));
}

TEST(SoundFileReader, TellsWhereAFileWithoutALengthEnds) {
  const TempDir dir;
  const auto losses = [&](const std::string& bytes, std::uint64_t frames) {
    auto reader = SoundFileReader::open(dir.write("a", bytes));
    EXPECT_TRUE(reader) << to_string(reader.error());
    EXPECT_EQ(reader->info().frames, frames);
    return reader->losses();
  };
  const std::string voice = voice_file(1);
  EXPECT_THAT(losses(voice, 100), IsEmpty());
  EXPECT_THAT(losses(voice.substr(0, voice.size() - 1), 100), IsEmpty());  // all but the mark of the end
  EXPECT_THAT(
      losses(voice.substr(0, voice.size() - 101), 49),  // libsndfile leaves out the last
      ElementsAre("a block of 212 bytes is promised but the file ends after 112: what can be decoded of it "
                  "is played"));
  // IRCAM: a mark, rate as a float, channels, 2 for 16 bits, filled up to 1024 bytes.
  std::string ircam = "\x64\xA3\x01" + std::string(1, '\0') + std::string("\0\x44\x2C\x47", 4) +
                      little(2, 4) + little(2, 4) + std::string(1008, '\0');
  EXPECT_THAT(losses(ircam + std::string(400, '\1'), 100), IsEmpty());
  EXPECT_THAT(losses(ircam + std::string(401, '\1'), 100),
              ElementsAre(HasSubstr("with 1 bytes of an incomplete")));
  EXPECT_THAT(losses(ircam.substr(0, 600), 0),
              ElementsAre("the file ends after 600 of the 1024 bytes of its header"));
  for (const std::string& head : {aiff_head(0), caf_head(~0ULL)}) {
    EXPECT_THAT(losses(head + std::string(200, '\1'), 100), IsEmpty());
    EXPECT_THAT(losses(head + std::string(201, '\1'), 100),
                ElementsAre("the samples end with 1 bytes of an incomplete frame, which are skipped"));
  }
}

TEST(SoundFileReader, RefusesWavFilesThatHoldNothingToPlay) {
  const TempDir dir;
  EXPECT_EQ(
      refusal(dir.write("a.wav", riff(chunk("fmt ", format_body(1, 0, 48000, 16)) + chunk("data", "abcd")))),
      "has 0 channels; expected at least 1");
  EXPECT_EQ(refusal(dir.write("b.wav", riff(chunk("data", "abcd")))), "is a WAV file without a format chunk");
  EXPECT_EQ(refusal(dir.write("c.wav", riff(chunk("fmt ", format_body(1, 1, 48000, 16))))),
            "is a WAV file without samples (no data chunk)");
  // Cut within the header of the samples' chunk; libsndfile takes half of it for an empty one.
  for (const int bits : {16, 8}) {
    const std::string whole = riff(chunk("fmt ", format_body(1, 1, 48000, bits)) + chunk("data", "abcd"));
    for (std::size_t bytes = 37; bytes < 44; ++bytes) {
      EXPECT_EQ(refusal(dir.write("c.wav", whole.substr(0, bytes))),
                "is a WAV file without samples (no data chunk); it was cut short before them, or is damaged")
          << bytes;
    }
    auto empty = SoundFileReader::open(dir.write("c.wav", whole.substr(0, 44)));
    ASSERT_TRUE(empty);
    EXPECT_THAT(empty->losses(), ElementsAre(HasSubstr("promises 4 bytes of samples")));
  }
  const std::string w64 = w64_head(400);
  for (std::size_t bytes = w64.size() - 23; bytes < w64.size(); ++bytes) {
    EXPECT_EQ(refusal(dir.write("c.w64", w64.substr(0, bytes))),
              "is a W64 file without samples (no data chunk); it was cut short before them, or is damaged")
        << bytes;
  }
  EXPECT_EQ(SoundFileReader::open(dir.write("c.w64", w64))->losses().size(), 1U);
  EXPECT_THAT(refusal(dir.write("d.wav", s16_wave(1, 0, "abcd"))), HasSubstr("sample rate of 0 Hz"));
  EXPECT_EQ(refusal(dir.write("e.wav", s16_wave(1, 4294967295U, "abcd"))),
            "has a sample rate of 4294967295 Hz; expected at most 10000000 Hz; its header is damaged");
  EXPECT_EQ(refusal(dir.write("f.wav", s16_wave(1, 10'000'000U, "abcd"))), "was accepted");
}

TEST(SoundFileReader, SaysWhichFormatItCannotDecode) {
  const TempDir dir;
  const std::string wma =
      riff(chunk("fmt ", format_body(0x0161, 2, 48000, 16) + little(0, 2)) + chunk("data", "abcd"));
  EXPECT_THAT(
      refusal(dir.write("a.wav", wma)),
      HasSubstr("cannot be decoded: WAV format tag 0x0161 with 16 bits per sample and 2 channels (its "
                "encoding is not supported)"));
}

TEST(SoundFileInfo, IsDescribedInALineAndItsWarnings) {
  SoundFileInfo info{48000, 2, 96000, true, "WAV", "16-bit PCM", {"something is odd"}};
  EXPECT_EQ(describe(info),
            "WAV, 16-bit PCM, 48000 Hz, 2 channels, 96000 frames, 2.000 s\nwarning: something is odd\n");
  info = {8000, 1, 0, false, "FLAC", "24-bit PCM", {}};
  EXPECT_EQ(describe(info), "FLAC, 24-bit PCM, 8000 Hz, 1 channel, length not stated\n");
}

}  // namespace
}  // namespace streamlab
