// engine/channel/watch.hpp
//
// watch<T>: a changing value, and receivers that want its newest state:
//
//   auto [sender, receiver] = watch<Settings>(initial);
//   sender.send(settings);
//   while (receiver.changed()) { use(*receiver.borrow()); }   // until all senders are gone
//
// There is always a value. A slow receiver sees fewer values, but always the newest; its counters say how
// many it has not seen. Senders never wait for room. An end that was moved from is one of a closed channel, and borrows
// null.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "engine/channel/clock.hpp"
#include "engine/channel/ends.hpp"
#include "engine/channel/outcome.hpp"
#include "engine/channel/rt_poll.hpp"
#include "engine/channel/waiting.hpp"
#include "engine/channel/wake_list.hpp"
#include "engine/channel/watch_state.hpp"

namespace streamlab {

template <class T>
struct WatchChannel;
template <class T>
WatchChannel<T> watch(T initial, Clock& clock = steady_clock());

// The end of a watch channel for one real-time thread. Receivers see its values at the latest
// kRealTimePollPeriod after.
template <class T>
class WatchRtSender {
 public:
  WatchRtSender(WatchRtSender&&) noexcept = default;
  WatchRtSender& operator=(WatchRtSender&& other) noexcept {
    if (this != &other) {
      leave();
      state_ = std::move(other.state_);
      lane_ = std::move(other.lane_);
    }
    return *this;
  }
  // Not on the real-time thread.
  ~WatchRtSender() { leave(); }

  // One thread at a time; wait-free, no allocation, no system call, as far as assigning a T is: into a copy
  // of the value that was current when this sender was made, or of one sent since. closed: the channel is
  // closed; else the value is sent.
  Sent try_send(const T& value) noexcept requires std::is_nothrow_copy_assignable_v<T> {
    return try_send_with([&value](T& next) noexcept { next = value; });
  }
  // The same for values too large to build separately: `fill(T&)` gets some earlier value to overwrite. It
  // must not throw.
  template <class Fill>
  Sent try_send_with(Fill&& fill) noexcept {
    return lane_ ? lane_->send(fill) : Why::closed;
  }

 private:
  template <class>
  friend class WatchSender;
  WatchRtSender(std::shared_ptr<WatchState<T>> state, std::shared_ptr<WatchLane<T>> lane)
      : state_(std::move(state)), lane_(std::move(lane)) {}
  void leave() noexcept {
    if (state_) { state_->remove_lane(*lane_); }
  }

  std::shared_ptr<WatchState<T>> state_;
  std::shared_ptr<WatchLane<T>> lane_;
};

template <class T>
class WatchReceiver;

// Any thread but a real-time one; several at the same time.
template <class T>
class WatchSender {
 public:
  using value_type = T;

  WatchSender(WatchSender&&) noexcept = default;
  WatchSender& operator=(WatchSender&& other) noexcept {
    if (this != &other) {
      leave();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~WatchSender() { leave(); }

  // One more sender: the channel stays open until all are gone.
  WatchSender clone() const {
    if (state_) { state_->add_sender(); }
    return WatchSender(state_);
  }
  // One more sender, for a real-time thread.
  WatchRtSender<T> rt_sender() const requires std::copy_constructible<T> {
    return WatchRtSender<T>(state_, state_ ? state_->add_lane() : nullptr);
  }
  // One more receiver; it has seen the current value.
  WatchReceiver<T> subscribe() const;

  // Does not wait. closed: there are no receivers (if the channel is not closed(), there may be some later);
  // `value` is untouched.
  Sent send(T&& value) const { return state_ ? state_->send(value) : Why::closed; }
  Sent send(const T& value) const requires std::copy_constructible<T> { return send(T(value)); }

  // The newest value.
  std::shared_ptr<const T> borrow() const { return state_ ? state_->newest().value : nullptr; }
  // For all senders and receivers.
  void close() const {
    if (state_) { state_->close(); }
  }
  bool closed() const { return !state_ || state_->closed(); }
  std::size_t receiver_count() const { return state_ ? state_->receivers() : 0; }
  Clock& clock() const noexcept { return state_ ? state_->clock : steady_clock(); }

 private:
  friend WatchChannel<T> watch<T>(T, Clock&);
  explicit WatchSender(std::shared_ptr<WatchState<T>> state) : state_(std::move(state)) {}
  void leave() noexcept {
    if (state_) { state_->remove_sender(); }
  }
  std::shared_ptr<WatchState<T>> state_;
};

// One thread at a time, no real-time one. See Receiving for the ways to wait for the next value and copy it.
template <class T>
class WatchReceiver : public Receiving<WatchReceiver<T>, T> {
 public:
  WatchReceiver(WatchReceiver&&) noexcept = default;
  WatchReceiver& operator=(WatchReceiver&& other) noexcept {
    if (this != &other) {
      leave();
      state_ = std::move(other.state_);
      began_ = other.began_;
      seen_ = other.seen_;
      delivered_ = other.delivered_;
    }
    return *this;
  }
  ~WatchReceiver() { leave(); }

  // One more receiver, which has seen what this one has.
  WatchReceiver clone() const {
    if (state_) { state_->add_receiver(); }
    return WatchReceiver(state_, seen_);
  }

  // The newest value, seen or not, also when the channel is closed. It does not change while the pointer is
  // kept.
  std::shared_ptr<const T> borrow() const { return state_ ? state_->newest().value : nullptr; }

  // Waits until there is a value that this receiver has not seen, and marks it as seen: borrow() returns it.
  // Ends with closed when there is none and none can follow.
  Done changed(std::stop_token stop = {}) { return changed_within({Clock::kNoDeadline, std::move(stop)}); }
  Done changed_until(Clock::TimePoint deadline, std::stop_token stop = {}) {
    return changed_within({deadline, std::move(stop)});
  }
  Done changed_for(Clock::Duration duration, std::stop_token stop = {}) {
    return changed_until(clock().after(duration), std::move(stop));
  }
  // Does not wait; empty if nothing has changed.
  Done try_changed() {
    const auto newest = see();
    if (newest.is_new) { return {}; }
    return newest.version.closed ? Why::closed : Why::empty;
  }

  // Does not wait: a copy of a value not seen yet, empty or closed.
  Received<T> try_receive() requires std::copy_constructible<T> {
    const auto newest = see();
    if (newest.is_new) { return *newest.version.value; }
    return newest.version.closed ? Why::closed : Why::empty;
  }

  // Closed: no sender can send any more.
  void close() {
    if (state_) { state_->close(); }
  }
  bool closed() const { return !state_ || state_->closed(); }

  // 1 if there is a value not seen yet, else 0.
  std::size_t size() const { return !state_ || state_->newest().number == seen_ ? 0 : 1; }
  std::size_t capacity() const noexcept { return 1; }
  // For this receiver: values sent since it began, values it has seen, values it never will.
  ChannelCounters counters() const {
    ChannelCounters now;
    if (!state_) { return now; }
    now.pushed = state_->newest().number - began_;
    now.delivered = delivered_;
    now.in_queue = now.pushed + began_ > seen_ ? 1 : 0;
    now.dropped = now.pushed - now.delivered - now.in_queue;
    return now;
  }
  Clock& clock() const noexcept { return state_ ? state_->clock : steady_clock(); }

  // For select() and streams; see MpscReceiver.
  void arm(std::shared_ptr<WakeSignal> signal) {
    if (state_) { state_->receiving.arm(std::move(signal)); }
  }
  void disarm(const WakeSignal& signal) noexcept {
    if (state_) { state_->receiving.disarm(signal); }
  }
  Clock::Duration poll_period() const noexcept {
    return state_ && state_->has_lanes() ? kRealTimePollPeriod : Clock::Duration::zero();
  }

 private:
  friend class WatchSender<T>;
  friend WatchChannel<T> watch<T>(T, Clock&);

  struct Seen {
    typename WatchState<T>::Version version;
    bool is_new;
  };

  // The state counts it already.
  WatchReceiver(std::shared_ptr<WatchState<T>> state, std::uint64_t seen)
      : state_(std::move(state)), began_(seen), seen_(seen) {}
  void leave() noexcept {
    if (state_) { state_->remove_receiver(); }
  }

  Seen see() {
    if (!state_) { return {{.value = nullptr, .number = seen_, .closed = true}, false}; }
    Seen newest{state_->newest(), false};
    newest.is_new = newest.version.number != seen_;
    if (newest.is_new) {
      seen_ = newest.version.number;
      ++delivered_;
    }
    return newest;
  }
  Done changed_within(WaitLimit limit) {
    Done done = Why::empty;
    limit.look_every = poll_period();
    const std::optional<Why> end = wait_until(
        clock(), limit,
        [&] {
          done = try_changed();
          return done || done.why() != Why::empty;
        },
        [&](const std::shared_ptr<WakeSignal>& signal) { arm(signal); },
        [&](const WakeSignal& signal) { disarm(signal); });
    return end ? Done(*end) : done;
  }

  std::shared_ptr<WatchState<T>> state_;
  std::uint64_t began_ = 0;  // number of the value that was there when this receiver began
  std::uint64_t seen_ = 0;   // number of the newest value it has seen
  std::uint64_t delivered_ = 0;
};

template <class T>
WatchReceiver<T> WatchSender<T>::subscribe() const {
  return WatchReceiver<T>(state_, state_ ? state_->add_receiver() : 0);
}

template <class T>
struct WatchChannel {
  WatchSender<T> sender;
  WatchReceiver<T> receiver;
};

// `clock` must outlive the channel.
template <class T>
WatchChannel<T> watch(T initial, Clock& clock) {
  auto state = std::make_shared<WatchState<T>>(std::move(initial), clock);
  const std::uint64_t seen = state->add_receiver();
  return {WatchSender<T>(state), WatchReceiver<T>(state, seen)};
}

}  // namespace streamlab
