// engine/process/descriptor.hpp
//
// Pipes, and a descriptor that wakes a polling thread.
//
// Every descriptor made here is closed on exec: a child gets only those that it is given.
#pragma once

#ifndef __linux__
#error "StreamLab's process streams need Linux: tee(2), splice(2), pidfds and parent-death signals"
#endif

#include <chrono>
#include <cstddef>
#include <optional>

#include "engine/base/error.hpp"
#include "engine/base/fd.hpp"

namespace streamlab {

inline constexpr std::size_t kDefaultPipeBytes = 65536;

struct Pipe {
  Fd read_end;
  Fd write_end;
  std::size_t bytes = 0;  // its capacity, as granted by the kernel
};

// A pipe with a capacity of `wanted` bytes. The kernel rounds up to a power of two pages and may grant less
// (fs.pipe-max-size, the user's share fs.pipe-user-pages-soft); that is not an error, and `bytes` says how
// much. Both ends block. Fails when there are no descriptors left.
Result<Pipe> make_pipe(std::size_t wanted = kDefaultPipeBytes);

// Requests a capacity of `wanted` bytes; returns the capacity. 0: `fd` is not a pipe.
std::size_t set_pipe_bytes(int fd, std::size_t wanted) noexcept;

void set_blocking(int fd, bool blocking) noexcept;

// A second descriptor for the same file, closed on exec, numbered 10 or above: children get 0 … 3.
Result<Fd> duplicate(int fd);

// Descriptors that this process may still open: its soft limit minus the open ones.
std::size_t descriptors_left();

// Wakes a thread that polls `fd()`. wake() may be called on any thread, repeatedly; it makes a system call
// and does not block.
class WakeFd {
 public:
  WakeFd();  // without descriptors left, fd() is -1, which poll() ignores
  void wake() noexcept;
  void clear() noexcept;
  int fd() const noexcept { return fd_.get(); }

 private:
  Fd fd_;
};

// No SIGPIPE for writes of this thread while this lives: they fail with EPIPE. One that became pending
// meanwhile is removed; one that was pending before stays.
class [[nodiscard]] NoSigpipe {
 public:
  NoSigpipe() noexcept;
  ~NoSigpipe();
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  bool was_pending_ = false;
  bool was_blocked_ = false;
};

}  // namespace streamlab
