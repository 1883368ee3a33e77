// engine/run/loss_marker.cpp
#include "engine/run/loss_marker.hpp"

#include <algorithm>

namespace streamlab {

void LossMarker::mark(DataFrame& frame, std::int64_t first_position) noexcept {
  FrameHeader& header = frame.header();
  const bool audio = frame.format().kind == StreamKind::audio;
  const bool continuous = frame.format().is_continuous();
  const bool dropped = number_ && frame.edge_number() != *number_;
  number_ = frame.edge_number() + 1;
  if (dropped && !next_) { next_ = first_position; }
  const std::int64_t missing = next_ ? std::max<std::int64_t>(0, header.position - *next_) : 0;
  // In continuous audio, a jump in position is always a gap. Results may be apart for other reasons.
  if (dropped || (continuous && missing > 0)) {
    header.set(FrameFlag::gap);
    header.gap_frames = std::max(header.gap_frames, static_cast<std::uint64_t>(missing));
  }
  next_ = header.position + static_cast<std::int64_t>(audio ? frame.frame_count() : header.length_frames);
}

}  // namespace streamlab
