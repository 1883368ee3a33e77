// tests/hal/sim_source_test.cpp
#include "hal/sim/sim_source.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hal/sim/counting.hpp"
#include "hal/sim/read_ahead_source.hpp"
#include "hal/sim/sim_file_source.hpp"
#include "tests/hal/sim_sound.hpp"
#include "tests/nodes/sound_file/mpeg_bytes.hpp"
#include "tests/support/rt_guard.hpp"

namespace streamlab {
namespace {

constexpr int kFrames = 20000;

// Three channels of the counting pattern.
std::string counting_file(int format = SF_FORMAT_WAV | SF_FORMAT_DOUBLE) {
  std::vector<double> samples;
  for (int n = 0; n < kFrames; ++n) {
    for (std::uint32_t c = 0; c < 3; ++c) { samples.push_back(counting_sample(n, c)); }
  }
  std::string path = scratch("counting");
  write_sound(path, format, 1000, 3, samples);
  return path;
}

SimFileReader reader_of(const std::string& path) {
  auto reader = SimFileReader::open(path, "test");
  EXPECT_TRUE(reader) << to_string(reader.error());
  return *std::move(reader);
}

// Reads channels 2 and 0 of the counting file in blocks of 37, leaving out `lost` frames behind every block,
// up to `end`, and checks each sample; waits for the disk where it must.
void expect_counting_source(SimSource& source, std::int64_t lost, std::int64_t end) {
  std::vector<double> third(37);
  std::vector<double> first(37);
  double* const channels[] = {third.data(), first.data()};
  for (std::int64_t p = 0; p + 37 <= end; p += 37 + lost) {
    const auto read = [&] {
      const RtGuardScope guard;
      return source.read(p, 37, channels);
    };
    SimSource::Status status = read();
    while (status == SimSource::Status::late) {
      std::this_thread::yield();
      status = read();
    }
    ASSERT_EQ(status, SimSource::Status::ok) << p;
    for (std::int64_t n = 0; n < 37; ++n) {
      ASSERT_EQ(third[static_cast<std::size_t>(n)], counting_sample((p + n) % kFrames, 2)) << p + n;
      ASSERT_EQ(first[static_cast<std::size_t>(n)], counting_sample((p + n) % kFrames, 0)) << p + n;
    }
  }
}

TEST(CountingPattern, SaysWhereASampleBelongs) {
  static_assert(counting_sample(0, 0) == 0.0);
  static_assert(counting_sample(1, 0) == 0x1p-23);
  static_assert(counting_sample((1 << 23) + 5, 0) == 5 * 0x1p-23);
  for (const std::int64_t p : {0, 1, 12345, 8388607, 8388608, 1000000007}) {
    for (const std::uint32_t c : {0U, 1U, 7U, 9U}) {
      EXPECT_EQ(counting_position(counting_sample(p, c), c), p % 8388608) << p << ' ' << c;
    }
  }
  EXPECT_EQ(counting_position(0x1p-24, 0), -1);
  EXPECT_EQ(counting_position(1.0, 0), -1);
  EXPECT_EQ(counting_position(-0.25, 0), -1);
}

// A rate of 1 kHz: the read-ahead holds 3024 of the 20000 frames.
TEST(SimSource, ReadsAFileWithAndWithoutReadAhead) {
  const std::string path = counting_file();
  for (const std::int64_t lost : {0, 1, 500, 7000}) {
    const auto direct = make_file_source(reader_of(path), {2, 0}, 37, false);
    EXPECT_EQ(direct->length(), kFrames);
    expect_counting_source(*direct, lost, kFrames);
    RtGuardScope::take_violations();  // this one reads in read()
    const auto ahead = make_read_ahead_source(reader_of(path), {2, 0}, false);
    ASSERT_TRUE(ahead);
    EXPECT_EQ((*ahead)->length(), kFrames);
    expect_counting_source(**ahead, lost, kFrames);
    EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty());
  }
}

TEST(SimSource, StartsAFileAgain) {
  const std::string path = counting_file();
  const auto direct = make_file_source(reader_of(path), {2, 0}, 37, true);
  EXPECT_EQ(direct->length(), std::nullopt);
  expect_counting_source(*direct, 11, 3 * kFrames);
  const auto ahead = make_read_ahead_source(reader_of(path), {2, 0}, true);
  ASSERT_TRUE(ahead);
  EXPECT_EQ((*ahead)->length(), std::nullopt);
  RtGuardScope::take_violations();
  expect_counting_source(**ahead, 11, 3 * kFrames);
  EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty());
}

// A FLAC file that was cut: its header still promises every frame.
TEST(SimSource, FailsWhereAFileEndsBeforeItsHeaderSays) {
  std::vector<double> samples;  // noise, so that half the bytes are about half the frames
  std::mt19937 random(1);
  for (int n = 0; n < kFrames; ++n) {
    samples.push_back(static_cast<double>(random() % 65536) * 0x1p-15 - 1.0);
  }
  const std::string path = scratch("cut.flac");
  write_sound(path, SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1000, 1, samples);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);

  const auto read_to_failure = [&](SimSource& source) {
    std::vector<double> block(37);
    double* const channels[] = {block.data()};
    for (std::int64_t p = 0; p < kFrames;) {
      const auto status = source.read(p, 37, channels);
      if (status == SimSource::Status::failed) {
        EXPECT_GT(p, kFrames / 4);
        return to_string(source.failure());
      }
      if (status == SimSource::Status::ok) { p += 37; }
    }
    return std::string("no failure");
  };
  const auto direct = make_file_source(reader_of(path), {0}, 37, false);
  const std::string failure = read_to_failure(*direct);
  EXPECT_TRUE(failure.starts_with(path + ": could be read only up to frame ")) << failure;
  EXPECT_TRUE(failure.ends_with(", but its header promises 20000 frames")) << failure;
  const auto ahead = make_read_ahead_source(reader_of(path), {0}, false);
  ASSERT_TRUE(ahead);
  EXPECT_EQ(read_to_failure(**ahead), failure);
  auto reader = reader_of(path);
  const auto loaded = load_sound_file(reader, {0});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(to_string(loaded.error()), failure);
}

TEST(SimSource, RepeatsItsMemory) {
  const auto source = make_memory_source({{1, 2, 3}, {4, 5, 6}}, true);
  std::vector<double> a(8);
  std::vector<double> b(8);
  double* const channels[] = {a.data(), b.data()};
  EXPECT_EQ(source->read(4, 8, channels), SimSource::Status::ok);
  EXPECT_EQ(a, (std::vector<double>{2, 3, 1, 2, 3, 1, 2, 3}));
  EXPECT_EQ(b, (std::vector<double>{5, 6, 4, 5, 6, 4, 5, 6}));
  EXPECT_EQ(make_memory_source({{1, 2, 3}}, false)->length(), 3);
}

// The same as FileSource: an MP3 that nothing says the length of.
TEST(SimFileReader, PlaysAllOfAFile) {
  using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing
  const std::string path = scratch("variable.mp3");
  std::ofstream(path, std::ios::binary) << mpeg_frames(10, 320) + mpeg_frames(100, 32);
  auto reader = reader_of(path);
  EXPECT_EQ(reader.frame_count(), 110 * kMpegFrames);
  std::vector<double> samples(2 * 5000);
  EXPECT_EQ(reader.read(110 * kMpegFrames - 4000, samples), 4000);
  EXPECT_EQ(reader.read(10, samples), 5000);
}

TEST(SimFileReader, RefusesWhatIsNotSound) {
  const auto refusal = [](const std::string& path) {
    return to_string(SimFileReader::open(path, "sim").error());
  };
  EXPECT_EQ(refusal("/dev/null"), "sim: \"/dev/null\" is not a regular file; expected a sound file");
  const std::string text = scratch("text.wav");
  std::ofstream(text) << "no sound";
  EXPECT_TRUE(refusal(text).starts_with("sim: \"" + text +
                                        "\" is not a sound file that can be read: it begins "
                                        "with \"no sound\""))
      << refusal(text);
  const std::string empty = scratch("empty.wav");
  write_sound(empty, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 1, {});
  EXPECT_EQ(refusal(empty), "sim: \"" + empty + "\" holds no frames");
}

}  // namespace
}  // namespace streamlab
