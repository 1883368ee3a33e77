// nodes/process/pipe_end.hpp
//
// PipeReader, PipeWriter: the ends of byte streams made by others: standard input and output, a FIFO, an
// inherited descriptor. Every wait is bounded and can be ended by another thread.
//
// The descriptor is duplicated, and closed with its owner; the original stays unchanged. Other holders of the
// pipe do not become non-blocking: a pipe is reopened for that; if it cannot be, writes are so small that
// they never block once poll(2) has reported room.
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

  // Refused (where: "", for the caller to fill in): any other form.
  static Result<PipeName> parse(const std::string& text, Direction direction);
  // Refused: what has the name of a FIFO is something else. One that is not there yet may still be made.
  Result<void> check_kind() const;
};

using PipeClock = std::chrono::steady_clock;

class PipeReader {
 public:
  // Refused: a descriptor that is not open or not for reading, a terminal, a FIFO that does not exist. Does
  // not wait for a writer.
  static Result<PipeReader> open(const PipeName& name);

  enum class Got : std::uint8_t { bytes, nothing, end };
  struct Outcome {
    Got got = Got::nothing;
    std::size_t bytes = 0;
  };
  // Waits for input, but not beyond `deadline` or a wake(). Fails if the system call fails. With
  // `stop_at_signal`, a signal handled meanwhile makes the wait fail.
  Result<Outcome> read(std::span<std::byte> to, PipeClock::time_point deadline, bool stop_at_signal = false);

  // Ends the current and all later waits until renew(). Any thread.
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
  // Like PipeReader::open(). A FIFO: waits for its reader, until `deadline` or a signal.
  static Result<PipeWriter> open(const PipeName& name, PipeClock::time_point deadline);
  // Refused like open(), as far as can be known without waiting.
  static Result<void> check(const PipeName& name);

  enum class Put : std::uint8_t { all, reader_gone, gave_up };
  struct Outcome {
    Put put = Put::all;
    std::size_t bytes = 0;  // bytes written
  };
  // Bytes left in the pipe after its reader has gone; 0 while there is a reader, or if that is unknown.
  std::size_t abandoned_bytes() const noexcept;
  // Writes everything, waiting for room; after wake() for at most `patience` in total, then gives up. Fails
  // if the system call fails. SIGPIPE does not reach the process.
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
