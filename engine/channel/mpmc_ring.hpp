// engine/channel/mpmc_ring.hpp
//
// MpmcRing<T>: bounded, closable first-in-first-out queue between any number of threads.
//   Any thread: try_push(), try_pop(), close().  One thread at most: try_pop_alone(), while no other thread
//   calls try_pop(). Nothing is allocated after construction. The order is total: that of the positions.
//
// Every position 0, 1, 2, … is pushed once and popped once, at slot[position mod slots]. The slot's
// `sequence` says whose turn it is: p: position p may be pushed; p + 1: it may be popped; p + slots: it was
// popped, and p + slots may be pushed. With one slot the last two would be the same number, so there are at
// least two. (The idea of a sequence number per slot is D. Vyukov's bounded MPMC queue.)
//   (1) a push takes position p by moving tail_ from p to p + 1 (compare-exchange, relaxed: it only decides
//       who).
//   (2) it then writes the slot and stores sequence = p + 1 (release).
//   (3) a pop loads sequence (acquire) and goes on if it is p + 1. (2)-(3): it sees the value as written;
//       without the pair it could move out half a value.
//   (4) a pop takes position p by moving head_ (compare-exchange, or a plain store if it is alone), moves the
//       value out and stores sequence = p + slots (release).
//   (5) the push of position p + slots loads sequence (acquire) and goes on if it is p + slots. (4)-(5): the
//       value is out before the next one is written.
//   (6) capacity is exact though the number of slots is a power of two: position p may be pushed only when
//       p - capacity was popped, which the sequence of that position's slot tells. head_ is not read, so
//       pushing threads do not wait for the line that the popping thread writes.
//   (7) close() sets the lowest bit of tail_ (compare-exchange). A push that comes later fails at (1), which
//       compares that bit too; one that came earlier has its position in tail_. So once the bit is seen
//       (acquire) the last position is known: "closed, and head has reached tail" is exact, and no value is
//       accepted that no one gets.
//
// Between (1) and (2) a push can be interrupted by the scheduler: until it resumes, pops find nothing, even
// if later pushes are done. Nothing is lost or reordered, but a real-time thread must not depend on this
// queue.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/base/assert.hpp"
#include "engine/rt/atomics.hpp"

namespace streamlab {

// What MpmcRing needs in addition to StdAtomics: storage for a T that need not be default constructible.
struct RingAtomics : StdAtomics {
  template <class T>
  class Cell {
   public:
    Cell() noexcept {}   // empty
    ~Cell() noexcept {}  // the ring has emptied it
    Cell(const Cell&) = delete;
    Cell& operator=(const Cell&) = delete;

    void fill(T&& value) noexcept { std::construct_at(&value_, std::move(value)); }
    // Hands the value to `take` and leaves the cell empty.
    template <class Take>
    void empty_into(Take&& take) noexcept {
      take(std::move(value_));
      std::destroy_at(&value_);
    }

   private:
    union {
      T value_;
    };
  };
};

enum class Push { done, full, closed };

template <class T, class Atomics = RingAtomics>
class MpmcRing {
  static_assert(std::is_nothrow_move_constructible_v<T>, "a push or a pop must not fail half way");

 public:
  // Holds at most `capacity` values, 1 or more.
  explicit MpmcRing(std::size_t capacity)
      : slots_(std::bit_ceil(std::max<std::size_t>(capacity, 2))),
        mask_(slots_.size() - 1),
        capacity_(capacity) {
    SL_ASSERT(capacity > 0, "a ring holds at least one value");
    for (std::size_t i = 0; i < slots_.size(); ++i) { slots_[i].sequence.store(i, Atomics::relaxed); }
  }
  MpmcRing(const MpmcRing&) = delete;
  MpmcRing& operator=(const MpmcRing&) = delete;
  // Destroys what was not popped. No other call may be in progress.
  ~MpmcRing() {
    while (try_pop([](T&&) noexcept {})) {}
  }

  // Moves from `value` only when it returns `done`. Also returns `full` while the pop that makes room is in
  // progress.
  [[nodiscard]] Push try_push(T& value) noexcept {
    std::uint64_t tail = tail_.value.load(Atomics::relaxed);
    while (true) {
      if ((tail & kClosed) != 0) { return Push::closed; }
      const std::uint64_t position = tail >> 1U;
      Slot& slot = slots_[position & mask_];
      if (!has_been_popped(position - capacity_) ||
          is_before(slot.sequence.load(Atomics::acquire), position)) {  // (5), (6)
        const std::uint64_t now = tail_.value.load(Atomics::relaxed);
        if (now == tail) { return Push::full; }
        tail = now;
        continue;
      }
      if (tail_.value.compare_exchange_strong(tail, tail + kOne, Atomics::relaxed,
                                              Atomics::relaxed)) {  // (1)
        slot.cell.fill(std::move(value));
        slot.sequence.store(position + 1, Atomics::release);  // (2)
        return Push::done;
      }
    }
  }

  // Passes the oldest value to take(T&&), which must not throw. False if there is none, and also while the
  // push of the oldest is in progress.
  template <class Take>
  [[nodiscard]] bool try_pop(Take&& take) noexcept {
    std::uint64_t head = head_.value.load(Atomics::relaxed);
    while (true) {
      Slot& slot = slots_[head & mask_];
      if (is_before(slot.sequence.load(Atomics::acquire), head + 1)) {  // (3)
        const std::uint64_t now = head_.value.load(Atomics::relaxed);
        if (now == head) { return false; }
        head = now;
        continue;
      }
      if (head_.value.compare_exchange_strong(head, head + 1, Atomics::release, Atomics::relaxed)) {  // (4)
        hand_over(slot, head, take);
        return true;
      }
    }
  }

  // try_pop() for a thread that is the only one to pop: without the compare-exchange.
  template <class Take>
  [[nodiscard]] bool try_pop_alone(Take&& take) noexcept {
    const std::uint64_t head = head_.value.load(Atomics::relaxed);
    Slot& slot = slots_[head & mask_];
    if (slot.sequence.load(Atomics::acquire) != head + 1) { return false; }  // (3)
    head_.value.store(head + 1, Atomics::release);                           // (4)
    hand_over(slot, head, take);
    return true;
  }

  // No more values are accepted. May be called twice.
  void close() noexcept {
    std::uint64_t tail = tail_.value.load(Atomics::relaxed);
    while ((tail & kClosed) == 0 &&
           !tail_.value.compare_exchange_strong(tail, tail | kClosed, Atomics::acq_rel, Atomics::relaxed)) {
    }  // (7)
  }
  bool closed() const noexcept { return (tail_.value.load(Atomics::acquire) & kClosed) != 0; }  // (7)
  // Closed, and every value popped.
  bool ended() const noexcept {
    const std::uint64_t tail = tail_.value.load(Atomics::acquire);  // (7)
    return (tail & kClosed) != 0 && head_.value.load(Atomics::relaxed) == tail >> 1U;
  }

  // Values ever accepted; never decreases.
  std::uint64_t pushed() const noexcept { return tail_.value.load(Atomics::acquire) >> 1U; }
  // Exact when no thread is active, else correct for some recent moment.
  std::size_t size() const noexcept {
    // The head first (its store is a release only for this): both only grow and the tail is never behind, so
    // the difference cannot be negative.
    const std::uint64_t head = head_.value.load(Atomics::acquire);
    const std::uint64_t queued = pushed() - head;
    return static_cast<std::size_t>(queued < capacity_ ? queued : capacity_);
  }
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  using Counter = typename Atomics::template Atomic<std::uint64_t>;
  static constexpr std::uint64_t kClosed = 1;
  static constexpr std::uint64_t kOne = 2;

  struct Slot {
    Counter sequence{0};
    typename Atomics::template Cell<T> cell;
  };
  struct alignas(kThreadSeparationBytes) SharedCounter {
    Counter value{0};
  };

  // Both count positions from 0, except those before the beginning (6), which wrap: hence the signed
  // difference.
  static bool is_before(std::uint64_t sequence, std::uint64_t position) noexcept {
    return static_cast<std::int64_t>(sequence - position) < 0;
  }
  bool has_been_popped(std::uint64_t position) const noexcept {
    return !is_before(slots_[position & mask_].sequence.load(Atomics::acquire), position + slots_.size());
  }
  template <class Take>
  void hand_over(Slot& slot, std::uint64_t position, Take& take) noexcept {
    slot.cell.empty_into(take);
    slot.sequence.store(position + slots_.size(), Atomics::release);  // (4)
  }

  std::vector<Slot> slots_;
  const std::size_t mask_;
  const std::size_t capacity_;
  SharedCounter tail_;  // 2 x the next position to push, + 1 when closed
  SharedCounter head_;  // the next position to pop
};

}  // namespace streamlab
