// tests/base/output_file_test.cpp
#include "engine/base/output_file.hpp"

#include <cerrno>
#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

namespace fs = std::filesystem;
using test::content_of;
using test::TempDir;

void write(OutputFile& file, std::string_view text) {
  ASSERT_EQ(file.write_at(reinterpret_cast<const std::byte*>(text.data()), text.size(), 0), text.size());
}

std::size_t files_in(const TempDir& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder.path()), {}));
}

TEST(OutputFile, HasItsNameFromTheBeginningWhereThereIsNoOldFile) {
  const TempDir folder;
  auto file = OutputFile::create(folder.file("a"), false);
  ASSERT_TRUE(file);
  write(*file, "new");
  EXPECT_EQ(content_of(folder.file("a")), "new");
  EXPECT_TRUE(file->close());
  EXPECT_EQ(files_in(folder), 1U);
}

TEST(OutputFile, ReplacesAnOldFileWhenItIsComplete) {
  const TempDir folder;
  const std::string path = folder.write("a", "old");
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  auto file = OutputFile::create(path, true);
  ASSERT_TRUE(file);
  write(*file, "new");
  EXPECT_EQ(content_of(path), "old");
  EXPECT_EQ(content_of(path + ".new"), "new");
  EXPECT_TRUE(file->close());
  EXPECT_EQ(content_of(path), "new");
  EXPECT_EQ(file->left_beside(), "");
  EXPECT_EQ(files_in(folder), 1U);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST(OutputFile, KeepsTheOldFileUnlessTheNewOneIsComplete) {
  for (const bool is_closed : {true, false}) {  // or forgotten
    const TempDir folder;
    const std::string path = folder.write("a", "old");
    folder.write("a.new", "of an earlier run");
    {
      auto file = OutputFile::create(path, true);
      ASSERT_TRUE(file);
      write(*file, "new");
      if (is_closed) {
        file->set_ending(Ending::cut_short);
        EXPECT_TRUE(file->close());
        EXPECT_EQ(file->left_beside(), fs::canonical(folder.path()).string() + "/a.new2");
      }
    }
    EXPECT_EQ(content_of(path), "old");
    EXPECT_EQ(content_of(path + ".new"), "of an earlier run");
    EXPECT_EQ(content_of(path + ".new2"), "new");
  }
}

TEST(OutputFile, LeavesNothingOfWhatWasNotBegun) {
  for (const bool has_old : {false, true}) {
    const TempDir folder;
    if (has_old) { folder.write("a", "old"); }
    auto file = OutputFile::create(folder.file("a"), true);
    ASSERT_TRUE(file);
    file->set_ending(Ending::not_begun);
    EXPECT_TRUE(file->close());
    EXPECT_EQ(files_in(folder), has_old ? 1U : 0U);
    EXPECT_EQ(content_of(folder.file("a")), has_old ? "old" : "");
  }
}

TEST(OutputFile, IsWhereALinkLeads) {
  const TempDir folder;
  fs::create_symlink("target", folder.file("link"));
  for (const char* text : {"first", "second"}) {  // the target does not exist; it exists
    auto file = OutputFile::create(folder.file("link"), true);
    ASSERT_TRUE(file);
    write(*file, text);
    EXPECT_TRUE(file->close());
    EXPECT_TRUE(fs::is_symlink(folder.file("link")));
    EXPECT_EQ(content_of(folder.file("target")), text);
  }
}

TEST(OutputFile, ReplacesFilesOfTheLongestNames) {
  const TempDir folder;
  const std::string path = folder.write(std::string(255, 'a'), "old");
  auto file = OutputFile::create(path, true);
  ASSERT_TRUE(file) << file.error().what;
  write(*file, "new");
  EXPECT_TRUE(file->close());
  EXPECT_EQ(content_of(path), "new");
  EXPECT_EQ(files_in(folder), 1U);
}

TEST(OutputFile, RefusesWhatCannotBeAFileAndCreatesNothing) {
  const TempDir folder;
  folder.write("a", "old");
  fs::create_directory(folder.file("folder"));
  ASSERT_EQ(::mkfifo(folder.file("fifo").c_str(), 0600), 0);
  fs::create_symlink("fifo", folder.file("link"));
  const std::string here = fs::canonical(folder.path()).string();
  const auto before = files_in(folder);
  const auto expect = [&](const std::string& name, const std::string& checked, const std::string& created) {
    const std::string path = folder.file(name);
    const auto check = OutputFile::check(path);
    EXPECT_EQ(check ? "" : check.error().what, checked) << name;
    const auto file = OutputFile::create(path, true);
    EXPECT_EQ(file ? "" : file.error().what, created) << name;
  };
  expect("folder", "is a directory", "is a directory");
  expect("fifo", "exists but is not a regular file", "exists but is not a regular file");
  expect("link", "exists but is not a regular file", "exists but is not a regular file");
  expect("none/a", "cannot be created: \"" + here + "/none\": No such file or directory",
         "cannot be created: No such file or directory");
  expect("a/b", "cannot be created: \"" + here + "/a\" is not a folder",
         "cannot be created: Not a directory");
  expect(std::string(256, 'a'), "cannot be created: File name too long",
         "cannot be created: File name too long");
  expect(std::string("a\0b", 3), "is not a valid path: it contains a NUL character",
         "cannot be created: Invalid argument");
  EXPECT_TRUE(OutputFile::check(folder.file("a")));
  EXPECT_TRUE(OutputFile::check(folder.file("b")));
  EXPECT_EQ(OutputFile::create(folder.file("a"), false).error().what, "already exists");
  EXPECT_EQ(files_in(folder), before);
}

// ---- Naming::when_complete

TEST(OutputFile, HasItsNameOnlyWhenItIsComplete) {
  const TempDir folder;
  auto file = OutputFile::create(folder.file("a"), false, Naming::when_complete);
  ASSERT_TRUE(file);
  write(*file, "new");
  EXPECT_FALSE(fs::exists(folder.file("a")));
  EXPECT_EQ(content_of(folder.file("a.part")), "new");
  EXPECT_TRUE(file->close());
  EXPECT_EQ(content_of(folder.file("a")), "new");
  EXPECT_EQ(files_in(folder), 1U);
}

TEST(OutputFile, LeavesNothingOfWhatShouldHaveItsNameWhenItIsComplete) {
  for (const Ending ending : {Ending::cut_short, Ending::not_begun}) {
    const TempDir folder;
    auto file = OutputFile::create(folder.file("a"), false, Naming::when_complete);
    ASSERT_TRUE(file);
    write(*file, "new");
    file->set_ending(ending);
    EXPECT_TRUE(file->close());
    EXPECT_EQ(file->left_beside(), "");
    EXPECT_EQ(files_in(folder), 0U);
  }
  const TempDir folder;
  { auto forgotten = OutputFile::create(folder.file("a"), false, Naming::when_complete); }
  EXPECT_EQ(files_in(folder), 0U);
}

TEST(OutputFile, ReplacesOrRefusesAnOldFileWhenTheNewOneIsComplete) {
  const TempDir folder;
  const std::string path = folder.write("a", "old");
  EXPECT_EQ(OutputFile::create(path, false, Naming::when_complete).error().what, "already exists");
  auto file = OutputFile::create(path, true, Naming::when_complete);
  ASSERT_TRUE(file);
  write(*file, "new");
  EXPECT_EQ(content_of(path), "old");
  EXPECT_TRUE(file->close());
  EXPECT_EQ(content_of(path), "new");
  EXPECT_EQ(files_in(folder), 1U);
}

// Another program may be faster.
TEST(OutputFile, TakesNoNameThatAnotherFileHasGotMeanwhile) {
  const TempDir folder;
  auto file = OutputFile::create(folder.file("a"), false, Naming::when_complete);
  ASSERT_TRUE(file);
  write(*file, "new");
  folder.write("a", "of another");
  errno = 0;
  EXPECT_FALSE(file->close());
  EXPECT_EQ(errno, EEXIST);
  EXPECT_EQ(content_of(folder.file("a")), "of another");
  EXPECT_EQ(files_in(folder), 1U);
}

TEST(OutputFile, GoesRoundWhatAKilledRunHasLeftAndRemovesItWhenAsked) {
  const TempDir folder;
  folder.write("a.part", "of a killed run");
  {
    auto file = OutputFile::create(folder.file("a"), false, Naming::when_complete);
    ASSERT_TRUE(file);
    write(*file, "new");
    EXPECT_TRUE(file->close());
  }
  EXPECT_EQ(content_of(folder.file("a")), "new");
  EXPECT_EQ(content_of(folder.file("a.part")), "of a killed run");
  OutputFile::remove_part(folder.file("a"));
  EXPECT_EQ(files_in(folder), 1U);
}

}  // namespace
}  // namespace streamlab
