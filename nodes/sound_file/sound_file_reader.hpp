// nodes/sound_file/sound_file_reader.hpp
//
// SoundFileReader: a sound file as planar float64, from front to back or from any frame.
//
// Integers are divided by 2^(bits-1); 32 and 64-bit floats are exact. Reads what libsndfile reads: WAV, RF64,
// W64, FLAC, AIFF, AU, CAF, Ogg (Vorbis, Opus), MP3 and more. Memory: a fixed buffer, whatever the length of
// the file.
//
// Not for the real-time thread: it opens, reads and allocates. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/error.hpp"
#include "nodes/sound_file/sound_file_info.hpp"

namespace streamlab {

class SoundFileReader {
 public:
  // Opens `path`. Refused, with `where` = path: no such file, no permission, a directory, a FIFO, socket or
  // device (they never end), an empty file, no sound file at all (the message shows how the file begins), a
  // format that cannot be decoded, 0 channels or a rate of 0. A header that promises more than the file holds
  // is no error: what is there is played and info().warnings says so.
  static Result<SoundFileReader> open(const std::string& path);

  SoundFileReader(SoundFileReader&&) noexcept;
  SoundFileReader& operator=(SoundFileReader&&) noexcept;
  ~SoundFileReader();

  // Warnings may grow while reading: a compressed file shows only then that it is cut short.
  const SoundFileInfo& info() const;

  struct Block {
    std::size_t frames = 0;      // read; fewer than asked for only at the end of the file
    std::size_t not_finite = 0;  // NaN and infinities among the samples, passed on as they are
  };

  // Reads the next frames of all channels into planar[c][0 .. frames). Fails (ErrorCode::failed) when the
  // file cannot be read any more, e.g. because the disk is gone.
  Result<Block> read(double* const planar[], std::size_t frames);

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
