// engine/core/frame_codec.hpp
//
// Codec<DataFrame>: blocks as bytes, for checkpoints and buffers on disk. Format, header, metadata and
// samples come back bit for bit; storage is for max_frames as before.
#pragma once

#include "engine/base/byte_codec.hpp"
#include "engine/core/data_frame.hpp"

namespace streamlab {

template <>
struct Codec<StreamFormat> {
  static void write(ByteWriter& to, const StreamFormat& format);
  static Result<StreamFormat> read(ByteReader& from);
};

template <>
struct Codec<DataFrame> {
  static void write(ByteWriter& to, const DataFrame& frame);
  static Result<DataFrame> read(ByteReader& from);
};

}  // namespace streamlab
