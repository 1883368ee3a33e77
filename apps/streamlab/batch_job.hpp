// apps/streamlab/batch_job.hpp
//
// One file of a batch: which graph it gets, and what came of it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "apps/streamlab/commands.hpp"
#include "apps/streamlab/config_file.hpp"
#include "apps/streamlab/standard_streams.hpp"
#include "engine/graph/graph_template.hpp"

namespace streamlab::app {

struct BatchResult {
  std::string path;
  std::string printed;  // what the graph's nodes printed
  Errors errors;
  std::vector<std::string> notes;
  std::vector<std::string> losses;   // notes that say what was lost
  std::vector<std::string> outputs;  // files written
  std::optional<std::uint64_t>
      results;  // rows, lines or bins that were printed; none where that is not known
  double sound_s = 0.0;
  ExitCode exit_code = ExitCode::success;
  bool is_skipped = false;  // it was complete already

  bool has_failed() const { return exit_code == ExitCode::failed || exit_code == ExitCode::refused; }
  bool is_without_result() const {
    return !has_failed() && (results == 0U || (sound_s == 0.0 && !is_skipped));
  }
};
// {"type": "file", …}; the same in every run.
Document result_document(const BatchResult& result);

// The configuration, checked once. After make() any thread may use it.
class BatchPlan {
 public:
  // Reads and checks the configuration, with a file of no special name in its place; errors were reported when
  // there is no plan.
  static tl::expected<BatchPlan, ExitCode> make(const BatchArguments& arguments);

  // What its graphs print, and the program with them.
  StdoutFormat stdout_format() const { return stdout_format_; }
  // Does a graph print anything?
  bool prints() const { return prints_; }
  // Where the results of all items go: the option's name and file; empty: where the graph says.
  std::string table_path() const { return arguments_.csv.empty() ? arguments_.jsonl : arguments_.csv; }
  // The graph for an item, by its number on the command line: ${input}, ${stem}, ${dir}, ${ext} and ${index} replaced,
  // the input bound to the file, relative output paths below --out-dir. Refused with its name in the error: an output that would lie
  // outside of --out-dir because of how the file is called.
  Checked<ValidGraph> graph_for(std::size_t item) const;
  // Runs it to its end; what fails is in the result. Files that it writes have their names only when they are complete,
  // and there are none of an item that failed or was interrupted.
  BatchResult run(std::size_t item) const;
  // Do its graphs write files?
  bool writes_files() const { return writes_files_; }
  // Of the configuration (batch_record.hpp).
  const std::string& key() const { return key_; }

 private:
  BatchPlan(GraphTemplate graphs, const BatchArguments& arguments)
      : graphs_(std::move(graphs)), arguments_(arguments) {}
  Errors lead_results_to_table(const ValidGraph& graph, Document& document);
  Errors put_below_out_dir(ValidGraph& graph, std::size_t item) const;
  ExitCode run_graph(const ValidGraph& graph, BatchResult& result) const;

  GraphTemplate graphs_;
  BatchArguments arguments_;
  StdoutFormat stdout_format_ = StdoutFormat::text;
  bool prints_ = false;
  bool writes_files_ = false;
  std::string key_;
  std::set<std::string> muted_;       // nodes whose results go to the table through another one
  std::vector<std::string> folders_;  // of the items, below --out-dir
  std::set<std::size_t> absolute_;    // nodes whose outputs the configuration itself puts at an absolute path
};

}  // namespace streamlab::app
