// engine/process/supervisor.hpp
//
// ChildSupervisor: a thread that starts children and looks after them until nothing is left of them.
//
//   - It is the thread whose end kills them (start_child), so they live no longer than it; and when the whole
//     process dies, what they have started dies, too (OrphanGuard).
//   - It always reads their standard error, so that no child ever hangs on a full pipe, and keeps the end of
//     it. It reads whatever else is captured, up to a bound.
//   - It reaps: no zombie. What a child leaves behind in its process group may go on for `linger`, then gets
//     SIGTERM, and after `grace` SIGKILL. So does a child that is to end (terminate()).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/process/child.hpp"

namespace streamlab {

struct SupervisorOptions {
  std::chrono::milliseconds grace{2000};   // between SIGTERM and SIGKILL
  std::chrono::milliseconds linger{1000};  // for what a child leaves behind
  std::size_t stderr_bytes = 64 * 1024;    // kept of each child's standard error
};

// A descriptor of the child that it writes to and the supervisor reads.
struct Capture {
  int as = 3;
  std::size_t max_bytes = 16U << 20U;  // more is read, counted and thrown away
  enum class Beyond : std::uint8_t { goes_on, ends_child } beyond = Beyond::goes_on;  // as by terminate()
};

struct Captured {
  int as = 3;
  std::string bytes;
  std::uint64_t total_bytes = 0;  // that were written; above bytes.size(): too many
};

// By whom it ended.
enum class EndedBy : std::uint8_t {
  itself,
  terminated,
  killed
};  // terminated: our SIGTERM; killed: our SIGKILL

using ChildId = std::uint64_t;

struct ChildEnd {
  ChildId id = 0;
  std::string name;
  pid_t pid = -1;
  int exit_status = 0;      // when signal is 0
  int signal = 0;           // that ended it; 0: it exited
  bool is_unknown = false;  // how it ended: this process ignores SIGCHLD, or somebody else waited for it
  EndedBy by = EndedBy::itself;
  bool left_processes = false;  // its group lived on after it, and was ended
  double wall_s = 0.0;
  double user_s = 0.0;
  double system_s = 0.0;
  std::uint64_t stderr_bytes = 0;
  std::uint64_t stderr_lines = 0;
  std::string stderr_end;  // the last SupervisorOptions::stderr_bytes
  std::vector<Captured> captured;

  bool is_success() const { return signal == 0 && exit_status == 0 && !is_unknown; }
  // Did writing to a reader that had gone end it? (A shell says so by status 128 + SIGPIPE.)
  bool is_broken_pipe() const;
};

// "exited with status 3", "was ended by SIGSEGV (11)", "was ended by our SIGKILL, for it ignored SIGTERM".
std::string describe(const ChildEnd& end);

// "SIGTERM (15)".
std::string signal_text(int number);

// The last lines of `text`, at most `max_lines`, each behind "  | ", for the end of a message. Lines are cut
// at 500 bytes; what a terminal would obey is written as printable() does.
std::string quote_end(std::string_view text, std::size_t max_lines = 10);

class ChildSupervisor {
 public:
  using Clock = std::chrono::steady_clock;

  // Fails when there is no thread or descriptor left.
  static Result<std::unique_ptr<ChildSupervisor>> create(SupervisorOptions options = {});
  // Ends every child, waits for it.
  ~ChildSupervisor();
  ChildSupervisor(const ChildSupervisor&) = delete;
  ChildSupervisor& operator=(const ChildSupervisor&) = delete;

  // Any thread, all of these.

  // As start_child(); where spec.descriptors has no 2, standard error is read and its end kept.
  Result<ChildId> start(ChildSpec spec, std::vector<Capture> captures = {});
  // SIGTERM to the child's group, after `grace` SIGKILL. Nothing to do if it has ended.
  void terminate(ChildId id);
  void terminate_all();
  // SIGKILL to all of them, at once.
  void kill_all();

  // The next child that has ended and was not told yet, in the order of their ends. Nothing at `deadline`, or
  // when wake() was called.
  std::optional<ChildEnd> wait_any(Clock::time_point deadline);
  // The end of that one. Nothing at `deadline`, or if it is not known (any more).
  std::optional<ChildEnd> wait(ChildId id, Clock::time_point deadline = Clock::time_point::max());
  // Makes the present or the next wait_any() return.
  void wake();
  // What it has written to standard error so far, at most the last stderr_bytes.
  std::string stderr_so_far(ChildId id) const;
  // Children that have not ended.
  std::size_t running() const;

 private:
  class Impl;
  explicit ChildSupervisor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamlab
