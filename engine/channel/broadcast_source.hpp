// engine/channel/broadcast_source.hpp
//
// BroadcastSource<T>: a broadcast channel without a ring: one place gives the values, and each subscriber has a way of its own
// to them, a BroadcastFeed<T>. Subscribers see no difference: they hold a BroadcastReceiver<T>.
#pragma once

#include <cstddef>
#include <memory>

#include "engine/base/error.hpp"
#include "engine/channel/broadcast_state.hpp"
#include "engine/channel/clock.hpp"
#include "engine/channel/outcome.hpp"
#include "engine/rt/wake_signal.hpp"

namespace streamlab {

template <class T>
class BroadcastFeed;

// Any thread but a real-time one.
template <class T>
class BroadcastSource {
 public:
  virtual ~BroadcastSource() = default;
  // One more subscriber, which gets what is given from now on; a closed one if the channel is closed.
  virtual Result<std::unique_ptr<BroadcastFeed<T>>> subscribe(OnLag on_lag) = 0;
  // For all subscribers: they receive what they have, then closed.
  virtual void close() noexcept = 0;
  virtual bool closed() const noexcept = 0;
  virtual std::size_t capacity() const noexcept = 0;  // of each subscriber
};

// The members are those of BroadcastReceiver<T>, which says what they mean. The subscriber's thread; it unsubscribes when it
// is destroyed.
template <class T>
class BroadcastFeed {
 public:
  virtual ~BroadcastFeed() = default;
  virtual Received<T> try_receive() = 0;
  virtual void arm(std::shared_ptr<WakeSignal> signal) = 0;
  virtual void disarm(const WakeSignal& signal) noexcept = 0;
  virtual Clock::Duration poll_period() const noexcept = 0;
  virtual ChannelCounters counters() const noexcept = 0;
  virtual BroadcastSource<T>& source() const noexcept = 0;
};

}  // namespace streamlab
