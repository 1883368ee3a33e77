// nodes/processors/flag_delay.hpp
//
// FlagDelay: delays the flags of frames (clipped, not_finite, incomplete) as a node delays the frames
// themselves, and counts the frames inside.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/core/data_frame.hpp"

namespace streamlab {

class FlagDelay {
 public:
  // Blocks have at most `max_frames`.
  void prepare(std::uint32_t delay_frames, std::uint32_t max_frames) {
    inside_.assign(delay_frames, 0);
    out_.assign(max_frames, 0);
    reset();
  }

  // --- real-time safe
  void reset() noexcept {
    std::fill(inside_.begin(), inside_.end(), std::uint8_t{0});
    flagged_inside_ = 0;
    frames_inside_ = 0;
  }
  // The flags of `y` become those of its frames: the ones that came in delay_frames before. `y` has the
  // header of `x`, or is the same block.
  void process(const DataFrame& x, DataFrame& y) noexcept {
    if (inside_.empty()) { return; }
    take(x);
    if (!moves_) { return; }
    y.header().flags &= ~kFlagsOfFrames;
    put(y, 0, y.frame_count());
  }
  // The same in two steps, for a node that makes a block of several delays: first each takes `x`, then each adds flags of
  // those frames of `y` in which it is heard.
  void take(const DataFrame& x) noexcept {
    const std::size_t delay = inside_.size();
    frames_inside_ = std::min<std::uint64_t>(frames_inside_ + x.frame_count(), delay);
    moves_ = (x.header().flags & kFlagsOfFrames) != 0 || flagged_inside_ > 0;
    if (!moves_) { return; }  // the ring is empty: it may begin anywhere
    for (std::uint32_t n = 0; n < x.frame_count(); ++n) {
      const auto flags = static_cast<std::uint8_t>(x.flags_of(n, 1) & kFlagsOfFrames);
      out_[n] = flags;
      if (delay == 0) { continue; }
      std::uint8_t& place = inside_[next_];
      next_ = next_ + 1 == delay ? 0 : next_ + 1;
      out_[n] = place;
      flagged_inside_ -= place != 0 ? 1 : 0;
      place = flags;
      flagged_inside_ += place != 0 ? 1 : 0;
    }
  }
  void put(DataFrame& y, std::uint32_t first, std::uint32_t count) const noexcept {
    if (!moves_) { return; }
    for (std::uint32_t n = first; n < first + count; ++n) {
      for (const FrameFlag flag : {FrameFlag::clipped, FrameFlag::not_finite, FrameFlag::incomplete}) {
        if ((out_[n] & flag_bit(flag)) != 0) { y.flag_frames(flag, n, 1); }
      }
    }
  }
  // Frames that came in and have not come out, at most the delay.
  std::uint64_t frames_inside() const noexcept { return frames_inside_; }

 private:
  std::vector<std::uint8_t> inside_;  // flags of the frames inside, a ring
  std::size_t next_ = 0;              // the oldest
  std::size_t flagged_inside_ = 0;    // frames inside that have a flag
  std::uint64_t frames_inside_ = 0;
  std::vector<std::uint8_t> out_;  // of the current block
  bool moves_ = false;             // are any in it?
};

}  // namespace streamlab
