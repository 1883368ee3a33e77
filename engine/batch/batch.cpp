// engine/batch/batch.cpp
#include "engine/batch/batch.hpp"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "engine/base/nearest_name.hpp"
#include "engine/base/real_path.hpp"
#include "engine/batch/file_graphs.hpp"
#include "engine/batch/file_names.hpp"
#include "engine/batch/ordered_jobs.hpp"
#include "engine/graph/graph_files.hpp"

namespace streamlab {
namespace {

Errors check_options(const ValidGraph& graph, const BatchOptions& options) {
  Errors errors;
  std::vector<std::string_view> ids;
  for (const ValidNode& node : graph.nodes()) { ids.push_back(node.id); }
  for (const std::string& output : options.outputs) {
    const std::string id = output.substr(0, output.find('.'));
    if (graph.find(id)) { continue; }
    errors.push_back({ErrorCode::refused, "BatchOptions::outputs", fmt::format("there is no node \"{}\"", id),
                      "", did_you_mean(id, ids)});
  }
  if (options.jobs == 0) {
    errors.push_back({ErrorCode::refused, "BatchOptions::jobs", "0 files at a time", "at least 1", ""});
  }
  return errors;
}

// For each file what speaks against its outputs; nothing for most.
std::vector<Errors> clashes_of(const FileGraphs& graphs) {
  const std::vector<std::string>& files = graphs.files();
  std::vector<Errors> clashes(files.size());
  std::map<std::string, std::string> used;  // real path -> by whom
  for (const std::string& file : files) { used.emplace(real_path(file), "is a file of the batch"); }
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto graph = graphs.graph_for(i);
    if (!graph) { continue; }  // said when its turn comes
    for (const FileParam& output : output_files(*graph)) {
      const auto [other, is_new] =
          used.emplace(real_path(output.path), fmt::format("takes the output for \"{}\"", files[i]));
      if (is_new) { continue; }
      const ValidNode& node = graph->nodes()[output.node];
      clashes[i].push_back(
          {ErrorCode::refused, node.pointer_to(output.param),
           fmt::format("the output would go to \"{}\", which {}", output.path, other->second),
           "an output for each file", "put ${stem} into the path, or ${dir} or ${index}", node.id});
    }
  }
  return clashes;
}

}  // namespace

Batch::Batch(GraphTemplate graphs, BatchOptions options)
    : graphs_(std::move(graphs)), options_(std::move(options)) {}

Checked<Batch> Batch::from_json(std::string_view json, BatchOptions options, const NodeCatalog& catalog) {
  return from_text(json, ConfigLanguage::json, std::move(options), catalog);
}
Checked<Batch> Batch::from_yaml(std::string_view yaml, BatchOptions options, const NodeCatalog& catalog) {
  return from_text(yaml, ConfigLanguage::yaml, std::move(options), catalog);
}
Checked<Batch> Batch::from_text(std::string_view text, ConfigLanguage language, BatchOptions options,
                                const NodeCatalog& catalog) {
  const auto graphs =
      GraphTemplate::from_text(text, language, options.variables, example_variables(), catalog);
  if (!graphs) { return tl::unexpected(graphs.error()); }
  if (auto errors = check_options(graphs->graph(), options); !errors.empty()) {
    return tl::unexpected(std::move(errors));
  }
  return Batch(*graphs, std::move(options));
}

BatchTotals Batch::run(const std::vector<std::string>& paths,
                       const std::function<void(const FileResult&)>& take) const {
  const FileGraphs graphs(graphs_, paths, options_.place);
  const std::vector<Errors> clashes =
      output_files(graphs_.graph()).empty() ? std::vector<Errors>(paths.size()) : clashes_of(graphs);
  FileRun run;
  run.engine = options_.engine;
  run.watch.ends = options_.stops;
  run.outputs = options_.outputs;
  const auto work = [&](std::size_t i) {
    if (!clashes[i].empty()) { return failed_file(paths[i], clashes[i]); }
    const auto graph = graphs.graph_for(i);
    return graph ? run_file(paths[i], *graph, run) : failed_file(paths[i], graph.error());
  };
  BatchTotals totals;
  const OrderedJobs jobs{paths.size(), options_.jobs, "sl-batch", options_.stops};
  run_in_order<FileResult>(jobs, work, [&](const FileResult& result) {
    ++totals.done;
    totals.failed += result.is_failed() ? 1 : 0;
    totals.data_lost += result.end == FileEnd::data_lost ? 1 : 0;
    totals.sound_s += result.sound_s;
    take(result);
  });
  return totals;
}

}  // namespace streamlab
