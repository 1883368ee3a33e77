// engine/channel/watch_state.hpp
//
// WatchState<T>: what the ends of a watch channel share. Only used through them.
//
// The value is held by a shared pointer to const: a receiver copies the pointer under the lock and reads the
// value outside it. Values are numbered from 0, the initial one; a receiver remembers the number that it has
// seen. Each real-time sender writes into its own triple buffer (WatchLane), which receivers read under the
// lock.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/channel/clock.hpp"
#include "engine/channel/outcome.hpp"
#include "engine/channel/rt_gate.hpp"
#include "engine/channel/wake_list.hpp"
#include "engine/rt/latest.hpp"

namespace streamlab {

template <class T>
class WatchLane {
 public:
  explicit WatchLane(const T& initial) : latest_(Numbered{initial, 0}) {}

  // Real-time thread; wait-free if assigning a T is. `fill(T&)` gets some earlier value.
  template <class Fill>
  Sent send(Fill&& fill) noexcept {
    const RtGate::Passage passage(gate);
    if (!passage) { return Why::closed; }
    Numbered& next = latest_.back();
    fill(next.value);
    next.number = ++sent_;
    latest_.publish();
    return {};
  }

  // One receiving thread at a time. How many values were sent since the last look; newest() is the last of
  // them.
  std::uint64_t look() noexcept {
    const std::uint64_t seen = latest_.front().number;
    return latest_.update() ? latest_.front().number - seen : 0;
  }
  const T& newest() const noexcept { return latest_.front().value; }

  RtGate gate;

 private:
  struct Numbered {
    T value;
    std::uint64_t number;
  };
  Latest<Numbered> latest_;
  std::uint64_t sent_ = 0;  // the real-time thread's own
};

template <class T>
class WatchState {
 public:
  // A value and its number.
  struct Version {
    std::shared_ptr<const T> value;
    std::uint64_t number = 0;
    bool closed = false;  // no other will follow
  };

  WatchState(T&& initial, Clock& the_clock)
      : clock(the_clock), value_(std::make_shared<const T>(std::move(initial))) {}

  // ---- Senders -----------------------------------------------------------------------------------------

  void add_sender() {
    const std::lock_guard lock(mutex_);
    ++senders_;
  }
  void remove_sender() {
    {
      const std::lock_guard lock(mutex_);
      if (--senders_ > 0) { return; }
    }
    close();
  }
  Sent send(T& value) {
    std::shared_ptr<const T> old;  // destroyed outside of the lock
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || receivers_ == 0) { return Why::closed; }
      old = std::exchange(value_, std::make_shared<const T>(std::move(value)));
      ++number_;
    }
    receiving.fire();
    return {};
  }
  std::shared_ptr<WatchLane<T>> add_lane() {
    const std::lock_guard lock(mutex_);
    auto lane = std::make_shared<WatchLane<T>>(*value_);
    ++senders_;
    if (closed_) { lane->gate.close(); }
    lanes_.push_back(lane);
    lane_count_.store(lanes_.size(), std::memory_order_release);
    return lane;
  }
  void remove_lane(WatchLane<T>& lane) {
    lane.gate.close();  // removed by the next receiver that looks
    remove_sender();
  }

  // ---- Receivers ---------------------------------------------------------------------------------------

  // The number of the newest value, which the new receiver counts as seen.
  std::uint64_t add_receiver() {
    const std::lock_guard lock(mutex_);
    ++receivers_;
    return number_;
  }
  void remove_receiver() {
    const std::lock_guard lock(mutex_);
    --receivers_;
  }
  Version newest() {
    const std::lock_guard lock(mutex_);
    const bool closed = closed_;
    bool settled = true;
    if constexpr (std::copy_constructible<T>) { settled = look_at_lanes(); }
    return {value_, number_, closed && settled};
  }
  bool has_lanes() const noexcept { return lane_count_.load(std::memory_order_acquire) != 0; }

  // ---- Any thread --------------------------------------------------------------------------------------

  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      for (const auto& lane : lanes_) { lane->gate.close(); }
    }
    receiving.fire();
  }
  bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }
  std::size_t receivers() const {
    const std::lock_guard lock(mutex_);
    return receivers_;
  }

  Clock& clock;
  WakeList receiving;

 private:
  // True if no lane is left that may still bring something. mutex_ is held.
  bool look_at_lanes() {
    for (std::size_t i = 0; i < lanes_.size();) {
      // In this order: what is not in a settled lane by now will never come.
      const bool lane_settled = lanes_[i]->gate.settled();
      if (const std::uint64_t sent = lanes_[i]->look(); sent > 0) {
        value_ = std::make_shared<const T>(lanes_[i]->newest());
        number_ += sent;
      }
      if (lane_settled) {
        lanes_.erase(lanes_.begin() + static_cast<std::ptrdiff_t>(i));
        lane_count_.store(lanes_.size(), std::memory_order_release);
      } else {
        ++i;
      }
    }
    return lanes_.empty();
  }

  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const T> value_;
  std::uint64_t number_ = 0;
  std::size_t senders_ = 1;
  std::size_t receivers_ = 0;
  bool closed_ = false;
  std::vector<std::shared_ptr<WatchLane<T>>> lanes_;
  std::atomic<std::size_t> lane_count_{0};  // lanes_.size()
};

}  // namespace streamlab
