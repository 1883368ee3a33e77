// engine/flow/run_flow.hpp
//
// Runs a flow: starts its steps as children, joins them by channels, carries their state along the edges.
//
// A group of steps (ValidFlow) starts when the groups that it waits for have succeeded, the first in the file
// first. When a step fails for good, no further step starts, and what runs is ended (SIGTERM, after `grace`
// SIGKILL): the report has the error of the one that failed, and how all others ended.
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
  ended_early,  // its readers had gone: a normal end, by SIGPIPE or with a status of its own
  failed,       //
  ended_by_us,  // because another step failed, or the run was to end
  resumed,      // not run: its state came from the checkpoint
};
// "succeeded", "ended early", "failed", "ended by us", "not run", "resumed".
std::string_view to_string(StepOutcome outcome) noexcept;

struct StepReport {
  std::string name;
  StepOutcome outcome = StepOutcome::not_run;
  std::uint32_t attempts = 0;   // that were started
  std::optional<ChildEnd> end;  // of the last attempt; its stderr_end is the tail of a stderr channel, too
  bool gave_state = false;
  bool lost_data = false;  // a graph that finished and said that data was lost
};

struct FlowReport {
  // The flow's own. When it failed, was stopped or interrupted: of the steps that are done, and where their
  // branches differ that of the last.
  Document state = Document::object();
  std::vector<StepReport> steps;        // in the order of the file
  std::vector<ChannelReport> channels;  // likewise
  Errors failures;  // in the order in which they came; `where`: the step's JSON pointer, "/nodes/3"
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
  Document state = Document::object();  // that the first steps see
  std::optional<FlowProgress> resume;   // skips what is done in it; `state` is then ignored
  std::stop_token stop;                 // ends the run: SIGTERM to what runs, SIGKILL if it does not listen
  std::stop_token stop_now;             // the same with SIGKILL at once
  // What runs a graph step, before its path: {"/usr/bin/streamlab", "run"}.
  std::vector<std::string> graph_command;
  std::string folder;  // of the flow's file: graph paths are relative to it
  SupervisorOptions supervisor;
  std::string run_directory_parent;                // as for RunDirectory::create()
  std::function<void(const FlowEvent&)> on_event;  // on the calling thread
  // Called when a step with interrupt_after has succeeded, everything else that ran has ended well and
  // something is left to run. What it cannot save is a failure of the run.
  std::function<Result<void>(const FlowProgress&)> save;
};

// Refused before anything starts, all together: a program that is not there or may not be executed, a working
// directory that is not there, a group of steps that needs more descriptors than there are. Then runs the
// flow; what goes wrong from there on is in the report. Blocks. Any thread; callbacks come on it.
Checked<FlowReport> run_flow(const ValidFlow& flow, FlowOptions options = {});

}  // namespace streamlab
