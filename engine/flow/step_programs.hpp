// engine/flow/step_programs.hpp
//
// Finds the program of each step of a flow before any step starts.
#pragma once

#include <string>
#include <vector>

#include "engine/flow/valid_flow.hpp"

namespace streamlab {

// The path of each step's program, in the order of the steps; empty for graphs, which are run by
// FlowOptions::graph_command. Refused, reporting all errors with the step's JSON pointer: a program that is
// missing or not executable, a missing working directory.
Checked<std::vector<std::string>> step_programs(const ValidFlow& flow);

}  // namespace streamlab
