// apps/streamlab/exit_code.hpp
//
// What the program ends with.
#pragma once

#include "engine/base/error.hpp"

namespace streamlab::app {

enum class ExitCode : int {
  success = 0,
  failed = 1,     // device, disk or child failed while running
  refused = 2,    // the command line, the configuration or an input file cannot be used
  data_lost = 3,  // finished, but something was lost on the way
};

// The graver of two: failed, refused, data_lost, success.
ExitCode worse(ExitCode a, ExitCode b);

// refused if one of them was refused, else failed.
ExitCode exit_code(const Errors& errors);

}  // namespace streamlab::app
