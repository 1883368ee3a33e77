// engine/run/receiver.hpp
//
// Receiver: the user's end of a subscribed output.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "engine/run/edge_link.hpp"
#include "engine/run/loss_marker.hpp"

namespace streamlab {

// The block after dropped ones has the flag gap. Move-only; one thread at a time. May outlive the engine.
// Once it is destroyed, the graph no longer waits for it.
class Receiver {
 public:
  // For the engine.
  struct Shared {
    Shared(std::string name, std::size_t capacity, OverflowPolicy policy,
           const std::shared_ptr<const StreamFormat>& format, std::shared_ptr<WakeSignal> producer_signal)
        : link(std::move(name), capacity, policy, format), producer(std::move(producer_signal)) {
      link.producer = producer.get();
      link.consumer = &signal;
      link.readers = &readers;
    }
    EdgeLink link;
    WakeSignal signal;
    WakeList readers;
    LossMarker losses;                     // the receiver's thread
    std::shared_ptr<WakeSignal> producer;  // kept alive for as long as the link may wake it
  };
  explicit Receiver(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  Receiver(Receiver&&) noexcept = default;
  Receiver& operator=(Receiver&& other) noexcept;
  ~Receiver() { close(); }

  // Waits for the next block; nothing when there will be no more.
  std::optional<DataFrame> receive();
  // Nothing when none came in time, or when there will be no more: ended() tells which.
  std::optional<DataFrame> receive_for(std::chrono::nanoseconds timeout);
  std::optional<DataFrame> try_receive();
  // The next block, in place in the edge, without a copy; null when there is none now. Must be given back.
  DataFrame* borrow() noexcept {
    DataFrame* const block = shared_->link.edge.try_pop();
    if (block != nullptr) { shared_->losses.mark(*block, shared_->link.first_position); }
    return block;
  }
  void give_back(DataFrame* block) noexcept;
  // Notifies `signal` of the next block or the end. To write your own wait: arm, look again, then sleep.
  void arm(std::shared_ptr<WakeSignal> signal) { shared_->readers.arm(std::move(signal)); }
  // A real-time producer sends no wake-ups: poll at this interval.
  std::optional<std::chrono::nanoseconds> look_again_after() const noexcept;
  // The stream is over and every block was received.
  bool ended() const { return shared_->link.edge.ended(); }
  // What was pushed, delivered, dropped; `dropped` includes blocks that had no room when the run was given
  // up.
  EdgeCounters counters() const { return shared_->link.counters(); }
  // Stops receiving; the graph continues without waiting.
  void close() noexcept;

 private:
  std::optional<DataFrame> receive_until(WakeSignal::Clock::time_point deadline);

  std::shared_ptr<Shared> shared_;
};

}  // namespace streamlab
