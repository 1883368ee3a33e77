// engine/channel/clock.cpp
#include "engine/channel/clock.hpp"

namespace streamlab {
namespace {

class SteadyClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return std::chrono::steady_clock::now(); }
  bool wait(WakeSignal& signal, std::uint32_t ticket, TimePoint deadline) noexcept override {
    return signal.wait(ticket, deadline);
  }
};

}  // namespace

Clock::TimePoint Clock::after(Duration duration) const noexcept {
  const TimePoint from = now();
  if (duration > Duration::zero() && duration > kNoDeadline - from) { return kNoDeadline; }
  return from + duration;
}

Clock& steady_clock() {
  static SteadyClock clock;
  return clock;
}

Clock::TimePoint VirtualClock::now() const noexcept {
  const std::lock_guard lock(mutex_);
  return now_;
}

bool VirtualClock::wait(WakeSignal& signal, std::uint32_t ticket, TimePoint deadline) noexcept {
  if (signal.ticket() != ticket) { return true; }
  Waiter me{signal, ticket, deadline, nullptr};
  {
    const std::lock_guard lock(mutex_);
    if (deadline <= now_) { return false; }
    if (advance_ == Advance::when_idle && deadline != kNoDeadline) {
      now_ = deadline;
      for (Waiter* waiter = waiters_; waiter != nullptr; waiter = waiter->next) {
        if (waiter->deadline <= now_) { waiter->signal.notify(); }
      }
      return false;
    }
    me.next = waiters_;
    waiters_ = &me;
    more_asleep_.notify_all();
  }
  // An advance that reaches the deadline also notifies; the time tells that apart from a real notification.
  signal.wait(ticket);
  const std::lock_guard lock(mutex_);
  remove(me);
  return now_ < deadline;
}

void VirtualClock::advance(Duration duration) noexcept { advance_to(after(duration)); }

void VirtualClock::advance_to(TimePoint time) noexcept {
  const std::lock_guard lock(mutex_);
  if (time <= now_) { return; }
  for (Waiter* waiter = waiters_; waiter != nullptr; waiter = waiter->next) {
    if (waiter->deadline <= time && waiter->deadline > now_) { waiter->signal.notify(); }
  }
  now_ = time;
}

void VirtualClock::wait_for_waiters(std::size_t count) {
  std::unique_lock lock(mutex_);
  more_asleep_.wait(lock, [&] {
    std::size_t asleep = 0;
    for (const Waiter* waiter = waiters_; waiter != nullptr; waiter = waiter->next) {
      asleep += is_asleep(*waiter) ? 1U : 0U;
    }
    return asleep >= count;
  });
}

bool VirtualClock::is_asleep(const Waiter& waiter) const noexcept {
  return waiter.deadline > now_ && waiter.signal.ticket() == waiter.ticket;
}

void VirtualClock::remove(const Waiter& waiter) noexcept {
  Waiter** link = &waiters_;
  while (*link != &waiter) { link = &(*link)->next; }
  *link = waiter.next;
}

}  // namespace streamlab
