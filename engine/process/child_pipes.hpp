// engine/process/child_pipes.hpp
//
// ChildPipes: one child whose standard input and output are pipes to us. Both directions are served at once,
// so that a full pipe never deadlocks the two sides.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/process/supervisor.hpp"

namespace streamlab {

// One thread at a time, except wake().
class ChildPipes {
 public:
  using TimePoint = ChildSupervisor::Clock::time_point;

  // Starts the child. `spec.descriptors` must not name 0 or 1.
  static Result<std::unique_ptr<ChildPipes>> start(ChildSpec spec, std::size_t pipe_bytes = kDefaultPipeBytes,
                                                   SupervisorOptions options = {});
  // Ends the child.
  ~ChildPipes() = default;
  ChildPipes(const ChildPipes&) = delete;
  ChildPipes& operator=(const ChildPipes&) = delete;

  // Writes from the front of `to_child` and appends the child's output to `from_child`, each as much as
  // possible without blocking. If neither is possible, waits for one of the two until `deadline`. Returns the
  // bytes written, and true if any byte moved or one of the ends closed.
  struct Moved {
    std::size_t written = 0;
    bool anything = false;
  };
  Moved move(std::span<const std::byte> to_child, std::vector<std::byte>& from_child, TimePoint deadline);
  // Closes its input: it still reads what is in the pipe, then sees the end.
  void end_input();
  // The child does not read what we write (any more).
  bool input_is_closed() const { return !in_; }
  // Unread bytes in the pipe when the reader left or, after end_input(), when wait() has reported the child's
  // end; 0 before.
  std::size_t unread_bytes() const { return unread_bytes_; }
  // Unread bytes in the pipe now, while the child is there.
  std::size_t bytes_waiting() const;
  // Its output has ended.
  bool output_is_closed() const { return !out_; }
  // Ends the present wait of move(), or the next one. Any thread.
  void wake() { wake_.wake(); }

  // How it ended; nothing if it has not ended by `deadline`.
  const std::optional<ChildEnd>& wait(TimePoint deadline);
  std::string stderr_so_far() const { return children_->stderr_so_far(id_); }

 private:
  ChildPipes() = default;
  std::size_t write_some(std::span<const std::byte> bytes);
  bool read_some(std::vector<std::byte>& bytes);
  void lose_reader();

  std::unique_ptr<ChildSupervisor> children_;
  ChildId id_ = 0;
  Fd in_;            // the write end of its standard input
  Fd left_in_pipe_;  // after end_input(): keeps the pipe open, to count what is in it
  Fd out_;           // the read end of its standard output
  WakeFd wake_;
  std::size_t unread_bytes_ = 0;
  std::optional<ChildEnd> end_;
};

}  // namespace streamlab
