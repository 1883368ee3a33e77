// engine/run/edge_link.hpp
//
// EdgeLink: an edge of blocks between two domains, or between a domain and the user, and the signals of its
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

// How often a thread polls a real-time thread, which sends no wake-ups.
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
  // Waking is a system call, so real-time threads never signal; threads that wait for them poll. An end next
  // to a real-time domain therefore has no signal here.
  WakeSignal* producer = nullptr;  // waits for room
  WakeSignal* consumer = nullptr;  // waits for blocks
  WakeList* readers = nullptr;     // wait for blocks among other things: streams, selects
  bool comes_and_goes = false;     // a subscriber that came while the graph ran: nothing ends because of it
  bool reader_may_lose = false;    // it said so, and is told how much: no loss of the run
  // No one takes blocks any more (the receiver is gone, or its domain failed): the producer continues without
  // waiting.
  std::atomic<bool> abandoned{false};
  std::atomic<bool> released{false};        // the producer goes on without it: what is queued is the last
  std::atomic<bool> had_enough{false};      // and needs no more: later blocks are not lost
  std::atomic<std::uint64_t> discarded{0};  // blocks sent after the reader had left for another reason
  // Losses because the run was given up, or failed: blocks that waited for room; blocks that the consumer
  // took and could not pass on; and whether the consumer left before the stream had ended, so that no one
  // takes the rest.
  std::atomic<std::uint64_t> without_room{0};
  std::atomic<std::uint64_t> not_passed_on{0};
  std::atomic<bool> left_early{false};

  // The counters of the edge; `dropped` includes what was given up. Any thread.
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
