// nodes/sound_file/mpeg_contents.hpp
//
// What an MPEG file holds, from the headers of all its frames: libmpg123 by itself goes by the first and the last one
// it has read, which is not enough where several files stand one behind the other.
//
// Sound is counted in samples of a channel from the first MPEG frame on. Some of it is none: a frame that tells about
// the others (a header by Xing or LAME: ISO 11172-3 knows none), what encoder and decoder need to get going, and what
// fills up the last frame. All of that is left out, of each of the joined files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <mpg123.h>

#include "engine/base/error.hpp"
#include "nodes/sound_file/file_bytes.hpp"

namespace streamlab {

struct MpegDeleter {
  void operator()(mpg123_handle* decoder) const { mpg123_delete(decoder); }
};
using MpegDecoder = std::unique_ptr<mpg123_handle, MpegDeleter>;

// A decoder that reads through `bytes`, which must stay where it is, and gives every frame as it is. None: it cannot
// be started.
MpegDecoder open_mpeg_decoder(FileBytes& bytes);

struct MpegContents {
  struct Span {  // of samples; the end is not part of it
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t frames_before = 0;  // frames of sound in front of it
  };

  std::uint32_t sample_rate_hz = 0;
  std::uint32_t channels = 0;       // 2 if any frame has two
  int layer = 0;                    // 1 .. 3
  std::uint64_t frame_samples = 0;  // of an MPEG frame
  std::uint64_t samples = 0;        // of all of them, up to where the rate changes
  std::vector<Span> left_out;       // ascending, apart from each other
  std::vector<off_t> places;        // of every `place_step`-th MPEG frame: what mpg123_set_index() takes
  off_t place_step = 0;
  std::vector<std::string> losses;    // as SampleInput::losses()
  std::vector<std::string> warnings;  // as SampleInput::warnings()

  // How many frames of sound lie before a sample, and in all.
  std::uint64_t frames_before(std::uint64_t sample) const;
  std::uint64_t frames() const { return frames_before(samples); }
  // Where frame `frame` of the sound and those behind it lie, up to what is left out next.
  Span span_from(std::uint64_t frame) const;
};

// Reads all headers. Fails with why the file cannot be decoded.
tl::expected<MpegContents, std::string> read_mpeg_contents(FileBytes bytes);

}  // namespace streamlab
