// engine/flow/flow_checks.hpp
//
// What can be told of a flow's run before anything starts.
#pragma once

#include <string>
#include <vector>

#include "engine/flow/run_flow.hpp"

namespace streamlab {

// The programs of the steps, as step_programs() gives them. Refused, all together: what that refuses, a state
// that is none, graphs without a program that runs them, a group of steps that needs more descriptors than
// this process has left.
Checked<std::vector<std::string>> check_before_start(const ValidFlow& flow, const FlowOptions& options);

}  // namespace streamlab
