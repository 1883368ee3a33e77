// engine/run/edge_link.hpp
//
// EdgeLink: an edge of blocks between two domains, or between a domain and the user, and whom to wake at its
// ends.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "engine/channel/wake_list.hpp"
#include "engine/core/data_frame.hpp"
#include "engine/rt/edge.hpp"
#include "engine/rt/wake_signal.hpp"

namespace streamlab {

// How soon a thread looks again for what a real-time thread did, which wakes nobody.
inline constexpr std::chrono::milliseconds kLookAgain{1};

struct EdgeLink {
  EdgeLink(std::string link_name, std::size_t capacity, OverflowPolicy policy,
           const std::shared_ptr<const StreamFormat>& format)
      : name(std::move(link_name)), edge(capacity, policy, [&] { return DataFrame(format); }) {}

  const std::string name;  // "mic -> spec"
  Edge<DataFrame> edge;
  // Position of the first block that was sent. The producer writes it before it commits that block; a
  // consumer that has any block reads it.
  std::int64_t first_position = 0;
  // A real-time thread wakes nobody, for that is a system call: who waits for one looks again after a while.
  // So an end beside a real-time domain has no signal here.
  WakeSignal* producer = nullptr;  // waits for room
  WakeSignal* consumer = nullptr;  // waits for blocks
  WakeList* readers = nullptr;     // wait for blocks among other things: streams, selects
  // Nobody takes blocks any more (the receiver is gone, or its domain failed): the producer goes on without
  // waiting.
  std::atomic<bool> abandoned{false};
  std::atomic<bool> had_enough{false};      // and needs no more: what still comes is not missed
  std::atomic<std::uint64_t> discarded{0};  // blocks that came after the reader had gone otherwise
  // What was lost because the run was given up, or failed: blocks that waited for room; blocks that the consumer
  // took and could not pass on; and whether it left before the stream had ended, so that no one takes the rest.
  std::atomic<std::uint64_t> without_room{0};
  std::atomic<std::uint64_t> not_passed_on{0};
  std::atomic<bool> left_early{false};

  // Of the edge, with what was given up among the dropped. Any thread.
  EdgeCounters counters() const noexcept {
    EdgeCounters now = edge.counters();
    const std::uint64_t kept_back = not_passed_on.load(std::memory_order_relaxed);
    std::uint64_t never_pushed = without_room.load(std::memory_order_relaxed);
    now.delivered -= kept_back;
    now.dropped += kept_back;
    if (left_early.load(std::memory_order_acquire)) {
      never_pushed += discarded.load(std::memory_order_relaxed);
      now.dropped += now.in_queue;
      now.in_queue = 0;
    }
    now.pushed += never_pushed;
    now.dropped += never_pushed;
    return now;
  }

  void wake_producer() const noexcept {
    if (producer != nullptr) { producer->notify(); }
  }
  void wake_consumer() const noexcept {
    if (consumer != nullptr) { consumer->notify(); }
    if (readers != nullptr) { readers->fire(); }
  }
};

}  // namespace streamlab
