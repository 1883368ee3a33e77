// tests/architecture/source_file_test.cpp
//
// What every file of code keeps to: it begins with its own path, and it is short enough to be read at once.
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/architecture/source_files.hpp"

namespace streamlab {
namespace {

using test::code_files;
using test::lines_of;

constexpr std::size_t kMaxLines = 500;

// The longer ones, and why they stay whole.
const std::map<std::string, std::string>& long_files() {
  static const std::map<std::string, std::string> kLongFiles{
      {"engine/base/sample_format.cpp", "one table of formats and the loops over it, for each processor"},
      {"engine/stream/stream.hpp", "the members of one class: everything that can follow a stream"},
      {"tests/nodes/sound_file/sound_file_reader_test.cpp", "one reader, one odd file a test"},
      {"tests/hal/sim_device_test.cpp", "one device, one table of faults; each test is short"},
  };
  return kLongFiles;
}

std::vector<std::string> all_code() {
  std::vector<std::string> files;
  for (const char* folder : {"engine", "nodes", "hal", "apps", "tests", "bench"}) {
    const auto more = code_files(folder);
    files.insert(files.end(), more.begin(), more.end());
  }
  return files;
}

TEST(SourceFiles, BeginWithTheirPath) {
  std::vector<std::string> wrong;
  for (const std::string& file : all_code()) {
    const auto lines = lines_of(file);
    if (lines.empty() || lines.front() != "// " + file) { wrong.push_back(file); }
  }
  EXPECT_THAT(wrong, testing::IsEmpty());
  EXPECT_GT(all_code().size(), 200U);
}

TEST(SourceFiles, AreShortOrHaveAReason) {
  std::vector<std::string> wrong;
  for (const std::string& file : all_code()) {
    const std::size_t count = lines_of(file).size();
    const bool is_listed = long_files().contains(file);
    if (count > kMaxLines && !is_listed) {
      wrong.push_back(file + " has " + std::to_string(count) + " lines");
    }
    if (count <= kMaxLines && is_listed) { wrong.push_back(file + " is short enough not to be listed"); }
  }
  EXPECT_THAT(wrong, testing::IsEmpty());
}

TEST(SourceFiles, HeadersAreGuarded) {
  std::vector<std::string> wrong;
  for (const std::string& file : all_code()) {
    const auto lines = lines_of(file);
    const bool is_header = file.ends_with(".hpp") || file.ends_with(".h");
    if (is_header && std::find(lines.begin(), lines.end(), "#pragma once") == lines.end()) {
      wrong.push_back(file);
    }
  }
  EXPECT_THAT(wrong, testing::IsEmpty());
}

}  // namespace
}  // namespace streamlab
