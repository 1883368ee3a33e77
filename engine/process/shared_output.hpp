// engine/process/shared_output.hpp
//
// SharedOutput: standard output or error, as several threads of this program write to it: whole texts, one after the
// other. Its reader may pause: a pager, a terminal after Ctrl-S, a program behind a pipe. Nobody waits for it inside
// a system call: a writer waits here, and can be told to stop, or it keeps its text and comes again (Backlog).
//
// A pipe or a terminal is opened once more, so that it is non-blocking only for us. If it cannot be, writes are so
// small that they do not block once poll(2) has reported room. Files, and streams in memory, never pause: they are
// written through stdio.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "engine/process/descriptor.hpp"

namespace streamlab {

class SharedOutput {
 public:
  using Clock = std::chrono::steady_clock;
  // How long a reader that takes nothing is waited for once the run is to end.
  static constexpr std::chrono::milliseconds kLastWait{1000};

  // The same object for the same stream, while somebody has it. `file` must outlive it.
  static std::shared_ptr<SharedOutput> of(std::FILE* file);

  // How long one writer waits: without a limit, until end() was called.
  class Patience {
   public:
    Patience() = default;
    // Instead of end(): `ends` says how often it would have been called so far. Asked by the writer, must not throw.
    explicit Patience(std::function<int()> ends) : asked_(std::move(ends)) {}
    // From now on: while the reader takes something at least every kLastWait. The second time: no longer. Any thread.
    void end() noexcept { ends_.fetch_add(1, std::memory_order_relaxed); }
    void renew() noexcept { ends_.store(0, std::memory_order_relaxed); }

   private:
    friend class SharedOutput;
    int ends() const noexcept { return asked_ ? asked_() : ends_.load(std::memory_order_relaxed); }

    std::atomic<int> ends_{0};
    const std::function<int()> asked_;
  };

  enum class Put : std::uint8_t { all, gave_up, failed };  // failed: errno says why
  // Writes `text`, whole lines, and waits as long as `patience` has it. Any thread.
  Put write(std::string_view text, const Patience& patience) noexcept;

  // What one thread, which must never wait, has to say. Keeps what does not fit, up to kMost bytes; further texts are
  // left out and counted.
  class Backlog {
   public:
    static constexpr std::size_t kMost = std::size_t{1} << 20U;
    explicit Backlog(std::FILE* file) : file_(file), output_(SharedOutput::of(file)) {}
    Backlog(const Backlog&) = delete;
    Backlog& operator=(const Backlog&) = delete;
    ~Backlog();

    void add(std::string_view text);
    // Writes what goes without waiting.
    void pass_on();
    bool is_empty() const { return text_.empty(); }
    // Waits until all is written; no longer than `idle` for a reader that takes nothing (empty: without a limit), nor
    // once `gives_up()`. Then forgets the rest.
    void finish(std::optional<std::chrono::milliseconds> idle, const std::function<bool()>& gives_up);
    std::uint64_t lost_bytes() const { return lost_bytes_; }

   private:
    void forget() noexcept;

    std::FILE* const file_;
    const std::shared_ptr<SharedOutput> output_;
    std::string text_;
    bool has_turn_ = false;  // a part of a text is written
    std::uint64_t lost_bytes_ = 0;
  };

 private:
  enum class Kind : std::uint8_t { plain, socket, reopened, polled };

  explicit SharedOutput(std::FILE* file);
  // One writer at a time, from the first byte of its text to the last; not bound to a thread.
  bool take_turn(std::chrono::milliseconds wait) noexcept;
  void end_turn(bool is_cut) noexcept;
  // Bytes written without waiting; 0: there is no room; -1: failed, as errno says.
  std::ptrdiff_t put(std::string_view text) noexcept;
  std::ptrdiff_t put_plain(std::string_view text) noexcept;
  void wait_for_room() const noexcept;  // for a while

  std::FILE* const file_;
  Kind kind_ = Kind::plain;
  int fd_ = -1;
  Fd own_;  // of Kind::reopened
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_taken_ = false;
  bool is_cut_ = false;  // the last text lacks its end: the next begins a line
};

}  // namespace streamlab
