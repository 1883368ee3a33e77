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
// One signal may be armed at several lists: that is how select() waits. A signal is armed for one fire(); who
// goes on waiting arms again.
//
// No wake-up is lost, and with nobody armed fire() costs a fence and a load:
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
  // Nothing to do where it is not armed (any more).
  void disarm(const WakeSignal& signal) noexcept;

  // Notifies everybody armed, who then are armed no more.
  void fire() noexcept {
    if (anybody_armed()) { notify(kAll); }
  }
  // Notifies the one that has been armed longest: for changes that serve one thread. Who was armed here and
  // goes away unserved must call it once more, because it may have been the one.
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

// The signal of the calling thread, for its own waits: a thread sleeps in one place at a time. Allocates the
// first time.
const std::shared_ptr<WakeSignal>& this_thread_signal();

// g++ says of every fence under the thread sanitizer that it does not see it. It need not: here fences order
// only atomics, and what is handed over is ordered by release and acquire as well.
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
