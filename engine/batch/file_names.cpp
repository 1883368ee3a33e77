// engine/batch/file_names.cpp
#include "engine/batch/file_names.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>

namespace streamlab {
namespace {

namespace fs = std::filesystem;

// The part of the paths that all of them begin with.
fs::path common_folder(const std::vector<fs::path>& folders) {
  fs::path common = folders.front();
  for (const fs::path& folder : folders) {
    fs::path shared;
    for (auto a = common.begin(), b = folder.begin(); a != common.end() && b != folder.end() && *a == *b;
         ++a, ++b) {
      shared /= *a;
    }
    common = shared;
  }
  return common;
}

std::string whole_path(const std::string& file) {
  fs::path path = fs::path(file).lexically_normal();
  std::error_code error;  // without a working directory, as it was given
  if (!path.empty() && *path.begin() == "..") { path = fs::absolute(file, error).lexically_normal(); }
  return path.relative_path().string();
}

}  // namespace

FileName::FileName(const std::string& path)
    : dir(fs::path(path).parent_path().string()), stem(fs::path(path).filename().string()) {
  if (dir.empty()) { dir = "."; }
  const std::size_t dot = stem.rfind('.');
  if (dot == std::string::npos || stem.find_first_not_of('.') >= dot) { return; }
  ext = stem.substr(dot + 1);
  stem.resize(dot);
}

Variables file_variables(const std::string& path, std::size_t index) {
  const FileName name(path);
  return {{"input", path},
          {"stem", name.stem},
          {"dir", name.dir},
          {"ext", name.ext},
          {"index", std::to_string(index + 1)}};
}

Variables example_variables() { return file_variables("item.wav", 0); }

std::vector<std::string> result_folders(const std::vector<std::string>& files, FolderNames names) {
  if (names == FolderNames::whole_paths) {
    std::vector<std::string> paths;
    std::transform(files.begin(), files.end(), std::back_inserter(paths), whole_path);
    return paths;
  }
  std::map<std::string, std::vector<std::size_t>> by_stem;
  for (std::size_t i = 0; i < files.size(); ++i) { by_stem[FileName(files[i]).stem].push_back(i); }
  std::vector<std::string> folders(files.size());
  for (const auto& [stem, items] : by_stem) {
    std::vector<fs::path> dirs;
    for (const std::size_t i : items) {
      std::error_code error;  // without a working directory, as it was given
      dirs.push_back(fs::absolute(FileName(files[i]).dir, error).lexically_normal() / "");
      dirs.back() = dirs.back().parent_path();
    }
    const fs::path common = common_folder(dirs);
    std::map<fs::path, std::size_t> uses;
    for (const fs::path& dir : dirs) { ++uses[dir]; }
    for (std::size_t n = 0; n < items.size(); ++n) {
      const bool is_alone = uses[dirs[n]] == 1;
      const std::string name = is_alone ? stem : fs::path(files[items[n]]).filename().string();
      folders[items[n]] = (dirs[n].lexically_relative(common) / name).lexically_normal().string();
    }
  }
  return folders;
}

}  // namespace streamlab
