// engine/run/input_counts.cpp
#include "engine/run/input_counts.hpp"

namespace streamlab {

void InputCounts::add(const DataFrame& block) noexcept {
  const auto count = [](std::atomic<std::uint64_t>& counter, std::uint64_t by) {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  };
  const FrameHeader& header = block.header();
  count(frames, block.frame_count());
  if (header.has(FrameFlag::gap)) {
    count(gaps, 1);
    count(gap_frames, header.gap_frames);
  }
  if (header.has(FrameFlag::clipped)) { count(clipped_blocks, 1); }
  if (header.has(FrameFlag::not_finite)) { count(not_finite_blocks, 1); }
}

void InputCounts::restart() noexcept {
  for (auto* const counter : {&frames, &gaps, &gap_frames, &clipped_blocks, &not_finite_blocks}) {
    counter->store(0, std::memory_order_relaxed);
  }
}

}  // namespace streamlab
