// apps/streamlab/run_files.cpp
#include "apps/streamlab/run_files.hpp"

#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/base/output_file.hpp"
#include "engine/base/real_path.hpp"
#include "engine/run/engine.hpp"
#include "hal/sim/sim_device.hpp"

namespace streamlab::app {
namespace {

constexpr std::string_view kFilePrefix = "file:";

bool is_file(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

// What a simulated card reads and writes; nothing without one.
SimFiles device_files(const ValidGraph& graph) {
  if (!graph.has_device()) { return {}; }
  const auto request = device_request(graph);
  return request ? sim_files(*request) : SimFiles{};
}

// The words of the command that a node starts, as paths from our own folder: some may be files that the program reads.
std::vector<std::string> command_words(const ValidNode& node) {
  std::vector<std::string> words;
  const auto command = node.text(ParamRole::command);
  if (!command) { return words; }
  const std::string folder = node.text(ParamRole::folder).value_or(std::string());
  const Document list = Document::parse(*command, nullptr, false);
  for (const Document& word : list) {
    if (word.is_string()) { words.push_back(in_folder(folder, word.get<std::string>())); }
  }
  return words;
}

}  // namespace

std::vector<std::string> input_files(const ValidGraph& graph) {
  std::vector<std::string> files;
  for (const ValidNode& node : graph.nodes()) {
    if (const auto path = node.text(ParamRole::input_file)) { files.push_back(*path); }
    const auto device = node.text(ParamRole::device);
    const bool is_source = node.info().inputs.empty();
    if (is_source && device && device->starts_with(kFilePrefix)) {
      files.push_back(device->substr(kFilePrefix.size()));
    }
  }
  return files;
}

std::vector<WrittenFile> written_files(const ValidGraph& graph) {
  std::vector<WrittenFile> files;
  for (const FileParam& file : output_files(graph)) {
    const ValidNode& node = graph.nodes()[file.node];
    files.push_back({file.path, node.pointer_to(file.param), node.pointer});
  }
  for (const std::string& path : device_files(graph).writes) {
    const auto input = graph.find(Boundary::device_input);
    const ValidNode& node = graph.nodes()[input ? *input : *graph.find(Boundary::device_output)];
    const bool is_here =
        node.text(ParamRole::device_script).has_value();  // else the device names a file with the script
    const auto param = node.find(is_here ? ParamRole::device_script : ParamRole::device);
    const std::string where = param ? node.pointer_to(*param) : node.pointer;
    files.push_back({path, is_here ? where + "/playback_to" : where, node.pointer});
  }
  return files;
}

std::string in_folder(const std::string& folder, const std::string& path) {
  return (std::filesystem::path(folder) / path).string();
}

RunFiles::RunFiles() {
  reads("/proc/self/exe", "is this program");
  constexpr const char* kStandard[] = {"is standard input", "is standard output", "is standard error"};
  for (int fd = 0; fd < 3; ++fd) {
    const std::string path = fmt::format("/proc/self/fd/{}", fd);
    if (is_file(path)) { reads(path, kStandard[fd]); }
  }
}

void RunFiles::reads(const std::string& path, const std::string& what) {
  used_.emplace(real_path(path), what);
}

void RunFiles::reads(const ValidGraph& graph, const std::string& what, const std::string& folder) {
  for (const std::string& path : input_files(graph)) { reads(in_folder(folder, path), what); }
  for (const std::string& path : device_files(graph).reads) { reads(in_folder(folder, path), what); }
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

std::optional<std::string> RunFiles::writes(const std::string& path, const std::string& what) {
  const auto [other, is_new] = used_.emplace(real_path(path), what);
  return is_new ? std::nullopt : std::optional(other->second);
}

Errors check_files(const ValidGraph& graph, RunFiles files) {
  files.reads(graph, "is read by this graph");
  Errors errors;
  for (const WrittenFile& file : written_files(graph)) {
    const auto clash = files.writes(file.path, fmt::format("is written by {} already", file.node));
    if (!clash) { continue; }
    errors.push_back(
        {ErrorCode::refused, file.where, fmt::format("\"{}\" {}", file.path, *clash), "another file", ""});
  }
  graph.name_nodes(errors);
  return errors;
}

Errors check_writable(const ValidGraph& graph) {
  Errors errors;
  for (const WrittenFile& file : written_files(graph)) {
    auto checked = OutputFile::check(file.path);
    if (checked) { continue; }
    Error error = checked.error();
    error.what = fmt::format("\"{}\" {}", file.path, error.what);
    error.where = file.where;
    errors.push_back(std::move(error));
  }
  graph.name_nodes(errors);
  return errors;
}

std::vector<WrittenFile> existing_outputs(const ValidGraph& graph) {
  std::vector<WrittenFile> files;
  for (const FileParam& file : output_files(graph)) {
    const ValidNode& node = graph.nodes()[file.node];
    const auto overwrite = node.find(ParamRole::overwrite);
    if (is_file(file.path) && !(overwrite && node.params.flag(*overwrite))) {
      files.push_back({file.path, node.pointer_to(file.param), node.pointer});
    }
  }
  return files;
}

Errors refuse_existing(const ValidGraph& graph, Replacing replacing) {
  Errors errors;
  std::set<std::string> under_way;
  for (const WrittenFile& file : written_files(graph)) {
    auto unused = OutputFile::check_unused(file.path, ErrorCode::refused);
    if (unused) { continue; }
    under_way.insert(file.path);
    unused.error().what = fmt::format("\"{}\" {}", file.path, unused.error().what);
    unused.error().where = file.where;
    errors.push_back(std::move(unused.error()));
  }
  if (replacing == Replacing::allowed) { return errors; }
  for (const WrittenFile& file : existing_outputs(graph)) {
    if (under_way.contains(file.path)) { continue; }
    errors.push_back({ErrorCode::refused, file.where, fmt::format("\"{}\" exists already", file.path), "",
                      "use --force to replace it, or name another"});
  }
  return errors;
}

}  // namespace streamlab::app
