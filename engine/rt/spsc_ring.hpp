// engine/rt/spsc_ring.hpp
//
// SpscRing<T>: bounded first-in-first-out queue of small values between exactly two threads.
//   Producer: try_push(), try_push_n().  Consumer: try_pop(), try_pop_n().
//   All wait-free; nothing is allocated after construction.
//
// A push writes position w and the pop that returns it reads it:
//   (1) push writes slot[w], then stores tail_ = w + 1 (release).
//   (2) pop loads tail_ (acquire) and sees at least w + 1. (1)-(2): the write happens before the
//       read, so pop never sees half a value.
//   (3) pop copies slot[w] out, then stores head_ = w + 1 (release).
//   (4) a push reuses the slot only after loading head_ (acquire) >= w + 1. (3)-(4): the copy
//       happens before the overwrite, so no value changes while the consumer reads it.
//   (5) each thread keeps its own counter in a variable that only it touches; tail_ and head_ are copies
//       for the other side, stored and never loaded by their writer.
// The cached copy of the other side's counter may be stale. That is safe: it only under-reports room or
// data, and it is refreshed before a failure is returned. The counters have 64 bits and count every value
// ever moved: at 10^9 a second they wrap after 584 years. They are masked on use, so full and empty need no
// spare slot, and the limit is exactly the capacity asked for while storage is the next power of two.
//
// tail_ and head_ each have a cache line to themselves, apart from what their writer reads: while the other
// side polls that line its writer does not have it, and would have to wait for anything else in it. A round
// trip took 1.55 times the limit (two cache lines) with both counters of a side in one line, and 1.0 times
// this way.
//
// tests/relacy checks this very file under the model checker and shows that (1) and (3) cannot be weakened.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/base/aligned_buffer.hpp"
#include "engine/base/assert.hpp"
#include "engine/rt/atomics.hpp"

namespace streamlab {

// T: default constructible, with assignment that does not throw. `Atomics`: see atomics.hpp.
template <class T, class Atomics = StdAtomics>
class SpscRing {
  static_assert(std::is_nothrow_move_assignable_v<T>, "a push or a pop must not fail half way");

 public:
  // Holds at most `capacity` values, 1 or more.
  explicit SpscRing(std::size_t capacity)
      : slots_(std::bit_ceil(capacity)), mask_(slots_.size() - 1), capacity_(capacity) {
    SL_ASSERT(capacity > 0, "a ring holds at least one value");
  }
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  // Producer. False, and nothing has changed, when the ring is full.
  [[nodiscard]] bool try_push(const T& value) noexcept { return push(value); }
  [[nodiscard]] bool try_push(T&& value) noexcept { return push(std::move(value)); }

  // Producer. Copies as many of `values` as there is room for, from the front, and returns how many.
  [[nodiscard]] std::size_t try_push_n(std::span<const T> values) noexcept {
    const std::uint64_t tail = producer_.tail;  // (5)
    if (capacity_ - (tail - producer_.seen_head) < values.size()) {
      producer_.seen_head = head_.value.load(Atomics::acquire);  // (4)
    }
    const std::size_t count = std::min<std::size_t>(capacity_ - (tail - producer_.seen_head), values.size());
    const std::size_t begin = tail & mask_;
    const std::size_t before_wrap = std::min(count, slots_.size() - begin);
    for (std::size_t i = 0; i < before_wrap; ++i) { slots_[begin + i].write(values[i]); }
    for (std::size_t i = before_wrap; i < count; ++i) { slots_[i - before_wrap].write(values[i]); }
    if (count > 0) { advance_tail(tail + count); }
    return count;
  }

  // Consumer. Nothing, and nothing has changed, when the ring is empty.
  [[nodiscard]] bool try_pop(T& value) noexcept {
    const std::uint64_t head = consumer_.head;  // (5)
    if (head == consumer_.seen_tail) {
      consumer_.seen_tail = tail_.value.load(Atomics::acquire);  // (2)
      if (head == consumer_.seen_tail) { return false; }
    }
    value = slots_[head & mask_].take();
    advance_head(head + 1);
    return true;
  }
  [[nodiscard]] std::optional<T> try_pop() noexcept {
    std::optional<T> value{std::in_place};
    if (!try_pop(*value)) { value.reset(); }
    return value;
  }

  // Consumer. Moves as many values as there are into the front of `values`, and returns how many.
  [[nodiscard]] std::size_t try_pop_n(std::span<T> values) noexcept {
    const std::uint64_t head = consumer_.head;  // (5)
    if (consumer_.seen_tail - head < values.size()) {
      consumer_.seen_tail = tail_.value.load(Atomics::acquire);  // (2)
    }
    const std::size_t count = std::min<std::size_t>(consumer_.seen_tail - head, values.size());
    const std::size_t begin = head & mask_;
    const std::size_t before_wrap = std::min(count, slots_.size() - begin);
    for (std::size_t i = 0; i < before_wrap; ++i) { values[i] = slots_[begin + i].take(); }
    for (std::size_t i = before_wrap; i < count; ++i) { values[i] = slots_[i - before_wrap].take(); }
    if (count > 0) { advance_head(head + count); }
    return count;
  }

  // Any thread. 0 .. capacity(); exact when neither side is active, else correct for some recent moment.
  std::size_t size_approx() const noexcept {
    // The head first: both only grow and the tail is never behind, so the difference cannot be negative.
    const std::uint64_t head = head_.value.load(Atomics::acquire);
    const std::uint64_t tail = tail_.value.load(Atomics::acquire);
    return static_cast<std::size_t>(std::min<std::uint64_t>(tail - head, capacity_));
  }

  std::size_t capacity() const noexcept { return capacity_; }

 private:
  using Counter = typename Atomics::template Atomic<std::uint64_t>;
  using Slot = typename Atomics::template Slot<T>;

  template <class U>
  bool push(U&& value) noexcept {
    const std::uint64_t tail = producer_.tail;  // (5)
    if (tail - producer_.seen_head == capacity_) {
      producer_.seen_head = head_.value.load(Atomics::acquire);  // (4)
      if (tail - producer_.seen_head == capacity_) { return false; }
    }
    slots_[tail & mask_].write(std::forward<U>(value));
    advance_tail(tail + 1);
    return true;
  }

  void advance_tail(std::uint64_t tail) noexcept {
    producer_.tail = tail;
    tail_.value.store(tail, Atomics::release);  // (1)
  }
  void advance_head(std::uint64_t head) noexcept {
    consumer_.head = head;
    head_.value.store(head, Atomics::release);  // (3)
  }

  struct alignas(kThreadSeparationBytes) SharedCounter {
    Counter value{0};
  };

  // Read by both threads, written by none.
  AlignedVector<Slot> slots_;
  const std::size_t mask_;
  const std::size_t capacity_;
  // The producer's own.
  struct alignas(kThreadSeparationBytes) {
    std::uint64_t tail = 0;       // values ever pushed
    std::uint64_t seen_head = 0;  // head_ when last looked at
  } producer_;
  // The consumer's own.
  struct alignas(kThreadSeparationBytes) {
    std::uint64_t head = 0;       // values ever popped
    std::uint64_t seen_tail = 0;  // tail_ when last looked at
  } consumer_;
  SharedCounter tail_;  // written by the producer
  SharedCounter head_;  // written by the consumer
};

}  // namespace streamlab
