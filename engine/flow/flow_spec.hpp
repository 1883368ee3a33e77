// engine/flow/flow_spec.hpp
//
// FlowSpec: a flow of programs as written in the file. Plain data; names are not resolved yet. JSON and YAML
// give the same FlowSpec.
//
// A flow has two kinds of data paths. The state, a JSON object, is passed along the edges from step to step.
// Streams of bytes go through channels, to which steps connect by name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/flow/merge_rule.hpp"
#include "engine/process/byte_channel.hpp"

namespace streamlab {

// How steps run in parallel. Each step is a separate process either way; `thread` is for flows written for an
// executor with threads, and cannot have streams.
enum class ParallelStrategy : std::uint8_t { process, thread };

// One end of a step that is connected to a channel.
struct StepStream {
  StreamDirection direction = StreamDirection::stdin_;
  std::string channel;
  std::optional<OverflowPolicy> policy;     // of a consumer: block, drop_oldest, fail
  std::optional<std::size_t> buffer_bytes;  // of a producer: its channel's pipe; of a consumer: its own
  std::optional<std::size_t> unit_bytes;    // of a consumer: drops whole units of this many bytes
  std::string pointer;                      // "/nodes/3/streams/stdin"
};

struct RetrySpec {
  std::uint32_t attempts = 1;  // in total, including the first
  double backoff_ms = 100.0;   // before the second one
  double backoff_factor = 2.0;
  double max_backoff_ms = 30000.0;
};

struct StepSpec {
  enum class Kind : std::uint8_t { script, command, graph };

  std::string name;
  Kind kind = Kind::command;
  std::string script;                                          // Kind::script: its text
  std::string shell;                                           //   "python", "sh", "bash" or an absolute path
  std::vector<std::string> command;                            // Kind::command
  std::string graph;                                           // Kind::graph: path of a graph's configuration
  std::vector<std::pair<std::string, std::string>> variables;  //   its `--set`s
  std::vector<StepStream> streams;
  std::vector<std::pair<std::string, std::string>> environment;  // secrets may be in it: never print values
  std::string folder;                                            // working directory; empty: ours
  double timeout_s = 0.0;                                        // 0: none
  std::optional<RetrySpec> retry;
  bool interrupts_after = false;
  bool state_required = false;  // must it return a state?
  std::string pointer;          // "/nodes/3"

  bool is_python() const { return kind == Kind::script && shell == "python"; }
};

struct EdgeSpec {
  std::vector<std::string> from;  // names of steps, or "__start__"
  std::vector<std::string> to;    // or "__end__"
  bool is_parallel = true;        // false: those of `to` run in sequence
  std::optional<ParallelStrategy> strategy;
  std::optional<StreamMode> mode;
  std::optional<std::string> fan_in;  // adds an edge from every step of `to` to this step
  std::optional<MergeRule> merge;     // where the edges meet: at fan_in, else at `to`
  bool from_is_list = false;          // for pointers to its names
  bool to_is_list = false;
  std::string pointer;  // "/edges/2"
};

struct FlowSettings {
  ParallelStrategy strategy = ParallelStrategy::process;
  std::optional<std::uint32_t> max_steps;           // that run at once; left out: one per core
  bool streams_enabled = false;                     //
  std::size_t buffer_bytes = kDefaultPipeBytes;     // of channels that do not set it
  double stream_timeout_s = 0.0;                    // of a group of steps joined by streams; 0: none
  StreamCount count = StreamCount::none;            // of direct channels
  std::size_t max_state_bytes = 16U * 1024 * 1024;  // that one step may return
  MergeRule merge = MergeRule::error;
};

struct FlowSpec {
  std::string title;
  FlowSettings settings;
  std::vector<StepSpec> steps;
  std::vector<EdgeSpec> edges;
  // A hash of everything written except the values of `env`: same text, same number. For checkpoints.
  std::string fingerprint;
};

inline constexpr std::string_view kFlowStart = "__start__";
inline constexpr std::string_view kFlowEnd = "__end__";
inline constexpr std::size_t kMaxSteps = 1000;

}  // namespace streamlab
