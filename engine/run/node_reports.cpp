// engine/run/node_reports.cpp
#include "engine/run/node_reports.hpp"

#include <unordered_map>

namespace streamlab {

std::vector<NodeReport> report_nodes(const Plan& plan, std::span<const std::unique_ptr<Domain>> domains) {
  std::vector<NodeReport> by_node(plan.nodes().size());
  for (const auto& domain : domains) {
    Program& program = domain->program();
    std::unordered_map<const DomainStep*, std::vector<NodeReport*>> nodes_of;
    for (const auto& step : program.all_steps()) {
      if (step->node == nullptr) { continue; }  // a pass: its members come by themselves
      nodes_of[&program.step_of(step->node_index)].push_back(&by_node[step->node_index]);
    }
    std::uint64_t sum_ns = 0;
    for (const NodeTimes& times : program.times()) { sum_ns += times.read().total_ns; }
    for (std::size_t i = 0; i < program.steps().size(); ++i) {
      const NodeTime time = program.times()[i].read();
      const auto& nodes = nodes_of[program.steps()[i]];
      const auto share_of = [&](std::uint64_t ns, std::uint64_t of) {
        return of > 0 ? static_cast<double>(ns) / static_cast<double>(nodes.size() * of) : 0.0;
      };
      for (NodeReport* node : nodes) {
        node->measured = time.measured;
        node->mean_ns = share_of(time.total_ns, time.measured);
        node->worst_ns = share_of(time.worst_ns, 1);
        node->share = share_of(time.total_ns, sum_ns);
        node->in_one_pass = static_cast<std::uint32_t>(nodes.size());
      }
    }
  }
  std::vector<NodeReport> reports;
  for (const std::size_t n : plan.graph().order()) {
    reports.push_back(std::move(by_node[n]));
    reports.back().id = plan.graph().nodes()[n].id;
  }
  return reports;
}

}  // namespace streamlab
