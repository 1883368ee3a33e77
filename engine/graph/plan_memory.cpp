// engine/graph/plan_memory.cpp
#include "engine/graph/plan_memory.hpp"

namespace streamlab {

std::uint64_t frame_bytes(const StreamFormat& format) {
  constexpr std::uint64_t kLine = 64;
  const std::uint64_t channel = (format.max_frames * sizeof(double) + kLine - 1) / kLine * kLine;
  return channel * format.channels.size() + sizeof(DataFrame);
}

std::uint64_t memory_of(const Plan& plan) {
  const auto bytes = [&](std::size_t slot) { return frame_bytes(*plan.slots()[slot].format); };
  std::uint64_t sum = 0;
  for (std::size_t s = 0; s < plan.slots().size(); ++s) {
    if (!plan.slots()[s].shares) { sum += plan.slots()[s].max_blocks * bytes(s); }
  }
  for (const PlanEdge& edge : plan.edges()) { sum += (edge.capacity + 2ULL) * bytes(edge.slot); }
  for (const PlanNode& node : plan.nodes()) {
    for (std::size_t i = 0; i < node.join_blocks.size(); ++i) {
      sum += node.join_blocks[i] * bytes(node.inputs[i].slot);
    }
  }
  return sum;
}

}  // namespace streamlab
