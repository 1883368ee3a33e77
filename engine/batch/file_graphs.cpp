// engine/batch/file_graphs.cpp
#include "engine/batch/file_graphs.hpp"

#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "engine/graph/graph_files.hpp"

namespace streamlab {

FileGraphs::FileGraphs(GraphTemplate graphs, std::vector<std::string> files, const ResultPlace& place,
                       Variables more)
    : graphs_(std::move(graphs)), files_(std::move(files)), out_dir_(place.out_dir), more_(std::move(more)) {
  if (out_dir_.empty()) { return; }
  folders_ = result_folders(files_, place.folders);
  for (const FileParam& output : output_files(graphs_.graph())) {
    if (std::filesystem::path(output.path).is_absolute()) { absolute_.insert(output.node); }
  }
}

Checked<ValidGraph> FileGraphs::graph_for(std::size_t index) const {
  const std::string& file = files_[index];
  if (!FileName(file).is_valid()) {
    return tl::unexpected(
        Errors{{ErrorCode::refused, "", "this is the name of a folder", "a sound file", ""}});
  }
  Variables own = file_variables(file, index);
  own.insert(more_.begin(), more_.end());
  auto graph = graphs_.with(own);
  if (!graph) { return graph; }
  if (const auto place = file_place(*graph)) {
    graph->set_text(place->node, place->param, place->prefix + file);
  }
  if (!out_dir_.empty()) {
    if (Errors errors = put_below_out_dir(*graph, index); !errors.empty()) {
      return tl::unexpected(std::move(errors));
    }
  }
  return graph;
}

Errors FileGraphs::put_below_out_dir(ValidGraph& graph, std::size_t index) const {
  namespace fs = std::filesystem;
  Errors errors;
  const fs::path out_dir(out_dir_);
  for (const FileParam& output : output_files(graph)) {
    if (absolute_.contains(output.node)) { continue; }
    const fs::path path = out_dir / folders_[index] / output.path;
    const fs::path below = path.lexically_normal().lexically_relative(out_dir.lexically_normal());
    if (below.empty() || *below.begin() == "..") {
      errors.push_back(
          {ErrorCode::refused, graph.nodes()[output.node].pointer_to(output.param),
           fmt::format("the output would go to \"{}\", outside of \"{}\"", path.string(), out_dir_),
           "a path below --out-dir", "${stem} is the name of a file without its folder",
           graph.nodes()[output.node].id});
      continue;
    }
    graph.set_text(output.node, output.param, path.string());
  }
  return errors;
}

}  // namespace streamlab
