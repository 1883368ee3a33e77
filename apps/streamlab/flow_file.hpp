// apps/streamlab/flow_file.hpp
//
// Configurations that are flows of programs rather than graphs, for `run` and `check`.
#pragma once

#include <string>

#include "apps/streamlab/commands.hpp"

namespace streamlab::app {

// `text`: the configuration that `arguments.config` names.
ExitCode run_flow_file(const RunArguments& arguments, const std::string& text);
ExitCode check_flow_file(const CheckArguments& arguments, const std::string& text);

}  // namespace streamlab::app
