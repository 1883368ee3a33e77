// engine/batch/batch.hpp
//
// Batch: one graph over many files, several at a time. What `streamlab batch` does, for C++.
//
//   auto batch = Batch::from_json(text, {.jobs = 4, .outputs = {"level"}});
//   batch->run(paths, [](const FileResult& file) {  // in the order of the paths, whichever is done first
//     if (file.is_failed()) { … file.errors … } else { … file.blocks[0] … }
//   });
//
// The configuration is read and validated once. It may hold ${input}, ${stem}, ${dir}, ${ext} and ${index}
// (file_variables()); the file itself takes the place of the one that the graph plays, or of its device input. Each file
// has an engine of its own with one thread, so that its result is the same for every number of jobs. A file that cannot be
// used is an error in its place, and the others go on. Memory grows with the number of jobs, not of files.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch/file_graphs.hpp"
#include "engine/batch/run_file.hpp"
#include "engine/graph/graph_template.hpp"

namespace streamlab {

struct BatchOptions {
  std::size_t jobs = 1;                   // files at a time
  std::vector<std::string> outputs = {};  // FileRun::outputs
  ResultPlace place = {};                 // of output files
  Variables variables = {};               // for "${name}" in the configuration
  EngineOptions engine = {};              // as far as FileRun does not set it
  std::function<bool()> stops =
      {};  // once true, files under way are cut short, and no other begins; any thread
};

struct BatchTotals {
  std::size_t done = 0;  // files that were begun, the failed ones too; fewer than there are: it was stopped
  std::size_t failed = 0;
  std::size_t data_lost = 0;
  double sound_s = 0.0;
};

class Batch {
 public:
  // All that is wrong with the graph, whichever file it gets, is said here.
  static Checked<Batch> from_json(std::string_view json, BatchOptions options = {},
                                  const NodeCatalog& catalog = default_catalog());
  static Checked<Batch> from_yaml(std::string_view yaml, BatchOptions options = {},
                                  const NodeCatalog& catalog = default_catalog());

  // `take` gets each result on the caller's thread. Refused, each in its place: a file whose output would go where that of
  // a file before it goes, or over a file of the batch.
  BatchTotals run(const std::vector<std::string>& paths,
                  const std::function<void(const FileResult&)>& take) const;

 private:
  Batch(GraphTemplate graphs, BatchOptions options);
  static Checked<Batch> from_text(std::string_view text, ConfigLanguage language, BatchOptions options,
                                  const NodeCatalog& catalog);

  GraphTemplate graphs_;
  BatchOptions options_;
};

}  // namespace streamlab
