// nodes/process/stream_encoder.cpp
#include "nodes/process/stream_encoder.hpp"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "engine/core/overlap.hpp"
#include "nodes/sound_file/wave_header.hpp"

namespace streamlab {
namespace {

constexpr std::uint32_t kMostWavChannels = 1024;

FramedHeader header_of(const StreamFormat& format, SampleFormat samples) {
  FramedHeader header;
  header.kind = format.kind == StreamKind::spectrum ? FramedKind::spectrum
                : format.kind == StreamKind::values ? FramedKind::values
                                                    : FramedKind::audio;
  header.format = samples;
  header.sample_rate_hz = format.sample_rate_hz;
  header.max_frames = format.max_frames;
  for (const ChannelInfo& channel : format.channels) {
    header.channels.push_back({channel.name, channel.unit});
  }
  if (format.kind == StreamKind::spectrum) {
    header.axis = FramedAxis{format.axis.quantity, format.axis.unit, format.axis.start, format.axis.step};
  }
  header.notes = format.notes;
  return header;
}

}  // namespace

StreamEncoder::StreamEncoder(const EncoderSpec& spec, const StreamFormat& format)
    : spec_(spec),
      samples_(raw_samples(spec.format).value_or(spec.samples)),
      channels_(format.channel_count()),
      sample_rate_hz_(format.sample_rate_hz),
      frame_bytes_(channels_ * bytes_per_sample(samples_)) {}

Result<StreamEncoder> StreamEncoder::create(const EncoderSpec& spec, const StreamFormat& format) {
  StreamEncoder encoder(spec, format);
  const std::string_view name = kByteFormatNames[static_cast<std::size_t>(spec.format)];
  if (spec.format == ByteFormat::framed) {
    auto writer = FramedWriter::create(header_of(format, spec.samples), spec.header_every);
    if (!writer) { return tl::unexpected(writer.error()); }
    encoder.framed_ = std::move(*writer);
    encoder.interleaved_.reserve(format.max_frames * encoder.frame_bytes_);
    return encoder;
  }
  if (format.kind != StreamKind::audio) {
    return refused("/config/format",
                   fmt::format("\"{}\" carries only audio, not {}", name, to_string(format.kind)),
                   "\"framed\"");
  }
  if (auto fits = refuse_overlap(format, "a sequence of samples must be one continuous signal"); !fits) {
    return tl::unexpected(fits.error());
  }
  if (spec.format != ByteFormat::wav) { return encoder; }
  const double rate = format.sample_rate_hz;
  if (rate != std::floor(rate) || rate > std::numeric_limits<std::uint32_t>::max()) {
    return refused("/config/format", fmt::format("a WAV cannot have a rate of {} Hz", rate),
                   "a whole number of Hz", "\"framed\" can");
  }
  if (encoder.channels_ > kMostWavChannels) {
    return refused("/config/format", fmt::format("a WAV of {} channels", encoder.channels_),
                   fmt::format("at most {}", kMostWavChannels), "\"framed\" can have more");
  }
  return encoder;
}

void StreamEncoder::begin(std::vector<std::byte>& bytes) {
  if (framed_) { framed_->append_header(bytes); }
  if (spec_.format != ByteFormat::wav) { return; }
  const std::vector<std::byte> header =
      wave_stream_header({SoundContainer::wav, samples_, static_cast<std::uint32_t>(sample_rate_hz_),
                          static_cast<std::uint16_t>(channels_)});
  bytes.insert(bytes.end(), header.begin(), header.end());
}

void StreamEncoder::append(const DataFrame& block, std::vector<std::byte>& bytes) {
  const std::size_t size = block.frame_count() * frame_bytes_;
  counts_.frames += block.frame_count();
  if (!framed_) {
    const std::size_t begin = bytes.size();
    bytes.resize(begin + size);
    interleave(block, bytes.data() + begin);
    return;
  }
  interleaved_.resize(size);
  interleave(block, interleaved_.data());
  const FrameHeader& header = block.header();
  // Only blocks of another shape are refused, which the graph never passes.
  static_cast<void>(framed_->append({.sequence_id = header.sequence_id,
                                     .position = header.position,
                                     .timestamp_us = header.timestamp_us,
                                     .gap_frames = header.gap_frames,
                                     .flags = header.flags,
                                     .frame_count = block.frame_count(),
                                     .samples = interleaved_},
                                    bytes));
}

void StreamEncoder::interleave(const DataFrame& block, std::byte* to) {
  const EncodeCounts counts = encode_interleaved(samples_, block.channel_pointers().data(), channels_,
                                                 block.frame_count(), to, NotFinite::keep);
  counts_.clipped += counts.clipped;
  counts_.not_finite += counts.not_a_number + counts.kept;
}

void StreamEncoder::append_silence(std::uint64_t frames, std::vector<std::byte>& bytes) const {
  if (!framed_) { bytes.resize(bytes.size() + static_cast<std::size_t>(frames) * frame_bytes_); }
}

}  // namespace streamlab
