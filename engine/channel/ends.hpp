// engine/channel/ends.hpp
//
// Sending<Sender, T> and Receiving<Receiver, T>: the ways to wait that all channels share, built on what each
// kind can do without waiting. Base classes of the senders and receivers, which provide
//
//   Sender:    Sent offer(T& value) (moves from it only when it was sent), clock(), and for those who
//              wait where it is full: waits(), arm_sender(signal), disarm_sender(signal), pass_on()
//   Receiver:  Received<T> try_receive(), arm(signal), disarm(signal), poll_period(), clock()
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "engine/channel/clock.hpp"
#include "engine/channel/outcome.hpp"
#include "engine/channel/waiting.hpp"

namespace streamlab {

// A send takes an rvalue, which it moves from only if it was sent, or copies an lvalue. Sends wait only if
// the channel's policy is to wait (block); otherwise they return at once what happened to the value. Any
// thread but a real-time one; several threads may send through one sender at the same time.
template <class Sender, class T>
class Sending {
 public:
  // Waits for room as long as it takes; ends with closed when there are no receivers any more.
  Sent send(T&& value, std::stop_token stop = {}) const {
    return send_within(value, {Clock::kNoDeadline, std::move(stop)});
  }
  Sent send(const T& value, std::stop_token stop = {}) const requires std::copy_constructible<T> {
    return send(T(value), std::move(stop));
  }

  // Does not wait: full if there is no room.
  Sent try_send(T&& value) const { return self().offer(value); }
  Sent try_send(const T& value) const requires std::copy_constructible<T> { return try_send(T(value)); }

  Sent send_until(T&& value, Clock::TimePoint deadline, std::stop_token stop = {}) const {
    return send_within(value, {deadline, std::move(stop)});
  }
  Sent send_until(const T& value, Clock::TimePoint deadline,
                  std::stop_token stop = {}) const requires std::copy_constructible<T> {
    return send_until(T(value), deadline, std::move(stop));
  }

  Sent send_for(T&& value, Clock::Duration duration, std::stop_token stop = {}) const {
    return send_until(std::move(value), self().clock().after(duration), std::move(stop));
  }
  Sent send_for(const T& value, Clock::Duration duration,
                std::stop_token stop = {}) const requires std::copy_constructible<T> {
    return send_for(T(value), duration, std::move(stop));
  }

 private:
  const Sender& self() const noexcept { return static_cast<const Sender&>(*this); }

  Sent send_within(T& value, const WaitLimit& limit) const {
    if (limit.stop.stop_requested()) { return Why::stopped; }
    Sent sent = self().offer(value);
    if (sent || sent.why() != Why::full || !self().waits()) { return sent; }
    const std::optional<Why> end = wait_until(
        self().clock(), limit,
        [&] {
          sent = self().offer(value);
          return sent || sent.why() != Why::full;
        },
        [&](const std::shared_ptr<WakeSignal>& signal) { self().arm_sender(signal); },
        [&](const WakeSignal& signal) { self().disarm_sender(signal); });
    if (!end) { return sent; }
    self().pass_on();  // it may just have been notified of room that another sender can use
    return *end;
  }
};

// Any thread but a real-time one; one thread at a time.
template <class Receiver, class T>
class Receiving {
 public:
  using value_type = T;

  // Waits for a value as long as it takes. Ends with closed when everything sent was received and nothing can
  // follow.
  Received<T> receive(std::stop_token stop = {}) {
    return receive_within({Clock::kNoDeadline, std::move(stop)});
  }
  // An available value is received even if the deadline has passed.
  Received<T> receive_until(Clock::TimePoint deadline, std::stop_token stop = {}) {
    return receive_within({deadline, std::move(stop)});
  }
  Received<T> receive_for(Clock::Duration duration, std::stop_token stop = {}) {
    return receive_until(self().clock().after(duration), std::move(stop));
  }

 private:
  Receiver& self() noexcept { return static_cast<Receiver&>(*this); }

  Received<T> receive_within(WaitLimit limit) {
    if (limit.stop.stop_requested()) { return Why::stopped; }
    std::optional<Received<T>> received;
    const auto look = [&] {
      received.emplace(self().try_receive());
      return received->has_value() || received->why() != Why::empty;
    };
    if (look()) { return *std::move(received); }
    limit.look_every = self().poll_period();
    const std::optional<Why> end = wait_until(
        self().clock(), limit, look, [&](const std::shared_ptr<WakeSignal>& signal) { self().arm(signal); },
        [&](const WakeSignal& signal) { self().disarm(signal); });
    if (end) { return *end; }
    return *std::move(received);
  }
};

}  // namespace streamlab
