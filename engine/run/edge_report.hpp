// engine/run/edge_report.hpp
#pragma once

#include "engine/run/edge_link.hpp"
#include "engine/run/engine.hpp"

namespace streamlab {

// What an edge of a running, or ended, graph has counted. Any thread.
EdgeReport report_of(const EdgeLink& link);

}  // namespace streamlab
