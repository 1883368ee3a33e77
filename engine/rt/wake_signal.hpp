// engine/rt/wake_signal.hpp
//
// WakeSignal: lets threads that are not real-time sleep until something has changed, without a lock.
//
//   Waiting thread                                Notifying thread
//     const auto ticket = signal.ticket();          change what the waiter looks at
//     if (there is nothing to do) {                 signal.notify();
//       signal.wait(ticket, deadline);
//     }
//
// No wake-up is lost. epoch_ counts the notifications, waiters_ the threads in wait():
//   (1) notify() adds one to epoch_, then loads waiters_ and wakes if there are any.
//   (2) wait() adds one to waiters_, then compares epoch_ with the ticket before it sleeps.
//   All four are sequentially consistent, so of (1) and (2) at least one sees what the other wrote: either
//   the waiter sees the new epoch and does not sleep, or the notifier sees the waiter and wakes it. With
//   weaker orders both could miss.
//   (3) the kernel compares epoch_ once more under its own lock as it puts the thread to sleep, and a wake-up
//       takes the same lock: there is no moment between the last look and the sleep.
//   (4) ticket() loads epoch_ (acquire): if it already holds the notification's increment (1), the change
//       that came before it is visible; if it does not, epoch_ differs from the ticket by the time of (2) or (3).
// A ticket is mistaken for a new one only after exactly 2^32 notifications between ticket() and wait().
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace streamlab {

class WakeSignal {
 public:
  using Clock = std::chrono::steady_clock;

  WakeSignal() = default;
  WakeSignal(const WakeSignal&) = delete;
  WakeSignal& operator=(const WakeSignal&) = delete;

  // Any thread; wait-free. To be taken before looking whether there is something to do.
  std::uint32_t ticket() const noexcept { return epoch_.load(std::memory_order_acquire); }  // (4)

  // Any thread but a real-time one: with a thread asleep this is a system call. Otherwise two atomic
  // accesses.
  void notify() noexcept {
    epoch_.fetch_add(1, std::memory_order_seq_cst);                              // (1)
    if (waiters_.load(std::memory_order_seq_cst) != 0) { wake_all_sleepers(); }  // (1)
  }

  // Not for a real-time thread. Sleeps until a notify() that came after `ticket` was taken. Wakes up for
  // nothing at times: look again whether there is something to do. False if `deadline` came first.
  bool wait(std::uint32_t ticket, Clock::time_point deadline) noexcept;
  bool wait(std::uint32_t ticket, std::chrono::nanoseconds timeout) noexcept;
  void wait(std::uint32_t ticket) noexcept { wait(ticket, Clock::time_point::max()); }

 private:
  void wake_all_sleepers() noexcept;

  std::atomic<std::uint32_t> epoch_{0};
  std::atomic<std::uint32_t> waiters_{0};
};

}  // namespace streamlab
