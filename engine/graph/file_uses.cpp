// engine/graph/file_uses.cpp
#include "engine/graph/file_uses.hpp"

#include <filesystem>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/real_path.hpp"
#include "engine/graph/graph_files.hpp"

namespace streamlab {
namespace {

bool is_file(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

// PATH, if `real` is PATH.new, PATH.part or, where those are taken, PATH.new2 …: see OutputFile::create().
std::optional<std::string> path_when_complete(std::string_view real) {
  const std::size_t last = real.find_last_not_of("0123456789");
  if (last == std::string_view::npos) { return std::nullopt; }
  const std::string_view name = real.substr(0, last + 1);
  for (const std::string_view ending : {".new", ".part"}) {
    if (name.ends_with(ending)) { return std::string(name.substr(0, name.size() - ending.size())); }
  }
  return std::nullopt;
}

// The words of the command that a node starts, as paths from our own folder: some may be files that the program reads.
std::vector<std::string> command_words(const ValidNode& node) {
  std::vector<std::string> words;
  const auto command = node.text(ParamRole::command);
  if (!command) { return words; }
  const std::string folder = node.text(ParamRole::folder).value_or(std::string());
  const auto list = nlohmann::json::parse(*command, nullptr, false);
  for (const auto& word : list) {
    if (word.is_string()) { words.push_back(in_folder(folder, word.get<std::string>())); }
  }
  return words;
}

}  // namespace

std::vector<WrittenFile> files_of_sinks(const ValidGraph& graph) {
  std::vector<WrittenFile> files;
  for (const FileParam& file : output_files(graph)) {
    const ValidNode& node = graph.nodes()[file.node];
    files.push_back({file.path, node.pointer_to(file.param), node.pointer});
  }
  return files;
}

FileUses::FileUses() {
  reads("/proc/self/exe", "is this program");
  constexpr const char* kStandard[] = {"is standard input", "is standard output", "is standard error"};
  for (int fd = 0; fd < 3; ++fd) {
    const std::string path = fmt::format("/proc/self/fd/{}", fd);
    if (is_file(path)) { reads(path, kStandard[fd]); }
  }
}

void FileUses::reads(const std::string& path, const std::string& what) {
  used_.emplace(real_path(path), what);
}

void FileUses::reads(const ValidGraph& graph, const std::string& what, const std::string& folder) {
  for (const std::string& path : input_files(graph)) { reads(in_folder(folder, path), what); }
  for (const ValidNode& node : graph.nodes()) {
    for (const ParamRole role : {ParamRole::input_stream, ParamRole::output_stream}) {
      const auto end = node.text(role);  // of a pipe, which may be a file that a shell has opened
      if (!end || !end->starts_with("fd:")) { continue; }
      const std::string path = "/proc/self/fd/" + end->substr(3);
      if (is_file(path)) { reads(path, fmt::format("is {} of {}", *end, node.pointer)); }
    }
    for (const std::string& word : command_words(node)) {
      const std::string path = in_folder(folder, word);
      if (is_file(path)) { reads(path, fmt::format("is in the command of {}", node.pointer)); }
    }
  }
}

std::optional<std::string> FileUses::use_of(const std::string& path) const {
  const auto use = used_.find(real_path(path));
  return use == used_.end() ? std::nullopt : std::optional(use->second);
}

std::optional<std::string> FileUses::writes(const std::string& path, const std::string& what) {
  const std::string real = real_path(path);
  const auto [other, is_new] = used_.emplace(real, what);
  if (!is_new) { return other->second; }
  const auto complete = path_when_complete(real);
  const auto beside = beside_.find(real);
  std::optional<std::string> clash;
  if (complete && written_.contains(*complete)) {
    const std::string& by = used_[*complete];
    clash = by.empty() ? "" : by + ", until it is complete";
  } else if (beside != beside_.end()) {
    const std::string& by = used_[beside->second];
    clash = by.empty() ? "" : fmt::format("is \"{}\" until it is complete, which {}", beside->second, by);
  }
  written_.insert(real);
  if (complete) { beside_.emplace(*complete, real); }
  return clash;
}

Errors FileUses::check(const ValidGraph& graph, const std::vector<WrittenFile>& files) {
  Errors errors;
  for (const WrittenFile& file : files) {
    const auto clash = writes(file.path, fmt::format("is written by {} already", file.node));
    if (!clash) { continue; }
    errors.push_back(
        {ErrorCode::refused, file.where, fmt::format("\"{}\" {}", file.path, *clash), "another file", ""});
  }
  graph.name_nodes(errors);
  return errors;
}

Errors check_files(const ValidGraph& graph) {
  const auto files = files_of_sinks(graph);
  if (files.empty()) { return {}; }
  FileUses uses;
  uses.reads(graph, "is read by this graph");
  return uses.check(graph, files);
}

std::string in_folder(const std::string& folder, const std::string& path) {
  return (std::filesystem::path(folder) / path).string();
}

}  // namespace streamlab
