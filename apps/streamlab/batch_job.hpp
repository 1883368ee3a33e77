// apps/streamlab/batch_job.hpp
//
// One file of a batch: which graph it gets, and what came of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "apps/streamlab/commands.hpp"
#include "apps/streamlab/config_file.hpp"
#include "apps/streamlab/standard_streams.hpp"
#include "engine/batch/file_graphs.hpp"
#include "engine/batch/run_file.hpp"

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
  std::string table_path() const;
  // The graph for an item, by its number on the command line: FileGraphs::graph_for(). Refused, too: a name that cannot stand in
  // what is printed.
  Checked<ValidGraph> graph_for(std::size_t item) const;
  // Runs it to its end (run_file()); what fails is in the result. `started`: FileRun::started.
  BatchResult run(std::size_t item, std::function<void()> started) const;
  // Do its graphs write files?
  bool writes_files() const { return writes_files_; }
  // Of the configuration (batch_record.hpp).
  const std::string& key() const { return key_; }

 private:
  BatchPlan(FileGraphs graphs, const BatchArguments& arguments, std::set<std::string> muted)
      : graphs_(std::move(graphs)), arguments_(arguments), muted_(std::move(muted)) {}
  BatchResult result_of(FileResult&& file) const;

  FileGraphs graphs_;
  BatchArguments arguments_;
  std::set<std::string> muted_;  // ids of nodes whose results go to the table through another one
  StdoutFormat stdout_format_ = StdoutFormat::text;
  bool prints_ = false;
  bool writes_files_ = false;
  std::string key_;
};

}  // namespace streamlab::app
