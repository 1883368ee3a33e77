// apps/streamlab/closed_streams.hpp
//
// A program may be started with standard input, output or error closed. The next file that it opens would then get that
// descriptor, and texts meant for a terminal would be written into a recording.
#pragma once

#include <fcntl.h>
#include <unistd.h>

namespace streamlab::app {

// Before anything else opens a file. What is closed stays of no use: reads and writes fail.
inline void occupy_closed_streams() noexcept {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) != -1) { continue; }
    // The lowest free descriptor is this one.
    static_cast<void>(::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY));
  }
}

}  // namespace streamlab::app
