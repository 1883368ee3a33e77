// apps/streamlab/batch_files.cpp
#include "apps/streamlab/batch_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <new>

#include <fmt/format.h>

#include "apps/streamlab/console.hpp"
#include "apps/streamlab/natural_order.hpp"
#include "engine/base/real_path.hpp"

namespace streamlab::app {
namespace {

namespace fs = std::filesystem;

// Of what SoundFileReader reads and people keep in folders.
constexpr std::array<std::string_view, 20> kSoundEndings{
    ".wav", ".wave", ".bwf", ".bw64", ".rf64", ".w64", ".aif", ".aiff", ".aifc", ".au",
    ".snd", ".flac", ".oga", ".ogg",  ".opus", ".mp3", ".mp2", ".caf",  ".voc",  ".sd2"};

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with("."); }

// Sound that people keep in folders and that cannot be read here.
constexpr std::array<std::string_view, 8> kOtherEndings{".m4a", ".mp4", ".aac",  ".wma",
                                                        ".mka", ".mkv", ".webm", ".ape"};

std::string ending_of(const fs::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) { c = static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }
  return ending;
}

bool is_sound(const fs::path& path) {
  return std::find(kSoundEndings.begin(), kSoundEndings.end(), ending_of(path)) != kSoundEndings.end();
}

// What was left out of a folder, by its kind.
class LeftOut {
 public:
  void add(const fs::path& path) {
    ++count_;
    if (is_hidden(path)) {
      ++hidden_;
      return;
    }
    const std::string ending = ending_of(path);
    ++endings_[ending.empty() ? "without an ending" : ending];
  }
  std::size_t count() const { return count_; }
  // "3 files left out: 1 hidden, 2 .m4a; ffmpeg makes …"
  std::string text() const {
    std::string kinds;
    const auto add_kind = [&](std::size_t count, const std::string& kind) {
      kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", count, kind);
    };
    if (hidden_ > 0) { add_kind(hidden_, "hidden"); }
    std::size_t shown = 0;
    std::size_t others = 0;
    bool has_sound = false;
    for (const auto& [ending, count] : endings_) {
      constexpr std::size_t kShown = 8;
      const bool is_other_sound =
          std::find(kOtherEndings.begin(), kOtherEndings.end(), ending) != kOtherEndings.end();
      has_sound = has_sound || is_other_sound;
      if (is_other_sound || shown < kShown) {
        ++shown;
        add_kind(count, ending);
      } else {
        others += count;
      }
    }
    if (others > 0) { add_kind(others, "others"); }
    return fmt::format("{} left out: {}{}", counted(count_, "file"), kinds,
                       has_sound ? "; ffmpeg makes WAV or FLAC of them, which are read" : "");
  }

 private:
  std::size_t count_ = 0;
  std::size_t hidden_ = 0;
  std::map<std::string, std::size_t> endings_;
};

// Appends the sound files below `folder`.
Result<void> list_folder(const std::string& folder, const std::string& out_dir, BatchFiles& files) {
  std::error_code error;
  const fs::path outputs = out_dir.empty() ? fs::path() : fs::weakly_canonical(out_dir, error);
  std::vector<std::string> found;
  LeftOut others;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code unknown;  // a link that leads nowhere is no folder
    const fs::path& path = entry->path();
    if (entry->is_directory(unknown)) {
      const bool is_output = !outputs.empty() && fs::weakly_canonical(path, unknown) == outputs;
      const bool is_link = entry->is_symlink(unknown);  // may lead to a folder that it lies in
      const char* const reason = is_output         ? "results go there"
                                 : is_hidden(path) ? "a hidden folder"
                                 : is_link ? "a link to a folder, which is read where it is named itself"
                                           : nullptr;
      if (reason == nullptr) { continue; }
      files.notes.push_back(fmt::format("{}: left out: {}", path.string(), reason));
      entry.disable_recursion_pending();
    } else if (!is_hidden(path) && is_sound(path)) {
      found.push_back(path.string());
    } else {
      others.add(path);
    }
  }
  if (error) { return refused(folder, fmt::format("this folder cannot be read: {}", error.message())); }
  if (found.empty()) {
    return refused(folder, "there is no sound file in this folder",
                   "files whose names end as .wav, .flac, .mp3, …");
  }
  if (others.count() > 0) { files.notes.push_back(fmt::format("{}: {}", folder, others.text())); }
  files.left_out += others.count();
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return comes_before(a, b); });
  files.paths.insert(files.paths.end(), found.begin(), found.end());
  return {};
}

// Leaves each file in at its first place.
void take_each_once(BatchFiles& files) {
  std::map<std::string, std::size_t> first;  // real path -> place
  std::vector<std::string> once;
  std::string examples;
  for (std::string& path : files.paths) {
    const auto [known, is_new] = first.try_emplace(real_path(path), once.size());
    if (is_new) {
      once.push_back(std::move(path));
      continue;
    }
    constexpr std::size_t kShown = 3;
    const std::string& name = once[known->second];
    if (++files.repeated > kShown) { continue; }
    examples += files.repeated == 1 ? ": " : ", ";
    examples += path == name ? fmt::format("\"{}\"", path) : fmt::format("\"{}\" is \"{}\"", path, name);
  }
  files.paths = std::move(once);
  if (files.repeated == 0) { return; }
  files.notes.push_back(
      fmt::format("{} named again, and done once{}{}",
                  files.repeated == 1 ? "1 file was" : fmt::format("{} files were", files.repeated), examples,
                  files.repeated > 3 ? ", …" : ""));
}

Result<std::string> read_list(const std::string& path) {
  constexpr std::size_t kMostBytes = std::size_t{256} << 20U;  // some millions of names
  std::string text;
  if (path == "-") {
    text = read_at_most(std::cin, kMostBytes + 1);
  } else {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file && errno == ENOMEM) { throw std::bad_alloc(); }
    std::error_code error;
    if (!file || fs::is_directory(path, error)) {
      return refused("--files-from",
                     fmt::format("\"{}\" cannot be read: {}", path, std::strerror(file ? EISDIR : errno)));
    }
    text = read_at_most(file, kMostBytes + 1);
  }
  if (text.size() > kMostBytes) {
    return refused("--files-from", fmt::format("\"{}\" has more than {} bytes", path, kMostBytes),
                   "a list of files");
  }
  return text;
}

}  // namespace

std::vector<std::string> listed_paths(std::string_view list) {
  const char separator = list.find('\0') == std::string_view::npos ? '\n' : '\0';
  std::vector<std::string> paths;
  while (!list.empty()) {
    std::string_view path = list.substr(0, list.find(separator));
    list.remove_prefix(std::min(path.size() + 1, list.size()));
    if (separator == '\n' && path.ends_with('\r')) { path.remove_suffix(1); }
    if (!path.empty()) { paths.emplace_back(path); }
  }
  return paths;
}

std::string list_of(const std::vector<std::string>& paths) {
  const bool needs_nul = std::any_of(paths.begin(), paths.end(), [](const std::string& path) {
    return path.find('\n') != std::string::npos || path.ends_with('\r');
  });
  std::string list;
  for (const std::string& path : paths) { (list += path) += needs_nul ? '\0' : '\n'; }
  return list;
}

Checked<BatchFiles> find_batch_files(const BatchArguments& arguments) {
  BatchFiles files;
  Errors errors;
  std::vector<std::string> given = arguments.files;
  if (arguments.files_from == "-" && arguments.config.path == "-") {
    errors.push_back({ErrorCode::refused, "--files-from",
                      "standard input brings the configuration, and cannot bring a list, too",
                      "a file for one of them", ""});
  } else if (!arguments.files_from.empty()) {
    const auto list = read_list(arguments.files_from);
    if (!list) { return tl::unexpected(Errors{list.error()}); }
    const auto paths = listed_paths(*list);
    if (paths.empty()) {
      errors.push_back(
          {ErrorCode::refused, "--files-from",
           fmt::format("there is no path in {}",
                       arguments.files_from == "-" ? "standard input" : "\"" + arguments.files_from + "\""),
           "a path on each line", ""});
    }
    given.insert(given.end(), paths.begin(), paths.end());
  }
  for (const std::string& path : given) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.paths.push_back(path);
    } else if (auto listed = list_folder(path, arguments.out_dir, files); !listed) {
      errors.push_back(listed.error());
    }
  }
  if (!errors.empty()) { return tl::unexpected(std::move(errors)); }
  take_each_once(files);
  return files;
}

}  // namespace streamlab::app
