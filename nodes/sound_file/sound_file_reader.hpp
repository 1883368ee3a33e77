// nodes/sound_file/sound_file_reader.hpp
//
// SoundFileReader: a sound file as planar float64, from front to back or from any frame.
//
// Integers are divided by 2^(bits-1); 32 and 64-bit floats are exact. Reads WAV, RF64, BW64, W64, FLAC, AIFF, AU,
// CAF, Ogg (Vorbis, Opus, FLAC), MP3 and what else libsndfile reads. Memory: a fixed buffer, whatever the length of
// the file.
//
// All of the file is played: all streams of an Ogg file, all frames of an MP3, the samples behind a header that
// states no length. What is not is told by losses().
//
// Not for the real-time thread: it opens, reads and allocates. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/sample_format.hpp"
#include "nodes/sound_file/sound_file_info.hpp"
#include "nodes/sound_file/wave_scan.hpp"

namespace streamlab {

class SoundFileReader {
 public:
  // Opens `path`. Refused, with `where` = path: no such file, no permission, a directory, a FIFO, socket or
  // device (they never end), an empty file, no sound file at all (the message shows how the file begins), a
  // format that cannot be decoded, 0 channels or a rate of 0. A header that promises more than the file holds
  // is no error: what is there is played and losses() says so.
  static Result<SoundFileReader> open(const std::string& path, BeyondEnd beyond_end = BeyondEnd::leave_out);

  SoundFileReader(SoundFileReader&&) noexcept;
  SoundFileReader& operator=(SoundFileReader&&) noexcept;
  ~SoundFileReader();

  const SoundFileInfo& info() const;

  // What of the file is not played, because it is damaged, missing, or behind the end that the header gives:
  // sentences without full stop. They may become more while reading: a compressed file shows only then what it
  // lacks.
  std::vector<std::string> losses() const;

  struct Block {
    std::size_t frames = 0;  // read; fewer than asked for at the end of the file and before missing frames
    DecodeCounts counts;     // of their samples; the level is info().clip_level
  };

  // Goes behind the frames that are missing where the next read would begin, because they are damaged. How many
  // those are: nearly always 0. Fails as read().
  Result<std::uint64_t> skip_missing();

  // Reads the next frames of all channels into planar[c][0 .. frames). Fails (ErrorCode::failed) when the
  // file cannot be read any more, e.g. because the disk is gone. 0 frames are the end, unless some are missing
  // here: skip_missing() comes first.
  Result<Block> read(double* const planar[], std::size_t frames);

  // A read has met the end of the file.
  bool at_end() const;
  // Looks ahead: where the next frame lies that can be played, behind those that are missing; none: there is no other.
  Result<std::optional<std::uint64_t>> next_frame();

  // The next read begins at `frame`, counted from the start of the file; at most info().frames.
  Result<void> seek(std::uint64_t frame);

  // Index of the frame that the next read begins with.
  std::uint64_t position() const;

 private:
  struct Impl;
  explicit SoundFileReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamlab
