// engine/channel/oneshot.hpp
//
// oneshot<T>: a channel for exactly one value, for instance the answer to a request:
//
//   auto [sender, receiver] = oneshot<Spectrum>();
//   requests.send(Request{…, std::move(sender)});
//   const auto answer = receiver.receive();   // or closed: the sender went without sending
//
// The value is moved, never copied. Closing one end notifies the other: the receiver still gets a value that
// was sent; the sender learns that no one waits for it. An end that was moved from is one of a closed channel.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "engine/channel/clock.hpp"
#include "engine/channel/ends.hpp"
#include "engine/channel/outcome.hpp"
#include "engine/channel/wake_list.hpp"

namespace streamlab {

// What the two ends share. Only used through them.
template <class T>
class OneshotState {
 public:
  explicit OneshotState(Clock& the_clock) : clock(the_clock) {}

  Sent send(T& value) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) { return Why::closed; }
      value_.emplace(std::move(value));
      closed_ = true;
      ++counters_.pushed;
    }
    receiving.fire();
    return {};
  }
  Received<T> try_receive() {
    const std::lock_guard lock(mutex_);
    if (value_) {
      Received<T> received(*std::move(value_));
      value_.reset();
      ++counters_.delivered;
      return received;
    }
    return closed_ ? Why::closed : Why::empty;
  }
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    receiving.fire();
  }
  void drop_value() {
    std::optional<T> dropped;  // destroyed outside of the lock
    const std::lock_guard lock(mutex_);
    if (!value_) { return; }
    dropped.emplace(*std::move(value_));
    value_.reset();
    ++counters_.dropped;
  }
  bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }
  bool has_value() const {
    const std::lock_guard lock(mutex_);
    return value_.has_value();
  }
  ChannelCounters counters() const {
    const std::lock_guard lock(mutex_);
    ChannelCounters now = counters_;
    now.in_queue = value_ ? 1 : 0;
    return now;
  }

  Clock& clock;
  WakeList receiving;

 private:
  mutable std::mutex mutex_;  // guards what follows
  std::optional<T> value_;
  bool closed_ = false;  // also after the one value
  ChannelCounters counters_;
};

template <class T>
struct OneshotChannel;
template <class T>
OneshotChannel<T> oneshot(Clock& clock = steady_clock());

// One thread at a time, no real-time one.
template <class T>
class OneshotSender {
 public:
  using value_type = T;

  OneshotSender(OneshotSender&&) noexcept = default;
  OneshotSender& operator=(OneshotSender&& other) noexcept {
    if (this != &other) {
      close();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  // Without a value sent the receiver gets closed.
  ~OneshotSender() { close(); }

  // Does not wait. closed: the receiver is gone, or a value was sent already; `value` is untouched.
  Sent send(T&& value) { return state_ ? state_->send(value) : Why::closed; }
  Sent send(const T& value) requires std::copy_constructible<T> { return send(T(value)); }
  void close() noexcept {
    if (state_) { state_->close(); }
  }
  // Nothing can be sent any more: it was sent, or no one waits for it.
  bool closed() const { return !state_ || state_->closed(); }

 private:
  friend OneshotChannel<T> oneshot<T>(Clock&);
  explicit OneshotSender(std::shared_ptr<OneshotState<T>> state) : state_(std::move(state)) {}
  std::shared_ptr<OneshotState<T>> state_;
};

// One thread at a time, no real-time one. See Receiving for the ways to wait.
template <class T>
class OneshotReceiver : public Receiving<OneshotReceiver<T>, T> {
 public:
  OneshotReceiver(OneshotReceiver&&) noexcept = default;
  OneshotReceiver& operator=(OneshotReceiver&& other) noexcept {
    if (this != &other) {
      leave();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~OneshotReceiver() { leave(); }

  // The value, once; empty before, closed after or when none will come.
  Received<T> try_receive() { return state_ ? state_->try_receive() : Received<T>(Why::closed); }
  // Nothing can be sent any more; a value that was sent can still be received.
  void close() noexcept {
    if (state_) { state_->close(); }
  }
  bool closed() const { return !state_ || state_->closed(); }

  std::size_t size() const { return state_ && state_->has_value() ? 1 : 0; }
  std::size_t capacity() const noexcept { return 1; }
  ChannelCounters counters() const { return state_ ? state_->counters() : ChannelCounters{}; }
  Clock& clock() const noexcept { return state_ ? state_->clock : steady_clock(); }

  // For select() and streams; see MpscReceiver.
  void arm(std::shared_ptr<WakeSignal> signal) {
    if (state_) { state_->receiving.arm(std::move(signal)); }
  }
  void disarm(const WakeSignal& signal) noexcept {
    if (state_) { state_->receiving.disarm(signal); }
  }
  Clock::Duration poll_period() const noexcept { return Clock::Duration::zero(); }

 private:
  friend OneshotChannel<T> oneshot<T>(Clock&);
  explicit OneshotReceiver(std::shared_ptr<OneshotState<T>> state) : state_(std::move(state)) {}
  void leave() noexcept {
    if (!state_) { return; }
    state_->close();
    state_->drop_value();
  }
  std::shared_ptr<OneshotState<T>> state_;
};

template <class T>
struct OneshotChannel {
  OneshotSender<T> sender;
  OneshotReceiver<T> receiver;
};

// `clock` must outlive the channel.
template <class T>
OneshotChannel<T> oneshot(Clock& clock) {
  auto state = std::make_shared<OneshotState<T>>(clock);
  return {OneshotSender<T>(state), OneshotReceiver<T>(state)};
}

}  // namespace streamlab
