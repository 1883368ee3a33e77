// engine/run/edge_report.hpp
//
// Parts of an EngineStatus.
#pragma once

#include <memory>
#include <span>

#include "engine/run/edge_link.hpp"
#include "engine/run/engine.hpp"
#include "engine/run/input_counts.hpp"

namespace streamlab {

// What an edge of a running, or ended, graph has counted. Any thread.
EdgeReport report_of(const EdgeLink& link);
// Blocks dropped by edges of the plan on the way to this slot. Any thread.
std::uint64_t dropped_before(const Plan& plan, std::size_t slot,
                             std::span<const std::unique_ptr<EdgeLink>> links);
// What has come in from the device, or by hand. Any thread.
void report(const InputCounts& counts, EngineStatus& status);

}  // namespace streamlab
