// engine/channel/waiting.hpp
//
// The one loop in which threads wait at a channel: look, arm, look again, sleep.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>

#include "engine/channel/clock.hpp"
#include "engine/channel/outcome.hpp"
#include "engine/channel/wake_list.hpp"

namespace streamlab {

// How long a wait may last. A requested stop takes precedence over everything, including available values:
// otherwise a loop over a busy channel could not be stopped.
struct WaitLimit {
  Clock::TimePoint deadline = Clock::kNoDeadline;
  std::stop_token stop = {};
  // Poll at this interval even without a notification; zero: not needed. For changes made by real-time
  // threads, which may not notify.
  Clock::Duration look_every = Clock::Duration::zero();
};

// A short pause between two looks at something that another thread is about to change.
inline void relax_processor() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

// A pause between attempts while another thread is in the middle of an operation. That takes nanoseconds, or,
// if the thread was preempted there, until it runs again: hence the yield.
class Pause {
 public:
  void operator()() noexcept {
    if (++count_ < 64) {
      relax_processor();
    } else {
      std::this_thread::yield();
    }
  }
  void reset() noexcept { count_ = 0; }

 private:
  int count_ = 0;
};

// Before it sleeps a thread looks a few times in a row and then yields a few times, some microseconds in all:
// a shorter wait would cost more as a sleep. The yields also let the other side of a queue that is always
// full (or empty) move several values at once instead of waking this side for each.
inline constexpr int kPausesBeforeSleep = 16;
inline constexpr int kYieldsBeforeSleep = 16;

// Sleeps until look() is true (returns nothing) or a limit is reached (returns which: stopped or timed_out).
// `arm(signal)` must make sure that `signal` is notified when look() may have become true; `disarm(signal)`
// ends that.
// Not for a real-time thread.
template <class Look, class Arm, class Disarm>
std::optional<Why> wait_until(Clock& clock, const WaitLimit& limit, Look&& look, Arm&& arm, Disarm&& disarm) {
  if (limit.stop.stop_requested()) { return Why::stopped; }
  for (int i = 0; i < kPausesBeforeSleep + kYieldsBeforeSleep; ++i) {
    if (look()) { return std::nullopt; }
    if (i < kPausesBeforeSleep) {
      relax_processor();
    } else {
      std::this_thread::yield();
    }
  }
  const std::shared_ptr<WakeSignal> signal = this_thread_signal();
  const auto notify = [&signal = *signal]() noexcept { signal.notify(); };
  std::optional<std::stop_callback<decltype(notify)>> on_stop;
  if (limit.stop.stop_possible()) { on_stop.emplace(limit.stop, notify); }
  std::optional<Why> end;
  while (true) {
    const std::uint32_t ticket = signal->ticket();
    arm(signal);
    if (limit.stop.stop_requested()) {
      end = Why::stopped;
      break;
    }
    if (look()) { break; }
    Clock::TimePoint until = limit.deadline;
    if (until != Clock::kNoDeadline && clock.now() >= until) {
      end = Why::timed_out;
      break;
    }
    if (limit.look_every > Clock::Duration::zero()) {
      until = std::min(until, clock.after(limit.look_every));
    }
    clock.wait(*signal, ticket, until);
  }
  disarm(*signal);
  return end;
}

}  // namespace streamlab
