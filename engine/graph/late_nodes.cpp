// engine/graph/late_nodes.cpp
#include "engine/graph/late_nodes.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include <fmt/format.h>

namespace streamlab {

std::optional<Error> refuse_late_nodes(const Plan& plan, std::size_t n) {
  const ValidNode& output = plan.graph().nodes()[n];
  if (output.info().boundary != Boundary::device_output) { return std::nullopt; }
  std::set<std::size_t> seen;
  std::vector<std::size_t> left{n};
  while (!left.empty()) {
    const std::size_t at = left.back();
    left.pop_back();
    if (!seen.insert(at).second) { continue; }
    const ValidNode& node = plan.graph().nodes()[at];
    const PlanNode& planned = plan.nodes()[at];
    const auto gathers = [](const OutputFormat& out) { return out.gathers; };
    if (std::any_of(planned.outputs.begin(), planned.outputs.end(), gathers)) {
      return Error{
          ErrorCode::refused, node.pointer,
          fmt::format(
              "a {} cannot run before \"{}\" on the device's thread: it gathers frames, and gives them when "
              "they should have been played",
              node.info().name, output.id),
          "a branch of its own", ""};
    }
    for (const PlanInput& input : planned.inputs) {
      if (!input.edge) { left.push_back(plan.slots()[input.slot].node); }
    }
  }
  return std::nullopt;
}

}  // namespace streamlab
