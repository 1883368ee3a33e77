// engine/run/running_graph.hpp
//
// RunningGraph: a plan, the domains that run it, and the edges between them. A reload puts a new plan in its place.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/graph/plan.hpp"
#include "engine/run/domain.hpp"
#include "engine/run/edge_link.hpp"
#include "engine/run/engine.hpp"

namespace streamlab {

struct RunningGraph {
  std::unique_ptr<Plan> plan;
  std::vector<std::unique_ptr<Domain>> domains;
  std::vector<std::unique_ptr<EdgeLink>> links;  // by edge of the plan
  std::vector<EdgeReport> removed_edges;         // by reloads, where blocks were lost

  Domain& device_domain() const { return *domains[*plan->domains().device_domain]; }
  // Nodes stop waiting in process(): what is inside is processed as fast as possible.
  void stop_waiting() const noexcept;
  void give_up() const noexcept;  // the same, and what is inside will be lost
  // Of all edges: grows whenever a block is taken.
  std::uint64_t delivered() const noexcept;
  // Edges, nodes, silence played; and the frames of its sources, where no device counts them.
  void report(EngineStatus& status) const;
  // See Engine::dropped_before().
  std::uint64_t dropped_before(std::string_view output) const;
};

}  // namespace streamlab
