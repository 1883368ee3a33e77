// nodes/sound_file/flac_input.cpp
//
// FLAC, by itself or in Ogg, decoded by libFLAC: each of its frames says which samples it holds (RFC 9639,
// section 9.1.5), so that behind damage the stream goes on at the right place, with a gap of the right length.
// libsndfile ends there.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include <FLAC/stream_decoder.h>
#include <fmt/format.h>

#include "engine/base/sample_format.hpp"
#include "nodes/sound_file/sample_input.hpp"

namespace streamlab {
namespace {

// ID3v1, APEv2, Lyrics3, and ID3v2 at the end: they hold no sound.
bool is_trailing_tag(std::string_view bytes) {
  constexpr std::string_view kMarks[] = {"TAG", "APETAGEX", "LYRICS", "ID3"};
  return std::any_of(std::begin(kMarks), std::end(kMarks),
                     [&](std::string_view mark) { return bytes.starts_with(mark); });
}

constexpr std::string_view kMark = "fLaC";  // begins a stream

struct FlacDeleter {
  void operator()(FLAC__StreamDecoder* decoder) const { FLAC__stream_decoder_delete(decoder); }
};

class FlacInput final : public SampleInput {
 public:
  FlacInput(std::string path, FileBytes bytes, FlacWrapping wrapping)
      : path_(std::move(path)),
        bytes_(std::move(bytes)),
        wrapping_(wrapping),
        decoder_(FLAC__stream_decoder_new()) {}

  // Empty: opened.
  std::string open() {
    if (decoder_ == nullptr) { return "there is not enough memory for its decoder"; }
    FLAC__stream_decoder_set_md5_checking(decoder_.get(), 1);
    if (!init()) { return "its decoder cannot be started"; }
    if (FLAC__stream_decoder_process_until_end_of_metadata(decoder_.get()) == 0 || shape_.channels == 0) {
      if (bytes_.error_number() != 0) { return std::strerror(bytes_.error_number()); }
      return "its header is damaged";
    }
    if (shape_.sample_rate_hz == 0) { return "it has a sample rate of 0 Hz"; }
    note_place();
    look_at_the_end();
    if (bytes_.error_number() != 0) { return std::strerror(bytes_.error_number()); }
    return {};
  }

  Result<Part> read(double* interleaved, std::size_t frames) override {
    Part part;
    while (part.frames < frames) {
      if (begin_ == end_) {
        auto more = next_block();
        if (!more) { return tl::unexpected(more.error()); }
        if (!*more) { break; }
      }
      if (missing_ > 0 && part.frames > 0) { break; }  // what is missing stands before the next part
      part.missing += std::exchange(missing_, 0);
      const std::size_t count = std::min(frames - part.frames, end_ - begin_);
      std::copy_n(block_.data() + begin_ * shape_.channels, count * shape_.channels,
                  interleaved + part.frames * shape_.channels);
      begin_ += count;
      part.frames += count;
    }
    return part;
  }

  Result<void> seek(std::uint64_t frame) override {
    if (frame == 0 && next_ == 0) { return {}; }  // else libFLAC would check no checksum
    leave_place(frame);
    if (shape_.frames && frame >= *shape_.frames) { return {}; }
    // In damage libFLAC may find a block behind `frame` though one before it is whole; where two streams lie in the file,
    // one of the other.
    const bool is_found = !is_joined() && FLAC__stream_decoder_seek_absolute(decoder_.get(), frame) != 0 &&
                          end_ > 0 && missing_ == 0;
    if (is_found) {
      next_ += end_;
      return {};
    }
    // Then from the beginning, by a decoder that has seen no damage yet. Blocks before `frame` are left out as they come.
    leave_place(frame);
    decoder_.reset(FLAC__stream_decoder_new());
    bytes_.seek(0, SEEK_SET);
    if (decoder_ != nullptr && init() &&
        FLAC__stream_decoder_process_until_end_of_metadata(decoder_.get()) != 0) {
      return {};
    }
    return failed(path_, fmt::format("cannot be read from frame {}", frame));
  }

  std::vector<std::string> losses() const override { return losses_; }

 private:
  // `frame` is read next, wherever the decoder finds it.
  void leave_place(std::uint64_t frame) {
    begin_ = end_ = 0;
    missing_ = 0;
    crc_failed_ = false;
    last_begin_ = 0;
    is_at_end_ = false;
    next_ = frame;
  }

  bool init() {
    const auto init = wrapping_ == FlacWrapping::ogg ? FLAC__stream_decoder_init_ogg_stream
                                                     : FLAC__stream_decoder_init_stream;
    return init(decoder_.get(), on_read, on_seek, on_tell, on_length, on_eof, on_write, on_metadata, on_error,
                this) == FLAC__STREAM_DECODER_INIT_STATUS_OK;
  }

  static FlacInput& self(void* client) { return *static_cast<FlacInput*>(client); }

  static FLAC__StreamDecoderReadStatus on_read(const FLAC__StreamDecoder* /*decoder*/, FLAC__byte to[],
                                               std::size_t* count, void* client) {
    FileBytes& bytes = self(client).bytes_;
    *count = bytes.read(to, *count);
    if (bytes.error_number() != 0) { return FLAC__STREAM_DECODER_READ_STATUS_ABORT; }
    return *count > 0 ? FLAC__STREAM_DECODER_READ_STATUS_CONTINUE
                      : FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM;
  }
  static FLAC__StreamDecoderSeekStatus on_seek(const FLAC__StreamDecoder* /*decoder*/, FLAC__uint64 offset,
                                               void* client) {
    self(client).bytes_.seek(static_cast<std::int64_t>(offset), SEEK_SET);
    return FLAC__STREAM_DECODER_SEEK_STATUS_OK;
  }
  static FLAC__StreamDecoderTellStatus on_tell(const FLAC__StreamDecoder* /*decoder*/, FLAC__uint64* offset,
                                               void* client) {
    *offset = self(client).bytes_.position();
    return FLAC__STREAM_DECODER_TELL_STATUS_OK;
  }
  static FLAC__StreamDecoderLengthStatus on_length(const FLAC__StreamDecoder* /*decoder*/,
                                                   FLAC__uint64* length, void* client) {
    *length = self(client).bytes_.size();
    return FLAC__STREAM_DECODER_LENGTH_STATUS_OK;
  }
  static FLAC__bool on_eof(const FLAC__StreamDecoder* /*decoder*/, void* client) {
    const FileBytes& bytes = self(client).bytes_;
    return bytes.position() >= bytes.size() ? 1 : 0;
  }
  static void on_metadata(const FLAC__StreamDecoder* /*decoder*/, const FLAC__StreamMetadata* metadata,
                          void* client) {
    if (metadata->type == FLAC__METADATA_TYPE_STREAMINFO) {
      self(client).take_info(metadata->data.stream_info);
    }
  }
  static void on_error(const FLAC__StreamDecoder* /*decoder*/, FLAC__StreamDecoderErrorStatus status,
                       void* client) {
    // Others than this one are followed by no block: what they cost is missing before the next.
    if (status == FLAC__STREAM_DECODER_ERROR_STATUS_FRAME_CRC_MISMATCH) { self(client).crc_failed_ = true; }
  }
  static FLAC__StreamDecoderWriteStatus on_write(const FLAC__StreamDecoder* /*decoder*/,
                                                 const FLAC__Frame* frame, const FLAC__int32* const samples[],
                                                 void* client) {
    self(client).take_block(frame->header, samples);
    return FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE;
  }

  void take_info(const FLAC__StreamMetadata_StreamInfo& info) {
    if (shape_.channels != 0) { return; }  // of a second stream
    shape_.sample_rate_hz = info.sample_rate;
    shape_.channels = info.channels;
    if (info.total_samples > 0) { shape_.frames = info.total_samples; }
    shape_.container = wrapping_ == FlacWrapping::ogg ? "Ogg" : "FLAC";
    bits_ = static_cast<int>(info.bits_per_sample);
    shape_.clip_level = largest_sample(bits_);
    shape_.subtype = fmt::format("{}{}-bit PCM", wrapping_ == FlacWrapping::ogg ? "FLAC, " : "", bits_);
    block_.resize(static_cast<std::size_t>(info.max_blocksize) * info.channels);
  }

  // Keeps the frames from next_ on. libFLAC puts silence for what is missing, in blocks of its own before the one
  // that it did read (1.4), or in place of one that fails its checksum (1.3): here that counts as missing. So the
  // last block of a step holds, as if the others had not come.
  void take_block(const FLAC__FrameHeader& header, const FLAC__int32* const samples[]) {
    ++blocks_in_step_;
    block_begin_ = header.number.sample_number;
    block_end_ = block_begin_ + header.blocksize;
    const std::uint64_t first = header.number.sample_number;
    std::uint64_t behind = first + header.blocksize;
    const bool fits = header.channels == shape_.channels &&
                      static_cast<int>(header.bits_per_sample) == bits_ &&
                      (!shape_.frames || first < *shape_.frames);
    // Each frame counts from the beginning of its own stream: where the count goes back, another one has begun.
    if (!fits || is_at_end_ || first < last_begin_) {
      is_at_end_ = is_at_end_ || fits;
      has_other_ = true;
      return;
    }
    last_begin_ = first;
    if (shape_.frames && behind > *shape_.frames) {
      frames_behind_ = behind - *shape_.frames;
      behind = *shape_.frames;
    }
    if (std::exchange(crc_failed_, false) && is_silent(header, samples)) { return; }
    is_read_ = true;
    has_other_ = false;
    if (behind <= next_) { return; }
    const std::uint64_t from = std::max(first, next_);
    missing_ = from - next_;
    begin_ = 0;
    end_ = static_cast<std::size_t>(behind - from);
    block_.resize(std::max(block_.size(), end_ * shape_.channels));
    const double scale = std::ldexp(1.0, 1 - bits_);
    const auto skipped = static_cast<std::size_t>(from - first);
    for (std::size_t c = 0; c < shape_.channels; ++c) {
      for (std::size_t n = 0; n < end_; ++n) {
        block_[n * shape_.channels + c] = samples[c][skipped + n] * scale;
      }
    }
  }

  static bool is_silent(const FLAC__FrameHeader& header, const FLAC__int32* const samples[]) {
    for (std::size_t c = 0; c < header.channels; ++c) {
      if (std::any_of(samples[c], samples[c] + header.blocksize, [](FLAC__int32 x) { return x != 0; })) {
        return false;
      }
    }
    return true;
  }

  // False at the end.
  Result<bool> next_block() {
    begin_ = end_ = 0;
    while (end_ == 0) {
      if (is_over() || is_at_end_) { return false; }
      blocks_in_step_ = 0;
      is_read_ = false;
      const bool went_on = FLAC__stream_decoder_process_single(decoder_.get()) != 0;
      // libFLAC 1.4.2 wipes the block that follows its silence. (One that is left out may be wiped.)
      const bool is_wiped = blocks_in_step_ > 1 && block_end_ > next_ && !is_at_end_;
      if (is_read_) { note_place(); }
      if (is_wiped && bytes_.error_number() == 0) { decode_again(); }
      if (bytes_.error_number() != 0) {
        return failed(path_, fmt::format("cannot be read beyond frame {}: {}", next_,
                                         std::strerror(bytes_.error_number())));
      }
      const auto state = FLAC__stream_decoder_get_state(decoder_.get());
      if (end_ == 0 && (!went_on || is_at_end_ || state == FLAC__STREAM_DECODER_END_OF_STREAM)) {
        is_at_end_ = true;
        if (!shape_.frames) { look_behind_last(); }
        if (!shape_.frames && state == FLAC__STREAM_DECODER_END_OF_STREAM) { check_md5(); }
        return false;
      }
    }
    next_ += missing_ + end_;
    has_gap_ = has_gap_ || missing_ > 0;
    if (is_over()) {
      look_behind();
      check_md5();
    }
    return true;
  }

  // The block that came last, from the file and not out of libFLAC's buffers.
  void decode_again() {
    begin_ = end_ = 0;
    missing_ = 0;
    if (FLAC__stream_decoder_seek_absolute(decoder_.get(), std::max(block_begin_, next_)) != 0) { return; }
    begin_ = end_ = 0;
    FLAC__stream_decoder_flush(decoder_.get());
  }

  bool is_over() const { return shape_.frames && next_ >= *shape_.frames; }

  // The header holds the MD5 of all samples, or zeros. libFLAC compares it when it finishes, unless it has been
  // sent to another place before. Damage changes it, too, and has been told.
  void check_md5() {
    if (std::exchange(is_md5_checked_, true)) { return; }
    const bool is_right = FLAC__stream_decoder_finish(decoder_.get()) != 0;
    if (!is_right && !has_gap_ && losses_.empty()) {
      losses_.push_back("the samples do not have the checksum (MD5) that the header states: some are wrong");
    }
    // For those who seek: where it fails, so will they.
    bytes_.seek(0, SEEK_SET);
    if (init()) { FLAC__stream_decoder_process_until_end_of_metadata(decoder_.get()); }
  }

  // Does another stream begin in the file? Looks through all of it, once.
  bool is_joined() {
    if (!joined_ && wrapping_ == FlacWrapping::none) { joined_ = begins_stream_behind(kMark.size()); }
    return joined_.value_or(false);
  }

  // Does a stream begin in the file, at this byte or behind it?
  bool begins_stream_behind(std::uint64_t byte) {
    constexpr std::string_view kInfoOf34Bytes("\0\0\x22", 3);  // behind the type of the block
    constexpr std::size_t kBytesAtOnce = 1U << 20U;
    const std::uint64_t position = bytes_.position();
    std::string text;
    bool is_found = false;
    bytes_.seek(static_cast<std::int64_t>(byte), SEEK_SET);
    while (!is_found) {
      const std::size_t kept = std::min(text.size(), kMark.size() + kInfoOf34Bytes.size());
      text.erase(0, text.size() - kept);
      text.resize(kept + kBytesAtOnce);
      const std::size_t got = bytes_.read(text.data() + kept, kBytesAtOnce);
      text.resize(kept + got);
      if (got == 0) { break; }
      for (std::size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + 1)) {
        const std::string_view behind = std::string_view(text).substr(at + kMark.size());
        is_found = is_found || (!behind.empty() && behind.substr(1).starts_with(kInfoOf34Bytes));
      }
    }
    bytes_.seek(static_cast<std::int64_t>(position), SEEK_SET);
    return is_found;
  }

  // So that what is wrong there is known before all has been read. Where another stream follows, libFLAC may find the
  // end of that one: nothing is seen here, but when reading comes to the end of the first.
  void look_at_the_end() {
    if (!shape_.frames || wrapping_ == FlacWrapping::ogg) { return; }
    next_ = *shape_.frames - 1;
    if (FLAC__stream_decoder_seek_absolute(decoder_.get(), next_) != 0 && end_ > 0) { look_behind(); }
    leave_place(0);
    FLAC__stream_decoder_reset(decoder_.get());
  }

  // More FLAC behind what the header counts: another file put behind this one, or a header that lies.
  void look_behind() {
    FLAC__uint64 position = 0;
    if (found_behind_ || wrapping_ == FlacWrapping::ogg ||
        FLAC__stream_decoder_get_decode_position(decoder_.get(), &position) == 0) {
      return;
    }
    char head[8] = {};
    bytes_.seek(static_cast<std::int64_t>(position), SEEK_SET);
    const std::string_view found(head, bytes_.read(head, sizeof head));
    const bool is_frame = found.starts_with("\xFF\xF8") || found.starts_with("\xFF\xF9");
    const bool is_stream = !is_frame && begins_stream_behind(position);  // at once, or behind tags
    if (!is_stream && !is_frame && frames_behind_ == 0) {
      if (is_trailing_tag(found) || found.find_first_not_of('\0') == std::string_view::npos) { return; }
      found_behind_ = true;
      losses_.push_back(fmt::format("{} bytes behind the last FLAC frame are neither sound nor a tag",
                                    bytes_.size() - position));
      return;
    }
    found_behind_ = true;
    const std::string frames = frames_behind_ > 0 ? fmt::format("{} frames and ", frames_behind_) : "";
    losses_.push_back(fmt::format("{} of {}{} bytes follows the {} frames stated by the header: not played",
                                  is_stream && frames.empty() ? "another FLAC stream" : "more of the stream",
                                  frames, bytes_.size() - position, *shape_.frames));
  }

  // Behind what has been read of the stream so far.
  void note_place() {
    FLAC__uint64 position = 0;
    if (wrapping_ == FlacWrapping::none &&
        FLAC__stream_decoder_get_decode_position(decoder_.get(), &position) != 0) {
      place_ = std::max<std::uint64_t>(place_, position);
    }
  }

  // Where the header counts no frames, those that cannot be read at the end are missed by nobody: but their bytes are
  // there. Tags are none.
  void look_behind_last() {
    if (found_behind_ || wrapping_ == FlacWrapping::ogg || place_ >= bytes_.size()) { return; }
    std::string found(8, '\0');
    const std::uint64_t position = bytes_.position();
    bytes_.seek(static_cast<std::int64_t>(place_), SEEK_SET);
    found.resize(bytes_.read(found.data(), found.size()));
    bytes_.seek(static_cast<std::int64_t>(position), SEEK_SET);
    const bool is_another = has_other_ || begins_stream_behind(place_);
    if (!is_another && is_trailing_tag(found)) { return; }
    found_behind_ = true;
    const std::uint64_t count = bytes_.size() - place_;
    losses_.push_back(
        is_another
            ? fmt::format("another FLAC stream of {} bytes follows the first, whose header states no length: "
                          "not played",
                          count)
            : fmt::format("{} bytes behind the last whole FLAC frame are cut off or damaged: their contents "
                          "are not played",
                          count));
  }

  const std::string path_;
  FileBytes bytes_;
  const FlacWrapping wrapping_;
  std::unique_ptr<FLAC__StreamDecoder, FlacDeleter> decoder_;  // reads through bytes_
  int bits_ = 0;                                               // of a sample
  std::vector<double> block_;                                  // interleaved
  std::size_t begin_ = 0;                                      // frames of block_ that were handed out
  std::size_t end_ = 0;                                        // frames in it
  std::uint64_t next_ = 0;                                     // behind the last frame in it
  std::uint64_t missing_ = 0;                                  // frames, before it
  unsigned blocks_in_step_ = 0;
  std::uint64_t block_begin_ = 0;  // of the last of them
  std::uint64_t block_end_ = 0;
  bool crc_failed_ = false;
  bool is_read_ = false;             // a block of the stream, in this step
  bool is_at_end_ = false;           // nothing more comes
  bool has_other_ = false;           // or one of another shape, behind all that were read
  std::uint64_t last_begin_ = 0;     // of the block of the stream that came last
  std::uint64_t place_ = 0;          // in the file: behind the last block that was read
  std::uint64_t frames_behind_ = 0;  // what the header counts, in its last block
  bool found_behind_ = false;
  std::optional<bool> joined_;  // is_joined()
  bool has_gap_ = false;
  bool is_md5_checked_ = false;
  std::vector<std::string> losses_;
};

}  // namespace

OpenedInput open_flac_input(const std::string& path, FileBytes bytes, FlacWrapping wrapping) {
  auto input = std::make_unique<FlacInput>(path, std::move(bytes), wrapping);
  if (std::string reason = input->open(); !reason.empty()) { return tl::unexpected(std::move(reason)); }
  return input;
}

}  // namespace streamlab
