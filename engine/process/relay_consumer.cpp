// engine/process/relay_consumer.cpp
#include "engine/process/relay_consumer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace streamlab {
namespace {

// Where the source's pipe is smaller, a reader that is waited for holds up the others only once this is full: with
// pipes of 64 KiB and four readers 1.3 times the throughput of a pipe as small as theirs. (Of 1 MiB and more: less.)
constexpr std::size_t kOwnPipeBytes = 256 * 1024;

}  // namespace

Result<ConsumerEnd> ConsumerEnd::make(RelayConsumer spec, bool zero_copy, std::size_t pipe_bytes) {
  ConsumerEnd end;
  end.spec_ = std::move(spec);
  end.counts.name = end.spec_.name;
  end.backlog_ = ByteBacklog(end.spec_.unit_bytes);
  if (end.spec_.to) { set_blocking(end.spec_.to.get(), false); }
  if (zero_copy && end.waits()) {
    auto own = make_pipe(std::max(kOwnPipeBytes, pipe_bytes));
    if (!own) { return tl::unexpected(own.error()); }
    end.most_takes_ = std::max<std::size_t>(1, own->bytes / std::max<std::size_t>(1, pipe_bytes));
    end.own_ = std::move(*own);
  }
  return end;
}

bool ConsumerEnd::push(std::span<const std::byte> bytes) {
  backlog_.push(bytes);
  if (waits()) { return true; }
  if (spec_.policy == OverflowPolicy::fail) { return backlog_.size() <= spec_.buffer_bytes; }
  counts.dropped_bytes += backlog_.drop_oldest(spec_.buffer_bytes);
  return true;
}

void ConsumerEnd::flush() {
  if (is_gone_ || !is_open()) { return; }
  if (in_pipe_ > 0) { flush_pipe(); }
  if (in_pipe_ == 0) { takes_ = 0; }
  if (!is_gone_ && in_pipe_ == 0 && !backlog_.empty()) { flush_backlog(); }
}

void ConsumerEnd::flush_pipe() {
  while (in_pipe_ > 0) {
    const ssize_t moved =
        ::splice(own_.read_end.get(), nullptr, fd(), nullptr, in_pipe_, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (moved > 0) {
      in_pipe_ -= static_cast<std::size_t>(moved);
      counts.bytes += static_cast<std::uint64_t>(moved);
    } else if (moved < 0 && errno == EINVAL) {  // it takes no splice: by way of our memory
      std::vector<std::byte> bytes(in_pipe_);
      const ssize_t got = ::read(own_.read_end.get(), bytes.data(), bytes.size());
      in_pipe_ = 0;
      if (got > 0) { backlog_.push(std::span(bytes).first(static_cast<std::size_t>(got))); }
      own_ = Pipe{};
    } else if (!may_go_on(moved == 0)) {
      return;
    }
  }
}

void ConsumerEnd::flush_backlog() {
  while (!backlog_.empty()) {
    const auto bytes = backlog_.bytes();
    const ssize_t written = ::write(fd(), bytes.data(), bytes.size());
    if (written > 0) {
      backlog_.pop(static_cast<std::size_t>(written));
      counts.bytes += static_cast<std::uint64_t>(written);
    } else if (!may_go_on(written == 0)) {
      return;
    }
  }
}

bool ConsumerEnd::may_go_on(bool wrote) {
  if (wrote || errno == EAGAIN) { return false; }
  if (errno == EINTR) { return true; }
  if (is_fifo() && errno == EPIPE) { return false; }
  leave(true);  // EPIPE, or a reader that cannot be written to any more for another reason
  return false;
}

void ConsumerEnd::try_open() {
  if (is_open() || is_gone_ || spec_.fifo.empty()) { return; }
  Fd fd(::open(spec_.fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (fd) {
    spec_.to = std::move(fd);
  } else if (errno != ENXIO && errno != EINTR) {  // ENXIO: nobody reads yet
    leave(true);
  }
}

bool ConsumerEnd::has_reader() const {
  if (!is_open()) { return false; }
  pollfd look{fd(), POLLOUT, 0};
  ::poll(&look, 1, 0);
  return (look.revents & (POLLERR | POLLNVAL)) == 0;
}

bool ConsumerEnd::has_all() const {
  if (!is_open() || held_bytes() > 0) { return false; }
  if (!is_fifo()) { return true; }
  int unread = 0;
  return has_reader() && ::ioctl(fd(), FIONREAD, &unread) == 0 && unread == 0;
}

void ConsumerEnd::leave(bool is_early) {
  if (is_gone_) { return; }
  if (is_fifo()) { ::unlink(spec_.fifo.c_str()); }  // to open it once more is an error, and no wait for ever
  is_gone_ = true;
  counts.left_early = is_early;
  counts.lost_bytes = held_bytes();
  int unread = 0;
  if (is_early && is_open() && ::ioctl(fd(), FIONREAD, &unread) == 0 && unread > 0) {
    counts.lost_bytes += static_cast<std::uint64_t>(unread);
  }
  in_pipe_ = 0;
  backlog_ = ByteBacklog(spec_.unit_bytes);
  own_ = Pipe{};
  spec_.to.reset();
}

}  // namespace streamlab
