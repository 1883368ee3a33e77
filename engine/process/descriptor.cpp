// engine/process/descriptor.cpp
#include "engine/process/descriptor.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

namespace streamlab {
namespace {

// Children get 0 … 3; ours avoid these numbers, so that handing one over never overwrites another.
constexpr int kFirstOfOurs = 10;

// `fd`, duplicated to a number of ours.
Result<Fd> move_up(int fd) {
  Fd low(fd);
  if (fd >= kFirstOfOurs) { return low; }
  return duplicate(fd);
}

}  // namespace

Result<Fd> duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, kFirstOfOurs);
  if (copy < 0) {
    return failed("", fmt::format("cannot duplicate descriptor {}: {}", fd, std::strerror(errno)));
  }
  return Fd(copy);
}

std::size_t set_pipe_bytes(int fd, std::size_t wanted) noexcept {
  // A request above the limit is refused entirely: ask for less until one is granted.
  for (std::size_t ask = wanted; ask >= 4096; ask /= 2) {
    if (::fcntl(fd, F_SETPIPE_SZ, static_cast<int>(ask)) >= 0 || errno != EPERM) { break; }
  }
  const int granted = ::fcntl(fd, F_GETPIPE_SZ);
  return granted > 0 ? static_cast<std::size_t>(granted) : 0;
}

Result<Pipe> make_pipe(std::size_t wanted) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return failed("", fmt::format("cannot create a pipe: {}", std::strerror(errno)), "",
                  "\"ulimit -n\" is the limit of open files");
  }
  auto read_end = move_up(ends[0]);
  auto write_end = move_up(ends[1]);
  if (!read_end) { return tl::unexpected(read_end.error()); }
  if (!write_end) { return tl::unexpected(write_end.error()); }
  Pipe pipe{std::move(*read_end), std::move(*write_end), 0};
  pipe.bytes = set_pipe_bytes(pipe.write_end.get(), wanted);
  return pipe;
}

void set_blocking(int fd, bool blocking) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) { return; }
  ::fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

std::size_t descriptors_left() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) { return SIZE_MAX; }
  std::size_t open = 0;
  if (DIR* folder = ::opendir("/proc/self/fd")) {
    while (const dirent* entry = ::readdir(folder)) { open += entry->d_name[0] == '.' ? 0 : 1; }
    ::closedir(folder);
    --open;  // the descriptor of the folder itself
  }
  return limit.rlim_cur > open ? static_cast<std::size_t>(limit.rlim_cur) - open : 0;
}

WakeFd::WakeFd() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) { return; }
  if (auto moved = move_up(fd)) { fd_ = std::move(*moved); }
}

void WakeFd::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);  // full: already awake
}

void WakeFd::clear() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd_.get(), &count, sizeof count);
}

NoSigpipe::NoSigpipe() noexcept {
  sigset_t pending;
  sigpending(&pending);
  was_pending_ = sigismember(&pending, SIGPIPE) == 1;
  sigset_t pipe_only;
  sigset_t before;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
  was_blocked_ = sigismember(&before, SIGPIPE) == 1;
}

NoSigpipe::~NoSigpipe() {
  sigset_t pipe_only;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  if (!was_pending_) {
    const timespec at_once{0, 0};
    while (sigtimedwait(&pipe_only, nullptr, &at_once) < 0 && errno == EINTR) {}
  }
  if (!was_blocked_) { pthread_sigmask(SIG_UNBLOCK, &pipe_only, nullptr); }
}

}  // namespace streamlab
