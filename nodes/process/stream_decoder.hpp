// nodes/process/stream_decoder.hpp
//
// StreamDecoder: bytes in, blocks of frames out, to read samples from another program. It knows nothing about
// descriptors.
//
//   feed bytes until begin() returns true: the format is known; then take() while has_block().
//
// Formats without blocks (raw, wav) are cut into blocks of DecoderSpec::max_frames, the last one shorter: the
// blocks do not depend on how the bytes arrive. Framed blocks come as they were written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/core/data_frame.hpp"
#include "engine/core/node.hpp"
#include "nodes/process/byte_format.hpp"

namespace streamlab {

struct DecoderSpec {
  ByteFormat format = ByteFormat::automatic;
  std::uint32_t channels = 0;       // 0: as the header says
  double sample_rate_hz = 0.0;      // 0: as the header says
  std::uint32_t max_frames = 1024;  // of a block, if the stream has no blocks
  std::string from = "the stream";  // its name in messages
};

class StreamDecoder {
 public:
  // Refused: a raw format without channels or rate.
  static Result<StreamDecoder> create(const DecoderSpec& spec);
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;
  ~StreamDecoder();

  void feed(std::span<const std::byte> bytes);
  void end();

  // Is the format known? Refused: bytes that are not a header, a header that contradicts the spec, or the end
  // before a header.
  Result<bool> begin();
  // Valid once begin() has returned true.
  const StreamFormat& format() const;

  // Is there a complete block, or after end() the rest? Refused: the stream changes its format.
  Result<bool> has_block();
  // Number of frames of the next block, and its place in the stream. Only while has_block().
  FrameHeader header() const;
  std::uint32_t frame_count() const;
  // Does header() have times and flags, or only a position?
  bool has_times() const;
  // Moves it into `block`, which must have its format and enough room; returns the number of NaN or infinite
  // samples.
  std::size_t take(DataFrame& block);
  // After end(): nothing is left.
  bool is_empty() const;

  // Problems found in the bytes: an incomplete frame at the end, garbage, missing blocks.
  std::vector<NodeNote> notes() const;

  class Format;  // one of raw, wav, framed

 private:
  StreamDecoder(DecoderSpec spec, std::unique_ptr<Format> format);

  DecoderSpec spec_;
  std::vector<std::byte> first_;  // while the format is unknown
  bool ended_ = false;
  std::unique_ptr<Format> format_;
};

}  // namespace streamlab
