// engine/flow/run_flow.hpp
//
// Runs a flow: starts its steps as child processes, connects them by channels, passes their state along the
// edges.
//
// A group of steps (ValidFlow) starts when the groups that it waits for have succeeded, in the order of the
// file. When a step fails permanently, no further step starts, and running ones are ended (SIGTERM, after
// `grace` SIGKILL); the report has the error of the failed step, and how all others ended.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/flow/flow_states.hpp"
#include "engine/flow/valid_flow.hpp"
#include "engine/process/stream_registry.hpp"
#include "engine/process/supervisor.hpp"

namespace streamlab {

enum class StepOutcome : std::uint8_t {
  not_run,      // the run ended before its turn
  succeeded,    //
  ended_early,  // its readers had gone: a normal end, by SIGPIPE or with any status
  failed,       //
  ended_by_us,  // because another step failed, or the run was stopped
  resumed,      // not run: its state came from the checkpoint
};
// "succeeded", "ended early", "failed", "ended by us", "not run", "resumed".
std::string_view to_string(StepOutcome outcome) noexcept;

struct StepReport {
  std::string name;
  StepOutcome outcome = StepOutcome::not_run;
  std::uint32_t attempts = 0;   // started
  std::optional<ChildEnd> end;  // of the last attempt; stderr_end is also set from a stderr channel
  bool gave_state = false;
  bool lost_data = false;  // a graph that finished but reported lost data
};

struct FlowReport {
  // The final state. If the flow failed, was stopped or interrupted: the state of the steps that are done;
  // where branches differ, that of the last.
  Document state = Document::object();
  std::vector<StepReport> steps;        // in the order of the file
  std::vector<ChannelReport> channels;  // likewise
  Errors failures;  // in the order of occurrence; `where`: the step's JSON pointer, "/nodes/3"
  std::optional<std::string> interrupted_after;  // the step with interrupt_after that ended the run
  bool was_stopped = false;                      // by the stop token
  double wall_s = 0.0;

  bool is_success() const { return failures.empty() && !was_stopped; }
};

struct FlowEvent {
  enum class Kind : std::uint8_t { started, ended, retrying } kind = Kind::started;
  const StepReport* step = nullptr;  // valid during the call
};

struct FlowOptions {
  Document state = Document::object();  // seen by the first steps
  std::optional<FlowProgress> resume;   // skips the steps that are done; `state` is then ignored
  std::stop_token stop;                 // ends the run: SIGTERM to running steps, SIGKILL after `grace`
  std::stop_token stop_now;             // the same with SIGKILL at once
  // The command that runs a graph step, before its path: {"/usr/bin/streamlab", "run"}.
  std::vector<std::string> graph_command;
  std::string folder;  // of the flow file: graph paths are relative to it
  SupervisorOptions supervisor;
  std::string run_directory_parent;                // see RunDirectory::create()
  std::function<void(const FlowEvent&)> on_event;  // on the calling thread
  // Called when a step with interrupt_after has succeeded, all other running steps have succeeded too and
  // some steps are left to run. If saving fails, the run fails.
  std::function<Result<void>(const FlowProgress&)> save;
};

// Refused before anything starts, reporting all errors together: a program that is missing or not executable,
// a missing working directory, a group of steps that needs more descriptors than are left. Then runs the
// flow; later failures are in the report. Blocks. Any thread, which also gets the callbacks.
Checked<FlowReport> run_flow(const ValidFlow& flow, FlowOptions options = {});

}  // namespace streamlab
