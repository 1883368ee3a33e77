// engine/process/supervisor.hpp
//
// ChildSupervisor: a thread that starts children and watches them until they are gone completely.
//
//   - Its end kills them (start_child), so they never outlive it; and when the whole process dies, the
//     processes that they have started die too (OrphanGuard).
//   - It always reads their standard error, so that no child hangs on a full pipe, and keeps the end of it.
//     It reads all other captured output, up to a bound.
//   - It reaps: no zombies. Processes that a child leaves behind in its group may run for `linger`, then get
//     SIGTERM, and after `grace` SIGKILL. So does a child that is terminated by terminate().
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
  std::chrono::milliseconds linger{1000};  // for processes that a child leaves behind
  std::size_t stderr_bytes = 64 * 1024;    // kept of each child's standard error
};

// A descriptor that the child writes to and the supervisor reads.
struct Capture {
  int as = 3;
  std::size_t max_bytes = 16U << 20U;  // more is read, counted and discarded
  enum class Beyond : std::uint8_t { goes_on, ends_child } beyond = Beyond::goes_on;  // as by terminate()
};

struct Captured {
  int as = 3;
  std::string bytes;
  std::uint64_t total_bytes = 0;  // bytes written; above bytes.size(): more than the bound
};

// What ended it.
enum class EndedBy : std::uint8_t {
  itself,
  terminated,     // our SIGTERM
  killed,         // our SIGKILL, `grace` after it
  killed_at_once  // our SIGKILL, by kill_all() before that
};

using ChildId = std::uint64_t;

struct ChildEnd {
  ChildId id = 0;
  std::string name;
  pid_t pid = -1;
  int exit_status = 0;      // when signal is 0
  int signal = 0;           // that ended it; 0: it exited
  bool is_unknown = false;  // how it ended: this process ignores SIGCHLD, or other code waited for it
  EndedBy by = EndedBy::itself;
  bool left_processes = false;  // processes of its group outlived it, and were ended
  double wall_s = 0.0;
  double user_s = 0.0;
  double system_s = 0.0;
  std::uint64_t stderr_bytes = 0;
  std::uint64_t stderr_lines = 0;
  std::string stderr_end;  // the last SupervisorOptions::stderr_bytes
  std::vector<Captured> captured;

  bool is_success() const { return signal == 0 && exit_status == 0 && !is_unknown; }
  // Did it end by writing to a reader that had gone? (A shell reports that as status 128 + SIGPIPE.)
  bool is_broken_pipe() const;
};

// "exited with status 3", "was killed by SIGSEGV (11)", "was terminated by us (SIGTERM)".
std::string describe(const ChildEnd& end);

// "SIGTERM (15)".
std::string signal_text(int number);

// The last lines of `text`, at most `max_lines`, each prefixed by "  | ", for the end of a message. Lines are
// cut at 500 bytes; control characters are escaped as by printable().
std::string quote_end(std::string_view text, std::size_t max_lines = 10);

class ChildSupervisor {
 public:
  using Clock = std::chrono::steady_clock;

  // Fails when there is no thread or descriptor left.
  static Result<std::unique_ptr<ChildSupervisor>> create(SupervisorOptions options = {});
  // Ends every child and waits for it.
  ~ChildSupervisor();
  ChildSupervisor(const ChildSupervisor&) = delete;
  ChildSupervisor& operator=(const ChildSupervisor&) = delete;

  // All of these: any thread.

  // As start_child(); unless spec.descriptors has 2, standard error is read and its end kept.
  Result<ChildId> start(ChildSpec spec, std::vector<Capture> captures = {});
  // SIGTERM to the child's group, after `grace` SIGKILL. Does nothing if it has ended.
  void terminate(ChildId id);
  void terminate_all();
  // SIGKILL to all of them, at once.
  void kill_all();

  // The next child that has ended and was not reported yet, in the order of their ends. Nothing at
  // `deadline`, or when wake() was called.
  std::optional<ChildEnd> wait_any(Clock::time_point deadline);
  // The end of this child. Nothing at `deadline`, or if it is not known (any more).
  std::optional<ChildEnd> wait(ChildId id, Clock::time_point deadline = Clock::time_point::max());
  // Makes the present or the next wait_any() return.
  void wake();
  // Its standard error output so far, at most the last stderr_bytes.
  std::string stderr_so_far(ChildId id) const;
  // Children that have not ended.
  std::size_t running() const;

 private:
  class Impl;
  explicit ChildSupervisor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamlab
