// engine/run/receiver.hpp
//
// Receiver: the user's end of an output that was subscribed to. It receives as the receivers of channels do
// (engine/channel/ends.hpp): receive(), receive_for(), receive_until(), try_receive(), in select() and from_receiver().
#pragma once

#include <memory>
#include <utility>

#include "engine/channel/ends.hpp"
#include "engine/run/edge_link.hpp"
#include "engine/run/loss_marker.hpp"

namespace streamlab {

// Who removes the edge of a receiver that has gone.
class SubscriptionOwner {
 public:
  virtual ~SubscriptionOwner() = default;
  virtual void left() noexcept = 0;
};

// A block after some that were dropped on the way has the flag gap. Move-only; one thread at a time: two that
// receive at once break it. May outlive the engine. When it goes, the graph no longer waits for it. One that was moved
// from has ended.
class Receiver : public Receiving<Receiver, DataFrame> {
 public:
  // For the engine.
  struct Shared {
    Shared(std::string name, std::size_t capacity, OverflowPolicy policy,
           const std::shared_ptr<const StreamFormat>& format, std::shared_ptr<WakeSignal> producer_signal)
        : link(std::move(name), capacity, policy, format), producer(std::move(producer_signal)) {
      link.producer = producer.get();
      link.readers = &readers;
    }
    EdgeLink link;
    WakeList readers;
    LossMarker losses;                       // the receiver's thread
    std::shared_ptr<WakeSignal> producer;    // kept alive for as long as the link may wake it
    std::weak_ptr<SubscriptionOwner> owner;  // whom to tell when the receiver goes; may be none
  };
  explicit Receiver(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  Receiver(const Receiver&) = delete;  // move-only: write std::move(receiver)
  Receiver& operator=(const Receiver&) = delete;
  Receiver(Receiver&&) noexcept = default;
  Receiver& operator=(Receiver&& other) noexcept;
  ~Receiver() { close(); }

  // Waits for nothing: a copy of the next block; empty; or closed, when there will be no more.
  Received<DataFrame> try_receive();
  // The next block where it lies in the edge, without a copy; null when there is none now. To be given back.
  DataFrame* borrow() noexcept {
    if (shared_ == nullptr) { return nullptr; }
    DataFrame* const block = shared_->link.edge.try_pop();
    if (block != nullptr) { shared_->losses.mark(*block, shared_->link.first_position); }
    return block;
  }
  void give_back(DataFrame* block) noexcept;
  // What select() and streams wait by: `signal` is notified when try_receive() may have more to say. Behind a
  // real-time domain, which wakes no other thread, look again every poll_period() as well; zero: no need.
  void arm(std::shared_ptr<WakeSignal> signal) {
    if (shared_ != nullptr) { shared_->readers.arm(std::move(signal)); }
  }
  void disarm(const WakeSignal& signal) noexcept {
    if (shared_ != nullptr) { shared_->readers.disarm(signal); }
  }
  Clock::Duration poll_period() const noexcept {
    return shared_ != nullptr && shared_->link.readers == nullptr ? kLookAgain : Clock::Duration::zero();
  }
  Clock& clock() const noexcept { return steady_clock(); }
  // The stream is over and every block was received.
  bool ended() const { return shared_ == nullptr || shared_->link.edge.ended(); }
  // Nothing more will come, but for what lies in the edge. Look here before you look for a block.
  bool is_over() const { return ended() || shared_->link.abandoned.load(std::memory_order_acquire); }
  // What was pushed, delivered, dropped; `dropped` includes blocks that had no room when the run was given
  // up.
  EdgeCounters counters() const { return shared_ != nullptr ? shared_->link.counters() : EdgeCounters{}; }
  // Takes no more; the graph goes on without waiting. What lies in the edge can still be received.
  void close() noexcept;

 private:
  std::shared_ptr<Shared> shared_;
};

}  // namespace streamlab
