// nodes/process/pipe_end.cpp
#include "nodes/process/pipe_end.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>

#include <fmt/format.h>

namespace streamlab {
namespace {

constexpr std::chrono::milliseconds kLookAgain{5};  // interval for checking for a FIFO's reader
constexpr std::size_t kMostAtOnce = std::size_t{1} << 20U;

tl::unexpected<Error> cannot(const std::string& name, std::string_view what, int error_number) {
  return failed("", fmt::format("{} cannot be {}: {}", name, what, std::strerror(error_number)));
}

// Milliseconds for poll(2) up to `deadline`, rounded up; -1: no limit.
int milliseconds_until(PipeClock::time_point deadline) {
  if (deadline == PipeClock::time_point::max()) { return -1; }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - PipeClock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
}

Result<void> check_fifo(const PipeName& name) {
  struct stat status {};
  if (::stat(name.path.c_str(), &status) != 0) {
    if (errno != ENOENT) { return cannot(name.text, "used", errno); }
    return refused("", fmt::format("there is no FIFO \"{}\"", name.path), "an existing FIFO",
                   fmt::format("mkfifo '{}' creates it", name.path));
  }
  if (!S_ISFIFO(status.st_mode)) {
    return refused("", fmt::format("\"{}\" is not a FIFO", name.path), "a FIFO",
                   "files are for FileSource and FileSink");
  }
  return {};
}

// Refused: not open, opened the other way, a terminal.
Result<void> check_descriptor(const PipeName& name, int way, std::string_view verb) {
  const int flags = ::fcntl(name.fd, F_GETFL);
  if (flags < 0) {
    return refused("", fmt::format("{} is not open", name.text),
                   "a descriptor that was open when the program started");
  }
  const int mode = flags & O_ACCMODE;
  if (mode != O_RDWR && mode != way) {
    return refused("", fmt::format("{} is not open for {}", name.text, verb), "the other end of the pipe");
  }
  if (::isatty(name.fd) == 1) {
    const bool reads = way == O_RDONLY;
    return refused(
        "", fmt::format("{} is a terminal", name.text), "a pipe or a file",
        reads ? "sox in.wav -t wav - | streamlab run …" : "streamlab run … | sox -t wav - out.wav");
  }
  return {};
}

// A separate descriptor for it. A pipe is reopened, so that it can be non-blocking only for us.
Result<Fd> take_over(const PipeName& name, int way, bool& blocks) {
  struct stat status {};
  blocks = true;
  if (::fstat(name.fd, &status) == 0 && S_ISFIFO(status.st_mode)) {
    const Fd again(::open(fmt::format("/proc/self/fd/{}", name.fd).c_str(), way | O_NONBLOCK | O_CLOEXEC));
    if (again) {
      blocks = false;
      return duplicate(again.get());
    }
  }
  return duplicate(name.fd);  // no /proc, other user, reader gone, or not a pipe
}

}  // namespace

Result<PipeName> PipeName::parse(const std::string& text, Direction direction) {
  constexpr std::string_view kFifo = "fifo:";
  constexpr std::string_view kDescriptor = "fd:";
  const std::string standard = direction == Direction::in ? "stdin" : "stdout";
  PipeName name;
  name.text = text;
  if (text == standard) {
    name.fd = direction == Direction::in ? STDIN_FILENO : STDOUT_FILENO;
    return name;
  }
  // (A path that ends in "/" is that of a directory.)
  if (text.starts_with(kFifo) && text.size() > kFifo.size() && !text.ends_with('/')) {
    name.kind = Kind::fifo;
    name.path = text.substr(kFifo.size());
    return name;
  }
  if (text.starts_with(kDescriptor)) {
    name.kind = Kind::descriptor;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + kDescriptor.size(), end, name.fd);
    if (error == std::errc{} && stop == end && name.fd >= 0) { return name; }
  }
  return refused("", fmt::format("\"{}\" is not a valid end of a pipe", text),
                 fmt::format("\"{}\", \"fifo:/path\" or \"fd:5\"", standard));
}

Result<void> PipeName::check_kind() const {
  struct stat status {};
  if (kind != Kind::fifo || ::stat(path.c_str(), &status) != 0) { return {}; }
  return check_fifo(*this);
}

// ---- reading

Result<PipeReader> PipeReader::open(const PipeName& name) {
  PipeReader reader;
  reader.name_ = name.text;
  if (name.kind == PipeName::Kind::fifo) {
    if (auto fine = check_fifo(name); !fine) { return tl::unexpected(fine.error()); }
    const Fd low(::open(name.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!low) { return cannot(name.text, "opened", errno); }
    auto fd = duplicate(low.get());
    if (!fd) { return tl::unexpected(fd.error()); }
    reader.fd_ = std::move(*fd);
    return reader;
  }
  if (auto fine = check_descriptor(name, O_RDONLY, "reading"); !fine) { return tl::unexpected(fine.error()); }
  bool blocks = true;
  auto fd = take_over(name, O_RDONLY, blocks);
  if (!fd) { return tl::unexpected(fd.error()); }
  reader.fd_ = std::move(*fd);
  return reader;
}

Result<PipeReader::Outcome> PipeReader::read(std::span<std::byte> to, PipeClock::time_point deadline,
                                             bool stop_at_signal) {
  while (true) {
    pollfd wait[2] = {{fd_.get(), POLLIN, 0}, {wake_.fd(), POLLIN, 0}};
    const int ready = ::poll(wait, 2, milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) {
      if (stop_at_signal) { return failed("", fmt::format("interrupted while it waited for {}", name_)); }
      continue;
    }
    if (ready < 0) { return cannot(name_, "read", errno); }
    if (wait[0].revents == 0) {
      if (wait[1].revents != 0 || PipeClock::now() >= deadline) { return Outcome{}; }
      continue;
    }
    const ssize_t got = ::read(fd_.get(), to.data(), to.size());
    if (got > 0) { return Outcome{Got::bytes, static_cast<std::size_t>(got)}; }
    if (got == 0) { return Outcome{Got::end, 0}; }
    if (errno != EINTR && errno != EAGAIN) { return cannot(name_, "read", errno); }
  }
}

// ---- writing

Result<void> PipeWriter::check(const PipeName& name) {
  return name.kind == PipeName::Kind::fifo ? check_fifo(name) : check_descriptor(name, O_WRONLY, "writing");
}

Result<PipeWriter> PipeWriter::open(const PipeName& name, PipeClock::time_point deadline) {
  if (auto fine = check(name); !fine) { return tl::unexpected(fine.error()); }
  PipeWriter writer;
  writer.name_ = name.text;
  if (name.kind != PipeName::Kind::fifo) {
    auto fd = take_over(name, O_WRONLY, writer.blocks_);
    if (!fd) { return tl::unexpected(fd.error()); }
    writer.fd_ = std::move(*fd);
    return writer;
  }
  writer.blocks_ = false;
  while (true) {
    const Fd low(::open(name.path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    if (low) {
      auto fd = duplicate(low.get());
      if (!fd) { return tl::unexpected(fd.error()); }
      writer.fd_ = std::move(*fd);
      return writer;
    }
    if (errno != ENXIO) { return cannot(name.text, "opened", errno); }  // ENXIO: no reader
    if (PipeClock::now() >= deadline) {
      return failed("", fmt::format("there is no reader of {}", name.text), "a reader",
                    "start it first, or give it a longer timeout_s");
    }
    const auto next = std::min(deadline, PipeClock::now() + kLookAgain);
    if (::poll(nullptr, 0, milliseconds_until(next)) < 0) {
      return failed("", fmt::format("interrupted while it waited for a reader of {}", name.text));
    }
  }
}

void PipeWriter::renew(std::chrono::milliseconds patience) noexcept {
  wake_.clear();
  patience_ = patience;
  give_up_at_.reset();
}

std::size_t PipeWriter::abandoned_bytes() const noexcept {
  pollfd look{fd_.get(), POLLOUT, 0};
  if (::poll(&look, 1, 0) <= 0 || (look.revents & POLLERR) == 0) { return 0; }
  int bytes = 0;
  return ::ioctl(fd_.get(), FIONREAD, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

std::size_t PipeWriter::most_at_once() const noexcept { return blocks_ ? PIPE_BUF : kMostAtOnce; }

Result<PipeWriter::Outcome> PipeWriter::write(std::span<const std::byte> bytes) {
  const NoSigpipe guard;
  Outcome outcome;
  while (outcome.bytes < bytes.size()) {
    const auto rest = bytes.subspan(outcome.bytes);
    if (!blocks_) {  // there is usually room: no need to ask
      const ssize_t written = ::write(fd_.get(), rest.data(), std::min(rest.size(), kMostAtOnce));
      if (written > 0) {
        outcome.bytes += static_cast<std::size_t>(written);
        continue;
      }
      if (written < 0 && errno == EPIPE) { return Outcome{Put::reader_gone, outcome.bytes}; }
      if (written < 0 && errno != EAGAIN && errno != EINTR) { return cannot(name_, "written", errno); }
    }
    pollfd wait[2] = {{fd_.get(), POLLOUT, 0}, {give_up_at_ ? -1 : wake_.fd(), POLLIN, 0}};
    const auto deadline = give_up_at_.value_or(PipeClock::time_point::max());
    const int ready = ::poll(wait, 2, milliseconds_until(deadline));
    if (ready < 0 && errno != EINTR) { return cannot(name_, "written", errno); }
    if (ready > 0 && wait[1].revents != 0) { give_up_at_ = PipeClock::now() + patience_; }
    if (ready == 0) { return Outcome{Put::gave_up, outcome.bytes}; }
    if (ready < 0 || wait[0].revents == 0 || !blocks_) { continue; }
    const ssize_t written = ::write(fd_.get(), rest.data(), std::min(rest.size(), most_at_once()));
    if (written > 0) { outcome.bytes += static_cast<std::size_t>(written); }
    if (written < 0 && errno == EPIPE) { return Outcome{Put::reader_gone, outcome.bytes}; }
    if (written < 0 && errno != EAGAIN && errno != EINTR) { return cannot(name_, "written", errno); }
  }
  return outcome;
}

}  // namespace streamlab
