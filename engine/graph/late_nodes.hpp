// engine/graph/late_nodes.hpp
//
// Nodes whose blocks cannot be played in the tick in which their input comes.
#pragma once

#include <cstddef>
#include <optional>

#include "engine/base/error.hpp"
#include "engine/graph/plan.hpp"

namespace streamlab {

// Of the device's output: why what it plays would come too late, because a node before it on its thread gathers
// (OutputFormat::gathers). The nodes before it are prepared.
std::optional<Error> refuse_late_nodes(const Plan& plan, std::size_t n);

}  // namespace streamlab
