// engine/rt/handle_ring.hpp
//
// HandleRing<T>: bounded queue of pointers between two threads, where the producer too may remove the oldest.
// drop_oldest needs that, and a plain SPSC ring cannot do it: there only the consumer moves the head. Here
// both move it, by compare-exchange.
//   Producer: has_room(), push(), take_oldest(), depth().  Consumer: pop().
//   All wait-free; nothing is allocated after construction.
//
// Entry w is written by one push and leaves by one winner, the consumer or the producer:
//   (1) push writes slot[w] (relaxed), then stores tail_ = w + 1 (release).
//   (2) pop loads tail_ (acquire) and sees at least w + 1. (1)-(2): it reads slot[w] as pushed, or as a
//       later push left it; and what the pointer refers to was written before. Without the pair the consumer
//       could follow a pointer to a half-rendered block.
//   (3) pop moves head_ from w to w + 1 (compare-exchange, release). Winning proves that slot[w] had not
//       been overwritten when it was read: the producer reuses the slot only after it has seen head_ > w,
//       head_ never goes back, and a compare-exchange works on the newest value. A value read before a lost
//       exchange is discarded; the slot is atomic only to make that harmless read defined.
//   (4) the producer loads head_ (acquire) before it relies on the room. (3)-(4): what the consumer did
//       before it popped, the producer sees; above all the buffers that it gave back. The edge's count of
//       buffers rests on this pair.
//   (5) take_oldest moves head_ from w to w + 1 (compare-exchange, release): the one exchange that
//       drop_oldest costs (drop_buffer: one for each block). If it fails the consumer has popped w in the meantime, and there is room.
//   (6) pop loads head_ (acquire). (5)-(6): it then sees every push that came before the take, so tail_
//       is never behind head_ in its view, and "head == tail" is the whole test for empty.
//   (7) the producer keeps its own copy of tail_, which it alone writes.
// Cached copies of the other side's counter can only under-report room or data, and are refreshed before a
// failure is returned. Counters have 64 bits: no entry number ever returns (no ABA).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/base/assert.hpp"
#include "engine/rt/atomics.hpp"

namespace streamlab {

// Queues T*; a null pointer means "none". `Atomics`: see atomics.hpp.
template <class T, class Atomics = StdAtomics>
class HandleRing {
 public:
  // Holds at most `capacity` pointers, 1 or more.
  explicit HandleRing(std::size_t capacity)
      : slots_(std::bit_ceil(capacity)), mask_(slots_.size() - 1), capacity_(capacity) {
    SL_ASSERT(capacity > 0, "a ring holds at least one handle");
  }
  HandleRing(const HandleRing&) = delete;
  HandleRing& operator=(const HandleRing&) = delete;

  // Producer. Is there room for `entries` more? Once true, true until the next push.
  [[nodiscard]] bool has_room(std::size_t entries = 1) noexcept {
    if (tail() - producer_.seen_head + entries <= capacity_) { return true; }
    return depth() + entries <= capacity_;
  }

  // Producer. Entries that are queued now, 0 .. capacity.
  std::size_t depth() noexcept {
    producer_.seen_head = head_.value.load(Atomics::acquire);  // (4)
    return tail() - producer_.seen_head;
  }
  // Producer. Never less than depth(); does not load the consumer's counter.
  std::size_t depth_at_most() const noexcept { return tail() - producer_.seen_head; }

  // Producer. has_room() must hold.
  void push(T* handle) noexcept {
    const std::uint64_t at = tail();
    SL_ASSERT(at - producer_.seen_head < capacity_, "a handle is pushed only where there is room");
    slots_[at & mask_].store(handle, Atomics::relaxed);
    producer_.tail = at + 1;
    tail_.value.store(at + 1, Atomics::release);  // (1)
  }

  // Producer, right after has_room() returned false or depth() more than 0. The oldest handle, which the
  // consumer now will not get, or none because the consumer has just popped it. Either way there is room.
  [[nodiscard]] T* take_oldest() noexcept {
    std::uint64_t head = producer_.seen_head;
    T* const oldest = slots_[head & mask_].load(Atomics::relaxed);
    if (head_.value.compare_exchange_strong(head, head + 1, Atomics::acq_rel, Atomics::acquire)) {  // (5)
      producer_.seen_head = head + 1;
      return oldest;
    }
    producer_.seen_head = head;  // (4): the failed exchange loaded it with acquire
    return nullptr;
  }

  // Consumer. The oldest handle, or none when the ring is empty. A producer that drops as fast as the
  // consumer looks can win a few times in a row; to bound the work, the answer after kAttempts lost exchanges
  // is "none" as well.
  [[nodiscard]] T* pop() noexcept {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      std::uint64_t head = head_.value.load(Atomics::acquire);  // (6)
      if (head >= consumer_.seen_tail) {
        consumer_.seen_tail = tail_.value.load(Atomics::acquire);  // (2)
        if (head == consumer_.seen_tail) { return nullptr; }
      }
      T* const oldest = slots_[head & mask_].load(Atomics::relaxed);
      if (head_.value.compare_exchange_strong(head, head + 1, Atomics::acq_rel, Atomics::acquire)) {  // (3)
        return oldest;
      }
    }
    return nullptr;
  }

  // Consumer; for other threads true of some recent moment.
  bool empty() const noexcept {
    const std::uint64_t head = head_.value.load(Atomics::acquire);  // (6)
    return head == tail_.value.load(Atomics::acquire);              // (2)
  }

  std::size_t capacity() const noexcept { return capacity_; }

 private:
  using Counter = typename Atomics::template Atomic<std::uint64_t>;
  static constexpr int kAttempts = 8;

  struct alignas(kThreadSeparationBytes) SharedCounter {
    Counter value{0};
  };

  std::uint64_t tail() const noexcept { return producer_.tail; }  // (7)

  // Read by both threads, written by none (the entries aside).
  std::vector<typename Atomics::template Atomic<T*>> slots_;
  const std::size_t mask_;
  const std::size_t capacity_;
  // The producer's own.
  struct alignas(kThreadSeparationBytes) {
    std::uint64_t tail = 0;       // entries ever pushed
    std::uint64_t seen_head = 0;  // head_ when last looked at
  } producer_;
  // The consumer's own.
  struct alignas(kThreadSeparationBytes) {
    std::uint64_t seen_tail = 0;  // tail_ when last looked at
  } consumer_;
  SharedCounter tail_;  // written by the producer
  SharedCounter head_;  // entries that have left, popped or taken; written by both
};

}  // namespace streamlab
