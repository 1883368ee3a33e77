// engine/batch/file_graphs.hpp
//
// FileGraphs: the graph of each file of a batch. The configuration was read once (GraphTemplate); here the file takes its
// place in it, and the outputs go where they belong to the file.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/batch/file_names.hpp"
#include "engine/graph/graph_template.hpp"

namespace streamlab {

// Where the results of files go.
struct ResultPlace {
  // Relative output paths lie in a folder of their file's own below it; empty: they are as they stand in the graph.
  std::string out_dir = {};
  FolderNames folders = FolderNames::shortest;
};

class FileGraphs {
 public:
  // `graphs` was made with example_variables() and `more`.
  FileGraphs(GraphTemplate graphs, std::vector<std::string> files, const ResultPlace& place = {},
             Variables more = {});

  const std::vector<std::string>& files() const { return files_; }
  // By the number of the file: its variables replaced, the file in file_place(), output paths below its folder. Refused with
  // the name in the error: what is the name of a folder; an output that would lie outside of `out_dir` because of how the
  // file is called. Any thread.
  Checked<ValidGraph> graph_for(std::size_t index) const;

 private:
  Errors put_below_out_dir(ValidGraph& graph, std::size_t index) const;

  GraphTemplate graphs_;
  std::vector<std::string> files_;
  std::string out_dir_;
  Variables more_;
  std::vector<std::string> folders_;  // of the files, below out_dir_
  std::set<std::size_t> absolute_;    // nodes whose outputs the configuration itself puts at an absolute path
};

}  // namespace streamlab
