// apps/streamlab/run_graph.hpp
//
// Runs one graph from start to summary, for `run` and `record`.
#pragma once

#include <functional>
#include <string>

#include "apps/streamlab/exit_code.hpp"
#include "engine/graph/validate.hpp"

namespace streamlab::app {

struct RunOptions {
  double seconds = 0.0;
  std::int64_t frames = 0;
  bool json = false;
  bool quiet = false;
  bool force = false;
  // Reports errors of building and running.
  std::function<ExitCode(const Errors&)> report;
};

ExitCode run_graph(const ValidGraph& graph, const RunOptions& options);

// Frames that the run will have at most, where that is known before it: by its limits, or by the length of
// the only file that it plays. 0: not known.
std::int64_t expected_frames(const ValidGraph& graph, double sample_rate_hz, const RunOptions& options);

}  // namespace streamlab::app
