// engine/flow/python_step.hpp
//
// The program that runs the body of a Python step:
//
//   python3 PROGRAM BODY NAME      STREAMLAB_STATE=FILE STREAMLAB_STATE_FD=3
//
// BODY becomes the body of a function with the argument `state`; what it returns goes to the descriptor as
// JSON. It is parsed as it stands and not indented, so that its texts and its line numbers are its own: a
// traceback names "<NAME>" and the line in BODY.
//
//   - The body that returns nothing, or ends by sys.exit(0), gives {}: a step that ended in its own way
//     always has a state, and one that did not (os._exit) has none.
//   - What returns anything but a dict, or what JSON has no word for (NaN), exits with status 1 and says why.
//   - When the reader of standard output (or of the FIFO that it writes to) has gone it dies by SIGPIPE, as
//   programs do, instead of a traceback.
//   - Modules are looked for in the working directory first.
#pragma once

#include <string_view>

namespace streamlab {

std::string_view python_step_program();

}  // namespace streamlab
