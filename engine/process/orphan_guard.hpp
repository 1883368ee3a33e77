// engine/process/orphan_guard.hpp
//
// OrphanGuard: a small process beside ours that kills the process groups of our children when we die, in
// whatever way. A parent-death signal reaches a child and not what the child has started: a shell's `cat`
// that waits in opening a FIFO would wait for ever.
#pragma once

#include <sys/types.h>

#include "engine/base/error.hpp"
#include "engine/process/child.hpp"

namespace streamlab {

// One thread at a time.
class OrphanGuard {
 public:
  // Fails when the system has no process or descriptor to give, or no shell.
  static Result<OrphanGuard> start();
  OrphanGuard(OrphanGuard&& other) noexcept = default;
  OrphanGuard& operator=(OrphanGuard&& other) = delete;
  // Ends it; groups that were not removed are killed.
  ~OrphanGuard();

  // From now on the group dies with us; and no longer. Neither blocks: a guard that somebody stopped misses
  // it.
  void add(pid_t group) noexcept { tell('+', group); }
  void remove(pid_t group) noexcept { tell('-', group); }

 private:
  OrphanGuard() = default;
  void tell(char change, pid_t group) noexcept;

  StartedChild process_;
  Fd pipe_;  // closed when we are gone
};

}  // namespace streamlab
