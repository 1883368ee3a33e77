// engine/process/child.hpp
//
// Starts one program with its own process group, only the given descriptors, default signal mask and
// handlers, and SIGKILL when the thread that started it ends. It inherits ignored signals (from nohup, for
// instance), except those that programs ignore for their own purposes (SIGPIPE, SIGXFSZ) or that the
// supervisor needs (SIGTERM, SIGCHLD).
//
// Like posix_spawn(3), but also sets the parent-death signal: see docs/decisions/starting-children.md. That
// signal is tied to the thread: start a child on a thread that outlives it (as ChildSupervisor does).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "engine/base/error.hpp"
#include "engine/process/descriptor.hpp"

namespace streamlab {

class OrphanGuard;

struct Handover {
  int fd = -1;  // in our process, numbered 10 or above like everything in descriptor.hpp
  int as = -1;  // in the child, 0 … 9
};

struct ChildSpec {
  std::string name;                  // for messages
  std::string program;               // path, as find_program() gives it
  std::vector<std::string> command;  // argv; its first word is the name that the program sees
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours, or instead of it
  std::string folder;                                            // working directory; empty: ours
  // If not listed: 0 is /dev/null, 1 and 2 are ours, all others are closed.
  std::vector<Handover> descriptors;
  bool dies_with_us = true;  // by a parent-death signal
  // Is told the child's process group before the program begins, so that there is no moment at which our
  // death would leave the program's own children behind. Null: none. The code that sees the group end removes
  // it.
  OrphanGuard* guard = nullptr;
};

struct StartedChild {
  pid_t pid = -1;  // of the child, and of its process group
  Fd pidfd;        // readable once it has ended
};

// Fails with the system's reason when the program cannot be started; there is no child then. Blocks until the
// program runs. Not for a real-time thread.
Result<StartedChild> start_child(const ChildSpec& spec);

}  // namespace streamlab
