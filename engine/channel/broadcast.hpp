// engine/channel/broadcast.hpp
//
// broadcast<T>: a bounded channel from many senders to many subscribers; every subscriber gets every value
// that is sent while it is subscribed, in the same order.
//
//   auto sender = broadcast<Spectrum>(16);
//   auto every = sender.subscribe(OnLag::wait);   // back-pressure: senders wait for it
//   auto recent = sender.subscribe(OnLag::lose);  // loses the oldest values, and is told how many
//
// A value is stored once and copied out by each subscriber: let T be cheap to copy, such as a shared pointer
// to const. It stays in the ring until it is overwritten or the last subscriber is gone.
//
// The channel is closed when close() is called or the last sender is gone: subscribers receive what was sent,
// then closed. Without subscribers, a send returns closed and takes nothing. An end that was moved from is one of a
// closed channel.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "engine/channel/broadcast_source.hpp"
#include "engine/channel/broadcast_state.hpp"
#include "engine/channel/clock.hpp"
#include "engine/channel/ends.hpp"
#include "engine/channel/outcome.hpp"
#include "engine/channel/wake_list.hpp"

namespace streamlab {

template <class T>
class BroadcastSender;
// `capacity`: kept exactly; 0 is taken as 1. `clock` must outlive the channel.
template <class T>
BroadcastSender<T> broadcast(std::size_t capacity, Clock& clock = steady_clock());

// One thread at a time, no real-time one. See Receiving for the ways to wait. A subscriber with OnLag::lose
// also gets lagged, with the exact number lost; its next receive continues with the oldest value kept.
template <class T>
class BroadcastReceiver : public Receiving<BroadcastReceiver<T>, T> {
 public:
  // A subscriber of a source, which has no ring.
  BroadcastReceiver(std::unique_ptr<BroadcastFeed<T>> feed, OnLag on_lag)
      : feed_(std::move(feed)), on_lag_(on_lag) {}
  BroadcastReceiver(BroadcastReceiver&&) noexcept = default;
  BroadcastReceiver& operator=(BroadcastReceiver&& other) noexcept {
    if (this != &other) {
      leave();
      feed_ = std::move(other.feed_);
      state_ = std::move(other.state_);
      cursor_ = std::move(other.cursor_);
      on_lag_ = other.on_lag_;
      began_ = other.began_;
      delivered_ = other.delivered_;
    }
    return *this;
  }
  // Unsubscribes.
  ~BroadcastReceiver() { leave(); }

  // One more subscriber, which continues from the position of this one; of a source, from the next value. Closed where no
  // more can be had.
  BroadcastReceiver clone() const { return clone(on_lag_); }
  // OnLag::lose for one of a subscriber that loses values: it cannot promise another one all of them.
  BroadcastReceiver clone(OnLag on_lag) const {
    if (on_lag_ == OnLag::lose) { on_lag = OnLag::lose; }
    if (feed_) {
      auto more = feed_->source().subscribe(on_lag);
      return more ? BroadcastReceiver(std::move(*more), on_lag) : BroadcastReceiver({}, {}, on_lag);
    }
    if (!state_) { return BroadcastReceiver(state_, cursor_, on_lag); }
    return BroadcastReceiver(state_, state_->subscribe(on_lag, cursor_.get()), on_lag);
  }

  // Does not wait: a value, lagged, empty or closed.
  Received<T> try_receive() {
    if (feed_) { return feed_->try_receive(); }
    if (!state_) { return Why::closed; }
    Received<T> received = state_->try_receive(*cursor_, on_lag_);
    if (received) { ++delivered_; }
    return received;
  }

  // Of the whole channel: no sender can send any more.
  void close() {
    if (feed_) { feed_->source().close(); }
    if (state_) { state_->close(); }
  }
  bool closed() const noexcept {
    if (feed_) { return feed_->source().closed(); }
    return !state_ || state_->closed();
  }

  // Values that this subscriber can still receive.
  std::size_t size() const noexcept {
    if (feed_) { return static_cast<std::size_t>(feed_->counters().in_queue); }
    if (!state_) { return 0; }
    return static_cast<std::size_t>(std::min<std::uint64_t>(state_->sent() - position(), capacity()));
  }
  std::size_t capacity() const noexcept {
    if (feed_) { return feed_->source().capacity(); }
    return state_ ? state_->capacity() : 0;
  }
  OnLag on_lag() const noexcept { return on_lag_; }
  // For this subscriber: values sent since it began, values it got, values it has lost (reported yet or not).
  ChannelCounters counters() const noexcept {
    if (feed_) { return feed_->counters(); }
    ChannelCounters now;
    if (!state_) { return now; }
    now.in_queue = size();
    now.pushed = std::max(state_->sent() - began_, delivered_ + now.in_queue);
    now.delivered = delivered_;
    now.dropped = now.pushed - now.delivered - now.in_queue;
    return now;
  }
  Clock& clock() const noexcept { return state_ ? state_->clock : steady_clock(); }

  // For select() and streams; see MpscReceiver.
  void arm(std::shared_ptr<WakeSignal> signal) {
    if (feed_) {
      feed_->arm(std::move(signal));
    } else if (state_) {
      state_->receiving.arm(std::move(signal));
    }
  }
  void disarm(const WakeSignal& signal) noexcept {
    if (feed_) { feed_->disarm(signal); }
    if (state_) { state_->receiving.disarm(signal); }
  }
  Clock::Duration poll_period() const noexcept {
    return feed_ ? feed_->poll_period() : Clock::Duration::zero();
  }

 private:
  friend class BroadcastSender<T>;
  BroadcastReceiver(std::shared_ptr<BroadcastState<T>> state, std::shared_ptr<BroadcastCursor> cursor,
                    OnLag on_lag)
      : state_(std::move(state)), cursor_(std::move(cursor)), on_lag_(on_lag), began_(position()) {}
  void leave() noexcept {
    if (state_) { state_->unsubscribe(cursor_); }
  }
  std::uint64_t position() const noexcept {
    return cursor_ ? cursor_->position.load(std::memory_order_relaxed) : 0;
  }

  std::unique_ptr<BroadcastFeed<T>> feed_;  // or, of a channel with a ring:
  std::shared_ptr<BroadcastState<T>> state_;
  std::shared_ptr<BroadcastCursor> cursor_;
  OnLag on_lag_ = OnLag::wait;
  std::uint64_t began_ = 0;  // the position where this subscriber began
  std::uint64_t delivered_ = 0;
};

// Any thread but a real-time one; several at the same time. See Sending for the ways to send: they wait only
// for subscribers with OnLag::wait.
template <class T>
class BroadcastSender : public Sending<BroadcastSender<T>, T> {
  static_assert(std::is_copy_constructible_v<T>, "every subscriber gets a copy");
  static_assert(std::is_nothrow_move_constructible_v<T>, "a send must not fail half way");

 public:
  using value_type = T;

  BroadcastSender(BroadcastSender&&) noexcept = default;
  BroadcastSender& operator=(BroadcastSender&& other) noexcept {
    if (this != &other) {
      leave();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~BroadcastSender() { leave(); }

  // One more sender: the channel stays open until all are gone.
  BroadcastSender clone() const {
    if (state_) { state_->add_sender(); }
    return BroadcastSender(state_);
  }
  // One more subscriber. It gets what is sent from now on.
  BroadcastReceiver<T> subscribe(OnLag on_lag = OnLag::wait) const {
    if (!state_) { return BroadcastReceiver<T>({}, {}, on_lag); }
    return BroadcastReceiver<T>(state_, state_->subscribe(on_lag), on_lag);
  }

  // For all senders and subscribers.
  void close() const {
    if (state_) { state_->close(); }
  }
  bool closed() const noexcept { return !state_ || state_->closed(); }
  std::size_t subscriber_count() const { return state_ ? state_->subscribers() : 0; }
  // Values sent so far.
  std::uint64_t sent() const noexcept { return state_ ? state_->sent() : 0; }
  std::size_t capacity() const noexcept { return state_ ? state_->capacity() : 0; }
  Clock& clock() const noexcept { return state_ ? state_->clock : steady_clock(); }

 private:
  template <class, class>
  friend class Sending;
  friend BroadcastSender<T> broadcast<T>(std::size_t, Clock&);

  explicit BroadcastSender(std::shared_ptr<BroadcastState<T>> state) : state_(std::move(state)) {}
  void leave() noexcept {
    if (state_) { state_->remove_sender(); }
  }

  Sent offer(T& value) const { return state_ ? state_->offer(value) : Why::closed; }
  bool waits() const noexcept { return true; }
  void arm_sender(const std::shared_ptr<WakeSignal>& signal) const { state_->sending.arm(signal); }
  void disarm_sender(const WakeSignal& signal) const noexcept { state_->sending.disarm(signal); }
  void pass_on() const noexcept {}  // everyone is notified

  std::shared_ptr<BroadcastState<T>> state_;
};

template <class T>
BroadcastSender<T> broadcast(std::size_t capacity, Clock& clock) {
  return BroadcastSender<T>(std::make_shared<BroadcastState<T>>(capacity, clock));
}

}  // namespace streamlab
