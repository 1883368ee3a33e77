// engine/stream/kept_frame.hpp
//
// For stages that give one block again and again, refilled: a stage behind may have kept the last one,
// which leaves it without room, or may have made another of it.
#pragma once

#include <memory>

#include "engine/core/data_frame.hpp"

namespace streamlab {

// Makes `frame` a block of `format` again, unless it still is. Allocates only if it is not.
inline void replace_if_kept(DataFrame& frame, const std::shared_ptr<const StreamFormat>& format) {
  if (frame.max_frames() == format->max_frames && frame.shared_format() == format) { return; }
  frame = DataFrame(format);
}

}  // namespace streamlab
