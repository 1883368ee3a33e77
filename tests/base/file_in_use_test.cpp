// tests/base/file_in_use_test.cpp
#include "engine/base/file_in_use.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using test::content_of;
using test::TempDir;

TEST(FileInUse, IsMarkedUntilItIsClosed) {
  const TempDir folder;
  const std::string path = folder.write("a", "text");
  EXPECT_FALSE(is_marked_as_written(path));
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  mark_as_written(fd);
  EXPECT_TRUE(is_marked_as_written(path));
  EXPECT_EQ(content_of(path), "text");  // who reads and closes it ends no mark
  EXPECT_TRUE(is_marked_as_written(path));
  ::close(fd);
  EXPECT_FALSE(is_marked_as_written(path));
  EXPECT_FALSE(is_marked_as_written(folder.file("none")));
}

TEST(FileInUse, IsMarkedForOtherProcessesAndNoMoreAfterTheEndOfTheWriter) {
  const TempDir folder;
  const std::string path = folder.write("a", "text");
  int ready[2];
  int end[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(end, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  char byte = 0;
  if (child == 0) {
    ::close(end[1]);
    mark_as_written(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    const bool told = ::write(ready[1], &byte, 1) == 1;
    ::_exit(told && ::read(end[0], &byte, 1) == 0 ? 0 : 1);  // without closing the file
  }
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_TRUE(is_marked_as_written(path));
  ::close(end[1]);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(is_marked_as_written(path));
  for (const int fd : {ready[0], ready[1], end[0]}) { ::close(fd); }
}

TEST(FileInUse, ThatIsNoRegularFileCannotBeLostByItsName) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  EXPECT_EQ(fate_of_name(ends[1], "/no/such/name"), "");
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace streamlab
