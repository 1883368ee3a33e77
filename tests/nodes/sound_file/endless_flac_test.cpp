// tests/nodes/sound_file/endless_flac_test.cpp
//
// FLAC whose header states no length, as every encoder writes that fills a pipe: nobody misses what is lost at its end,
// but its bytes are there.
#include <cstdint>

#include <gmock/gmock.h>

#include "nodes/sound_file/sound_file_reader.hpp"
#include "nodes/sound_file/sound_file_writer.hpp"
#include "tests/nodes/sound_file/read_samples.hpp"
#include "tests/nodes/sound_file/wave_bytes.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing

constexpr std::size_t kEndlessBlock = 4096;  // the writer's

// Noise, which does not compress.
std::vector<double> endless_noise(std::size_t frames, std::uint32_t seed) {
  std::vector<double> signal(frames);
  for (double& x : signal) {
    seed = seed * 1664525U + 1013904223U;
    x = (static_cast<double>(seed >> 16U) - 32768.0) / 32768.0;
  }
  return signal;
}

// STREAMINFO (RFC 9639, section 8.2) begins at byte 8: 36 bits for the number of samples end with its byte 17, the MD5
// follows. Zeros: not known.
std::string without_length(std::string bytes) {
  bytes[8 + 13] = static_cast<char>(static_cast<unsigned char>(bytes[8 + 13]) & 0xF0U);
  return bytes.replace(8 + 14, 4 + 16, std::string(4 + 16, '\0'));
}

std::string flac_with_length(const TempDir& dir, const std::vector<double>& signal) {
  const std::string path = dir.file("whole.flac");
  auto writer =
      SoundFileWriter::create(path, {SoundContainer::flac, SampleFormat::s16_le, 48000.0, 1}, Overwrite::yes);
  EXPECT_TRUE(writer.has_value());
  const double* const planar[] = {signal.data()};
  EXPECT_TRUE(writer->write(planar, signal.size()));
  EXPECT_TRUE(writer->close());
  return content_of(path);
}

struct EndlessPlay {
  std::vector<double> samples;
  std::vector<std::string> losses;
};

// From `begin` on, twice: what is lost is told once.
EndlessPlay play_endless(const TempDir& dir, const std::string& bytes, std::uint64_t begin = 0) {
  auto reader = SoundFileReader::open(dir.write("a.flac", bytes));
  EXPECT_TRUE(reader) << to_string(reader.error());
  EXPECT_FALSE(reader->info().length_known);
  EndlessPlay all;
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_TRUE(reader->seek(begin));
    const auto samples = read_samples(*reader).channels[0];
    EXPECT_TRUE(pass == 0 || samples == all.samples);
    all = {samples, reader->losses()};
  }
  return all;
}

std::vector<double> first_of(const std::vector<double>& signal, std::size_t frames) {
  return {signal.begin(), signal.begin() + static_cast<std::ptrdiff_t>(frames)};
}

TEST(EndlessFlac, IsPlayedToItsEnd) {
  const TempDir dir;
  const auto signal = endless_noise(9 * kEndlessBlock + 500, 1);
  const std::string whole = without_length(flac_with_length(dir, signal));
  for (const std::string& tag : {std::string(), "TAG" + std::string(125, ' '),
                                 "APETAGEX" + std::string(100, ' '), "LYRICSBEGIN" + std::string(9, ' ')}) {
    const EndlessPlay all = play_endless(dir, whole + tag);
    EXPECT_TRUE(all.samples == signal);
    EXPECT_THAT(all.losses, IsEmpty());
    EXPECT_THAT(play_endless(dir, whole + tag, 5 * kEndlessBlock + 77).losses, IsEmpty());
  }
}

TEST(EndlessFlac, SaysWhatOfItsEndCannotBeRead) {
  const TempDir dir;
  const auto signal = endless_noise(9 * kEndlessBlock, 1);
  const std::string whole = without_length(flac_with_length(dir, signal));
  const std::size_t block = (whole.size() - 100) / 9;  // a little less than one is long
  std::string flipped = whole;
  flipped[whole.size() - block / 2] ^= '\x40';
  std::string flipped_4 = whole;
  for (std::size_t n = 0; n < 4; ++n) { flipped_4[whole.size() - block / 2 - n * block] ^= '\x40'; }
  std::string zeros = whole;
  zeros.replace(whole.size() - block / 2, block / 2, std::string(block / 2, '\0'));
  struct Case {
    std::string bytes;
    std::size_t blocks;  // that are whole
  };
  const Case cases[] = {{whole.substr(0, whole.size() - 500), 8},
                        {whole.substr(0, whole.size() - 1), 8},
                        {flipped, 8},
                        {flipped_4, 5},
                        {zeros, 8},
                        {whole + std::string(400, '\x5A'), 9},
                        {whole + std::string(400, '\0'), 9}};
  for (const Case& c : cases) {
    for (const std::uint64_t begin :
         {std::uint64_t{0}, std::uint64_t{kEndlessBlock + 10}, 20 * std::uint64_t{kEndlessBlock}}) {
      const EndlessPlay all = play_endless(dir, c.bytes, begin);
      auto expected = first_of(signal, c.blocks * kEndlessBlock);
      expected.erase(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                              begin, std::uint64_t{expected.size()})));
      EXPECT_TRUE(all.samples == expected) << &c - cases << " " << begin;
      ASSERT_THAT(all.losses, ElementsAre(HasSubstr(
                                  " bytes behind the last whole FLAC frame are cut off or damaged: their "
                                  "contents are not played")))
          << &c - cases << " " << begin;
      // As many as are behind the whole blocks, which are about as long as each other.
      const double bytes = std::stod(all.losses[0]);
      const double there = static_cast<double>(c.bytes.size()) - static_cast<double>(c.blocks * (block + 1));
      EXPECT_NEAR(bytes, there - (c.bytes.size() > whole.size() ? 92.0 : 0.0), 120.0);
    }
  }
  EXPECT_THAT(play_endless(dir, whole + std::string(400, '\x5A')).losses,
              ElementsAre(HasSubstr("400 bytes behind")));
}

// The frames of the other one count from 0 again: where it is longer, its rest is no rest of the first.
TEST(EndlessFlac, DoesNotGoOnWithAnotherThatFollows) {
  const TempDir dir;
  const auto signal = endless_noise(5 * kEndlessBlock + 7, 1);
  const auto other = endless_noise(12 * kEndlessBlock, 2);
  const std::string whole = without_length(flac_with_length(dir, signal));
  const std::string longer = flac_with_length(dir, other);
  for (const std::string& next : {whole, longer, without_length(longer)}) {
    for (const std::string& between : {std::string(), "TAG" + std::string(125, ' ')}) {
      for (const std::uint64_t begin : {std::uint64_t{0}, std::uint64_t{kEndlessBlock + 10}}) {
        const EndlessPlay all = play_endless(dir, whole + between + next, begin);
        EXPECT_TRUE(all.samples ==
                    std::vector<double>(signal.begin() + static_cast<std::ptrdiff_t>(begin), signal.end()));
        const std::size_t behind = between.size() + next.size();
        EXPECT_THAT(all.losses,
                    ElementsAre("another FLAC stream of " + std::to_string(behind) +
                                " bytes follows the first, whose header states no length: not played"));
      }
    }
  }
}

// Here the header says how many are missing.
TEST(EndlessFlac, IsNotTakenFromAnotherWhereItIsCutAndStatesItsLength) {
  const TempDir dir;
  const auto signal = endless_noise(9 * kEndlessBlock, 1);
  const std::string whole = flac_with_length(dir, signal);
  const std::string cut = whole.substr(0, whole.size() * 2 / 3);
  auto reader = SoundFileReader::open(
      dir.write("a.flac", cut + flac_with_length(dir, endless_noise(12 * kEndlessBlock, 2))));
  ASSERT_TRUE(reader);
  const auto got = read_samples(*reader).channels[0];
  ASSERT_LE(got.size(), 6 * kEndlessBlock);
  EXPECT_TRUE(got == first_of(signal, got.size()));
  EXPECT_THAT(reader->losses(),
              testing::Contains("the header promises " + std::to_string(signal.size()) + " frames but only " +
                                std::to_string(got.size()) + " could be read"));
}

}  // namespace
}  // namespace streamlab
