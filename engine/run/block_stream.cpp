// engine/run/block_stream.cpp
#include "engine/run/block_stream.hpp"

#include <algorithm>

namespace streamlab {

std::int64_t end_position_of(const DataFrame& block) noexcept {
  const bool is_audio = block.format().kind == StreamKind::audio;
  return block.position() +
         static_cast<std::int64_t>(is_audio ? block.frame_count() : block.header().length_frames);
}

std::int64_t BlockStream::end_position() const noexcept {
  std::int64_t end = begins_at;
  for (const DataFrame& frame : storage) {  // some are of earlier rounds
    if (frame.frame_count() > 0) { end = std::max(end, end_position_of(frame)); }
  }
  return end;
}

void BlockStream::mark_join() noexcept {
  DataFrame& first = *frames.front();
  FrameHeader& header = first.header();
  if (header.position > joins_at) {
    header.set(FrameFlag::gap);
    header.gap_frames = std::max(header.gap_frames, static_cast<std::uint64_t>(header.position - joins_at));
  }
  joins_at = kNowhere;
}

}  // namespace streamlab
