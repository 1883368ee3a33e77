// engine/run/block_stream.cpp
#include "engine/run/block_stream.hpp"

#include <algorithm>

namespace streamlab {

std::int64_t BlockStream::end_position() const noexcept {
  std::int64_t end = first_position();
  for (const DataFrame& frame : storage) {  // some are of earlier rounds
    if (frame.frame_count() > 0) { end = std::max(end, end_position_of(frame)); }
  }
  return end;
}

void BlockStream::mark_join() noexcept {
  DataFrame& first = *frames.front();
  FrameHeader& header = first.header();
  if (joins_at >= 0 && header.position > joins_at) {
    header.set(FrameFlag::gap);
    header.gap_frames = std::max(header.gap_frames, static_cast<std::uint64_t>(header.position - joins_at));
  }
  joins_at = kNowhere;
}

}  // namespace streamlab
