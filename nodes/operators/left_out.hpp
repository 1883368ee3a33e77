// nodes/operators/left_out.hpp
//
// LeftOut: accounts for blocks that a node dropped, and marks the next one that it passes on: flag `gap`,
// with the frames from the first dropped block to that one plus those missing before it; and `xrun` if a
// dropped block had it. For streams of any kind: positions count frames of the measured stream.
#pragma once

#include <cstdint>

#include "engine/core/data_frame.hpp"

namespace streamlab {

class LeftOut {
 public:
  void add(const DataFrame& block) noexcept {
    const FrameHeader& header = block.header();
    if (!pending_) {
      pending_ = true;
      first_position_ = header.position;
      gap_before_ = header.gap_frames;
    }
    xrun_ = xrun_ || header.has(FrameFlag::xrun);
    ++blocks_;
    frames_ += block.frame_count();
  }

  // `header`: of the next block passed on.
  void mark(FrameHeader& header) noexcept {
    if (!pending_) { return; }
    // If the stream restarts its count, the length of what was dropped before is unknown.
    if (header.position >= first_position_) {
      header.gap_frames = gap_before_ + static_cast<std::uint64_t>(header.position - first_position_);
    }
    header.set(FrameFlag::gap);
    if (xrun_) { header.set(FrameFlag::xrun); }
    pending_ = xrun_ = false;
  }

  std::uint64_t blocks() const noexcept { return blocks_; }  // dropped so far
  std::uint64_t frames() const noexcept { return frames_; }  // frames in them: bins of spectra, 1 for values
  void reset() noexcept { *this = {}; }

 private:
  bool pending_ = false;
  bool xrun_ = false;
  std::int64_t first_position_ = 0;
  std::uint64_t gap_before_ = 0;
  std::uint64_t blocks_ = 0;
  std::uint64_t frames_ = 0;
};

}  // namespace streamlab
