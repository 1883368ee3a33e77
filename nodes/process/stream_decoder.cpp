// nodes/process/stream_decoder.cpp
#include "nodes/process/stream_decoder.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "engine/process/framed_stream.hpp"
#include "nodes/process/wave_stream.hpp"

namespace streamlab {
namespace {

constexpr std::uint32_t kKnownFlags = 0x3F;

// Prefixed by the name of the stream: "stdin: the stream does not begin …".
Error about(const DecoderSpec& spec, Error error) {
  error.what = fmt::format("{} {}", spec.from, error.what);
  return error;
}

Result<void> compare(const DecoderSpec& spec, double channels, double sample_rate_hz) {
  if (spec.channels != 0 && spec.channels != channels) {
    return refused(
        "/config/channels",
        fmt::format("the header of {} says {}, which contradicts {}", spec.from, channels, spec.channels),
        "the same number, or 0 to use the header's");
  }
  if (spec.sample_rate_hz != 0.0 && spec.sample_rate_hz != sample_rate_hz) {
    return refused("/config/sample_rate",
                   fmt::format("the header of {} says {} Hz, which contradicts {} Hz", spec.from,
                               sample_rate_hz, spec.sample_rate_hz),
                   "the same rate, or 0 to use the header's");
  }
  return {};
}

// A queue of interleaved frames: bytes go in, samples come out.
class FrameQueue {
 public:
  void set_shape(SampleFormat format, std::uint32_t channels) {
    format_ = format;
    channels_ = channels;
    frame_bytes_ = channels * bytes_per_sample(format);
    planar_.resize(channels);
  }
  void add(std::span<const std::byte> bytes) {
    if (begin_ > 0 && begin_ >= bytes_.size() - begin_) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(begin_));
      begin_ = 0;
    }
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  std::size_t frames() const { return (bytes_.size() - begin_) / frame_bytes_; }
  std::size_t bytes_of_half_a_frame() const { return (bytes_.size() - begin_) % frame_bytes_; }
  std::size_t frame_bytes() const { return frame_bytes_; }

  std::size_t take(DataFrame& block, std::uint32_t frames) {
    block.set_frame_count(frames);
    for (std::uint32_t c = 0; c < channels_; ++c) { planar_[c] = block.channel_data(c); }
    const std::size_t not_finite =
        decode_interleaved(format_, bytes_.data() + begin_, channels_, frames, planar_.data()).not_finite;
    begin_ += frames * frame_bytes_;
    return not_finite;
  }

 private:
  SampleFormat format_ = SampleFormat::float64_le;
  std::uint32_t channels_ = 1;
  std::size_t frame_bytes_ = 8;
  std::vector<std::byte> bytes_;
  std::size_t begin_ = 0;
  std::vector<double*> planar_;
};

}  // namespace

class StreamDecoder::Format {
 public:
  explicit Format(const DecoderSpec& spec) : spec_(spec) {}
  virtual ~Format() = default;
  Format(const Format&) = delete;
  Format& operator=(const Format&) = delete;

  virtual void feed(std::span<const std::byte> bytes) = 0;
  virtual void end() { ended_ = true; }
  virtual Result<bool> begin() = 0;
  virtual Result<bool> has_block() = 0;
  virtual FrameHeader header() const = 0;
  virtual bool has_times() const { return false; }
  virtual std::uint32_t frame_count() const = 0;
  virtual std::size_t take(DataFrame& block) = 0;
  virtual bool is_empty() const = 0;
  virtual std::vector<NodeNote> notes() const = 0;

  const StreamFormat& format() const { return format_; }

 protected:
  const DecoderSpec spec_;
  StreamFormat format_;
  bool ended_ = false;
};

namespace {

// Only samples.
class RawFormat : public StreamDecoder::Format {
 public:
  RawFormat(const DecoderSpec& spec, SampleFormat samples) : Format(spec) {
    set_shape(samples, spec.channels, spec.sample_rate_hz);
  }
  void feed(std::span<const std::byte> bytes) override { frames_.add(bytes); }
  Result<bool> begin() override { return true; }
  Result<bool> has_block() override {
    return frames_.frames() >= spec_.max_frames || (ended_ && frames_.frames() > 0);
  }
  FrameHeader header() const override { return {.position = position_}; }
  std::uint32_t frame_count() const override {
    return static_cast<std::uint32_t>(std::min<std::size_t>(frames_.frames(), spec_.max_frames));
  }
  std::size_t take(DataFrame& block) override {
    const std::uint32_t frames = frame_count();
    const std::size_t not_finite = frames_.take(block, frames);
    position_ += frames;
    return not_finite;
  }
  bool is_empty() const override { return ended_ && frames_.frames() == 0; }
  std::vector<NodeNote> notes() const override {
    const std::size_t left = ended_ ? frames_.bytes_of_half_a_frame() : 0;
    if (left == 0) { return {}; }
    return {
        {fmt::format("{} ended with {} bytes of an incomplete frame, which are skipped", spec_.from, left),
         left, true}};
  }

 protected:
  explicit RawFormat(const DecoderSpec& spec) : Format(spec) {}
  void set_shape(SampleFormat samples, std::uint32_t channels, double sample_rate_hz) {
    frames_.set_shape(samples, channels);
    format_ =
        audio_format(sample_rate_hz, default_channel_names(channels), spec_.max_frames, clip_level(samples));
  }
  FrameQueue frames_;

 private:
  std::int64_t position_ = 0;
};

// A WAV header, then samples up to its length, or to the end.
class WavFormat final : public RawFormat {
 public:
  explicit WavFormat(const DecoderSpec& spec) : RawFormat(spec) {}

  void feed(std::span<const std::byte> bytes) override {
    if (!header_.is_complete() && !error_) {
      const auto taken = header_.take(bytes);
      if (!taken) {
        error_ = taken.error();
        return;
      }
      bytes = bytes.subspan(*taken);
      header_bytes_ += *taken;
      if (!header_.is_complete()) { return; }
      const WaveShape& shape = header_.shape();
      set_shape(shape.format, shape.channels, shape.sample_rate_hz);
      const std::uint64_t promised = header_.data_bytes().value_or(0);
      tail_.begin(header_bytes_ + promised, promised % 2);
    }
    const std::uint64_t wanted = header_.data_bytes().value_or(std::numeric_limits<std::uint64_t>::max());
    const std::uint64_t more = std::min<std::uint64_t>(bytes.size(), wanted - data_bytes_);
    data_bytes_ += more;
    frames_.add(bytes.first(static_cast<std::size_t>(more)));
    tail_.take(bytes.subspan(static_cast<std::size_t>(more)));
  }
  Result<bool> begin() override {
    if (error_) { return tl::unexpected(about(spec_, *error_)); }
    if (header_.is_complete()) {
      auto fine = compare(spec_, header_.shape().channels, header_.shape().sample_rate_hz);
      if (!fine) { return tl::unexpected(fine.error()); }
      return true;
    }
    if (!ended_) { return false; }
    return refused("",
                   fmt::format("{} ended {}", spec_.from,
                               header_bytes_ > 0 ? "inside the header of a WAV" : "before any data came"),
                   "a WAV");
  }
  Result<bool> has_block() override {
    return frames_.frames() >= spec_.max_frames || ((ended_ || is_complete()) && frames_.frames() > 0);
  }
  std::vector<NodeNote> notes() const override {
    std::vector<NodeNote> notes = RawFormat::notes();
    const std::uint64_t promised = header_.data_bytes().value_or(0);
    if (ended_ && promised > data_bytes_) {
      notes.push_back({fmt::format("the header of {} promises {} bytes of samples, but it ended after {}",
                                   spec_.from, promised, data_bytes_),
                       promised - data_bytes_, true});
    }
    if (tail_.is_no_chunk(ended_)) {
      notes.push_back({fmt::format("{} bytes of {} follow the end stated by its header; they are not played",
                                   tail_.bytes(), spec_.from),
                       tail_.bytes(), true});
    } else if (const auto other = tail_.other_samples()) {
      notes.push_back(
          {fmt::format("other samples begin at byte {} of {}; they are not played", *other, spec_.from),
           tail_.bytes(), true});
    } else if (tail_.bytes() > 0) {
      notes.push_back({fmt::format("{} bytes of {} follow the samples announced by its header", tail_.bytes(),
                                   spec_.from),
                       tail_.bytes(), false});
    }
    return notes;
  }

 private:
  bool is_complete() const { return header_.data_bytes() && data_bytes_ >= *header_.data_bytes(); }

  WaveStreamHeader header_;
  std::optional<Error> error_;
  std::uint64_t header_bytes_ = 0;  // received
  std::uint64_t data_bytes_ = 0;    // received
  WaveStreamTail tail_;             // of what comes after them
};

class FramedFormat final : public StreamDecoder::Format {
 public:
  explicit FramedFormat(const DecoderSpec& spec) : Format(spec) {}

  void feed(std::span<const std::byte> bytes) override { reader_.feed(bytes); }
  void end() override {
    Format::end();
    reader_.end();
  }
  Result<bool> begin() override {
    if (reader_.header()) { return true; }
    const auto item = reader_.next();
    if (!item) { return tl::unexpected(about(spec_, item.error())); }
    if (*item == FramedReader::Item::header) {
      const FramedHeader& header = *reader_.header();
      auto fine = compare(spec_, static_cast<double>(header.channels.size()), header.sample_rate_hz);
      if (!fine) { return tl::unexpected(fine.error()); }
      set_format(header);
      return true;
    }
    if (!ended_) { return false; }
    return refused("", fmt::format("{} ended without the header of a framed stream", spec_.from),
                   "a stream as described in docs/framed-stream.md");
  }
  Result<bool> has_block() override {
    if (has_block_) { return true; }
    const auto item = reader_.next();
    if (!item) { return tl::unexpected(about(spec_, item.error())); }
    if (*item == FramedReader::Item::header) {
      return failed("",
                    fmt::format("{} changed its format after {} blocks", spec_.from, reader_.counts().blocks),
                    "one format from beginning to end");
    }
    has_block_ = *item == FramedReader::Item::block;
    return has_block_;
  }
  FrameHeader header() const override {
    const FramedBlock& block = reader_.block();
    FrameHeader header{block.timestamp_us, block.sequence_id, block.position, block.gap_frames,
                       block.flags & kKnownFlags};
    if (format_.kind != StreamKind::audio) { return header; }
    // Blocks lost in transit are a gap too; repeated frames continue where the first ended.
    if (next_ && header.position < *next_) { header.position = *next_; }
    if (next_ && header.position > *next_) {
      header.set(FrameFlag::gap);
      header.gap_frames = static_cast<std::uint64_t>(header.position - *next_);
    }
    return header;
  }
  bool has_times() const override { return true; }
  std::uint32_t frame_count() const override { return reader_.block().frame_count; }
  std::size_t take(DataFrame& block) override {
    const FrameHeader at = header();
    next_ = at.position + frame_count();
    const bool is_between = std::exchange(missed_, reader_.counts().missed) != reader_.counts().missed;
    if (at.has(FrameFlag::gap) && !is_between) {
      ++gaps_;
      gap_frames_ += at.gap_frames;
    }
    has_block_ = false;
    block.set_frame_count(frame_count());
    for (std::uint32_t c = 0; c < block.channel_count(); ++c) { planar_[c] = block.channel_data(c); }
    return decode_interleaved(reader_.header()->format, reader_.block().samples.data(), block.channel_count(),
                              frame_count(), planar_.data())
        .not_finite;
  }
  bool is_empty() const override { return ended_ && !has_block_ && reader_.held_bytes() == 0; }
  std::vector<NodeNote> notes() const override {
    const FramedCounts& counts = reader_.counts();
    std::vector<NodeNote> notes;
    const auto add = [&](std::uint64_t count, std::string_view what) {
      if (count > 0) { notes.push_back({fmt::format("{} of {}: {}", what, spec_.from, count), count, true}); }
    };
    add(counts.skipped_bytes, "bytes that were skipped");
    add(counts.damaged, "damaged blocks");
    add(counts.missed, "missing blocks");
    add(counts.repeated, "blocks whose number was there before");
    if (gaps_ > 0) {
      notes.push_back({fmt::format("gaps that {} tells of: {} ({} frames)", spec_.from, gaps_, gap_frames_),
                       gaps_, true});
    }
    if (counts.unclaimed > 0) {
      notes.push_back({fmt::format("blocks of {} before its first header: {}", spec_.from, counts.unclaimed),
                       counts.unclaimed, false});
    }
    return notes;
  }

 private:
  void set_format(const FramedHeader& header) {
    constexpr StreamKind kKinds[] = {StreamKind::audio, StreamKind::spectrum, StreamKind::values};
    format_.kind = kKinds[static_cast<std::size_t>(header.kind)];
    format_.sample_rate_hz = header.sample_rate_hz;
    for (const FramedChannel& channel : header.channels) {
      format_.channels.push_back({channel.name, channel.unit, clip_level(header.format)});
    }
    if (header.axis) {
      format_.axis = {header.axis->quantity, header.axis->unit, header.axis->start, header.axis->step};
    }
    format_.max_frames = header.max_frames;
    format_.notes = header.notes;
    planar_.resize(header.channels.size());
  }

  FramedReader reader_;
  bool has_block_ = false;
  std::uint64_t missed_ = 0;  // blocks, up to the last one
  std::uint64_t gaps_ = 0;    // that the stream tells of, where no block is missing
  std::uint64_t gap_frames_ = 0;
  std::optional<std::int64_t> next_;  // position after the last block of audio
  std::vector<double*> planar_;
};

// The format that begins with `first`; none while that is unknown.
std::optional<ByteFormat> format_of(std::span<const std::byte> first) {
  const auto begins = [&](std::string_view mark) {
    return first.size() >= 4 && std::memcmp(first.data(), mark.data(), 4) == 0;
  };
  if (begins("RIFF") || begins("RF64") || begins("BW64")) { return ByteFormat::wav; }
  if (begins("SLST") || begins("SLFR")) { return ByteFormat::framed; }
  return std::nullopt;
}

std::unique_ptr<StreamDecoder::Format> make_format(const DecoderSpec& spec, ByteFormat format) {
  if (const auto samples = raw_samples(format)) { return std::make_unique<RawFormat>(spec, *samples); }
  if (format == ByteFormat::framed) { return std::make_unique<FramedFormat>(spec); }
  return std::make_unique<WavFormat>(spec);
}

}  // namespace

StreamDecoder::StreamDecoder(DecoderSpec spec, std::unique_ptr<Format> format)
    : spec_(std::move(spec)), format_(std::move(format)) {}
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;
StreamDecoder::~StreamDecoder() = default;

Result<StreamDecoder> StreamDecoder::create(const DecoderSpec& spec) {
  const bool is_raw = raw_samples(spec.format).has_value();
  const std::string_view name = kByteFormatNames[static_cast<std::size_t>(spec.format)];
  if (is_raw && spec.channels == 0) {
    return refused("/config/channels", fmt::format("\"{}\" has no header with the number of channels", name),
                   "a number from 1");
  }
  if (is_raw && spec.sample_rate_hz == 0.0) {
    return refused("/config/sample_rate", fmt::format("\"{}\" has no header with the sample rate", name),
                   "a rate here or in pipeline_config");
  }
  const bool is_known = spec.format != ByteFormat::automatic;
  return StreamDecoder(spec, is_known ? make_format(spec, spec.format) : nullptr);
}

void StreamDecoder::feed(std::span<const std::byte> bytes) {
  if (format_) {
    format_->feed(bytes);
    return;
  }
  first_.insert(first_.end(), bytes.begin(), bytes.end());
  if (const auto format = format_of(first_)) {
    format_ = make_format(spec_, *format);
    format_->feed(first_);
    first_ = {};
  }
}

void StreamDecoder::end() {
  ended_ = true;
  if (format_) { format_->end(); }
}

Result<bool> StreamDecoder::begin() {
  if (format_) { return format_->begin(); }
  if (first_.size() < 4 && !ended_) { return false; }
  if (first_.empty()) {
    return refused("", spec_.from + " ended before any data came", "a WAV or a framed stream");
  }
  return refused("/config/format",
                 fmt::format("{} starts neither like a WAV nor like a framed stream", spec_.from),
                 "one of them or, for samples without a header, their format (such as f32le), channels and "
                 "sample_rate");
}

const StreamFormat& StreamDecoder::format() const { return format_->format(); }
Result<bool> StreamDecoder::has_block() { return format_->has_block(); }
FrameHeader StreamDecoder::header() const { return format_->header(); }
bool StreamDecoder::has_times() const { return format_->has_times(); }
std::uint32_t StreamDecoder::frame_count() const { return format_->frame_count(); }
std::size_t StreamDecoder::take(DataFrame& block) { return format_->take(block); }
bool StreamDecoder::is_empty() const { return format_ == nullptr || format_->is_empty(); }
std::vector<NodeNote> StreamDecoder::notes() const {
  return format_ ? format_->notes() : std::vector<NodeNote>{};
}

}  // namespace streamlab
