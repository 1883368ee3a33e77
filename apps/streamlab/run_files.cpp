// apps/streamlab/run_files.cpp
#include "apps/streamlab/run_files.hpp"

#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "engine/base/output_file.hpp"
#include "engine/graph/graph_files.hpp"
#include "engine/run/engine.hpp"
#include "hal/sim/sim_device.hpp"

namespace streamlab::app {
namespace {

// What a simulated card reads and writes; nothing without one.
SimFiles device_files(const ValidGraph& graph) {
  if (!graph.has_device()) { return {}; }
  const auto request = device_request(graph);
  return request ? sim_files(*request) : SimFiles{};
}

}  // namespace

std::vector<WrittenFile> written_files(const ValidGraph& graph) {
  std::vector<WrittenFile> files = files_of_sinks(graph);
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

void reads_all(FileUses& files, const ValidGraph& graph, const std::string& what, const std::string& folder) {
  files.reads(graph, what, folder);
  for (const std::string& path : device_files(graph).reads) { files.reads(in_folder(folder, path), what); }
}

Errors check_files(const ValidGraph& graph, FileUses files) {
  reads_all(files, graph, "is read by this graph");
  return files.check(graph, written_files(graph));
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
    std::error_code error;
    if (std::filesystem::is_regular_file(file.path, error) && !(overwrite && node.params.flag(*overwrite))) {
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
