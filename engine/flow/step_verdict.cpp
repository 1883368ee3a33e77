// engine/flow/step_verdict.cpp
#include "engine/flow/step_verdict.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/flow/step_launch.hpp"

namespace streamlab {
namespace {

constexpr int kGraphLostData = 3;  // exit status of "streamlab run": it finished, but data was lost

bool writes_a_stream(const StepSpec& step) {
  return std::any_of(step.streams.begin(), step.streams.end(),
                     [](const StepStream& stream) { return !is_input(stream.direction); });
}

const Captured* state_of(const ChildEnd& end) {
  const auto captured = std::find_if(end.captured.begin(), end.captured.end(),
                                     [](const Captured& each) { return each.as == kStateFd; });
  return captured == end.captured.end() ? nullptr : &*captured;
}

Result<void> take_state(const StepSpec& step, const ChildEnd& end, StepVerdict& verdict) {
  if (step.kind == StepSpec::Kind::graph) { return {}; }
  const Captured* const captured = state_of(end);
  if (captured == nullptr || captured->total_bytes == 0) {
    const bool must_be = step.is_python() || step.state_required;
    if (!must_be || verdict.outcome == StepOutcome::ended_early) { return {}; }
    return failed(step.pointer, fmt::format("\"{}\" ended without returning its state", step.name),
                  fmt::format("a JSON object on descriptor {}", kStateFd),
                  step.is_python() ? "os._exit() and exec return none; \"return\" and sys.exit(0) do" : "");
  }
  auto state = read_state(captured->bytes, fmt::format("\"{}\"", step.name));
  if (!state) {
    const Error& error = state.error();
    return failed(step.pointer, fmt::format("{}: {}", error.where, error.what), error.expected, error.hint);
  }
  verdict.returned = *std::move(state);
  verdict.gave_state = true;
  return {};
}

}  // namespace

std::string_view to_string(StepOutcome outcome) noexcept {
  constexpr std::string_view kNames[] = {"not run", "succeeded",   "ended early",
                                         "failed",  "ended by us", "resumed"};
  return kNames[static_cast<std::size_t>(outcome)];
}

Result<StepVerdict> judge_step(const StepSpec& step, const ChildEnd& end,
                               const StepCircumstances& circumstances) {
  StepVerdict verdict;
  if (circumstances.timed_out) {
    return failed(step.pointer, fmt::format("\"{}\" took longer than {} s", step.name, step.timeout_s));
  }
  if (end.by != EndedBy::itself && circumstances.run_is_ending) {
    verdict.outcome = StepOutcome::ended_by_us;
    return verdict;
  }
  // It was ended for that reason; how it ended does not matter.
  if (const Captured* const state = state_of(end);
      state != nullptr && state->total_bytes > circumstances.max_state_bytes) {
    return failed(step.pointer,
                  fmt::format("\"{}\" returned a state of more than {} bytes", step.name,
                              circumstances.max_state_bytes),
                  "a smaller state, or a larger settings.state.max_bytes");
  }
  // Most programs die by SIGPIPE then; those that handle it exit with some status.
  const bool had_no_reader =
      circumstances.readers_went_first && end.signal == 0 && end.exit_status != 0 && writes_a_stream(step);
  if (had_no_reader || (end.is_broken_pipe() && writes_a_stream(step))) {
    verdict.outcome = StepOutcome::ended_early;
  } else if (step.kind == StepSpec::Kind::graph && end.signal == 0 && end.exit_status == kGraphLostData) {
    verdict.lost_data = true;
  } else if (!end.is_success()) {
    const std::string which =
        circumstances.attempt > 1 ? fmt::format(" in attempt {}", circumstances.attempt) : std::string();
    return failed(step.pointer, fmt::format("\"{}\" {}{}", step.name, describe(end), which));
  }
  if (auto taken = take_state(step, end, verdict); !taken) { return tl::unexpected(taken.error()); }
  return verdict;
}

}  // namespace streamlab
