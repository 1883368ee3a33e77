// tests/nodes/sound_file/odd_sound_file_test.cpp
//
// What libsndfile writes, in all its codings, and what it says about files whose headers are wrong. Its own texts
// ("Internal error : SF_INFO struct incomplete.") speak of its inside and must not reach a user.
#include <algorithm>
#include <array>
#include <filesystem>

#include <gmock/gmock.h>
#include <sndfile.h>

#include "nodes/sound_file/sound_file_reader.hpp"
#include "tests/nodes/sound_file/read_samples.hpp"
#include "tests/nodes/sound_file/wave_bytes.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// 1000 frames of a ramp, and one more.
std::string written_by_libsndfile(const TempDir& dir, int format, int last = 0) {
  const std::string path = dir.file("written");
  SF_INFO info{};
  info.samplerate = 8000;
  info.channels = 1;
  info.format = format;
  SNDFILE* const file = sf_open(path.c_str(), SFM_WRITE, &info);
  EXPECT_NE(file, nullptr) << std::hex << format << sf_strerror(nullptr);
  std::array<short, 1000> ramp{};
  for (std::size_t n = 0; n < ramp.size(); ++n) { ramp[n] = static_cast<short>(30 * n); }
  sf_write_short(file, ramp.data(), 1000);
  sf_write_int(file, &last, 1);
  sf_close(file);
  return path;
}

TEST(OddSoundFile, IsNamedByItsCoding) {
  struct Case {
    int format;
    const char* container;
    const char* subtype;
  };
  const Case cases[] = {{SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, "WAV", "IMA ADPCM"},
                        {SF_FORMAT_AIFF | SF_FORMAT_IMA_ADPCM, "AIFF", "IMA ADPCM"},
                        {SF_FORMAT_W64 | SF_FORMAT_IMA_ADPCM, "W64", "IMA ADPCM"},
                        {SF_FORMAT_WAV | SF_FORMAT_MS_ADPCM, "WAV", "Microsoft ADPCM"},
                        {SF_FORMAT_W64 | SF_FORMAT_MS_ADPCM, "W64", "Microsoft ADPCM"},
                        {SF_FORMAT_WAV | SF_FORMAT_GSM610, "WAV", "GSM 6.10"},
                        {SF_FORMAT_AIFF | SF_FORMAT_GSM610, "AIFF", "GSM 6.10"},
                        {SF_FORMAT_WAV | SF_FORMAT_G721_32, "WAV", "32kbs G721 ADPCM"},
                        {SF_FORMAT_AU | SF_FORMAT_G723_24, "AU", "24kbs G723 ADPCM"},
                        {SF_FORMAT_AIFF | SF_FORMAT_DWVW_12, "AIFF", "12 bit DWVW"},
                        {SF_FORMAT_CAF | SF_FORMAT_ALAC_16, "CAF", "16 bit ALAC"},
                        {SF_FORMAT_CAF | SF_FORMAT_ALAC_20, "CAF", "20 bit ALAC"},
                        {SF_FORMAT_CAF | SF_FORMAT_ALAC_24, "CAF", "24 bit ALAC"},
                        {SF_FORMAT_CAF | SF_FORMAT_ALAC_32, "CAF", "32 bit ALAC"},
                        {SF_FORMAT_AU | SF_FORMAT_ALAW, "AU", "A-law"},
                        {SF_FORMAT_RF64 | SF_FORMAT_ULAW, "RF64", "µ-law"}};
  const TempDir dir;
  for (const Case& c : cases) {
    const auto reader = SoundFileReader::open(written_by_libsndfile(dir, c.format));
    ASSERT_TRUE(reader) << c.subtype << to_string(reader.error());
    EXPECT_EQ(reader->info().container, c.container) << c.subtype;
    EXPECT_EQ(reader->info().subtype, c.subtype);
  }
}

// The largest integer that it holds, whatever decodes it.
TEST(OddSoundFile, KnowsItsLargestCode) {
  struct Case {
    int format;
    double level;
  };
  const Case cases[] = {{SF_FORMAT_FLAC | SF_FORMAT_PCM_S8, 1.0 - 0x1p-7},
                        {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1.0 - 0x1p-15},
                        {SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 1.0 - 0x1p-23},
                        {SF_FORMAT_AIFF | SF_FORMAT_PCM_S8, 1.0 - 0x1p-7},
                        {SF_FORMAT_AIFF | SF_FORMAT_PCM_24, 1.0 - 0x1p-23},
                        {SF_FORMAT_AU | SF_FORMAT_PCM_32, 1.0 - 0x1p-31},
                        {SF_FORMAT_CAF | SF_FORMAT_ALAC_16, 1.0 - 0x1p-15},
                        {SF_FORMAT_CAF | SF_FORMAT_ALAC_20, 1.0 - 0x1p-19},
                        {SF_FORMAT_CAF | SF_FORMAT_ALAC_24, 1.0 - 0x1p-23},
                        {SF_FORMAT_CAF | SF_FORMAT_ALAC_32, 1.0 - 0x1p-31},
                        {SF_FORMAT_AU | SF_FORMAT_ULAW, 32124.0 / 32768.0},
                        {SF_FORMAT_VOC | SF_FORMAT_ALAW, 32256.0 / 32768.0},
                        {SF_FORMAT_WAV | SF_FORMAT_FLOAT, 1.0},
                        {SF_FORMAT_CAF | SF_FORMAT_DOUBLE, 1.0}};
  const TempDir dir;
  for (const Case& c : cases) {
    const bool has_codes = c.level < 1.0;
    auto reader = SoundFileReader::open(written_by_libsndfile(dir, c.format, has_codes ? 0x7FFFFFFF : 0));
    ASSERT_TRUE(reader) << to_string(reader.error());
    EXPECT_EQ(reader->info().clip_level, c.level) << reader->info().subtype;
    if (!has_codes) { continue; }
    const auto samples = read_samples(*reader).channels[0];
    EXPECT_EQ(*std::max_element(samples.begin(), samples.end()), c.level) << reader->info().subtype;
  }
}

// Cut after each byte of its header, and each byte made 0 or 0xFF.
TEST(OddSoundFile, IsRefusedInOurWords) {
  const TempDir dir;
  std::string all_by_libsndfile;
  for (const int format :
       {SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, SF_FORMAT_WAV | SF_FORMAT_ALAW, SF_FORMAT_W64 | SF_FORMAT_PCM_16,
        SF_FORMAT_AIFF | SF_FORMAT_PCM_16, SF_FORMAT_AU | SF_FORMAT_PCM_16, SF_FORMAT_CAF | SF_FORMAT_ALAC_16,
        SF_FORMAT_VOC | SF_FORMAT_PCM_16, SF_FORMAT_IRCAM | SF_FORMAT_PCM_16}) {
    const std::string whole = content_of(written_by_libsndfile(dir, format));
    for (std::size_t at = 0; at < std::min<std::size_t>(whole.size(), 100); ++at) {
      for (const int change : {-1, 0, 0xFF}) {
        std::string bytes = whole;
        if (change < 0) {
          bytes.resize(at);
        } else {
          bytes[at] = static_cast<char>(change);
        }
        std::filesystem::remove(
            dir.file("odd"));  // ext4 writes one that is replaced to the disk at once: 3 ms
        const std::string path = dir.write("odd", bytes);
        const auto reader = SoundFileReader::open(path);
        if (reader) { continue; }
        const std::string said = to_string(reader.error());
        for (const char* inside : {"psf_", "SF_", "nternal", "rror", "karma", "chunk marker", "incomplete"}) {
          EXPECT_THAT(said, Not(HasSubstr(inside))) << at << " " << change;
        }
        SF_INFO info{};
        SNDFILE* const file = sf_open(path.c_str(), SFM_READ, &info);
        if (file == nullptr) { all_by_libsndfile += sf_strerror(nullptr); }
        sf_close(file);
      }
    }
  }
  // What it would have been.
  EXPECT_THAT(all_by_libsndfile, HasSubstr("Internal error : SF_INFO struct incomplete."));
  EXPECT_THAT(all_by_libsndfile, HasSubstr("Error in WAV/W64/RF64 file. Malformed 'fmt ' chunk."));
}

// A coding that libsndfile does not know makes a header neither damaged nor wrong.
TEST(OddSoundFile, SaysThatItsCodingIsNotSupported) {
  const TempDir dir;
  for (const int format : {SF_FORMAT_AIFF | SF_FORMAT_IMA_ADPCM, SF_FORMAT_CAF | SF_FORMAT_ALAC_16}) {
    std::string bytes = content_of(written_by_libsndfile(dir, format));
    const std::string coding = (format & SF_FORMAT_TYPEMASK) == SF_FORMAT_CAF ? "alac" : "ima4";
    bytes.replace(bytes.find(coding), 4, "QDM2");
    const auto reader = SoundFileReader::open(dir.write("odd", bytes));
    ASSERT_FALSE(reader);
    EXPECT_THAT(reader.error().what, HasSubstr(", but its encoding is not supported")) << coding;
  }
}

// libsndfile writes a line to standard output, where results go, for each of its blocks that is damaged.
TEST(OddSoundFile, LetsNoLineOfTheLibraryOut) {
  const TempDir dir;
  std::string bytes = content_of(written_by_libsndfile(dir, SF_FORMAT_SDS | SF_FORMAT_PCM_16));
  bytes[21] = '\xFF';
  const std::string path = dir.write("a.sds", bytes);
  testing::internal::CaptureStdout();
  const auto reader = SoundFileReader::open(path);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  ASSERT_FALSE(reader);
  EXPECT_THAT(reader.error().what, HasSubstr(", but a MIDI sample dump is not read"));
}

// libsndfile calls the header damaged for a chunk beside the samples that is too short.
TEST(OddSoundFile, IsPlayedWhateverStandsBesideItsSamples) {
  const TempDir dir;
  for (const int tag : {1, 6, 7}) {  // 8-bit PCM, A-law, µ-law
    const std::string bytes =
        riff(chunk("PEAK", std::string(4, '\0')) + chunk("fmt ", format_body(tag, 1, 8000, 8)) +
             chunk("data", std::string(5000, '\xC0')));
    auto reader = SoundFileReader::open(dir.write("a.wav", bytes));
    ASSERT_TRUE(reader) << to_string(reader.error());
    EXPECT_EQ(read_samples(*reader).channels[0].size(), 5000U);
  }
}

// Three channels of a byte each, in 100 bytes.
TEST(OddSoundFile, SaysThatItsLastFrameIsIncomplete) {
  const TempDir dir;
  const std::string samples(100, '\x55');
  const auto big = [](std::uint64_t value, int count) {
    std::string bytes = little(value, count);
    return std::string(bytes.rbegin(), bytes.rend());
  };
  const auto guid = [](std::string_view name) {
    return std::string(name) + (name == "riff"
                                    ? std::string("\x2E\x91\xCF\x11\xA5\xD6\x28\xDB\x04\xC1\0\0", 12)
                                    : std::string("\xF3\xAC\xD3\x11\x8C\xD1\0\xC0\x4F\x8E\xDB\x8A", 12));
  };
  const auto wave_64 =
      [&](std::string_view body) {  // its chunks count their heads, and end at multiples of 8
        const std::string format = format_body(6, 3, 8000, 8);
        const std::string filling((8 - body.size() % 8) % 8, '\0');
        const std::string chunks = guid("wave") + guid("fmt ") + little(24 + format.size(), 8) + format +
                                   guid("data") + little(24 + body.size(), 8) + std::string(body) + filling;
        return guid("riff") + little(24 + chunks.size(), 8) + chunks;
      };
  const std::string comm = "COMM" + big(18, 4) + big(3, 2) + big(33, 4) + big(8, 2) +
                           std::string("\x40\x0B\xFA\0\0\0\0\0\0\0", 10);  // 8000 as an 80-bit float
  const std::string ssnd = "SSND" + big(8 + samples.size(), 4) + big(0, 8) + samples;
  const std::string desc = "desc" + big(32, 8) + std::string("\x40\xBF\x40\0\0\0\0\0", 8) + "alaw" +
                           big(0, 4) + big(3, 4) + big(1, 4) + big(3, 4) +
                           big(8, 4);  // 8000 as a 64-bit float
  const std::vector<std::pair<std::string, std::string>> files{
      {"a.wav", riff(chunk("fmt ", format_body(1, 3, 8000, 8)) + chunk("data", samples))},
      {"alaw.wav", riff(chunk("fmt ", format_body(6, 3, 8000, 8)) + chunk("data", samples))},
      {"ulaw.wav", riff(chunk("fmt ", format_body(7, 3, 8000, 8)) + chunk("data", samples))},
      {"alaw.w64", wave_64(samples)},
      {"alaw.au", ".snd" + big(24, 4) + big(100, 4) + big(27, 4) + big(8000, 4) + big(3, 4) + samples},
      {"a.aiff", "FORM" + big(4 + comm.size() + ssnd.size(), 4) + "AIFF" + comm + ssnd},
      {"alaw.caf",
       "caff" + big(1, 2) + big(0, 2) + desc + "data" + big(4 + samples.size(), 8) + big(0, 4) + samples},
  };
  for (const auto& [name, bytes] : files) {
    auto reader = SoundFileReader::open(dir.write(name, bytes));
    ASSERT_TRUE(reader) << name << ": " << to_string(reader.error());
    EXPECT_EQ(reader->info().frames, 33U) << name;
    EXPECT_EQ(read_samples(*reader).channels[2].size(), 33U) << name;
    EXPECT_THAT(reader->losses(),
                ElementsAre("the samples end with 1 bytes of an incomplete frame, which are skipped"))
        << name;
  }
}

// 4, 3 and 5 bits a sample, which end where they end; libsndfile plays 120 at once.
TEST(OddSoundFile, HasAsManySamplesAsCodesOfG721AndG723) {
  const TempDir dir;
  for (const auto& [format, bits] :
       {std::pair(SF_FORMAT_G721_32, 4U), {SF_FORMAT_G723_24, 3U}, {SF_FORMAT_G723_40, 5U}}) {
    const std::string whole = content_of(written_by_libsndfile(dir, SF_FORMAT_AU | format));
    auto all = SoundFileReader::open(dir.write("whole.au", whole));
    ASSERT_TRUE(all);
    const auto samples = read_samples(*all).channels[0];
    constexpr std::size_t kSizeAt = 8;
    const auto head = static_cast<std::size_t>(static_cast<unsigned char>(whole[7]));
    ASSERT_EQ(samples.size(), 9U * 120U);
    for (const std::size_t bytes : {1U, 2U, 45U, 60U, 61U, 96U, 300U}) {
      const std::string size = little(bytes, 4);
      for (const std::string& stated : {std::string(size.rbegin(), size.rend()), std::string(4, '\xFF')}) {
        std::string cut = whole.substr(0, head + bytes);
        cut.replace(kSizeAt, 4, stated);
        auto reader = SoundFileReader::open(dir.write("cut.au", cut));
        ASSERT_TRUE(reader) << to_string(reader.error());
        const std::size_t count = bytes * 8 / bits;
        EXPECT_EQ(reader->info().frames, count) << bytes;
        const std::vector<double> expected(samples.begin(),
                                           samples.begin() + static_cast<std::ptrdiff_t>(count));
        EXPECT_TRUE(read_samples(*reader, 50).channels[0] == expected) << bits << " " << bytes;
        ASSERT_TRUE(reader->seek(count / 2));
        EXPECT_EQ(read_samples(*reader).channels[0].size(), count - count / 2);
        EXPECT_THAT(reader->losses(), testing::IsEmpty());
      }
    }
  }
}

// A WAV whose samples end after `bytes`, and whose header says so.
std::string with_samples_of(const std::string& whole, std::size_t bytes) {
  const std::size_t size_at = whole.find("data") + 4;
  std::string cut = whole.substr(0, size_at + 4 + bytes);
  cut.replace(size_at, 4, little(bytes, 4));
  return cut.replace(4, 4, little(cut.size() - 8, 4));
}

// A block is a sample of 4 bytes for each channel, then 8 codes for each in turn. libsndfile plays whole blocks.
TEST(OddSoundFile, HasAsManySamplesAsCodesOfImaAdpcm) {
  const TempDir dir;
  const std::string whole = content_of(written_by_libsndfile(dir, SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM));
  auto all = SoundFileReader::open(dir.write("whole.wav", whole));
  ASSERT_TRUE(all);
  const auto samples = read_samples(*all).channels[0];
  const std::size_t block =
      static_cast<unsigned char>(whole[32]) + 256U * static_cast<unsigned char>(whole[33]);
  ASSERT_EQ(samples.size() % (1 + 2 * (block - 4)), 0U);
  for (const std::size_t rest :
       {std::size_t{0}, std::size_t{4}, std::size_t{8}, std::size_t{100}, block - 4}) {
    auto reader = SoundFileReader::open(dir.write("cut.wav", with_samples_of(whole, block + rest)));
    ASSERT_TRUE(reader) << to_string(reader.error());
    const std::size_t count = 1 + 2 * (block - 4) + (rest > 0 ? 1 + 2 * (rest - 4) : 0);
    EXPECT_EQ(reader->info().frames, count) << rest;
    const std::vector<double> expected(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(count));
    EXPECT_TRUE(read_samples(*reader, 50).channels[0] == expected) << rest;
    EXPECT_THAT(reader->losses(), testing::IsEmpty());
  }
}

// Blocks of 65 bytes are 320 samples of GSM 6.10; of 256 bytes, 500 of Microsoft ADPCM at 8 kHz.
TEST(OddSoundFile, PlaysNoPartOfABlock) {
  const TempDir dir;
  for (const auto& [format, frames] : {std::pair(SF_FORMAT_GSM610, 320U), {SF_FORMAT_MS_ADPCM, 500U}}) {
    const std::string whole = content_of(written_by_libsndfile(dir, SF_FORMAT_WAV | format));
    const std::size_t block =
        static_cast<unsigned char>(whole[32]) + 256U * static_cast<unsigned char>(whole[33]);
    for (const std::size_t rest : {std::size_t{0}, std::size_t{1}, std::size_t{2}, block / 2, block - 1}) {
      const std::string cut = with_samples_of(whole, block + rest);
      std::string longer = cut;  // says that there is more
      longer.replace(whole.find("data") + 4, 4, little(3 * block, 4));
      for (const std::string& bytes : {cut, longer}) {
        auto reader = SoundFileReader::open(dir.write("cut.wav", bytes));
        ASSERT_TRUE(reader) << to_string(reader.error());
        EXPECT_EQ(reader->info().frames, frames) << format << " " << rest;
        EXPECT_EQ(read_samples(*reader, 50).channels[0].size(), frames) << format << " " << rest;
        const bool is_padded = bytes == cut && rest == 1 && block % 2 == 1;  // to an even number, as sox does
        if (bytes == cut && (rest == 0 || is_padded)) {
          EXPECT_THAT(reader->losses(), testing::IsEmpty());
        } else {
          EXPECT_THAT(reader->losses(), testing::SizeIs(1));
        }
      }
    }
  }
}

}  // namespace
}  // namespace streamlab::test
