// engine/flow/python_step.hpp
//
// The program that runs the body of a Python step:
//
//   python3 PROGRAM BODY NAME      STREAMLAB_STATE=FILE STREAMLAB_STATE_FD=3
//
// BODY becomes the body of a function with the argument `state`; its return value is written to the
// descriptor as JSON. BODY is parsed unindented, so that its strings and line numbers are unchanged: a
// traceback names "<NAME>" and the line in BODY.
//
//   - A body that returns nothing, or ends by sys.exit(0), gives {}: a step that ended normally always has a
//     state; one that did not (os._exit) has none.
//   - If it returns anything but a dict, or a value that JSON cannot express (NaN), it exits with status 1 and
//     says why.
//   - If the reader of standard output (or of the FIFO that it writes to) has gone, it dies by SIGPIPE, as
//     programs do, instead of printing a traceback.
//   - Modules are looked for in the working directory first.
#pragma once

#include <string_view>

namespace streamlab {

std::string_view python_step_program();

}  // namespace streamlab
