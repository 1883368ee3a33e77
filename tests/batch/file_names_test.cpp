// tests/batch/file_names_test.cpp
//
// (What becomes of these names in a run is tested with the program: tests/apps/batch_test.cpp.)
#include "engine/batch/file_names.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streamlab {
namespace {

TEST(FileNames, AreTakenApart) {
  const auto parts = [](const std::string& path) {
    const FileName name(path);
    return name.dir + "|" + name.stem + "|" + name.ext + (name.is_valid() ? "" : " is none");
  };
  EXPECT_EQ(parts("a/b/take.1.wav"), "a/b|take.1|wav");
  EXPECT_EQ(parts("take"), ".|take|");
  EXPECT_EQ(parts("/take.wav"), "/|take|wav");
  // A stem of dots would lead into another folder.
  EXPECT_EQ(parts("...wav"), ".|...wav|");
  EXPECT_EQ(parts(".wav"), ".|.wav|");
  EXPECT_EQ(parts("a..wav"), ".|a.|wav");
  for (const char* folder : {"", ".", "a/..", "a/"}) {
    EXPECT_THAT(parts(folder), testing::HasSubstr("is none"));
  }
}

TEST(FileNames, AreVariablesOfAFile) {
  EXPECT_EQ(
      file_variables("in/take.wav", 6),
      (Variables{{"input", "in/take.wav"}, {"dir", "in"}, {"stem", "take"}, {"ext", "wav"}, {"index", "7"}}));
}

TEST(FileNames, GiveEachFileAFolderOfItsOwn) {
  using testing::ElementsAre;
  EXPECT_THAT(result_folders({"a/1.wav", "b/2.wav"}), ElementsAre("1", "2"));
  EXPECT_THAT(result_folders({"a/1.wav", "b/1.wav", "3.wav"}), ElementsAre("a/1", "b/1", "3"));
  EXPECT_THAT(result_folders({"a/1.wav", "a/1.flac"}), ElementsAre("1.wav", "1.flac"));
  EXPECT_THAT(result_folders({"a/1.wav", "./b/../2.wav", "/c/3.wav"}, FolderNames::whole_paths),
              ElementsAre("a/1.wav", "2.wav", "c/3.wav"));
  const auto above = std::filesystem::current_path().parent_path().relative_path() / "1.wav";
  EXPECT_THAT(result_folders({"../1.wav"}, FolderNames::whole_paths), ElementsAre(above.string()));
}

}  // namespace
}  // namespace streamlab
