// apps/streamlab/run_graph.hpp
//
// Runs one graph from start to summary, for `run` and `record`.
//
// While it runs, what happens to the device and to blocks is told as it is noticed (run_events.hpp): as JSON Lines among
// the results, or as lines on standard error, --quiet or not.
#pragma once

#include <functional>
#include <string>

#include "apps/streamlab/exit_code.hpp"
#include "apps/streamlab/summary.hpp"
#include "engine/graph/validate.hpp"
#include "hal/backends.hpp"

namespace streamlab::app {

// What a command shows of a run that is its own.
class RunView {
 public:
  virtual ~RunView() = default;
  // Before the start. `is_shown`: progress() will be asked.
  virtual Result<void> attach(Engine& engine, bool is_shown) = 0;
  virtual std::string progress(const EngineStatus& status) = 0;
  // After the end: what the summary has to say.
  virtual void conclude(Summary& summary) = 0;
};

struct RunOptions {
  double seconds = 0.0;
  std::int64_t frames = 0;
  bool json = false;
  bool quiet = false;
  bool force = false;
  // Reports errors of building and running.
  std::function<ExitCode(const Errors&)> report = {};
  RunView* view = nullptr;                 // in place of the usual progress and headline
  bool may_be_simulated = true;            // see DeviceRequest
  std::function<void(Engine&)> look = {};  // ten times a second, while it runs
};

ExitCode run_graph(const ValidGraph& graph, const RunOptions& options);

}  // namespace streamlab::app
