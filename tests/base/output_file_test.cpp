// tests/base/output_file_test.cpp
#include "engine/base/output_file.hpp"

#include <filesystem>
#include <fstream>
#include <utility>

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

std::string what_close_says(OutputFile& file) {
  const auto closed = file.close();
  return closed ? std::string() : closed.error().what;
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
  expect("none/../b", "cannot be created: \"" + folder.file("none/..") + "\": No such file or directory",
         "cannot be created: No such file or directory");
  expect("b/", "is the name of a folder", "cannot be created: Is a directory");
  expect(std::string(256, 'a'), "cannot be created: File name too long",
         "cannot be created: File name too long");
  expect(std::string("a\0b", 3), "is not a valid path: it contains a NUL character",
         "cannot be created: Invalid argument");
  EXPECT_TRUE(OutputFile::check(folder.file("a")));
  EXPECT_TRUE(OutputFile::check(folder.file("b")));
  EXPECT_EQ(OutputFile::create(folder.file("a"), false).error().what, "already exists");
  EXPECT_EQ(OutputFile::create(folder.file("a"), false).error().code, ErrorCode::refused);
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
  EXPECT_EQ(what_close_says(*file), "cannot be completed: File exists");
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

// ---- somebody else takes the name away

TEST(OutputFile, NoticesThatItHasLostItsName) {
  constexpr const char* kRemoved = "was removed while it was written: what was written is lost";
  constexpr const char* kReplaced =
      "was replaced by another file while it was written: what was written is lost";
  for (const bool has_old : {false, true}) {
    const auto expect = [&](const std::string& fate, const std::string& left, auto change) {
      const TempDir folder;
      const std::string here = fs::canonical(folder.path()).string();
      if (has_old) { folder.write("a", "old"); }
      auto file = OutputFile::create(folder.file("a"), true);
      ASSERT_TRUE(file);
      write(*file, "new");
      const std::string name = here + (has_old ? "/a.new" : "/a");
      change(name);
      const std::string begin = has_old ? "the new file, \"" + name + "\", " : "";
      const auto closed = file->close();
      ASSERT_FALSE(closed);
      EXPECT_EQ(closed.error().where, folder.file("a"));
      EXPECT_EQ(closed.error().code, ErrorCode::failed);
      std::string expected = fate;
      if (const auto at = expected.find("HERE"); at != std::string::npos) { expected.replace(at, 4, here); }
      EXPECT_EQ(closed.error().what, begin + expected + (has_old ? "; the old file was kept" : ""));
      EXPECT_EQ(file->left_beside(), "");  // no name of a file that is not there
      if (has_old) { EXPECT_EQ(content_of(folder.file("a")), "old"); }
      EXPECT_EQ(fs::exists(name) ? content_of(name) : "none", left);
    };
    expect(kRemoved, "none", [](const std::string& name) { fs::remove(name); });
    expect(kReplaced, "of another", [](const std::string& name) {
      std::ofstream(name + "x") << "of another";
      fs::rename(name + "x", name);
    });
    expect("was moved while it was written: it is \"HERE/b\"", "none",
           [](const std::string& name) { fs::rename(name, fs::path(name).parent_path() / "b"); });
    expect("was moved while it was written, and another file has its name: it is \"HERE/b\"", "of another",
           [](const std::string& name) {
             fs::rename(name, fs::path(name).parent_path() / "b");
             std::ofstream(name) << "of another";
           });
    expect("was removed while it was written: only a hard link to it is left", "none",
           [](const std::string& name) {
             fs::create_hard_link(name, name + ".link");
             fs::remove(name);
           });
  }
}

TEST(OutputFile, NoticesThatItsFolderHasGone) {
  const TempDir folder;
  const std::string here = fs::canonical(folder.path()).string();
  fs::create_directory(folder.file("f"));
  auto moved = OutputFile::create(folder.file("f/a"), false);
  ASSERT_TRUE(moved);
  fs::rename(folder.file("f"), folder.file("g"));
  EXPECT_EQ(what_close_says(*moved), "was moved while it was written: it is \"" + here + "/g/a\"");
  auto removed = OutputFile::create(folder.file("g/b"), false, Naming::when_complete);
  ASSERT_TRUE(removed);
  fs::remove_all(folder.file("g"));
  EXPECT_EQ(what_close_says(*removed), "the new file, \"" + here +
                                           "/g/b.part\", was removed while it was written: "
                                           "what was written is lost");
}

// What was to be removed and is gone is no failure; and what has its name now stays.
TEST(OutputFile, RemovesNoFileOfAnother) {
  for (const auto& [ending, naming] : {std::pair{Ending::not_begun, Naming::at_once},
                                       {Ending::not_begun, Naming::when_complete},
                                       {Ending::cut_short, Naming::when_complete}}) {
    const TempDir folder;
    auto file = OutputFile::create(folder.file("a"), false, naming);
    ASSERT_TRUE(file);
    const std::string name = folder.file(naming == Naming::at_once ? "a" : "a.part");
    fs::remove(name);
    std::ofstream(name) << "of another";
    file->set_ending(ending);
    EXPECT_EQ(what_close_says(*file), "");
    EXPECT_EQ(content_of(name), "of another");
  }
}

TEST(OutputFile, IsGoneWithThisWithoutAName) {
  const TempDir folder;
  auto file = OutputFile::create(folder.file("a"), false);
  ASSERT_TRUE(file);
  file->give_up_name();
  EXPECT_EQ(files_in(folder), 0U);
  write(*file, "new");
  folder.write("a", "of another");
  EXPECT_EQ(what_close_says(*file), "");
  EXPECT_EQ(content_of(folder.file("a")), "of another");
}

// ---- two at the same time

TEST(OutputFile, IsNotReplacedWhileItIsWritten) {
  for (const bool has_old : {false, true}) {
    for (const Naming naming : {Naming::at_once, Naming::when_complete}) {
      const TempDir folder;
      if (has_old) { folder.write("a", "old"); }
      auto first = OutputFile::create(folder.file("a"), true, naming);
      ASSERT_TRUE(first);
      write(*first, "first");
      fs::create_symlink("a", folder.file("link"));
      const auto files = files_in(folder);
      for (const Naming other : {Naming::at_once, Naming::when_complete}) {
        for (const std::string name : {"a", "link"}) {
          const auto second = OutputFile::create(folder.file(name), true, other);
          ASSERT_FALSE(second);
          EXPECT_EQ(to_string(second.error()),
                    folder.file(name) +
                        ": is being written by another run; expected another name, or to "
                        "wait for its end");
          EXPECT_EQ(second.error().code, ErrorCode::refused);  // nothing was begun
          const auto unused = OutputFile::check_unused(folder.file(name), ErrorCode::refused);
          ASSERT_FALSE(unused);
          EXPECT_EQ(unused.error().code, ErrorCode::refused);
        }
      }
      EXPECT_EQ(files_in(folder), files);
      EXPECT_TRUE(first->close());
      EXPECT_EQ(content_of(folder.file("a")), "first");
      EXPECT_TRUE(OutputFile::check_unused(folder.file("a"), ErrorCode::refused));
      EXPECT_TRUE(OutputFile::create(folder.file("a"), true, naming));
    }
  }
}

}  // namespace
}  // namespace streamlab
