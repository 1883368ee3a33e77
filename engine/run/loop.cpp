// engine/run/loop.cpp
#include "engine/run/loop.hpp"

#include <utility>

namespace streamlab {

void Loop::send_blocks(BlockStream& stream) noexcept {
  for (EdgeLink* link : stream.outgoing) {
    if (!link->comes_and_goes && link->abandoned.load(std::memory_order_acquire)) {
      reader_left = true;
      misses_reader = misses_reader || !link->had_enough.load(std::memory_order_relaxed);
    }
    for (std::uint32_t b = 0; b < stream.count; ++b) { send_block(*link, *stream.frames[b]); }
  }
}

void Loop::send_block(EdgeLink& link, const DataFrame& frame) noexcept {
  DataFrame* to = nullptr;
  while (true) {
    const std::uint32_t ticket = signal->ticket();
    if (link.abandoned.load(std::memory_order_acquire)) {
      if (!link.had_enough.load(std::memory_order_relaxed)) {
        link.discarded.fetch_add(1, std::memory_order_relaxed);
      }
      return;
    }
    to = link.edge.acquire();
    if (to != nullptr || link.edge.policy() != OverflowPolicy::block || !may_wait) { break; }
    if (abort.load(std::memory_order_acquire)) {
      link.without_room.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (link.producer == nullptr) {
      signal->wait(ticket, kLookAgain);
    } else {
      signal->wait(ticket);
    }
  }
  if (to == nullptr) {
    if (link.edge.failed()) { failed_link = &link; }
    return;
  }
  to->copy_from(frame);
  to->set_edge_number(link.edge.pushed());
  if (link.edge.pushed() == 0) { link.first_position = frame.position(); }
  link.edge.commit(to);
  link.wake_consumer();
}

void Loop::close(BlockStream& stream) noexcept {
  if (std::exchange(stream.closed, true)) { return; }
  if (stream.named_is_over != nullptr) { stream.named_is_over->store(true, std::memory_order_release); }
  for (EdgeLink* link : stream.outgoing) {
    link->edge.close();
    link->wake_consumer();
  }
}

void Loop::restart() noexcept {
  source_frames.store(0, std::memory_order_relaxed);
  input_counts.restart();
  underrun_frames.store(0, std::memory_order_relaxed);
  triggered = device_block_is_there = overran = reader_left = misses_reader = false;
  failed_node.reset();
  failed_link = nullptr;
  sources_end.store(false, std::memory_order_relaxed);
  abort.store(false, std::memory_order_relaxed);
}

}  // namespace streamlab
