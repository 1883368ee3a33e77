// tests/hal/sim_playback_test.cpp
#include "hal/sim/playback_file.hpp"

#include <csignal>
#include <filesystem>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "hal/sim/counting.hpp"
#include "tests/hal/sim_sound.hpp"
#include "tests/support/rt_guard.hpp"

namespace streamlab {
namespace {

SimFileWriter writer_to(const std::string& path) {
  auto writer = SimFileWriter::create(path, "test", 48000.0, 2, SimFileWriter::Existing::overwrite);
  EXPECT_TRUE(writer) << to_string(writer.error());
  return *std::move(writer);
}

// Blocks of 50 frames in front of gaps of 30, and a gap at the end.
std::vector<double> played_into(PlaybackFile& file, const std::string& path) {
  std::vector<double> x(50);
  std::vector<double> y(50);
  const double* const channels[] = {x.data(), y.data()};
  for (std::int64_t p = 0; p < 8000; p += 80) {
    for (std::size_t n = 0; n < 50; ++n) {
      x[n] = counting_sample(p + static_cast<std::int64_t>(n), 0);
      y[n] = counting_sample(p + static_cast<std::int64_t>(n), 1);
    }
    bool written = false;
    {
      const RtGuardScope guard;
      written = file.write(p, 50, channels);
    }
    EXPECT_TRUE(written);
  }
  EXPECT_TRUE(file.finish(8000));
  return read_sound(path);
}

TEST(PlaybackFile, KeepsEveryFrameAtItsPosition) {
  const std::string path = scratch("played.wav");
  for (const bool background : {false, true}) {
    auto file = background ? *make_background_playback_file(writer_to(path), 2, 50, 48000.0)
                           : make_playback_file(writer_to(path), 2, 50);
    RtGuardScope::take_violations();
    const auto played = played_into(*file, path);
    if (background) { EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty()); }
    ASSERT_EQ(played.size(), 16000U);
    for (std::size_t p = 0; p < 8000; ++p) {
      for (std::uint32_t c = 0; c < 2; ++c) {
        const double expected = p % 80 < 50 ? counting_sample(static_cast<std::int64_t>(p), c) : 0.0;
        ASSERT_EQ(played[2 * p + c], expected) << (background ? "background, " : "") << "frame " << p;
      }
    }
  }
}

// Files of this process may not grow beyond 64 KiB for as long as this lives: as a disk that fills up.
class SmallDisk {
 public:
  SmallDisk() {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit small = before_;
    small.rlim_cur = 65536;
    setrlimit(RLIMIT_FSIZE, &small);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~SmallDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST(PlaybackFile, SaysWhenTheDiskIsFull) {
  const SmallDisk disk;
  const std::string path = scratch("full.wav");
  for (const bool background : {false, true}) {
    auto file = background ? *make_background_playback_file(writer_to(path), 2, 4096, 48000.0)
                           : make_playback_file(writer_to(path), 2, 4096);
    const std::vector<double> x(4096, 0.5);
    const double* const channels[] = {x.data(), x.data()};
    bool right = true;
    for (std::int64_t block = 0; block < 20 && right; ++block) {
      right = file->write(block * 4096, 4096, channels);
    }
    right = file->finish(20 * 4096) && right;
    EXPECT_FALSE(right);
    const std::string failure = to_string(file->failure());
    EXPECT_EQ(failure, path + ": cannot be written: File too large");  // what the system said
  }
}

// Nobody can write a minute of sound within the time that the rings are filled in; or if so, nothing is lost.
TEST(PlaybackFile, LosesNothingInSilenceWhenTheDiskIsSlow) {
  const std::string path = scratch("fast.wav");
  auto file =
      *make_background_playback_file(writer_to(path), 2, 50, 100.0);  // lags behind 400 frames at most
  const std::vector<double> x(50, 0.25);
  const double* const channels[] = {x.data(), x.data()};
  std::int64_t p = 0;
  bool right = true;
  for (; p < 1000000 && right; p += 50) { right = file->write(p, 50, channels); }
  const bool finished = file->finish(p);
  EXPECT_EQ(finished, right);
  if (!right) {
    EXPECT_EQ(to_string(file->failure()),
              path +
                  ": the disk cannot keep up with the playback; use a faster disk for the file, or a virtual "
                  "clock");
  }
}

TEST(SimFileWriter, RefusesARateThatAFileCannotHold) {
  const auto writer =
      SimFileWriter::create(scratch("x.wav"), "test", 44100.5, 1, SimFileWriter::Existing::overwrite);
  ASSERT_FALSE(writer);
  EXPECT_EQ(to_string(writer.error()),
            "test: a WAV file cannot have a rate of 44100.5 Hz; expected a whole number of Hz");
}

TEST(SimFileWriter, SaysWhyItCannotWrite) {
  const auto writer =
      SimFileWriter::create("/no/such/folder/x.wav", "test", 8000, 1, SimFileWriter::Existing::refuse);
  ASSERT_FALSE(writer);
  EXPECT_EQ(
      to_string(writer.error()),
      "test: \"/no/such/folder/x.wav\" cannot be created: \"/no/such/folder\": No such file or directory; "
      "expected an existing folder");
}

TEST(SimFileWriter, SaysWhatBecameOfAFileThatWasTakenAway) {
  const std::string path = scratch("taken.wav");
  auto writer = writer_to(path);
  std::filesystem::remove(path);
  EXPECT_FALSE(writer.close());
  EXPECT_EQ(to_string(writer.failure()),
            path + ": was removed while it was written: what was written is lost");
  auto first = writer_to(path);
  const auto second = SimFileWriter::create(path, "test", 48000.0, 2, SimFileWriter::Existing::overwrite);
  ASSERT_FALSE(second);
  EXPECT_EQ(to_string(second.error()), "test: \"" + path + "\" is being written by another run");
}

}  // namespace
}  // namespace streamlab
