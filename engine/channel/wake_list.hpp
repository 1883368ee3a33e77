// engine/channel/wake_list.hpp
//
// WakeList: the threads that wait at one end of a channel, each with its WakeSignal.
//
//   Waiting thread                              Other thread
//     const auto ticket = signal->ticket();       change what the waiting thread looks at
//     list.arm(signal);                           list.fire();
//     if (there is nothing to do) {
//       signal->wait(ticket);
//     }
//     list.disarm(*signal);
//
// One signal may be armed at several lists: select() waits that way. A signal is armed for one fire(); arm it
// again to continue waiting.
//
// No wake-up is lost, and fire() with no signal armed costs a fence and a load:
//   (1) fire() comes after the change, executes a sequentially consistent fence, then loads armed_.
//   (2) arm() stores armed_ > 0, executes a sequentially consistent fence; then the thread looks.
//   Of the two fences one comes first in their total order: either (1), and then the look after (2) sees the
//   change; or (2), and then the load after (1) sees armed_ > 0 and notifies. Without either fence both
//   threads could miss what the other wrote. The ticket is taken before arm(), so a notification between
//   arm() and the sleep ends the sleep.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/rt/wake_signal.hpp"

namespace streamlab {

// All members: any thread but a real-time one.
class WakeList {
 public:
  WakeList() = default;
  WakeList(const WakeList&) = delete;
  WakeList& operator=(const WakeList&) = delete;

  // The next fire() notifies `signal`. Armed twice it is kept once. May allocate.
  void arm(std::shared_ptr<WakeSignal> signal);
  // Does nothing if it is not armed (any more).
  void disarm(const WakeSignal& signal) noexcept;

  // Notifies all armed signals and disarms them.
  void fire() noexcept {
    if (anybody_armed()) { notify(kAll); }
  }
  // Notifies the signal that has been armed longest: for changes that serve one thread. A thread that was
  // armed here and leaves unserved must call this again, because it may have taken the notification.
  void fire_one() noexcept {
    if (anybody_armed()) { notify(1); }
  }

 private:
  static constexpr std::size_t kAll = ~std::size_t{0};

  bool anybody_armed() const noexcept;
  void notify(std::size_t count) noexcept;

  std::atomic<std::uint32_t> armed_{0};  // signals_.size()
  std::mutex mutex_;                     // guards what follows
  std::vector<std::shared_ptr<WakeSignal>> signals_;
};

// The signal of the calling thread, for its own waits: a thread sleeps in one place at a time. The first call
// allocates.
const std::shared_ptr<WakeSignal>& this_thread_signal();

// g++ warns about every fence that the thread sanitizer does not model it. It need not: here fences order
// only atomics, and the data itself is also ordered by release and acquire.
#if defined(__SANITIZE_THREAD__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
inline void full_fence() noexcept { std::atomic_thread_fence(std::memory_order_seq_cst); }
#if defined(__SANITIZE_THREAD__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

inline bool WakeList::anybody_armed() const noexcept {
  full_fence();                                        // (1)
  return armed_.load(std::memory_order_relaxed) != 0;  // (1)
}

}  // namespace streamlab
