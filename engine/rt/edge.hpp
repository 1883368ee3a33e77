// engine/rt/edge.hpp
//
// Edge<Buffer>: a bounded queue of blocks between two threads. It owns all its buffers; full ones travel
// forward as handles, used ones travel back; nothing is copied or allocated after construction.
//
//   Producer                              Consumer
//     if (Buffer* b = edge.acquire()) {     if (Buffer* b = edge.try_pop()) {
//       render into *b                        read *b
//       edge.commit(b);                       edge.release(b);
//     }                                     } else if (edge.ended()) { there will be no more }
//     edge.close() when there is no more
//
// Exactly one producer thread and one consumer thread; all their calls are wait-free. Waiting (policy block)
// is done outside, for instance on a WakeSignal.
//
// Why capacity + 2 buffers are enough for acquire() under drop_oldest, drop_buffer or latest always to find
// one: a buffer is queued (at most `capacity`), or in the consumer's hands (at most 1), or in the producer's
// hands (at most 1), or free. While the producer asks, it holds none, so at least one is free. The producer
// also *sees* it: between two pops the consumer gives back the first buffer, and a producer that has seen the
// second pop also sees that (pair (3)-(4) of handle_ring.hpp); so the same count holds in the producer's
// view, however stale.
//   The contents of a buffer are handed over by the pairs (1)-(2) of the two rings.
//
// Accounting: pushed counts the blocks offered, including those not taken; delivered, those that the consumer
// got; dropped, those that it will never get. pushed = delivered + dropped + in_queue, exactly.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "engine/base/assert.hpp"
#include "engine/base/overflow_policy.hpp"
#include "engine/rt/atomics.hpp"
#include "engine/rt/handle_ring.hpp"
#include "engine/rt/spsc_ring.hpp"

namespace streamlab {

// A snapshot. pushed = delivered + dropped + in_queue always; while the edge is in use, in_queue may include
// blocks that came or went while the snapshot was taken.
struct EdgeCounters {
  std::uint64_t pushed = 0;
  std::uint64_t delivered = 0;
  std::uint64_t dropped = 0;
  std::uint64_t in_queue = 0;
  std::uint64_t high_water = 0;  // most blocks ever queued at once, as the producer saw it
};

// `Atomics`: see atomics.hpp.
template <class Buffer, class Atomics = StdAtomics>
class Edge {
 public:
  // Control thread. Makes capacity + 2 buffers with `make_buffer`. `capacity` is 1 or more; policy latest
  // makes it 1.
  Edge(std::size_t capacity, OverflowPolicy policy, const std::function<Buffer()>& make_buffer)
      : policy_(policy),
        queue_(policy == OverflowPolicy::latest ? 1 : capacity),
        returned_(queue_.capacity() + 2) {
    producer_.free.reserve(queue_.capacity() + 2);
    for (std::size_t i = 0; i < queue_.capacity() + 2; ++i) {
      producer_.free.push_back(&buffers_.emplace_back(make_buffer).buffer);
    }
  }
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;

  // ---- Producer ----------------------------------------------------------------------------------------

  // Can acquire() give `blocks` buffers in a row without waiting or losing one? Once true, true until the
  // next commit().
  [[nodiscard]] bool has_room(std::size_t blocks) noexcept { return takes_back() || queue_.has_room(blocks); }

  // A buffer to render the next block into, or none if the edge is full and the policy is
  //   block        wait for room and ask again; nothing is counted
  //   drop_newest  the block is lost and counted: go on with the next one
  //   fail         likewise, and failed() is true from now on
  // drop_oldest, drop_buffer and latest always give one. Its contents are left over from its last use. Asking
  // again before commit() gives the same buffer.
  [[nodiscard]] Buffer* acquire() noexcept {
    SL_ASSERT(!producer_.closed.load(Atomics::relaxed), "no block comes after the end mark");
    if (producer_.in_hand != nullptr) { return producer_.in_hand; }
    if (!takes_back() && !queue_.has_room()) {
      if (policy_ == OverflowPolicy::block) { return nullptr; }
      add_one(producer_.pushed);
      add_one(producer_.dropped);
      if (policy_ == OverflowPolicy::fail) { producer_.failed.store(1, Atomics::release); }
      return nullptr;
    }
    return producer_.in_hand = take_free();
  }

  // Gives the rendered buffer of acquire() to the consumer. Under drop_oldest and latest a full edge first
  // loses its oldest block, under drop_buffer every block in it (at most `capacity` steps).
  void commit(Buffer* buffer) noexcept {
    SL_ASSERT(buffer != nullptr && buffer == producer_.in_hand, "commit() takes what acquire() gave");
    producer_.in_hand = nullptr;
    add_one(producer_.pushed);
    if (!queue_.has_room()) {
      SL_ASSERT(takes_back(), "only a policy that takes back blocks renders one before there is room for it");
      take_back_oldest();
      if (policy_ == OverflowPolicy::drop_buffer) {
        while (queue_.depth() > 0) { take_back_oldest(); }
      }
    }
    const std::uint64_t high_water = producer_.high_water.load(Atomics::relaxed);
    if (queue_.depth_at_most() >= high_water) {
      producer_.high_water.store(std::max<std::uint64_t>(high_water, queue_.depth() + 1), Atomics::relaxed);
    }
    queue_.push(buffer);
  }

  // Gives back the buffer of acquire() unused; nothing is counted.
  void abandon(Buffer* buffer) noexcept {
    SL_ASSERT(buffer != nullptr && buffer == producer_.in_hand, "abandon() takes what acquire() gave");
    producer_.in_hand = nullptr;
    producer_.free.push_back(buffer);
  }

  // The end mark: what is queued is still delivered, nothing follows. May be called twice.
  void close() noexcept {
    if (producer_.in_hand != nullptr) { abandon(producer_.in_hand); }
    producer_.closed.store(1, Atomics::release);  // (E1)
  }

  // ---- Consumer ----------------------------------------------------------------------------------------

  // The oldest block, or none. The consumer may hold one buffer at a time, until release().
  [[nodiscard]] Buffer* try_pop() noexcept {
    SL_ASSERT(consumer_.in_hand == nullptr, "the consumer holds one buffer at a time");
    Buffer* const buffer = queue_.pop();
    if (buffer == nullptr) { return nullptr; }
    consumer_.in_hand = buffer;
    add_one(consumer_.delivered);
    return buffer;
  }

  void release(Buffer* buffer) noexcept {
    SL_ASSERT(buffer != nullptr && buffer == consumer_.in_hand, "release() takes what try_pop() gave");
    consumer_.in_hand = nullptr;
    [[maybe_unused]] const bool kept = returned_.try_push(buffer);
    SL_ASSERT(kept, "the return ring has room for every buffer");
  }

  // Closed, and every block taken: try_pop() will give no more.
  [[nodiscard]] bool ended() const noexcept {
    // (E2) pairs with (E1): having seen the mark, empty() sees every push before it.
    return producer_.closed.load(Atomics::acquire) != 0 && queue_.empty();
  }

  // ---- Any thread --------------------------------------------------------------------------------------

  // Policy fail, and a block did not fit.
  [[nodiscard]] bool failed() const noexcept { return producer_.failed.load(Atomics::acquire) != 0; }

  std::uint64_t pushed() const noexcept { return producer_.pushed.load(Atomics::relaxed); }
  std::uint64_t delivered() const noexcept { return consumer_.delivered.load(Atomics::relaxed); }
  std::uint64_t dropped() const noexcept { return producer_.dropped.load(Atomics::relaxed); }
  std::uint64_t high_water() const noexcept { return producer_.high_water.load(Atomics::relaxed); }

  EdgeCounters counters() const noexcept {
    EdgeCounters now;
    // Each block is counted as pushed before it can be counted as delivered or dropped, and these two are
    // stored with release and loaded with acquire before `pushed`: the difference cannot be negative.
    now.delivered = consumer_.delivered.load(Atomics::acquire);
    now.dropped = producer_.dropped.load(Atomics::acquire);
    now.pushed = producer_.pushed.load(Atomics::acquire);
    now.in_queue = now.pushed - now.delivered - now.dropped;
    now.high_water = high_water();
    return now;
  }

  OverflowPolicy policy() const noexcept { return policy_; }
  std::size_t capacity() const noexcept { return queue_.capacity(); }

 private:
  using Counter = typename Atomics::template Atomic<std::uint64_t>;
  using Mark = typename Atomics::template Atomic<std::uint32_t>;

  // Two threads write two buffers at the same time: each begins a cache line.
  struct alignas(kThreadSeparationBytes) Place {
    explicit Place(const std::function<Buffer()>& make_buffer) : buffer(make_buffer()) {}
    Buffer buffer;
  };

  bool takes_back() const noexcept {
    return policy_ == OverflowPolicy::drop_oldest || policy_ == OverflowPolicy::drop_buffer ||
           policy_ == OverflowPolicy::latest;
  }

  // The producer sees a non-empty edge. Either the producer gets the oldest block or the consumer has just
  // popped it: one block fewer is queued.
  void take_back_oldest() noexcept {
    if (Buffer* const oldest = queue_.take_oldest(); oldest != nullptr) {
      producer_.free.push_back(oldest);
      add_one(producer_.dropped);
    }
  }

  // Each counter has one writer.
  static void add_one(Counter& counter) noexcept {
    counter.store(counter.load(Atomics::relaxed) + 1, Atomics::release);
  }

  Buffer* take_free() noexcept {
    Buffer* buffer = nullptr;
    if (!producer_.free.empty()) {
      buffer = producer_.free.back();
      producer_.free.pop_back();
      return buffer;
    }
    [[maybe_unused]] const bool found = returned_.try_pop(buffer);
    SL_ASSERT(found, "capacity + 2 buffers leave one for the producer");
    return buffer;
  }

  const OverflowPolicy policy_;
  HandleRing<Buffer, Atomics> queue_;
  SpscRing<Buffer*, Atomics> returned_;
  std::deque<Place> buffers_;
  // Written by the producer only.
  struct alignas(kThreadSeparationBytes) {
    std::vector<Buffer*> free;  // never grows past what was reserved
    Buffer* in_hand = nullptr;
    Counter pushed{0};
    Counter dropped{0};
    Counter high_water{0};
    Mark closed{0};
    Mark failed{0};
  } producer_;
  // Written by the consumer only.
  struct alignas(kThreadSeparationBytes) {
    Buffer* in_hand = nullptr;
    Counter delivered{0};
  } consumer_;
};

}  // namespace streamlab
