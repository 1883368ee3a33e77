// engine/process/orphan_guard.hpp
//
// OrphanGuard: a small helper process that kills the process groups of our children when we die, for any
// reason. A parent-death signal reaches a child but not what the child has started: a shell's `cat` blocked
// in opening a FIFO would wait forever.
#pragma once

#include <sys/types.h>

#include "engine/base/error.hpp"
#include "engine/process/child.hpp"

namespace streamlab {

// One thread at a time.
class OrphanGuard {
 public:
  // Fails when there is no process or descriptor left, or no shell.
  static Result<OrphanGuard> start();
  OrphanGuard(OrphanGuard&& other) noexcept = default;
  OrphanGuard& operator=(OrphanGuard&& other) = delete;
  // Ends it; groups that were not removed are killed.
  ~OrphanGuard();

  // From now on the group dies with us; or no longer does. Neither call blocks: a stopped guard misses it.
  void add(pid_t group) noexcept { tell('+', group); }
  void remove(pid_t group) noexcept { tell('-', group); }

 private:
  OrphanGuard() = default;
  void tell(char change, pid_t group) noexcept;

  StartedChild process_;
  Fd pipe_;  // closes when we die
};

}  // namespace streamlab
