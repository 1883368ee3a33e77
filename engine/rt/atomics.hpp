// engine/rt/atomics.hpp
//
// StdAtomics: the atomics that the queues of engine/rt are built on, as a template parameter. The product
// uses std::atomic; tests/relacy puts the model checker's atomics in their place, so that the code that is
// checked is the code that ships.
//
// A policy gives
//
//   Atomic<T>: load(order), store(value, order), exchange(value, order) and
//   compare_exchange_strong(expected, desired, success, failure).
//
//   Slot<T>: a plain variable that two threads use in turns: write(value), take().
//
//   The orders relaxed, acquire, release, acq_rel.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace streamlab {

struct StdAtomics {
  template <class T>
  using Atomic = std::atomic<T>;

  template <class T>
  class Slot {
   public:
    template <class U>
    void write(U&& value) noexcept {
      value_ = std::forward<U>(value);
    }
    T&& take() noexcept { return std::move(value_); }

   private:
    T value_{};
  };

  static constexpr std::memory_order relaxed = std::memory_order_relaxed;
  static constexpr std::memory_order acquire = std::memory_order_acquire;
  static constexpr std::memory_order release = std::memory_order_release;
  static constexpr std::memory_order acq_rel = std::memory_order_acq_rel;
};

// Variables written by different threads are kept this far apart: two cache lines, because hardware
// prefetchers fetch lines in pairs.
inline constexpr std::size_t kThreadSeparationBytes = 128;

}  // namespace streamlab
