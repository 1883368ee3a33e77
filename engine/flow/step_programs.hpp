// engine/flow/step_programs.hpp
//
// Which program each step of a flow starts, told before any of them does.
#pragma once

#include <string>
#include <vector>

#include "engine/flow/valid_flow.hpp"

namespace streamlab {

// The path of each step's program, in the order of the steps; empty for graphs, which whoever runs the flow
// runs. Refused, all together, each with the step's JSON pointer: a program that is not there or may not be
// executed, a working directory that is none.
Checked<std::vector<std::string>> step_programs(const ValidFlow& flow);

}  // namespace streamlab
