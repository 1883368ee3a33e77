// engine/channel/mpsc.hpp
//
// mpsc<T>: a bounded channel from many senders to one receiver.
//
//   auto [sender, receiver] = mpsc<Setting>(64);
//   sender.send(setting);                                   // waits for room
//   while (auto setting = receiver.receive()) { use(*setting); }   // until all senders are gone
//
// The values have one order, the same for all senders: that in which they took their places. Values are
// moved, never copied; sending and receiving allocate nothing after the first wait of a thread.
//
// The channel is closed when close() is called at either end, when the last sender is gone, or when the
// receiver is. What was sent before is still received, unless the receiver itself is gone, which drops it
// (counted). A send that said "sent" was before; there is nothing in between.
//
// A full channel does what its OverflowPolicy says: block: send() waits, try_send() says full and nothing is
// counted; drop_oldest, drop_buffer, latest (room for one): older values make room; drop_newest: full, the
// value is not taken and counts as dropped; fail: likewise, and the channel is closed and failed().
//
// An end that was moved from is one of a closed channel.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "engine/base/overflow_policy.hpp"
#include "engine/channel/clock.hpp"
#include "engine/channel/ends.hpp"
#include "engine/channel/mpsc_state.hpp"
#include "engine/channel/outcome.hpp"
#include "engine/channel/rt_poll.hpp"
#include "engine/channel/wake_list.hpp"

namespace streamlab {

template <class T>
struct MpscChannel;
template <class T>
MpscChannel<T> mpsc(std::size_t capacity, OverflowPolicy policy = OverflowPolicy::block,
                    Clock& clock = steady_clock());

// The end of an mpsc channel for one real-time thread, with room of its own. Its values keep their order
// among themselves; between those of other senders they come as they are found, at the latest
// kRealTimePollPeriod after.
template <class T>
class MpscRtSender {
 public:
  MpscRtSender(MpscRtSender&&) noexcept = default;
  MpscRtSender& operator=(MpscRtSender&& other) noexcept {
    if (this != &other) {
      leave();
      state_ = std::move(other.state_);
      lane_ = std::move(other.lane_);
    }
    return *this;
  }
  // Not on the real-time thread.
  ~MpscRtSender() { leave(); }

  // One thread at a time; wait-free, no allocation, no system call. full: the caller still has the value,
  // nothing is counted; closed: nobody will receive. As real-time as moving (copying) a T is.
  Sent try_send(T&& value) noexcept { return lane_ ? lane_->push(value) : Why::closed; }
  Sent try_send(const T& value) noexcept requires std::is_trivially_copyable_v<T> {
    T copy = value;
    return try_send(std::move(copy));
  }

 private:
  template <class>
  friend class MpscSender;
  MpscRtSender(std::shared_ptr<MpscState<T>> state, std::shared_ptr<MpscRtLane<T>> lane)
      : state_(std::move(state)), lane_(std::move(lane)) {}
  void leave() noexcept {
    if (state_) { state_->remove_lane(*lane_); }
  }

  std::shared_ptr<MpscState<T>> state_;
  std::shared_ptr<MpscRtLane<T>> lane_;
};

// Any thread but a real-time one; several at the same time. See Sending for the ways to send.
template <class T>
class MpscSender : public Sending<MpscSender<T>, T> {
 public:
  using value_type = T;

  MpscSender(MpscSender&&) noexcept = default;
  MpscSender& operator=(MpscSender&& other) noexcept {
    if (this != &other) {
      leave();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~MpscSender() { leave(); }

  // One more sender: the channel stays open until all are gone.
  MpscSender clone() const {
    if (state_) { state_->add_sender(); }
    return MpscSender(state_);
  }
  // One more sender, for a real-time thread, with room for `capacity` values of its own (as many as the
  // channel's if 0). Not on the real-time thread: allocates.
  MpscRtSender<T> rt_sender(std::size_t capacity = 0) const {
    static_assert(std::is_default_constructible_v<T>, "a real-time lane holds its values ready");
    if (!state_) { return MpscRtSender<T>({}, {}); }
    return MpscRtSender<T>(state_, state_->add_lane(capacity > 0 ? capacity : this->capacity()));
  }

  // For all senders and the receiver.
  void close() const noexcept {
    if (state_) { state_->close(); }
  }
  // Nothing can be sent any more.
  bool closed() const noexcept { return !state_ || state_->ring.closed(); }
  // Policy fail, and a value did not fit.
  bool failed() const noexcept { return state_ && state_->failed(); }

  std::size_t size() const noexcept { return state_ ? state_->ring.size() : 0; }
  std::size_t capacity() const noexcept { return state_ ? state_->ring.capacity() : 0; }
  OverflowPolicy policy() const noexcept { return state_ ? state_->policy() : OverflowPolicy::block; }
  ChannelCounters counters() const { return state_ ? state_->counters() : ChannelCounters{}; }
  Clock& clock() const noexcept { return state_ ? state_->clock() : steady_clock(); }

 private:
  template <class, class>
  friend class Sending;
  friend MpscChannel<T> mpsc<T>(std::size_t, OverflowPolicy, Clock&);

  explicit MpscSender(std::shared_ptr<MpscState<T>> state) : state_(std::move(state)) {}
  void leave() noexcept {
    if (state_) { state_->remove_sender(); }
  }

  Sent offer(T& value) const { return state_ ? state_->offer(value) : Why::closed; }
  bool waits() const noexcept { return policy() == OverflowPolicy::block; }
  void arm_sender(const std::shared_ptr<WakeSignal>& signal) const { state_->sending.arm(signal); }
  void disarm_sender(const WakeSignal& signal) const noexcept { state_->sending.disarm(signal); }
  void pass_on() const noexcept { state_->sending.fire_one(); }

  std::shared_ptr<MpscState<T>> state_;
};

// One thread at a time, no real-time one. See Receiving for the ways to wait.
template <class T>
class MpscReceiver : public Receiving<MpscReceiver<T>, T> {
 public:
  MpscReceiver(MpscReceiver&&) noexcept = default;
  MpscReceiver& operator=(MpscReceiver&& other) noexcept {
    if (this != &other) {
      leave();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  // Closes the channel and drops what is in it.
  ~MpscReceiver() { leave(); }

  // Waits for nothing: a value, empty or closed.
  Received<T> try_receive() { return state_ ? state_->try_receive() : Received<T>(Why::closed); }

  // Nothing can be sent any more; what was sent can still be received.
  void close() noexcept {
    if (state_) { state_->close(); }
  }
  bool closed() const noexcept { return !state_ || state_->ring.closed(); }
  bool failed() const noexcept { return state_ && state_->failed(); }

  // Values that wait, those of real-time senders aside.
  std::size_t size() const noexcept { return state_ ? state_->ring.size() : 0; }
  std::size_t capacity() const noexcept { return state_ ? state_->ring.capacity() : 0; }
  OverflowPolicy policy() const noexcept { return state_ ? state_->policy() : OverflowPolicy::block; }
  ChannelCounters counters() const { return state_ ? state_->counters() : ChannelCounters{}; }
  Clock& clock() const noexcept { return state_ ? state_->clock() : steady_clock(); }

  // What select() and streams wait by: `signal` is notified when try_receive() may have more to say; see
  // WakeList. With real-time senders look again every poll_period() as well; zero: there are none.
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
  friend MpscChannel<T> mpsc<T>(std::size_t, OverflowPolicy, Clock&);

  explicit MpscReceiver(std::shared_ptr<MpscState<T>> state) : state_(std::move(state)) {}
  void leave() noexcept {
    if (state_) { state_->remove_receiver(); }
  }

  std::shared_ptr<MpscState<T>> state_;
};

template <class T>
struct MpscChannel {
  MpscSender<T> sender;
  MpscReceiver<T> receiver;
};

// `capacity`: kept exactly; 0 is taken as 1, and policy latest makes it 1. `clock` must outlive the channel.
template <class T>
MpscChannel<T> mpsc(std::size_t capacity, OverflowPolicy policy, Clock& clock) {
  auto state = std::make_shared<MpscState<T>>(capacity, policy, clock);
  return {MpscSender<T>(state), MpscReceiver<T>(state)};
}

template <class T>
using ChannelSender = MpscSender<T>;
template <class T>
using ChannelReceiver = MpscReceiver<T>;

}  // namespace streamlab
