// nodes/process/stream_decoder.hpp
//
// StreamDecoder: bytes in, blocks of frames out, for whoever reads samples from another program. It knows
// nothing of descriptors.
//
//   feed bytes until begin() says that the format is known; then, as long as has_block(), take().
//
// Without blocks of their own (raw, wav), frames come in blocks of DecoderSpec::max_frames, the last one
// shorter: however the bytes arrive, the blocks are the same. Framed blocks come as they were written.
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
  std::uint32_t max_frames = 1024;  // of a block, where the stream has none of its own
  std::string from = "the stream";  // what messages call it
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

  // Is the format known? Refused: bytes that are no header, or one that contradicts the spec, or the end
  // before there is one.
  Result<bool> begin();
  // Once begin() said so.
  const StreamFormat& format() const;

  // Is there a whole block, or after end() the rest? Refused: the stream becomes another one.
  Result<bool> has_block();
  // Frames that the next block has, and its place in the stream. Only while has_block().
  FrameHeader header() const;
  std::uint32_t frame_count() const;
  // Does header() have times and flags, or only a position?
  bool has_times() const;
  // Moves it into `block`, which has the format and room for it; how many samples are NaN or infinite.
  std::size_t take(DataFrame& block);
  // After end(): nothing is left.
  bool is_empty() const;

  // What was wrong with the bytes: half a frame at the end, garbage, missing blocks.
  std::vector<NodeNote> notes() const;

  class Format;  // one of raw, wav, framed

 private:
  StreamDecoder(DecoderSpec spec, std::unique_ptr<Format> format);

  DecoderSpec spec_;
  std::vector<std::byte> first_;  // while it is not known which format it is
  bool ended_ = false;
  std::unique_ptr<Format> format_;
};

}  // namespace streamlab
