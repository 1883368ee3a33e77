// engine/process/child_pipes.hpp
//
// ChildPipes: one child with its standard input and output in our hands. Bytes go both ways at once, so that
// neither side ever waits for the other with a full pipe.
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

// One thread at a time, but wake().
class ChildPipes {
 public:
  using TimePoint = ChildSupervisor::Clock::time_point;

  // Starts it. `spec.descriptors` must not name 0 or 1.
  static Result<std::unique_ptr<ChildPipes>> start(ChildSpec spec, std::size_t pipe_bytes = kDefaultPipeBytes,
                                                   SupervisorOptions options = {});
  // Ends it.
  ~ChildPipes() = default;
  ChildPipes(const ChildPipes&) = delete;
  ChildPipes& operator=(const ChildPipes&) = delete;

  // Writes from the front of `to_child` and appends to `from_child` what the child gives, each as much as
  // goes at once. If nothing goes, waits for one of the two until `deadline`. Bytes that were written, and
  // true if anything went either way or one of the ends closed.
  struct Moved {
    std::size_t written = 0;
    bool anything = false;
  };
  Moved move(std::span<const std::byte> to_child, std::vector<std::byte>& from_child, TimePoint deadline);
  // It will get no more, and reads what is still in the pipe, up to its end.
  void end_input();
  // Nobody reads what we write (any more).
  bool input_is_closed() const { return !in_; }
  // Bytes that lay in the pipe, unread, when the reader went, or, after end_input(), when wait() has told the child's
  // end; 0 before.
  std::size_t unread_bytes() const { return unread_bytes_; }
  // It will give no more.
  bool output_is_closed() const { return !out_; }
  // Ends the present wait of move(), or the next one. Any thread.
  void wake() { wake_.wake(); }

  // How it ended; nothing if it has not by `deadline`.
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
  Fd left_in_pipe_;  // after end_input(): what keeps the pipe, to look what is in it
  Fd out_;           // the read end of its standard output
  WakeFd wake_;
  std::size_t unread_bytes_ = 0;
  std::optional<ChildEnd> end_;
};

}  // namespace streamlab
