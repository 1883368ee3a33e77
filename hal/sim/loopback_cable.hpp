// hal/sim/loopback_cable.hpp
//
// LoopbackCable: connects each output of a simulated card to the input of the same number. What is written at
// position p is read at position p + latency_frames; what was never written (the start, lost frames) is
// silence.
//
// One thread; no allocation after construction.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "engine/base/assert.hpp"

namespace streamlab {

class LoopbackCable {
 public:
  // Reads and writes are of at most max_block_frames <= latency_frames frames.
  LoopbackCable(std::uint32_t channel_count, std::uint32_t latency_frames, std::uint32_t max_block_frames)
      : latency_(latency_frames),
        mask_(std::bit_ceil(std::size_t{latency_frames} + max_block_frames) - 1),
        lines_(channel_count, std::vector<double>(mask_ + 1, 0.0)) {
    SL_ASSERT(max_block_frames <= latency_frames, "a block cannot come back before it was played");
  }

  void read(std::int64_t position, std::uint32_t frame_count, std::uint32_t channel,
            double* to) const noexcept {
    const auto& line = lines_[channel];
    for (std::uint32_t n = 0; n < frame_count; ++n) {
      const std::int64_t played = position + n - latency_;
      to[n] = played >= 0 ? line[static_cast<std::size_t>(played) & mask_] : 0.0;
    }
  }

  // Blocks come in the order of their positions; lose() reports those left out.
  void write(std::int64_t position, std::uint32_t frame_count, std::uint32_t channel,
             const double* from) noexcept {
    auto& line = lines_[channel];
    for (std::uint32_t n = 0; n < frame_count; ++n) {
      line[static_cast<std::size_t>(position + n) & mask_] = from[n];
    }
  }

  // Frames position .. position + frame_count - 1 are never played.
  void lose(std::int64_t position, std::int64_t frame_count) noexcept {
    const auto size = static_cast<std::int64_t>(mask_ + 1);
    const std::int64_t from = position + std::max<std::int64_t>(0, frame_count - size);
    for (auto& line : lines_) {
      for (std::int64_t p = from; p < position + frame_count; ++p) {
        line[static_cast<std::size_t>(p) & mask_] = 0.0;
      }
    }
  }

 private:
  const std::int64_t latency_;
  const std::size_t mask_;                  // length of a line, a power of two, minus one
  std::vector<std::vector<double>> lines_;  // [channels x frames]
};

}  // namespace streamlab
