// nodes/sources/frames_of.hpp
//
// frames_of(): a sound file as a stream of blocks, the same that FileSource gives in a graph.
#pragma once

#include <cstdint>
#include <string>

#include "engine/core/data_frame.hpp"
#include "engine/stream/stream.hpp"

namespace streamlab {

// Blocks of `block_frames` frames, 1 .. 65536; the last one may be shorter and has the flag end_of_stream.
// Full scale is 1. Positions count from the start of the file, times are position / rate. Nothing is opened
// before somebody asks; a file that cannot be read fails the stream. A checkpoint keeps the position, and fits only while
// the file has the size and the time of its last change that it had then.
//
// An object, so that it can be given to flat_map() as it is: from_range(paths).flat_map(frames_of).
struct FramesOf {
  Stream<DataFrame> operator()(std::string path, std::uint32_t block_frames = 1024) const;
};
inline constexpr FramesOf frames_of;

}  // namespace streamlab
