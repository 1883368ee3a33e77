// engine/process/child.hpp
//
// Starts one program: its own process group, only the descriptors that it is given, the signal mask and
// handlers of a fresh process, and SIGKILL when the thread that started it ends. Signals that this process ignores
// (it was started by nohup, say) it ignores, too; but not those that programs ignore for their own sake (SIGPIPE,
// SIGXFSZ) or that its supervisor needs (SIGTERM, SIGCHLD).
//
// It does what posix_spawn(3) does, and sets the parent-death signal, which posix_spawn cannot: see
// docs/decisions/starting-children.md. That signal belongs to the thread: start a child on a thread that
// outlives it (ChildSupervisor does).
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
  int fd = -1;  // ours, numbered 10 or above as everything in descriptor.hpp is
  int as = -1;  // the child's, 0 … 9
};

struct ChildSpec {
  std::string name;                  // for messages
  std::string program;               // path, as find_program() gives it
  std::vector<std::string> command;  // argv; its first word is the name that the program sees
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours, or instead of it
  std::string folder;                                            // working directory; empty: ours
  // Not named here: 0 is /dev/null, 1 and 2 are ours, all others are closed.
  std::vector<Handover> descriptors;
  bool dies_with_us = true;  // by a parent-death signal
  // Learns of the child's process group before the program begins, so that no instant is left at which our death
  // would leave behind what the program has started. Null: none. Whoever sees the group's end removes it.
  OrphanGuard* guard = nullptr;
};

struct StartedChild {
  pid_t pid = -1;  // of the child, and of its process group
  Fd pidfd;        // readable once it has ended
};

// Fails with the system's reason when the program cannot be started: then there is no child. Blocks until the
// program runs. Not for a real-time thread.
Result<StartedChild> start_child(const ChildSpec& spec);

}  // namespace streamlab
