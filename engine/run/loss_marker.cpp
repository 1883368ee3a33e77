// engine/run/loss_marker.cpp
#include "engine/run/loss_marker.hpp"

#include <algorithm>
#include <utility>

#include "engine/run/block_stream.hpp"

namespace streamlab {

void LossMarker::mark(DataFrame& frame, std::int64_t first_position) noexcept {
  FrameHeader& header = frame.header();
  const bool continuous = frame.format().is_continuous();
  const bool dropped = number_ && frame.edge_number() != *number_;
  number_ = frame.edge_number() + 1;
  if (dropped && !next_) { next_ = first_position; }
  const std::int64_t missing = next_ ? std::max<std::int64_t>(0, header.position - *next_) : 0;
  // In continuous audio, a jump in position is always a gap. Results may be apart for other reasons.
  const bool is_join = std::exchange(is_join_, false);
  if (dropped || ((continuous || is_join) && missing > 0)) {
    header.set(FrameFlag::gap);
    header.gap_frames = std::max(header.gap_frames, static_cast<std::uint64_t>(missing));
  }
  next_ = end_position_of(frame);
}

}  // namespace streamlab
