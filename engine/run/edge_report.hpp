// engine/run/edge_report.hpp
//
// Parts of an EngineStatus.
#pragma once

#include "engine/run/edge_link.hpp"
#include "engine/run/engine.hpp"
#include "engine/run/input_counts.hpp"

namespace streamlab {

// What an edge of a running, or ended, graph has counted. Any thread.
EdgeReport report_of(const EdgeLink& link);
// What has come in from the device, or by hand. Any thread.
void report(const InputCounts& counts, EngineStatus& status);

}  // namespace streamlab
