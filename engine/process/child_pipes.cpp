// engine/process/child_pipes.cpp
#include "engine/process/child_pipes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

namespace streamlab {
namespace {

std::size_t bytes_in_pipe(int fd) {
  int bytes = 0;
  return ::ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

}  // namespace

Result<std::unique_ptr<ChildPipes>> ChildPipes::start(ChildSpec spec, std::size_t pipe_bytes,
                                                      SupervisorOptions options) {
  auto in = make_pipe(pipe_bytes);
  if (!in) { return tl::unexpected(in.error()); }
  auto out = make_pipe(pipe_bytes);
  if (!out) { return tl::unexpected(out.error()); }
  auto children = ChildSupervisor::create(options);
  if (!children) { return tl::unexpected(children.error()); }
  std::unique_ptr<ChildPipes> pipes(new ChildPipes());
  pipes->children_ = std::move(*children);
  spec.descriptors.push_back({in->read_end.get(), 0});
  spec.descriptors.push_back({out->write_end.get(), 1});
  auto id = pipes->children_->start(std::move(spec));
  if (!id) { return tl::unexpected(id.error()); }
  pipes->id_ = *id;
  set_blocking(in->write_end.get(), false);
  set_blocking(out->read_end.get(), false);
  pipes->in_ = std::move(in->write_end);
  pipes->out_ = std::move(out->read_end);
  return pipes;
}

std::size_t ChildPipes::write_some(std::span<const std::byte> bytes) {
  const NoSigpipe guard;
  std::size_t written = 0;
  while (written < bytes.size()) {
    const auto rest = bytes.subspan(written);
    const ssize_t count = ::write(in_.get(), rest.data(), rest.size());
    if (count > 0) {
      written += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      lose_reader();  // EPIPE
      break;
    }
  }
  return written;
}

void ChildPipes::lose_reader() {
  unread_bytes_ = bytes_in_pipe(in_.get());
  in_.reset();
}

bool ChildPipes::read_some(std::vector<std::byte>& bytes) {
  constexpr std::size_t kPiece = 65536;
  bool any = false;
  for (int pieces = 0; pieces < 16; ++pieces) {  // a child that writes endlessly must not keep us here
    const std::size_t before = bytes.size();
    bytes.resize(before + kPiece);
    const ssize_t count = ::read(out_.get(), bytes.data() + before, kPiece);
    bytes.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count > 0) {
      any = true;
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      out_.reset();
      return true;
    } else if (errno == EAGAIN) {
      return any;
    }
  }
  return any;
}

ChildPipes::Moved ChildPipes::move(std::span<const std::byte> to_child, std::vector<std::byte>& from_child,
                                   TimePoint deadline) {
  Moved moved;
  for (int round = 0; round < 2; ++round) {
    const bool had_input = static_cast<bool>(in_);
    if (in_ && !to_child.empty()) { moved.written = write_some(to_child); }
    const bool got = out_ && read_some(from_child);
    // (What poll reported in the first round counts too: a reader that left.)
    moved.anything = moved.anything || moved.written > 0 || got || had_input != static_cast<bool>(in_);
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - ChildSupervisor::Clock::now());
    if (moved.anything || round == 1 || left.count() <= 0) { break; }
    // Even with nothing to write, poll reports (POLLERR) that the reader has gone.
    pollfd wait[] = {{wake_.fd(), POLLIN, 0},
                     {in_.get(), static_cast<short>(to_child.empty() ? 0 : POLLOUT), 0},
                     {out_.get(), POLLIN, 0}};
    ::poll(wait, 3, static_cast<int>(std::min<std::int64_t>(left.count(), 1'000'000)));
    wake_.clear();
    if (in_ && (wait[1].revents & POLLERR) != 0) {
      lose_reader();
      moved.anything = true;
    }
  }
  return moved;
}

std::size_t ChildPipes::bytes_waiting() const {
  const Fd& end = in_ ? in_ : left_in_pipe_;
  return end ? bytes_in_pipe(end.get()) : 0;
}

void ChildPipes::end_input() {
  if (!in_) { return; }
  // A read end that is never read. Opened only now: while we write, it would hide that the child has closed
  // its end.
  const Fd low(::open(fmt::format("/proc/self/fd/{}", in_.get()).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (low) {
    if (auto own = duplicate(low.get())) { left_in_pipe_ = std::move(*own); }
  }
  in_.reset();
}

const std::optional<ChildEnd>& ChildPipes::wait(TimePoint deadline) {
  if (end_) { return end_; }
  end_ = children_->wait(id_, deadline);
  if (end_ && left_in_pipe_) {
    unread_bytes_ = bytes_in_pipe(left_in_pipe_.get());
    left_in_pipe_.reset();
  }
  return end_;
}

}  // namespace streamlab
