// engine/run/loop.hpp
//
// Loop: what the steps of a domain share in a round: what the sources get, where blocks that leave the domain go, and what
// went wrong. The domain's thread, except for the atomics.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "engine/rt/wake_signal.hpp"
#include "engine/run/block_stream.hpp"
#include "engine/run/edge_link.hpp"
#include "engine/run/input_counts.hpp"

namespace streamlab {

// How the sources of a domain are paced.
enum class SourcePace : std::uint8_t {
  free,       // a block every round
  triggered,  // a block for every trigger
  device,     // the device's tick
};

struct Loop {
  // --- what the sources get
  SourcePace pace = SourcePace::free;
  bool triggered = false;
  FrameHeader trigger;
  bool device_block_is_there = false;
  std::atomic<bool> sources_end{false};           // they end now; what is inside is processed
  std::atomic<bool> abort{false};                 // the round gives up as soon as it can
  std::atomic<std::int64_t> source_frames{0};     // emitted so far; the largest count of any source
  InputCounts input_counts;                       // of the device's input
  std::atomic<std::uint64_t> underrun_frames{0};  // of its output

  // --- where blocks go
  bool may_wait = true;
  const std::shared_ptr<WakeSignal> signal = std::make_shared<WakeSignal>();

  // --- what happened
  std::optional<std::size_t> failed_node;
  EdgeLink* failed_link = nullptr;
  bool overran = false;        // the failed node held or emitted more blocks than it declared
  bool reader_left = false;    // in this round: a step had enough, or an edge's reader
  bool misses_reader = false;  // a reader left for another reason: what it does not get is lost

  bool failed() const noexcept { return failed_node.has_value(); }
  void count_underrun(std::uint64_t frames) noexcept {
    underrun_frames.store(underrun_frames.load(std::memory_order_relaxed) + frames,
                          std::memory_order_relaxed);
  }
  void fail(std::size_t node) noexcept {
    if (!failed_node) { failed_node = node; }
  }
  void fail_by_overrun(std::size_t node) noexcept {
    overran = true;
    fail(node);
  }
  // Copies the blocks of this round into the edges that leave the domain, and passes on the end.
  void send(BlockStream& stream) noexcept {
    if (stream.joins_at != BlockStream::kNowhere && stream.count > 0) [[unlikely]] { stream.mark_join(); }
    if (!stream.outgoing.empty()) { send_blocks(stream); }
    if (stream.ended) {
      close(stream);
    }  // now, not at the end of the domain: a reader waiting for it may stall others
  }
  static void close(BlockStream& stream) noexcept;
  // Back to the state before the first block.
  void restart() noexcept;

 private:
  void send_blocks(BlockStream& stream) noexcept;
  void send_block(EdgeLink& link, const DataFrame& frame) noexcept;
};

}  // namespace streamlab
