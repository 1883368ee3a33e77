// engine/run/running_graph.cpp
#include "engine/run/running_graph.hpp"

#include <algorithm>

#include "engine/run/edge_report.hpp"
#include "engine/run/node_reports.hpp"
#include "engine/run/wiring.hpp"

namespace streamlab {

void RunningGraph::stop_waiting() const noexcept {
  for (const PlanNode& node : plan->nodes()) { node.node->stop_waiting(); }
}

void RunningGraph::give_up() const noexcept {
  for (const PlanNode& node : plan->nodes()) {
    node.node->stop_waiting();
    node.node->give_up();
  }
}

std::uint64_t RunningGraph::delivered() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& link : links) { sum += link->edge.delivered(); }
  return sum;
}

void RunningGraph::report(EngineStatus& status) const {
  for (const auto& link : links) { status.edges.push_back(report_of(*link)); }
  status.edges.insert(status.edges.end(), removed_edges.begin(), removed_edges.end());
  for (const auto& domain : domains) {
    if (!status.device) {
      status.frames = std::max(status.frames, static_cast<std::uint64_t>(domain->source_frames()));
    }
    status.underrun_frames += domain->underrun_frames();
  }
  status.nodes = report_nodes(*plan, domains);
}

std::uint64_t RunningGraph::dropped_before(std::string_view output) const {
  const auto slot = find_output(*plan, output);
  if (!slot) { return 0; }
  std::uint64_t dropped = 0;
  std::vector<bool> seen(plan->nodes().size(), false);
  std::vector<std::size_t> left{plan->slots()[*slot].node};
  while (!left.empty()) {
    const std::size_t node = left.back();
    left.pop_back();
    if (seen[node]) { continue; }
    seen[node] = true;
    for (const PlanInput& input : plan->nodes()[node].inputs) {
      if (input.edge) { dropped += links[*input.edge]->edge.dropped(); }
      left.push_back(plan->slots()[input.slot].node);
    }
  }
  return dropped;
}

}  // namespace streamlab
