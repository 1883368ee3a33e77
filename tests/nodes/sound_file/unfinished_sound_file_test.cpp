// tests/nodes/sound_file/unfinished_sound_file_test.cpp
//
// What a sound file is worth while it is being written: after a kill, on a full disk.
#include <chrono>
#include <cmath>
#include <csignal>

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/nodes/sound_file/written_sound.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing

// A time that the tests advance.
std::chrono::steady_clock::time_point time_now;
std::chrono::steady_clock::time_point tell_time() noexcept { return time_now; }

// As if `frames` frames had been played.
void let_pass(std::size_t frames, double rate_hz) {
  time_now += std::chrono::nanoseconds(std::llround(1e9 * static_cast<double>(frames) / rate_hz));
}

TEST(UnfinishedSoundFile, LeavesAPlayableFileWhenTheProcessIsKilled) {
  const TempDir dir;
  for (const char* name : {"a.wav", "a.rf64", "a.w64"}) {
    const std::string path = dir.file(name);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto writer = SoundFileWriter::create(path, {*container_of_path(name)}, Overwrite::no, Naming::at_once,
                                            kRiffLimit, tell_time);
      // Three updates, each after 0.0625 s of sound, then 0.042 s that no update has seen.
      for (std::size_t n = 0; n < 11000; n += 1000) {
        let_pass(1000, 48000.0);
        if (!write(*writer, test_signal(2, 1000, n))) { _exit(1); }
      }
      kill(getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    const FileContent back = read_back(path);
    EXPECT_EQ(back.info.frames, 9000U) << name;
    EXPECT_TRUE(back.samples == test_signal(2, 9000)) << name;
  }
}

// Whenever it is killed between two blocks: less than 0.1 s is lost, and nothing follows what the header counts.
TEST(UnfinishedSoundFile, LosesLessThanATenthOfASecondAtAnyMoment) {
  const TempDir dir;
  struct Shape {
    const char* name;
    SampleFormat format;
    double rate_hz;
    std::size_t block;
  };
  const Shape shapes[] = {{"a.wav", SampleFormat::float32_le, 48000.0, 1024},
                          {"a.rf64", SampleFormat::s16_le, 44100.0, 441},
                          {"a.w64", SampleFormat::s24_3le, 8000.0, 64},
                          {"b.w64", SampleFormat::float64_le, 192000.0, 1024}};  // 0.05 s overflow the buffer
  for (const Shape& shape : shapes) {
    const std::string path = dir.file(shape.name);
    auto writer =
        SoundFileWriter::create(path, {*container_of_path(shape.name), shape.format, shape.rate_hz, 2},
                                Overwrite::no, Naming::at_once, kRiffLimit, tell_time);
    ASSERT_TRUE(writer);
    for (std::size_t n = 0; n < 40; ++n) {
      let_pass(shape.block, shape.rate_hz);
      ASSERT_TRUE(write(*writer, test_signal(2, shape.block, n * shape.block)));
      auto reader = SoundFileReader::open(path);
      ASSERT_TRUE(reader) << to_string(reader.error());
      EXPECT_THAT(reader->info().warnings, IsEmpty()) << shape.name;
      EXPECT_THAT(reader->losses(), IsEmpty()) << shape.name;
      const double lost = static_cast<double>((n + 1) * shape.block - reader->info().frames);
      EXPECT_LE(lost / shape.rate_hz + static_cast<double>(shape.block) / shape.rate_hz, 0.1) << shape.name;
    }
  }
}

// What comes faster than it is played is counted by the header when 128 KiB of it are there, and as soon as the pause
// is over.
TEST(UnfinishedSoundFile, IsNotUpdatedAtEveryTurnWhileSoundComesFast) {
  const TempDir dir;
  const std::string path = dir.file("a.wav");
  auto writer = SoundFileWriter::create(path, {}, Overwrite::no, Naming::at_once, kRiffLimit, tell_time);
  ASSERT_TRUE(writer);
  const auto frames_in_file = [&] { return SoundFileReader::open(path)->info().frames; };
  const auto put = [&](std::size_t frames) { ASSERT_TRUE(write(*writer, test_signal(2, frames))); };
  put(15000);
  EXPECT_EQ(frames_in_file(), 0U);
  put(2000);  // of 8 bytes: 16384 fill the buffer, less what would lie behind its last page of the file
  EXPECT_EQ(frames_in_file(), 16384U - 112U / 8U);
  time_now += SoundFileWriter::kUpdatePause - std::chrono::nanoseconds(1);
  put(2400);
  EXPECT_EQ(frames_in_file(), 16384U - 112U / 8U);
  time_now += std::chrono::nanoseconds(1);
  put(2400);
  EXPECT_EQ(frames_in_file(), 21800U);
  ASSERT_TRUE(writer->close());
  EXPECT_EQ(read_back(path).info.frames, 21800U);
}

TEST(UnfinishedSoundFile, LeavesTheCompleteBlocksOfAFlacWhenTheProcessIsKilled) {
  const TempDir dir;
  const std::string path = dir.file("a.flac");
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto writer = SoundFileWriter::create(path, {SoundContainer::flac, SampleFormat::s16_le, 48000.0, 2},
                                          Overwrite::no);
    for (std::size_t n = 0; n < 72000; n += 1000) {
      if (!write(*writer, test_signal(2, 1000, n))) { _exit(1); }
    }
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  FileContent back = read_back(path);
  EXPECT_FALSE(back.info.length_known);
  ASSERT_GE(back.samples[0].size(), 72000U - 2 * 4608U);  // libFLAC's largest default block is 4608 frames
  EXPECT_TRUE(back.samples == test_signal(2, back.samples[0].size()));
}

TEST(UnfinishedSoundFile, SaysThatTheDiskIsFullAndKeepsWhatFitted) {
  // A limit on the size of files stands for the full disk: the last write is cut short just the same.
  const TempDir dir;
  constexpr rlim_t kLimit = 1000003;
  for (const char* name : {"a.wav", "a.w64", "a.flac"}) {
    const bool flac = *container_of_path(name) == SoundContainer::flac;
    const SampleFormat format = flac ? SampleFormat::s24_3le : SampleFormat::float32_le;
    const std::string path = dir.file(name);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{kLimit, kLimit};
      setrlimit(RLIMIT_FSIZE, &limit);
      auto writer =
          SoundFileWriter::create(path, {*container_of_path(name), format, 48000.0, 2}, Overwrite::no);
      Planar block = test_signal(2, 1000);
      Result<void> result;
      std::uint32_t random = 1;
      for (int n = 0; n < 1000 && result; ++n) {
        if (flac) {  // noise, which does not compress
          for (double& x : block[0]) {
            x = static_cast<double>((random = random * 1664525U + 1013904223U)) * 0x1p-33;
          }
          block[1] = block[0];
        } else {
          block = test_signal(2, 1000, static_cast<std::size_t>(n) * 1000);
        }
        result = write(*writer, block);
      }
      const bool said =
          !result && result.error().code == ErrorCode::failed && result.error().where == path &&
          result.error().what.find(flac ? "cannot be written any further"
                                        : "cannot be written beyond frame") != std::string::npos;
      const bool sticks = !write(*writer, block) && !writer->write_silence(1) && !writer->close();
      _exit(said && sticks ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << name;
    const FileContent back = read_back(path);
    if (flac) {
      EXPECT_GT(back.samples[0].size(), 100000U);
      continue;
    }
    // Every whole frame of 8 bytes that fits behind a header of some 100.
    EXPECT_NEAR(static_cast<double>(back.info.frames), static_cast<double>(kLimit) / 8.0, 20.0) << name;
    EXPECT_THAT(back.info.warnings, IsEmpty()) << name;
    EXPECT_TRUE(back.samples == test_signal(2, back.info.frames)) << name;
  }
}

}  // namespace
}  // namespace streamlab
