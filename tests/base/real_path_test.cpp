// tests/base/real_path_test.cpp
#include "engine/base/real_path.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

namespace fs = std::filesystem;

// TempDir may lie behind a link itself.
std::string path_in(const test::TempDir& folder, const std::string& name) {
  return (fs::canonical(folder.path()) / name).string();
}

TEST(RealPath, IsTheSameForEverySpellingOfAFileThatExistsOrNot) {
  const test::TempDir folder;
  fs::create_directories(folder.file("a/b"));
  for (const bool exists : {false, true}) {
    if (exists) { folder.write("z.wav", ""); }
    const std::string expected = path_in(folder, "z.wav");
    const std::string relative = fs::relative(folder.path()).string() + "/z.wav";
    for (const std::string& spelling :
         {folder.file("z.wav"), folder.file("./z.wav"), folder.file("a/../z.wav"),
          folder.file("a/b/../../z.wav"), folder.file("") + "//z.wav", relative, "./" + relative}) {
      EXPECT_EQ(real_path(spelling), expected) << spelling << (exists ? ", which exists" : "");
    }
  }
}

TEST(HomeHint, SaysThatOnlyShellsKnowTheTilde) {
  EXPECT_EQ(home_hint("~/a b.wav"),
            "only a shell knows \"~\": in a configuration \"${env:HOME}/a b.wav\" is that file");
  for (const char* path : {"a.wav", "/home/~/a.wav", "~a.wav", ""}) {
    EXPECT_EQ(home_hint(path), "") << path;
  }
}

TEST(RealPath, MakesANameInTheWorkingDirectoryAbsoluteBeforeItExists) {
  const std::string here = fs::canonical(".").string();
  EXPECT_EQ(real_path("no such file.wav"), here + "/no such file.wav");
  EXPECT_EQ(real_path("./no such file.wav"), here + "/no such file.wav");
  EXPECT_EQ(real_path("."), here);
  EXPECT_EQ(real_path("no such folder/../x"), here + "/x");
}

TEST(RealPath, FollowsLinksToFilesThatDoNotExistYet) {
  const test::TempDir folder;
  fs::create_directory(folder.file("a"));
  fs::create_symlink("../z.wav", folder.file("a/one"));
  fs::create_symlink(folder.file("a/one"), folder.file("two"));
  fs::create_directory_symlink("a", folder.file("linked"));
  for (const std::string name : {"a/one", "two", "linked/one"}) {
    EXPECT_EQ(real_path(folder.file(name)), path_in(folder, "z.wav")) << name;
  }
  fs::create_symlink("ring", folder.file("ring"));
  EXPECT_EQ(real_path(folder.file("ring")), path_in(folder, "ring"));  // and comes back
}

}  // namespace
}  // namespace streamlab
