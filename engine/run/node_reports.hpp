// engine/run/node_reports.hpp
//
// How long the nodes of a graph take, in an EngineStatus.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/graph/plan.hpp"
#include "engine/run/domain.hpp"
#include "engine/run/engine.hpp"

namespace streamlab {

// Of every node, in the order of the graph. Any thread; not while a domain is built or goes over to another program.
std::vector<NodeReport> report_nodes(const Plan& plan, std::span<const std::unique_ptr<Domain>> domains);

}  // namespace streamlab
