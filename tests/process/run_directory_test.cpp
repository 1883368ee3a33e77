// tests/process/run_directory_test.cpp
#include "engine/process/run_directory.hpp"

#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/process/children.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using test::value_of;

mode_t mode_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : 0;
}

TEST(RunDirectory, IsPrivateAndGoesWithItsOwner) {
  const test::TempDir parent;
  std::string path;
  {
    const RunDirectory directory = value_of(RunDirectory::create(parent.path().string()));
    path = directory.path();
    EXPECT_EQ(mode_of(path), 0700U);
    EXPECT_EQ(mode_of(value_of(directory.write("state.json", "{}"))), 0600U);
    const std::string fifo = value_of(directory.make_fifo("in"));
    EXPECT_EQ(mode_of(fifo), 0600U);
    EXPECT_TRUE(std::filesystem::is_fifo(fifo));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(std::filesystem::is_empty(parent.path()));
}

TEST(RunDirectory, RemovesWhatACrashedRunLeft) {
  const test::TempDir parent;
  const pid_t crashing = ::fork();
  if (crashing == 0) {
    const auto directory = RunDirectory::create(parent.path().string());
    if (!directory || !directory->make_fifo("in") || !directory->write("state", "x")) { ::_exit(1); }
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(crashing, &status, 0), crashing);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_FALSE(std::filesystem::is_empty(parent.path()));  // it did leave something
  const RunDirectory next = value_of(RunDirectory::create(parent.path().string()));
  std::size_t left = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(parent.path())) { ++left; }
  EXPECT_EQ(left, 1U);  // its own
}

TEST(RunDirectory, LeavesThoseOfRunsThatAreUnderWay) {
  const test::TempDir parent;
  const RunDirectory one = value_of(RunDirectory::create(parent.path().string()));
  const RunDirectory two = value_of(RunDirectory::create(parent.path().string()));
  EXPECT_NE(one.path(), two.path());
  EXPECT_TRUE(std::filesystem::exists(one.path()));
}

TEST(RunDirectory, LeavesWhatIsNotItsOwn) {
  const test::TempDir parent;
  std::filesystem::create_directory(parent.path() / "streamlab-other");
  const std::string name = "streamlab-" + std::to_string(::getuid()) + "-file";
  parent.write(name, "a file, no directory");
  const RunDirectory directory = value_of(RunDirectory::create(parent.path().string()));
  EXPECT_TRUE(std::filesystem::exists(parent.path() / "streamlab-other"));
  EXPECT_TRUE(std::filesystem::exists(parent.path() / name));
}

TEST(RunDirectory, SaysWhyItCannotBeMade) {
  const auto directory = RunDirectory::create("/nowhere");
  ASSERT_FALSE(directory);
  EXPECT_EQ(to_string(directory.error()),
            "/nowhere: cannot create a directory here: No such file or directory");
  const test::TempDir parent;
  const RunDirectory made = value_of(RunDirectory::create(parent.path().string()));
  value_of(made.write("twice", ""));
  const auto again = made.write("twice", "");
  ASSERT_FALSE(again);
  EXPECT_EQ(to_string(again.error()), made.path() + "/twice: cannot be written: File exists");
}

}  // namespace
}  // namespace streamlab
