// engine/core/node.cpp
#include "engine/core/node.hpp"

#include <algorithm>
#include <cmath>

namespace streamlab {

void OutputPort::take_header(DataFrame& frame) const noexcept {
  if (like_ == nullptr) {
    frame.set_header({});
    frame.metadata().clear();
    frame.set_frame_count(0);
    return;
  }
  frame.take_header(*like_);
}

DataFrame& OutputPort::emit_at(std::int64_t position, std::uint32_t frame_count,
                               double sample_rate_hz) noexcept {
  DataFrame& frame = next();
  placed_ = true;
  frame.set_header({});
  FrameHeader& header = frame.header();
  frame.metadata().clear();
  header.position = position;
  header.sequence_id = sequence_id_;
  header.timestamp_us =
      timestamp_us_ ? *timestamp_us_ : std::llround(static_cast<double>(position) * 1e6 / sample_rate_hz);
  frame.set_frame_count(frame_count);
  return frame;
}

}  // namespace streamlab
