// nodes/process/stream_encoder.hpp
//
// StreamEncoder: blocks of frames in, bytes out, to send samples to another program. It knows nothing about
// descriptors.
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
  // Format of the samples inside wav and framed: s16_le, s24_3le, s32_le, float32_le or float64_le.
  SampleFormat samples = SampleFormat::float32_le;
  std::uint32_t header_every = kDefaultFramedHeaderEvery;  // blocks; of framed
};

// Counts of what was encoded and what did not fit.
struct EncoderCounts {
  std::uint64_t frames = 0;
  std::uint64_t clipped = 0;     // samples that saturated
  std::uint64_t not_finite = 0;  // NaN and infinities; integers cannot hold them: NaN becomes 0
};

class StreamEncoder {
 public:
  // Refused: spectra and values in anything but framed; in wav, a rate that is not a whole number of Hz, or
  // more than 1024 channels; what check(FramedHeader) refuses.
  static Result<StreamEncoder> create(const EncoderSpec& spec, const StreamFormat& format);

  // Appends the header of a WAV or a framed stream. Call it once, before the first block.
  void begin(std::vector<std::byte>& bytes);
  // Appends `block`.
  void append(const DataFrame& block, std::vector<std::byte>& bytes);
  // Appends this many frames of zeros; nothing if the format has blocks.
  void append_silence(std::uint64_t frames, std::vector<std::byte>& bytes) const;

  const EncoderCounts& counts() const { return counts_; }
  // Are the samples that clipped lost? A float that is too large for 32 bits becomes the largest possible one, which nobody can tell
  // from a sample that is right; an integer saturates, as is its way.
  bool loses_what_clips() const { return is_float(samples_); }
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
  EncoderCounts counts_;
};

}  // namespace streamlab
