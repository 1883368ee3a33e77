// engine/channel/clock.hpp
//
// Clock: the time source of everything that waits. The product uses the machine's; tests use a virtual one,
// which makes them instant and deterministic.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "engine/rt/wake_signal.hpp"

namespace streamlab {

// Any thread, but wait() not on a real-time one.
class Clock {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::nanoseconds;
  static constexpr TimePoint kNoDeadline = TimePoint::max();

  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  virtual TimePoint now() const noexcept = 0;

  // Sleeps until signal.notify() after `ticket` was taken, or until `deadline` (kNoDeadline: none). False if
  // the deadline came first. May wake up spuriously, like WakeSignal::wait(): check again.
  virtual bool wait(WakeSignal& signal, std::uint32_t ticket, TimePoint deadline) noexcept = 0;

  // now() + duration; kNoDeadline where that is out of range.
  TimePoint after(Duration duration) const noexcept;
};

// The machine's: std::chrono::steady_clock.
Clock& steady_clock();

// A clock that stands still until it is advanced. Begins at `kStart`, far enough from the origin to allow
// earlier times.
class VirtualClock final : public Clock {
 public:
  enum class Advance {
    by_hand,    // by advance() and advance_to(); a wait sleeps until another thread calls them, or notifies
    when_idle,  // also by a wait: with a deadline it moves the clock there and returns at once. For tests
                // on one thread. A wait without a deadline really sleeps until the signal.
  };
  static constexpr TimePoint kStart{std::chrono::hours(24)};

  explicit VirtualClock(Advance advance) : advance_(advance) {}

  TimePoint now() const noexcept override;
  bool wait(WakeSignal& signal, std::uint32_t ticket, TimePoint deadline) noexcept override;

  // Ends every wait whose deadline is reached. The clock never goes back: an earlier time has no effect.
  void advance(Duration duration) noexcept;
  void advance_to(TimePoint time) noexcept;

  // Returns, without polling, once at least `count` threads sleep in wait(). Waits that have been notified or
  // have reached their deadline do not count.
  void wait_for_waiters(std::size_t count);

 private:
  struct Waiter {  // on the stack of the thread that waits
    WakeSignal& signal;
    std::uint32_t ticket;
    TimePoint deadline;
    Waiter* next;
  };
  bool is_asleep(const Waiter& waiter) const noexcept;
  void remove(const Waiter& waiter) noexcept;

  const Advance advance_;
  mutable std::mutex mutex_;             // guards what follows
  TimePoint now_ = kStart;               //
  Waiter* waiters_ = nullptr;            //
  std::condition_variable more_asleep_;  // a wait has begun
};

}  // namespace streamlab
