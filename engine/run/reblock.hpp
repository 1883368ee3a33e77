// engine/run/reblock.hpp
//
// Reblock: turns blocks of any size from a worker into blocks of the size that the device asks for.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/core/data_frame.hpp"

namespace streamlab {

class Reblock {
 public:
  // Control thread. `max_block_frames`: the longest block that the device asks for.
  Reblock(const StreamFormat& format, std::uint32_t max_block_frames);

  // The following are real-time safe.
  std::uint32_t held_frames() const noexcept { return held_; }
  // Appends; the caller makes sure that less than one device block is held.
  void push(const DataFrame& block) noexcept;
  // A block of exactly the frames of `header`; if frames are missing at its end, they are silent and count as
  // underrun unless `at_end`, or nothing has come yet: a device that runs already plays silence until the stream
  // begins, which loses nothing of it. Valid until the next call.
  DataFrame& pull(const FrameHeader& header, std::uint32_t frame_count, bool at_end) noexcept;
  std::uint64_t underrun_frames() const noexcept { return underrun_frames_; }
  // Could `other` go on with what is held here? Control thread.
  bool fits(const Reblock& other) const { return held_frame_.format() == other.held_frame_.format(); }
  void reset() noexcept;

 private:
  DataFrame held_frame_;  // the frames [0, held_) are there
  DataFrame out_;
  std::uint32_t held_ = 0;
  bool has_begun_ = false;
  std::uint64_t underrun_frames_ = 0;
};

}  // namespace streamlab
