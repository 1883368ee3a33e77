// engine/graph/graph_files.cpp
#include "engine/graph/graph_files.hpp"

#include <string_view>

namespace streamlab {
namespace {

constexpr const char* kRecording = "file:";  // before the path of a recording in place of a device

}  // namespace

std::vector<FileParam> output_files(const ValidGraph& graph) {
  std::vector<FileParam> files;
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const ValidNode& node = graph.nodes()[n];
    const auto path = node.text(ParamRole::output_file);
    if (!path || *path == "-") { continue; }
    files.push_back({n, *node.find(ParamRole::output_file), *path});
  }
  return files;
}

std::vector<std::string> input_files(const ValidGraph& graph) {
  std::vector<std::string> files;
  for (const ValidNode& node : graph.nodes()) {
    if (const auto path = node.text(ParamRole::input_file)) { files.push_back(*path); }
    const auto device = node.text(ParamRole::device);
    const bool is_source = node.info().inputs.empty();
    if (is_source && device && device->starts_with(kRecording)) {
      files.push_back(device->substr(std::string_view(kRecording).size()));
    }
  }
  return files;
}

std::optional<FilePlace> file_place(const ValidGraph& graph) {
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const ValidNode& node = graph.nodes()[n];
    const auto file = node.find(ParamRole::input_file);
    if (node.info().inputs.empty() && file) { return FilePlace{n, *file, ""}; }
  }
  if (const auto input = graph.find(Boundary::device_input)) {
    if (const auto device = graph.nodes()[*input].find(ParamRole::device)) {
      return FilePlace{*input, *device, kRecording};
    }
  }
  return std::nullopt;
}

}  // namespace streamlab
