// apps/streamlab/interrupt.hpp
//
// The signals that ask a run to end: Ctrl-C (SIGINT), SIGTERM, and SIGHUP when the terminal is closed.
//
//   the first one    the run ends by itself, with everything written and summed up
//   a second one     what is still under way is given up, and counted; files are closed
//   a third one      ends the process (files are playable as far as they go)
//
// SIGHUP is never more than a first one: a terminal that closes, and a service that is stopped, send it along with
// another. A signal that this process was started to ignore (nohup, a job in the background) stays ignored.
#pragma once

namespace streamlab::app {

// At the start of the program: a write that nobody reads, or that is beyond the limit of a file's size, is an error
// of writing and not the end of the process; and our children can be waited for, whatever started us.
void set_signals();
// From now on signals are only noted. For what has something to end.
void catch_signals();
// As if one had come. Any thread.
void interrupt() noexcept;
// Has one come?
bool interrupted();
// Has a second one?
bool interrupted_again();

}  // namespace streamlab::app
