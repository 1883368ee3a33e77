// apps/streamlab/interrupt.hpp
//
// Ctrl-C and SIGTERM. The first asks the program to end by itself, with everything written and summed up; the
// second ends the process at once (files are playable as far as they go).
#pragma once

namespace streamlab::app {

// From now on the first signal is only noted. A reader of standard output that goes away is an error of
// writing, not the end of the process.
void catch_signals();
// As if one had come. Any thread.
void interrupt() noexcept;
// Has one come?
bool interrupted();

}  // namespace streamlab::app
