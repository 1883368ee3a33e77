// engine/channel/mpsc_state.hpp
//
// MpscState<T>: what the two ends of an mpsc channel share. Used through MpscSender and MpscReceiver alone.
//
// No value stays behind unseen when the receiver goes: it sets receiver_gone (1), closes and empties the ring
// (2); a sender pushes (3), then loads receiver_gone (4). (1) and (4) are sequentially consistent and each
// side has a fence between its two steps, so either (2) finds what (3) pushed or (4) sees (1), and the sender
// empties the ring itself. A value that holds the end of another channel is thus dropped in time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/base/overflow_policy.hpp"
#include "engine/channel/clock.hpp"
#include "engine/channel/mpmc_ring.hpp"
#include "engine/channel/mpsc_lane.hpp"
#include "engine/channel/outcome.hpp"
#include "engine/channel/waiting.hpp"
#include "engine/channel/wake_list.hpp"

namespace streamlab {

template <class T>
class MpscState {
 public:
  MpscState(std::size_t capacity, OverflowPolicy policy, Clock& clock)
      : ring(policy == OverflowPolicy::latest || capacity == 0 ? 1 : capacity),
        policy_(policy),
        clock_(clock) {}

  // ---- Senders -----------------------------------------------------------------------------------------

  void add_sender() noexcept { senders_.fetch_add(1, std::memory_order_relaxed); }
  void remove_sender() noexcept {
    if (senders_.fetch_sub(1, std::memory_order_acq_rel) == 1) { close(); }
  }

  // Sends without waiting, by the policy.
  Sent offer(T& value) noexcept {
    for (Pause pause;; pause()) {
      switch (ring.try_push(value)) {  // (3)
        case Push::done:
          receiving.fire();  // its fence parts (3) from (4)
          if (receiver_gone_.load(std::memory_order_seq_cst)) { drop_queue(); }  // (4)
          return {};
        case Push::closed:
          return Why::closed;
        case Push::full:
          break;
      }
      switch (policy_) {
        case OverflowPolicy::block:
          return Why::full;
        case OverflowPolicy::drop_newest:
          refused_.fetch_add(1, std::memory_order_relaxed);
          return Why::full;
        case OverflowPolicy::fail:
          refused_.fetch_add(1, std::memory_order_relaxed);
          failed_.store(true, std::memory_order_release);
          close();
          return Why::full;
        case OverflowPolicy::drop_oldest:
        case OverflowPolicy::latest:
          if (drop_one()) { pause.reset(); }  // else another thread is in the middle of a push or a pop
          break;
        case OverflowPolicy::drop_buffer:
          if (drop_buffer()) { pause.reset(); }
          break;
      }
    }
  }

  // A lane for one more sender, a real-time one.
  std::shared_ptr<MpscRtLane<T>> add_lane(std::size_t capacity) {
    auto lane = std::make_shared<MpscRtLane<T>>(capacity);
    add_sender();
    const std::lock_guard lock(lanes_mutex_);
    if (ring.closed()) { lane->close(); }
    lanes_.push_back(lane);
    lane_count_.store(lanes_.size(), std::memory_order_release);
    lane_changes_.fetch_add(1, std::memory_order_release);
    return lane;
  }
  void remove_lane(MpscRtLane<T>& lane) noexcept {
    lane.close();  // the receiver empties it, then forgets it
    remove_sender();
  }

  // ---- The receiver ------------------------------------------------------------------------------------

  Received<T> try_receive() {
    std::optional<T> value;
    const auto take = [&value](T&& taken) noexcept { value.emplace(std::move(taken)); };
    if (senders_may_pop() ? ring.try_pop(take) : ring.try_pop_alone(take)) {
      if (policy_ == OverflowPolicy::block) { sending.fire_one(); }
      return deliver(*value);
    }
    const bool ended = ring.ended();  // first: no lane is added after the end, but those of closed senders
    refresh_lanes();
    if (!own_lanes_.empty()) {
      if (Received<T> received = try_receive_from_lanes()) { return received; }
      if (!forget_settled_lanes()) { return Why::empty; }
    }
    return ended ? Why::closed : Why::empty;
  }

  bool has_lanes() const noexcept { return lane_count_.load(std::memory_order_acquire) != 0; }

  void remove_receiver() noexcept {
    receiver_gone_.store(true, std::memory_order_seq_cst);  // (1)
    close();                                                // has a fence, which parts (1) from (2)
    drop_queue();                                           // (2)
    refresh_lanes();
    for (const auto& lane : own_lanes_) {
      for (Pause pause; !lane->settled(); pause()) {}  // a push that is under way, and wait-free
      while (lane->try_pop()) { taken_back_.fetch_add(1, std::memory_order_release); }
    }
  }

  // ---- Any thread --------------------------------------------------------------------------------------

  void close() noexcept {
    ring.close();
    {
      const std::lock_guard lock(lanes_mutex_);
      for (const auto& lane : lanes_) { lane->close(); }
    }
    sending.fire();
    receiving.fire();
  }
  bool failed() const noexcept { return failed_.load(std::memory_order_acquire); }
  OverflowPolicy policy() const noexcept { return policy_; }
  Clock& clock() const noexcept { return clock_; }

  ChannelCounters counters() const {
    ChannelCounters now;
    // What leaves was counted as pushed before; the leavers are read first, so the difference is not
    // negative.
    now.delivered = delivered_.load(std::memory_order_acquire);
    const std::uint64_t refused = refused_.load(std::memory_order_acquire);
    now.dropped = taken_back_.load(std::memory_order_acquire) + refused;
    now.pushed = ring.pushed() + refused;
    {
      const std::lock_guard lock(lanes_mutex_);
      for (const auto& lane : lanes_) { now.pushed += lane->pushed(); }
      now.pushed += pushed_by_former_lanes_;
    }
    now.in_queue = now.pushed - now.delivered - now.dropped;
    return now;
  }

  MpmcRing<T> ring;
  WakeList sending;    // senders that wait for room
  WakeList receiving;  // the receiver, where it waits for values

 private:
  bool senders_may_pop() const noexcept {
    return policy_ == OverflowPolicy::drop_oldest || policy_ == OverflowPolicy::latest ||
           policy_ == OverflowPolicy::drop_buffer;
  }
  bool drop_one() noexcept {
    const bool dropped = ring.try_pop([](T&&) noexcept {});
    if (dropped) { taken_back_.fetch_add(1, std::memory_order_release); }
    return dropped;
  }
  // What is queued now; not what other senders add in the meantime.
  bool drop_buffer() noexcept {
    std::size_t dropped = 0;
    while (dropped < ring.capacity() && drop_one()) { ++dropped; }
    return dropped > 0;
  }
  void drop_queue() noexcept {
    while (drop_one()) {}
  }
  Received<T> deliver(T& value) noexcept {
    delivered_.store(delivered_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    return Received<T>(std::move(value));
  }

  Received<T> try_receive_from_lanes() noexcept {
    for (std::size_t i = 0; i < own_lanes_.size(); ++i) {
      next_lane_ = (next_lane_ + 1) % own_lanes_.size();
      if (std::optional<T> value = own_lanes_[next_lane_]->try_pop()) { return deliver(*value); }
    }
    return Why::empty;
  }
  // Of closed lanes those that are empty and stay so. True if none is left that may still bring something.
  bool forget_settled_lanes() {
    std::size_t kept = 0;
    for (auto& lane : own_lanes_) {
      if (lane->settled() && !(lane->has_values())) {
        const std::lock_guard lock(lanes_mutex_);
        pushed_by_former_lanes_ += lane->pushed();
        std::erase(lanes_, lane);
        lane_count_.store(lanes_.size(), std::memory_order_release);
      } else {
        std::swap(own_lanes_[kept++], lane);
      }
    }
    own_lanes_.resize(kept);
    return kept == 0;
  }
  void refresh_lanes() {
    const std::uint32_t changes = lane_changes_.load(std::memory_order_acquire);
    if (changes == seen_lane_changes_) { return; }
    seen_lane_changes_ = changes;
    const std::lock_guard lock(lanes_mutex_);
    own_lanes_ = lanes_;
  }

  const OverflowPolicy policy_;
  Clock& clock_;
  std::atomic<std::uint32_t> senders_{1};
  std::atomic<bool> receiver_gone_{false};
  std::atomic<bool> failed_{false};
  std::atomic<std::uint64_t> refused_{0};     // values that the policy did not take
  std::atomic<std::uint64_t> taken_back_{0};  // values dropped from the queue
  mutable std::mutex lanes_mutex_;            // guards the next two
  std::vector<std::shared_ptr<MpscLane<T>>> lanes_;
  std::uint64_t pushed_by_former_lanes_ = 0;
  std::atomic<std::size_t> lane_count_{0};  // lanes_.size()
  std::atomic<std::uint32_t> lane_changes_{0};
  // The receiver's own.
  alignas(kThreadSeparationBytes) std::vector<std::shared_ptr<MpscLane<T>>> own_lanes_;
  std::uint32_t seen_lane_changes_ = 0;
  std::size_t next_lane_ = 0;
  std::atomic<std::uint64_t> delivered_{0};
};

}  // namespace streamlab
