// engine/process/find_program.cpp
#include "engine/process/find_program.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "engine/base/nearest_name.hpp"

namespace streamlab {
namespace {

enum class Found { nothing, folder, not_executable, program };

Found look_at(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) { return Found::nothing; }
  if (S_ISDIR(info.st_mode)) { return Found::folder; }
  return ::access(path.c_str(), X_OK) == 0 ? Found::program : Found::not_executable;
}

std::vector<std::string> folders_of(std::string_view search_path) {
  std::vector<std::string> folders;
  while (true) {
    const std::size_t colon = search_path.find(':');
    const std::string_view folder = search_path.substr(0, colon);
    folders.emplace_back(folder.empty() ? "." : folder);  // an empty entry is the working directory
    if (colon == std::string_view::npos) { return folders; }
    search_path.remove_prefix(colon + 1);
  }
}

// "did you mean …?" from all programs on the path.
std::string nearest_program(std::string_view word, const std::vector<std::string>& folders) {
  std::vector<std::string> names;
  for (const std::string& folder : folders) {
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(folder.c_str()), ::closedir);
    if (!listing) { continue; }
    while (const dirent* entry = ::readdir(listing.get())) {
      if (entry->d_name[0] != '.' && word != entry->d_name) { names.emplace_back(entry->d_name); }
    }
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  return did_you_mean(word, views);
}

}  // namespace

Result<std::string> find_program(std::string_view word, std::string_view folder, const char* search_path) {
  if (word.empty()) { return refused("", "the command is empty", "the name of a program"); }
  const auto not_executable = [](std::string_view path) {
    return refused("", fmt::format("\"{}\" is not executable", path), "a program",
                   fmt::format("\"chmod +x {}\" makes it executable", path));
  };
  if (word.find('/') != std::string_view::npos) {
    const bool is_relative = word.front() != '/' && !folder.empty();
    const std::string path = is_relative ? fmt::format("{}/{}", folder, word) : std::string(word);
    switch (look_at(path)) {
      case Found::program:
        return path;
      case Found::folder:
        return refused("", fmt::format("\"{}\" is a directory", path), "a program");
      case Found::not_executable:
        return not_executable(path);
      case Found::nothing:
        break;
    }
    return refused("", fmt::format("there is no file \"{}\"", path), "a program");
  }
  const char* given = search_path != nullptr ? search_path : std::getenv("PATH");
  const std::vector<std::string> folders = folders_of(given != nullptr ? given : "/usr/bin:/bin");
  std::string without_bit;
  for (const std::string& each : folders) {
    const std::string path = fmt::format("{}/{}", each, word);
    const Found found = look_at(path);
    if (found == Found::program) { return path; }
    if (found == Found::not_executable && without_bit.empty()) { without_bit = path; }
  }
  if (!without_bit.empty()) { return not_executable(without_bit); }
  return refused("", fmt::format("there is no program \"{}\" on the PATH", word), "",
                 nearest_program(word, folders));
}

}  // namespace streamlab
