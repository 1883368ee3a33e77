// engine/flow/flow_params.cpp
//
// The tables of the parameters of a flow.
#include "engine/flow/flow_params.hpp"

#include <array>

namespace streamlab {
namespace {

using Names = std::array<std::string_view, 3>;
constexpr std::array<std::string_view, 2> kStrategies{"process", "thread"};
constexpr std::array<std::string_view, 2> kModes{"direct", "broadcast"};
constexpr Names kCounts{"none", "bytes", "lines"};
constexpr Names kMergeRules{"error", "last", "list"};
constexpr Names kPolicies{"block", "drop_oldest", "fail"};
constexpr std::array<std::string_view, 2> kStateNeeds{"optional", "required"};

constexpr Range kBufferRange{4096, 1U << 30U};
constexpr Range kTimeoutRange{0.001, 1e7};

constexpr ParamInfo choice_without_default(std::string_view name, std::span<const std::string_view> choices,
                                           std::string_view description) {
  ParamInfo info = param::choice(name, choices, "", description);
  info.need = Need::optional;
  return info;
}
constexpr ParamInfo flag_without_default(std::string_view name, std::string_view description) {
  ParamInfo info = param::boolean(name, false, description);
  info.need = Need::optional;
  return info;
}

constexpr ParamInfo kStreamSettings[] = {
    param::boolean("enabled", false, "Must be true for steps to have streams."),
    param::integer(
        "buffer_size", "bytes", kBufferRange, 65536,
        "Capacity of the pipe of a channel; the kernel rounds it and may grant less, which is reported."),
    param::number("timeout", "s", kTimeoutRange, Need::optional,
                  "How long a group of steps joined by streams may take; left out: no limit."),
    param::choice("count", kCounts, "none",
                  "What to count in direct channels; it costs a copy. Broadcasts always count bytes."),
};
constexpr ParamInfo kParallelSettings[] = {
    param::choice("strategy", kStrategies, "process",
                  "Each step is a separate process either way; steps with streams need \"process\"."),
    param::integer("max_steps", "steps", {1, 1000}, Need::optional,
                   "How many steps may run at once; left out: one per processor core, but at least the "
                   "largest group of steps joined by streams. A given number must be at least that."),
    param::object("streams", ParamType::object, kStreamSettings, Need::optional, "Streams between steps."),
};
constexpr ParamInfo kStateSettings[] = {
    param::integer("max_bytes", "bytes", {2, 1U << 30U}, 16777216, "Largest state that a step may return."),
};
constexpr ParamInfo kSettings[] = {
    param::object("parallel", ParamType::object, kParallelSettings, Need::optional, "What runs in parallel."),
    param::object("state", ParamType::object, kStateSettings, Need::optional, "Limits of the state."),
    param::choice("merge", kMergeRules, "error",
                  "What to do with a key that two branches set to different values, where the branches "
                  "meet."),
};

constexpr ParamInfo kRetry[] = {
    param::integer("attempts", "", {1, 100}, Need::required, "Number of attempts, including the first."),
    param::number("backoff_ms", "ms", {1.0, 3.6e6}, 100.0, Live::no, "Wait before the second attempt."),
    param::number("backoff_factor", "ratio", {1.0, 100.0}, 2.0, Live::no,
                  "Factor by which each further wait grows."),
    param::number("max_backoff_ms", "ms", {1.0, 3.6e6}, 30000.0, Live::no, "Longest wait."),
};
constexpr ParamInfo kStep[] = {
    param::text("name", Need::required, "Letters, digits, \"_\" and \"-\"; edges refer to it."),
    param::text("run", Need::optional, "A script, by default the body of a Python function."),
    param::text("shell", "python", "What runs the script: \"python\", \"sh\", \"bash\" or an absolute path."),
    param::json("command", Need::optional, "A program and its arguments, as a list of strings."),
    param::text("graph", Need::optional, "Path of a StreamLab graph, relative to the folder of the flow."),
    param::json("set", Need::optional, "Variables of the graph, as with --set."),
    param::json("streams", Need::optional,
                "\"stdin\", \"stdout\", \"stderr\", \"fifo_in\", \"fifo_out\": each the name of a channel."),
    param::json("env", Need::optional, "Environment variables; their values are never printed."),
    param::text("cwd", Need::optional, "Working directory."),
    param::number("timeout", "s", kTimeoutRange, Need::optional,
                  "How long the step may take; left out: no "
                  "limit."),
    param::object("retry", ParamType::object, kRetry, Need::optional, "Tries a failed step again."),
    param::boolean("interrupt_after", false, "Ends the run after this step, to be resumed later."),
    param::choice("state", kStateNeeds, "optional",
                  "Whether a command or script must return a state; Python always does."),
};
constexpr ParamInfo kStream[] = {
    param::text("channel", Need::required, "Name of the channel."),
    choice_without_default("policy", kPolicies,
                           "For a consumer of a broadcast that is too slow; \"block\" makes the others "
                           "wait."),
    param::integer("buffer_size", "bytes", kBufferRange, Need::optional,
                   "For a producer: the pipe of its channel. For a consumer of a broadcast: its own buffer."),
    param::integer("unit_bytes", "bytes", {1, 1U << 20U}, Need::optional,
                   "drop_oldest drops whole units of this many bytes."),
};
constexpr ParamInfo kEdge[] = {
    param::json("from", Need::required, "A step's name, \"__start__\", or a list of them."),
    param::json("to", Need::required, "A step's name, \"__end__\", or a list of them."),
    flag_without_default("parallel", "false: the steps of \"to\" run in sequence, in the order given."),
    choice_without_default("parallel_strategy", kStrategies,
                           "Like settings.parallel.strategy, for these steps."),
    choice_without_default("stream_mode", kModes,
                           "\"direct\": one pipe to one consumer; \"broadcast\": to any number."),
    param::text("fan_in", Need::optional, "Adds an edge from each step of \"to\" to this step."),
    choice_without_default("merge", kMergeRules, "Like settings.merge, where these edges meet."),
};

}  // namespace

std::span<const ParamInfo> flow_settings_params() { return kSettings; }
std::span<const ParamInfo> flow_parallel_params() { return kParallelSettings; }
std::span<const ParamInfo> flow_stream_settings_params() { return kStreamSettings; }
std::span<const ParamInfo> flow_state_params() { return kStateSettings; }
std::span<const ParamInfo> flow_step_params() { return kStep; }
std::span<const ParamInfo> flow_retry_params() { return kRetry; }
std::span<const ParamInfo> flow_stream_params() { return kStream; }
std::span<const ParamInfo> flow_edge_params() { return kEdge; }

}  // namespace streamlab
