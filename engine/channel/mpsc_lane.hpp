// engine/channel/mpsc_lane.hpp
//
// MpscLane<T>: the way of one real-time sender into an mpsc channel, an SpscRing of its own. One real-time
// thread pushes; the thread that receives pops.
//
// Pushing wakes nobody (that would be a system call): the receiver looks at lanes again and again.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "engine/base/assert.hpp"
#include "engine/channel/outcome.hpp"
#include "engine/channel/rt_gate.hpp"
#include "engine/rt/spsc_ring.hpp"

namespace streamlab {

// The receiving side of a lane, for channels whose T cannot travel through one.
template <class T>
class MpscLane {
 public:
  virtual ~MpscLane() = default;

  // Receiving thread.
  virtual std::optional<T> try_pop() = 0;
  virtual bool has_values() const noexcept = 0;

  // Any thread. Nothing is pushed any more.
  void close() noexcept { gate_.close(); }
  // Receiving thread. Closed, and no push is under way: what try_pop() then does not find will never come.
  bool settled() const noexcept { return gate_.settled(); }
  // Any thread. Values pushed so far.
  std::uint64_t pushed() const noexcept { return pushed_.load(std::memory_order_acquire); }

 protected:
  RtGate gate_;
  std::atomic<std::uint64_t> pushed_{0};  // written by the pushing thread only
};

template <class T>
class MpscRtLane final : public MpscLane<T> {
 public:
  explicit MpscRtLane(std::size_t capacity) : ring_(capacity) {}

  // Pushing thread; wait-free. Moves from `value` only if it was pushed.
  Sent push(T& value) noexcept {
    const RtGate::Passage passage(this->gate_);
    if (!passage) { return Why::closed; }
    // To the pushing thread "there is room" is no guess.
    if (ring_.size_approx() == ring_.capacity()) { return Why::full; }
    // Counted first: what is delivered has been counted as pushed.
    this->pushed_.store(this->pushed_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    [[maybe_unused]] const bool pushed = ring_.try_push(std::move(value));
    SL_ASSERT(pushed, "only the pushing thread takes room away");
    return {};
  }

  std::optional<T> try_pop() override { return ring_.try_pop(); }
  bool has_values() const noexcept override { return ring_.size_approx() > 0; }

 private:
  SpscRing<T> ring_;
};

}  // namespace streamlab
