// nodes/process/pipe_end.hpp
//
// PipeReader, PipeWriter: the ends of a stream of bytes that somebody else made: standard input and output, a
// FIFO, an inherited descriptor. Every wait has a bound and can be ended by another thread.
//
// The descriptor is duplicated, and closed with its owner; the one that we were given stays as it was.
// Whoever else holds it is not made non-blocking by us: a pipe is opened anew for that, and where it cannot
// be, writes are so small that they never block when poll(2) has said that there is room.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "engine/base/error.hpp"
#include "engine/process/descriptor.hpp"

namespace streamlab {

// Which descriptor: "stdin", "stdout", "fifo:PATH", "fd:N".
struct PipeName {
  enum class Kind : std::uint8_t { standard, fifo, descriptor };
  enum class Direction : std::uint8_t { in, out };
  Kind kind = Kind::standard;
  int fd = 0;        // of standard and descriptor
  std::string path;  // of a FIFO
  std::string text;  // as it was written

  // Refused (where: "", for the caller to fill in): none of these forms.
  static Result<PipeName> parse(const std::string& text, Direction direction);
};

using PipeClock = std::chrono::steady_clock;

class PipeReader {
 public:
  // Refused: a descriptor that is not open or not for reading, a terminal, no FIFO of that name. Does not
  // wait for a writer.
  static Result<PipeReader> open(const PipeName& name);

  enum class Got : std::uint8_t { bytes, nothing, end };
  struct Outcome {
    Got got = Got::nothing;
    std::size_t bytes = 0;
  };
  // Waits until there is something, but not beyond `deadline` or a wake(). Fails for the system's reasons.
  // A signal that was handled meanwhile ends the wait if `stop_at_signal`: then it failed.
  Result<Outcome> read(std::span<std::byte> to, PipeClock::time_point deadline, bool stop_at_signal = false);

  // Ends the present and all later waits until renew(). Any thread.
  void wake() noexcept { wake_.wake(); }
  void renew() noexcept { wake_.clear(); }

 private:
  PipeReader() = default;
  Fd fd_;
  WakeFd wake_;
  std::string name_;
};

class PipeWriter {
 public:
  // As PipeReader::open(). A FIFO: waits until somebody reads it, up to `deadline`, or a signal.
  static Result<PipeWriter> open(const PipeName& name, PipeClock::time_point deadline);
  // Refused as open() would, as far as can be told without waiting.
  static Result<void> check(const PipeName& name);

  enum class Put : std::uint8_t { all, reader_gone, gave_up };
  struct Outcome {
    Put put = Put::all;
    std::size_t bytes = 0;  // that were written
  };
  // Bytes that lie in the pipe, and that nobody reads any more; 0 while somebody does, or where nobody can tell.
  std::size_t abandoned_bytes() const noexcept;
  // Writes everything, waiting for room; after wake() for `patience` in all, and then gives up. Fails for the
  // system's reasons. SIGPIPE does not reach the process.
  Result<Outcome> write(std::span<const std::byte> bytes);

  // Any thread.
  void wake() noexcept { wake_.wake(); }
  void renew(std::chrono::milliseconds patience) noexcept;

 private:
  PipeWriter() = default;
  std::size_t most_at_once() const noexcept;

  Fd fd_;
  WakeFd wake_;
  std::string name_;
  bool blocks_ = true;  // the descriptor is shared, and so blocking
  std::chrono::milliseconds patience_{0};
  std::optional<PipeClock::time_point> give_up_at_;  // since wake()
};

}  // namespace streamlab
