// tests/nodes/sound_file/seek_test.cpp
//
// From whichever frame a file is played, the sound is that of the whole file.
#include <cstdlib>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sndfile.h>

#include "nodes/sound_file/sound_file_reader.hpp"
#include "tests/support/signals.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab::test {
namespace {

std::string file_of_noise(const TempDir& dir, int format, int channels, int frames) {
  const Signal noise = test::noise(static_cast<std::uint32_t>(channels), static_cast<std::uint32_t>(frames));
  SF_INFO info{};
  info.samplerate = channels == 2 ? 44100 : 8000;
  info.channels = channels;
  info.format = format;
  const std::string path = dir.file("noise");
  SNDFILE* const file = sf_open(path.c_str(), SFM_WRITE, &info);
  for (std::size_t n = 0; n < noise[0].size(); ++n) {
    std::vector<double> frame;
    for (const auto& channel : noise) { frame.push_back(0.3 * channel[n]); }
    EXPECT_EQ(sf_writef_double(file, frame.data(), 1), 1);
  }
  sf_close(file);
  return path;
}

// What is played from where the reader stands, frame by frame of the last channel; kMissing for what is missing.
constexpr double kMissing = 99.0;
std::vector<double> rest_of(SoundFileReader& reader) {
  std::vector<double> rest;
  std::vector<std::vector<double>> part(reader.info().channels, std::vector<double>(1000));
  std::vector<double*> planar;
  for (auto& channel : part) { planar.push_back(channel.data()); }
  while (true) {
    const auto missing = reader.skip_missing();
    EXPECT_TRUE(missing);
    rest.insert(rest.end(), missing.value_or(0), kMissing);
    const auto got = reader.read(planar.data(), part[0].size());
    EXPECT_TRUE(got);
    if (!got || got->frames == 0) { return rest; }
    rest.insert(rest.end(), part.back().begin(),
                part.back().begin() + static_cast<std::ptrdiff_t>(got->frames));
  }
}

// Plays the last frames, from one place after another, and compares them with the end of what is played in one go.
void expect_same_sound_from_everywhere(const std::string& path) {
  auto whole_reader = SoundFileReader::open(path);
  ASSERT_TRUE(whole_reader);
  const std::vector<double> whole = rest_of(*whole_reader);
  auto reader = SoundFileReader::open(path);
  ASSERT_TRUE(reader);
  for (const int back :
       {1, 7, 52, 500, 3000, 4999, 9000, 16000, 17000, 22000, 26000, 33000, 39000, 60000, 100000, 132300}) {
    const auto size = static_cast<int>(whole.size());
    if (back > size) { continue; }
    ASSERT_TRUE(reader->seek(static_cast<std::uint64_t>(size - back)));
    EXPECT_TRUE(rest_of(*reader) == std::vector<double>(whole.end() - back, whole.end()))
        << back << " of " << size;
  }
}

// The last page of Vorbis is cut to the length of the sound.
TEST(SeekInSoundFiles, GivesTheSameSoundNearTheEndOfVorbis) {
  for (const int frames : {5000, 40000, 132300}) {
    const TempDir dir;
    expect_same_sound_from_everywhere(file_of_noise(dir, SF_FORMAT_OGG | SF_FORMAT_VORBIS, 2, frames));
  }
}

// As a recording of a station: whole headers, then pages from the middle of a stream.
TEST(SeekInSoundFiles, GivesTheSameSoundOfOpusThatBeginsInsideAStream) {
  const TempDir dir;
  const std::string whole = content_of(file_of_noise(dir, SF_FORMAT_OGG | SF_FORMAT_OPUS, 1, 132300));
  std::vector<std::size_t> pages;  // where they begin
  for (std::size_t at = 0; at < whole.size();) {
    pages.push_back(at);
    const auto segments = static_cast<unsigned char>(whole[at + 26]);
    std::size_t bytes = 27U + segments;
    for (std::size_t s = 0; s < segments; ++s) { bytes += static_cast<unsigned char>(whole[at + 27 + s]); }
    at += bytes;
  }
  ASSERT_GT(pages.size(), 6U);
  expect_same_sound_from_everywhere(dir.write("whole.opus", whole));
  expect_same_sound_from_everywhere(
      dir.write("inside.opus", whole.substr(0, pages[2]) + whole.substr(pages[4])));
}

// ffmpeg cuts between pages: the first one has more frames than its place says.
TEST(SeekInSoundFiles, TellsWhatIsMissingOfVorbisThatWasCutOutOfAStream) {
  const TempDir dir;
  const std::string whole = file_of_noise(dir, SF_FORMAT_OGG | SF_FORMAT_VORBIS, 2, 200000);
  ASSERT_EQ(
      std::system(
          ("ffmpeg -v error -y -ss 1.3 -i " + whole + " -c copy -f ogg " + dir.file("cut.ogg")).c_str()),
      0);
  auto reader = SoundFileReader::open(dir.file("cut.ogg"));
  ASSERT_TRUE(reader);
  ASSERT_EQ(reader->losses().size(), 1U);
  EXPECT_THAT(reader->losses()[0], testing::HasSubstr("was cut out of another one"));
  expect_same_sound_from_everywhere(dir.file("cut.ogg"));
  auto uncut = SoundFileReader::open(whole);
  ASSERT_TRUE(uncut);
  EXPECT_TRUE(uncut->losses().empty());
}

// libsndfile refuses it, as it should (RFC 7845, section 4.4), and calls the header damaged.
TEST(SeekInSoundFiles, SaysThatOpusWasCutOutOfAStream) {
  const TempDir dir;
  const std::string whole = file_of_noise(dir, SF_FORMAT_OGG | SF_FORMAT_OPUS, 1, 40000);
  ASSERT_EQ(
      std::system(
          ("ffmpeg -v error -y -ss 1.3 -i " + whole + " -c copy -f ogg " + dir.file("cut.opus")).c_str()),
      0);
  const auto reader = SoundFileReader::open(dir.file("cut.opus"));
  ASSERT_FALSE(reader);
  EXPECT_THAT(reader.error().what,
              testing::HasSubstr("but it was cut out of another stream: its first page has "));
}

// libsndfile reads these forwards only.
TEST(SeekInSoundFiles, ReadsAgainWhatCannotSeek) {
  const TempDir dir;
  expect_same_sound_from_everywhere(file_of_noise(dir, SF_FORMAT_WAV | SF_FORMAT_GSM610, 1, 20000));
  expect_same_sound_from_everywhere(file_of_noise(dir, SF_FORMAT_AIFF | SF_FORMAT_IMA_ADPCM, 1, 20000));
  expect_same_sound_from_everywhere(file_of_noise(dir, SF_FORMAT_WAV | SF_FORMAT_MS_ADPCM, 1, 20000));
}

// `kind`: "flac", "ogg".
std::string flac_of_noise(const TempDir& dir, const std::string& kind, int block, double seconds) {
  const std::string path = dir.file("one");
  const std::string make = fmt::format(
      "ffmpeg -v error -y -f lavfi -i anoisesrc=seed={0}:sample_rate=44100:amplitude=0.3:duration={1} -ac 2 "
      "-c:a flac -frame_size {0} -f {2} {3}",
      block, seconds, kind, path);
  EXPECT_EQ(std::system(make.c_str()), 0);
  return content_of(path);
}

// libFLAC's own search finds frames of the second file.
TEST(SeekInSoundFiles, StaysInTheFirstOfTwoJoinedFlacs) {
  const TempDir dir;
  const std::string first = flac_of_noise(dir, "flac", 4608, 1.5);
  for (const std::string& second :
       {flac_of_noise(dir, "flac", 4096, 1.5), flac_of_noise(dir, "flac", 4608, 1.6)}) {
    expect_same_sound_from_everywhere(dir.write("joined.flac", first + second));
  }
}

TEST(SeekInSoundFiles, MissesOnlyWhatIsDamagedInAFlac) {
  const TempDir dir;
  for (const std::string kind : {"flac", "ogg"}) {
    const std::string whole = flac_of_noise(dir, kind, 4096, 2.0);
    std::string damaged = whole;           // at one place, two, …
    for (const int part : {3, 5, 7, 9}) {  // tenths
      const std::size_t at = whole.size() * static_cast<std::size_t>(part) / 10;
      for (std::size_t i = 0; i < 40; ++i) { damaged[at + i] = static_cast<char>(damaged[at + i] ^ 0x55); }
      expect_same_sound_from_everywhere(dir.write("damaged.flac", damaged));
    }
  }
}

}  // namespace
}  // namespace streamlab::test
