// tests/channel/spill_file_test.cpp
#include "engine/channel/spill_file.hpp"

#include <csignal>
#include <deque>
#include <utility>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using Bytes = std::vector<std::byte>;

Bytes record_of(std::size_t count, unsigned seed) {
  Bytes bytes(count);
  for (std::size_t i = 0; i < count; ++i) { bytes[i] = static_cast<std::byte>(seed * 31U + i * 7U); }
  return bytes;
}

TEST(SpillFile, GivesRecordsBackInOrderLikeAQueue) {
  const test::TempDir folder;
  EXPECT_TRUE(rc::check([&] {
    const auto max_bytes = *rc::gen::inRange<std::uint64_t>(9, 200);
    auto file = SpillFile::create(folder.path(), max_bytes).value();
    std::deque<Bytes> model;
    std::uint64_t used = 0;
    unsigned seed = 0;
    Bytes record;
    for (int i = 0; i < 100; ++i) {
      if (*rc::gen::inRange(0, 5) < 3) {
        const auto pushed = record_of(*rc::gen::inRange<std::size_t>(0, 60), ++seed);
        const auto taken = file.push(pushed);
        if (pushed.size() + 8 > max_bytes) {
          RC_ASSERT(!taken.has_value());
        } else {
          const bool fits = used + pushed.size() + 8 <= max_bytes;
          RC_ASSERT(taken.value() == fits);
          if (fits) {
            model.push_back(pushed);
            used += pushed.size() + 8;
          }
        }
      } else {
        RC_ASSERT(file.pop(record).value() == !model.empty());
        if (!model.empty()) {
          RC_ASSERT(record == model.front());
          used -= model.front().size() + 8;
          model.pop_front();
        }
      }
      RC_ASSERT(file.size() == model.size());
      RC_ASSERT(file.bytes() == used);
      RC_ASSERT(file.empty() == model.empty());
    }
  }));
}

TEST(SpillFile, IsFullAtItsBoundAndReusesWhatWasFreed) {
  const test::TempDir folder;
  auto file = SpillFile::create(folder.path(), 3 * 108).value();
  Bytes record;
  for (unsigned i = 0; i < 3; ++i) { EXPECT_TRUE(file.push(record_of(100, i)).value()); }
  EXPECT_FALSE(file.has_room(0));
  EXPECT_FALSE(file.push(record_of(1, 9)).value());
  for (unsigned i = 0; i < 1000; ++i) {
    ASSERT_TRUE(file.pop(record).value());
    ASSERT_EQ(record, record_of(100, i));
    EXPECT_TRUE(file.has_room(100));
    EXPECT_FALSE(file.has_room(101));
    ASSERT_TRUE(file.push(record_of(100, i + 3)).value());
  }
  EXPECT_EQ(file.bytes(), 324U);
  file.clear();
  EXPECT_TRUE(file.empty());
  EXPECT_FALSE(file.pop(record).value());
}

TEST(SpillFile, LeavesNoNameInItsDirectory) {
  const test::TempDir folder;
  auto file = SpillFile::create(folder.path(), 1000).value();
  ASSERT_TRUE(file.push(record_of(100, 1)).value());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SpillFile, LeavesNothingBehindWhenItsProcessIsKilled) {
  const test::TempDir folder;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto file = SpillFile::create(folder.path(), 100'000);
    if (!file || !file->push(record_of(50'000, 1)).value_or(false)) { _exit(1); }
    kill(getpid(), SIGKILL);
    _exit(2);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SpillFile, SaysWhenTheDiskTakesNoMoreAndKeepsWhatItHas) {
  const test::TempDir folder;
  // A limit on the size of files stands in for a full disk.
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  struct sigaction old_action = {};
  ASSERT_EQ(sigaction(SIGXFSZ, &ignore, &old_action), 0);
  rlimit old_limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  rlimit small = old_limit;
  small.rlim_cur = 250;
  auto file = SpillFile::create(folder.path(), 1000).value();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto first = file.push(record_of(100, 1));
  const auto second = file.push(record_of(100, 2));
  const auto third = file.push(record_of(100, 3));
  setrlimit(RLIMIT_FSIZE, &old_limit);
  sigaction(SIGXFSZ, &old_action, nullptr);

  EXPECT_TRUE(first.value());
  EXPECT_TRUE(second.value());
  ASSERT_FALSE(third);
  EXPECT_EQ(to_string(third.error()),
            folder.path().string() + ": cannot write the spill file: File too large");
  EXPECT_EQ(third.error().code, ErrorCode::failed);
  EXPECT_EQ(file.size(), 2U);
  EXPECT_TRUE(file.push(record_of(100, 4)).value());  // there is room again
  Bytes record;
  for (const unsigned seed : {1U, 2U, 4U}) {
    ASSERT_TRUE(file.pop(record).value());
    EXPECT_EQ(record, record_of(100, seed));
  }
}

TEST(SpillFile, RefusesARecordThatCanNeverFit) {
  const test::TempDir folder;
  auto file = SpillFile::create(folder.path(), 100).value();
  const auto pushed = file.push(record_of(93, 1));
  ASSERT_FALSE(pushed);
  EXPECT_EQ(
      to_string(pushed.error()),
      folder.path().string() + ": a record of 93 bytes does not fit into 100; expected at most 92 bytes");
  EXPECT_TRUE(file.push(record_of(92, 1)).value());
}

TEST(SpillFile, RefusesBoundsWithoutRoomAndDirectoriesThatAreNotThere) {
  const test::TempDir folder;
  EXPECT_EQ(SpillFile::create(folder.path(), 0).error().where, "max_bytes");
  EXPECT_EQ(SpillFile::create(folder.path(), 8).error().where, "max_bytes");
  EXPECT_EQ(SpillFile::create(folder.path(), UINT64_MAX).error().where, "max_bytes");
  const auto missing = SpillFile::create(folder.path() / "none", 1000);
  ASSERT_FALSE(missing);
  EXPECT_EQ(to_string(missing.error()),
            folder.file("none") +
                ": cannot create a file here: No such file or directory; expected a writable directory");
  const std::string plain = folder.write("plain", "x");
  ASSERT_FALSE(SpillFile::create(plain, 1000));
  EXPECT_NE(to_string(SpillFile::create(plain, 1000).error()).find("Not a directory"), std::string::npos);
}

TEST(SpillFile, MayBeMoved) {
  const test::TempDir folder;
  auto a = SpillFile::create(folder.path(), 1000).value();
  ASSERT_TRUE(a.push(record_of(10, 1)).value());
  SpillFile b = std::move(a);
  auto c = SpillFile::create(folder.path(), 50).value();
  c = std::move(b);
  EXPECT_EQ(c.size(), 1U);
  EXPECT_EQ(c.max_bytes(), 1000U);
  Bytes record;
  ASSERT_TRUE(c.pop(record).value());
  EXPECT_EQ(record, record_of(10, 1));
}

}  // namespace
}  // namespace streamlab
