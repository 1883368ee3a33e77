// tests/architecture/source_files.hpp
//
// The files of code in the source tree, for tests that read them.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace streamlab::test {

inline bool is_code(const std::filesystem::path& path) {
  return path.extension() == ".cpp" || path.extension() == ".hpp" || path.extension() == ".c" ||
         path.extension() == ".h";
}

// Paths of all files of code under `folder`, relative to the source tree, sorted.
inline std::vector<std::string> code_files(std::string_view folder) {
  const std::filesystem::path top(SL_SOURCE_DIR);
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(top / folder)) {
    if (entry.is_regular_file() && is_code(entry.path())) {
      files.push_back(entry.path().lexically_relative(top).generic_string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

inline std::vector<std::string> lines_of(const std::string& file) {
  std::ifstream in(std::filesystem::path(SL_SOURCE_DIR) / file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) { lines.push_back(line); }
  return lines;
}

}  // namespace streamlab::test
