// nodes/process/stream_encoder.hpp
//
// StreamEncoder: blocks of frames in, bytes out, for whoever gives samples to another program. It knows
// nothing of descriptors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/sample_format.hpp"
#include "engine/core/data_frame.hpp"
#include "engine/process/framed_stream.hpp"
#include "nodes/process/byte_format.hpp"

namespace streamlab {

struct EncoderSpec {
  ByteFormat format = ByteFormat::wav;
  // Of the samples inside wav and framed: s16_le, s24_3le, s32_le, float32_le or float64_le.
  SampleFormat samples = SampleFormat::float32_le;
  std::uint32_t header_every = kDefaultFramedHeaderEvery;  // blocks; of framed
};

// What was encoded, and what did not fit.
struct EncoderCounts {
  std::uint64_t frames = 0;
  std::uint64_t clipped = 0;     // samples that saturated
  std::uint64_t not_finite = 0;  // NaN and infinities; integers cannot say them: NaN is 0 there
};

class StreamEncoder {
 public:
  // Refused: spectra and values in anything but framed; a rate that is no whole number of Hz, or more than
  // 1024 channels, in wav; what check(FramedHeader) refuses.
  static Result<StreamEncoder> create(const EncoderSpec& spec, const StreamFormat& format);

  // Appends what stands before the first block: the header of a WAV or a framed stream. Call it once.
  void begin(std::vector<std::byte>& bytes);
  // Appends `block`.
  void append(const DataFrame& block, std::vector<std::byte>& bytes);
  // Appends so many frames of zeros; nothing where the format has blocks.
  void append_silence(std::uint64_t frames, std::vector<std::byte>& bytes) const;

  const EncoderCounts& counts() const { return counts_; }
  std::size_t frame_bytes() const { return frame_bytes_; }
  bool has_blocks() const { return framed_.has_value(); }

 private:
  StreamEncoder(const EncoderSpec& spec, const StreamFormat& format);
  void interleave(const DataFrame& block, std::byte* to);

  EncoderSpec spec_;
  SampleFormat samples_;
  std::uint32_t channels_;
  double sample_rate_hz_;
  std::size_t frame_bytes_;
  std::optional<FramedWriter> framed_;
  std::vector<std::byte> interleaved_;  // of framed
  std::vector<const double*> planar_;
  EncoderCounts counts_;
};

}  // namespace streamlab
