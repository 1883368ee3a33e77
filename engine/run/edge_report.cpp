// engine/run/edge_report.cpp
#include "engine/run/edge_report.hpp"

#include <algorithm>

namespace streamlab {

EdgeReport report_of(const EdgeLink& link) {
  const bool by_itself = !link.left_early.load(std::memory_order_acquire);
  const EdgeCounters counters = link.counters();
  return {link.name,
          link.edge.policy(),
          link.edge.capacity(),
          counters,
          by_itself ? link.discarded.load(std::memory_order_relaxed) : 0,
          counters.dropped - link.edge.dropped(),
          link.reader_may_lose};
}

void report(const InputCounts& counts, EngineStatus& status) {
  status.frames = counts.frames.load(std::memory_order_relaxed);
  status.gaps = counts.gaps.load(std::memory_order_relaxed);
  status.gap_frames = counts.gap_frames.load(std::memory_order_relaxed);
  status.clipped_blocks = counts.clipped_blocks.load(std::memory_order_relaxed);
  status.not_finite_blocks = counts.not_finite_blocks.load(std::memory_order_relaxed);
}

bool EngineStatus::data_lost() const {
  const auto was_unconnected = [](const PortConnection& port) { return port.interruptions > 0; };
  const bool in_device = driver && (driver->xruns > 0 || driver->gaps > 0 || driver->lost_frames > 0 ||
                                    std::any_of(driver->ports.begin(), driver->ports.end(), was_unconnected));
  const bool in_edges = std::any_of(edges.begin(), edges.end(), [](const EdgeReport& edge) {
    return edge.counters.dropped > 0 && !edge.reader_may_lose;
  });
  const bool in_nodes =
      std::any_of(notes.begin(), notes.end(), [](const auto& note) { return note.second.data_lost; });
  return in_device || in_edges || in_nodes || gaps > 0 || underrun_frames > 0 || missing_frames > 0;
}

}  // namespace streamlab
