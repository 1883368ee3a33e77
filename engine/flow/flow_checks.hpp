// engine/flow/flow_checks.hpp
//
// What can be checked before a flow starts.
#pragma once

#include <string>
#include <vector>

#include "engine/flow/run_flow.hpp"

namespace streamlab {

// The programs of the steps, from step_programs(). Refused, reporting all errors together: what
// step_programs() refuses, an invalid state, graphs without a program that runs them, a group of steps that
// needs more descriptors than this process has left.
Checked<std::vector<std::string>> check_before_start(const ValidFlow& flow, const FlowOptions& options);

}  // namespace streamlab
