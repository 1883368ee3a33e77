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

// How long a wait may last. A stop that is requested wins over everything, values that are there included:
// else a loop over a busy channel could not be stopped.
struct WaitLimit {
  Clock::TimePoint deadline = Clock::kNoDeadline;
  std::stop_token stop = {};
  // Look again after this time though nobody said that something changed; zero: no need. For what real-time
  // threads change, who may not notify.
  Clock::Duration look_every = Clock::Duration::zero();
};

// A short pause between two looks at what another thread is about to change.
inline void relax_processor() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

// Between attempts to do what another thread is in the middle of, which takes it some nanoseconds; or, if it
// has been interrupted there, until it gets its processor back: hence the yield.
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

// Before it sleeps a thread looks a few times in a row and then gives its processor away a few times, some
// microseconds in all: what takes less would cost more to sleep for. The yields also let the other side of a
// queue that is always full (or empty) move several values at a time, instead of waking this side for each.
inline constexpr int kPausesBeforeSleep = 16;
inline constexpr int kYieldsBeforeSleep = 16;

// Sleeps until look() is true (nothing is returned) or a limit is reached (which one is returned: stopped or
// timed_out). `arm(signal)` must see to it that `signal` is notified when look() may have become true;
// `disarm(signal)` ends that.
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
