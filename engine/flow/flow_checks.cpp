// engine/flow/flow_checks.cpp
#include "engine/flow/flow_checks.hpp"

#include <fmt/format.h>

#include "engine/flow/step_programs.hpp"

namespace streamlab {
namespace {

std::string plural(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// Most descriptors that a group holds while it starts and runs.
std::size_t descriptors_for(const ValidFlow& flow, const FlowGroup& group) {
  constexpr std::size_t kPerStep = 5;  // standard error, state, pidfd; and the child's own ends as it starts
  constexpr std::size_t kBeside = 24;  // run directory, supervisor, what starting a child takes
  constexpr std::size_t kPerChannel = 5;
  constexpr std::size_t kPerConsumer = 4;
  std::size_t count = kBeside + kPerStep * group.steps.size();
  for (const std::size_t c : group.channels) {
    count += kPerChannel + kPerConsumer * flow.channels()[c].consumers.size();
  }
  return count;
}

Errors check_descriptors(const ValidFlow& flow) {
  Errors errors;
  const std::size_t left = descriptors_left();
  for (const FlowGroup& group : flow.groups()) {
    const std::size_t needed = descriptors_for(flow, group);
    if (needed <= left) { continue; }
    errors.push_back(
        {ErrorCode::refused, flow.steps()[group.steps.front()].spec.pointer,
         fmt::format("{} with {} need {} open files, and {} are left", plural(group.steps.size(), "step"),
                     plural(group.channels.size(), "channel"), needed, left),
         "fewer steps at once, or a higher limit (\"ulimit -n\")", ""});
  }
  return errors;
}

Errors check_options(const ValidFlow& flow, const FlowOptions& options) {
  Errors errors;
  if (!options.state.is_object()) {
    errors.push_back({ErrorCode::refused, "state", "the state is not a JSON object", "{…}", ""});
  }
  try {
    (void)options.state.dump();
  } catch (const Document::type_error&) {
    errors.push_back({ErrorCode::refused, "state", "it contains text that is not UTF-8", "", ""});
  }
  for (const FlowStep& step : flow.steps()) {
    if (step.spec.kind == StepSpec::Kind::graph && options.graph_command.empty()) {
      errors.push_back({ErrorCode::refused, step.spec.pointer + "/graph",
                        "no program to run graphs was "
                        "given",
                        "FlowOptions::graph_command", ""});
    }
  }
  return errors;
}

}  // namespace

Checked<std::vector<std::string>> check_before_start(const ValidFlow& flow, const FlowOptions& options) {
  Errors errors = check_options(flow, options);
  auto programs = step_programs(flow);
  if (!programs) { errors.insert(errors.end(), programs.error().begin(), programs.error().end()); }
  const Errors too_many = check_descriptors(flow);
  errors.insert(errors.end(), too_many.begin(), too_many.end());
  if (!errors.empty()) { return tl::unexpected(errors); }
  return programs;
}

}  // namespace streamlab
