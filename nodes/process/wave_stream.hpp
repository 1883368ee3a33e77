// nodes/process/wave_stream.hpp
//
// WaveStreamHeader: reads the header of a WAV from a pipe, byte by byte. RIFF and RF64.
//
// Programs that write WAV into a pipe do not know its length. They write 0, or 2^32 - 1 (ffmpeg), or
// something near 2^31 (sox, arecord): all of these mean "up to the end".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "nodes/sound_file/wave_header.hpp"

namespace streamlab {

class WaveStreamHeader {
 public:
  // Takes bytes up to the first sample; returns how many of `bytes` it took. Refused: not a WAV, an
  // unsupported sample format, a header that contradicts itself.
  Result<std::size_t> take(std::span<const std::byte> bytes);

  bool is_complete() const { return is_complete_; }
  // Once it is complete.
  const WaveShape& shape() const { return shape_; }
  std::optional<std::uint64_t> data_bytes() const { return data_bytes_; }  // none: up to the end

 private:
  enum class State : std::uint8_t { riff, chunk, format, ds64, skip };
  std::size_t wanted() const;
  Result<void> take_part();
  Result<void> take_riff();
  Result<void> take_chunk();
  Result<void> take_format();
  template <class T>
  T number_at(std::size_t offset) const;

  State state_ = State::riff;
  std::vector<std::byte> part_;   // the bytes of the current part
  std::uint64_t part_bytes_ = 0;  // of the chunk's body, padding included
  bool is_rf64_ = false;
  bool has_format_ = false;
  bool is_complete_ = false;
  WaveShape shape_;
  std::optional<std::uint64_t> ds64_bytes_;
  std::uint64_t riff_bytes_ = 0;  // that the file says follow its first eight
  std::uint64_t position_ = 0;    // behind what has been taken
  std::optional<std::uint64_t> data_bytes_;
};

// WaveStreamTail: what comes behind the samples of a WAV whose header states their length: chunks, or something that is
// lost. It judges as wave_scan does of a file, so that the same bytes end a run with the same exit code.
class WaveStreamTail {
 public:
  // It begins at byte `position` of the stream, behind `padding` bytes (0 or 1) that belong to the samples.
  void begin(std::uint64_t position, std::uint64_t padding);
  void take(std::span<const std::byte> bytes);

  std::uint64_t bytes() const { return bytes_; }  // without the padding
  // Whether they are no chunks. A chunk that says more than came is none, once the stream `has_ended`.
  bool is_no_chunk(bool has_ended) const;
  // Where, behind the samples, others begin: a second chunk of them, or another file.
  std::optional<std::uint64_t> other_samples() const { return other_samples_; }

 private:
  void take_head();

  std::uint64_t position_ = 0;
  std::uint64_t bytes_ = 0;
  std::string head_;           // of a chunk, up to 8 bytes
  std::uint64_t body_ = 0;     // bytes of it that are still to come
  std::uint64_t padding_ = 0;  // then these
  std::uint64_t chunks_ = 0;   // that came whole
  bool is_broken_ = false;     // what follows is no chunk
  std::optional<std::uint64_t> other_samples_;
};

}  // namespace streamlab
