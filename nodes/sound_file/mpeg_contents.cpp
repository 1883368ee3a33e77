// nodes/sound_file/mpeg_contents.cpp
#include "nodes/sound_file/mpeg_contents.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace streamlab {
namespace {

// More bytes than a frame of any layer has.
constexpr std::uint64_t kLongestFrame = 16384;

// By which a decoder of layer III is late: 528 samples and one. Encoders count it neither in their delay nor out of
// their padding.
constexpr std::uint64_t kDecoderDelay = 529;

// What may stand between two frames, and holds no sound.
bool is_mpeg_tag(std::string_view bytes) {
  return bytes.starts_with("TAG") || bytes.starts_with("ID3") || bytes.starts_with("APETAGEX") ||
         bytes.starts_with("LYRICS");
}

ssize_t on_mpeg_read(void* handle, void* to, std::size_t count) {
  FileBytes& bytes = *static_cast<FileBytes*>(handle);
  const std::size_t got = bytes.read(to, count);
  return bytes.error_number() != 0 ? -1 : static_cast<ssize_t>(got);
}
off_t on_mpeg_seek(void* handle, off_t offset, int whence) {
  return static_cast<off_t>(static_cast<FileBytes*>(handle)->seek(offset, whence));
}

// What a frame tells that holds no sound.
struct InfoFrame {
  std::uint32_t frames = 0;  // of MPEG, that follow it; 0: it does not say
  bool has_delay = false;
  std::uint64_t delay = 0;    // samples that the encoder put in front
  std::uint64_t padding = 0;  // and behind
};

std::optional<InfoFrame> info_frame_of(const mpg123_frameinfo& frame, const unsigned char* body,
                                       std::size_t size) {
  const bool is_mono = frame.mode == MPG123_M_MONO;
  const std::size_t begin = frame.version == MPG123_1_0 ? (is_mono ? 17U : 32U) : (is_mono ? 9U : 17U);
  constexpr std::size_t kChecksum = 2;
  if (frame.layer != 3 || size < begin + 8 ||
      std::any_of(body + kChecksum, body + begin, [](unsigned char byte) { return byte != 0; })) {
    return std::nullopt;
  }
  const std::string_view name(reinterpret_cast<const char*>(body) + begin, 4);
  if (name != "Xing" && name != "Info") { return std::nullopt; }
  InfoFrame info;
  const unsigned flags = body[begin + 7];
  std::size_t at = begin + 8;
  if ((flags & 1U) != 0 && at + 4 <= size) {
    info.frames = std::uint32_t{body[at]} << 24U | std::uint32_t{body[at + 1]} << 16U |
                  std::uint32_t{body[at + 2]} << 8U | body[at + 3];
  }
  at += ((flags & 1U) != 0 ? 4U : 0U) + ((flags & 2U) != 0 ? 4U : 0U) + ((flags & 4U) != 0 ? 100U : 0U) +
        ((flags & 8U) != 0 ? 4U : 0U);
  // The name of the encoder and others, then twice 12 bits.
  info.has_delay = at + 24 <= size && body[at] != 0;
  if (info.has_delay) {
    const unsigned char* const delays = body + at + 21;
    info.delay = std::uint64_t{delays[0]} << 4U | delays[1] >> 4U;
    info.padding = (std::uint64_t{delays[1]} & 0xFU) << 8U | delays[2];
  }
  return info;
}

class MpegWalk {
 public:
  explicit MpegWalk(FileBytes bytes) : bytes_(bytes), aside_(std::move(bytes)) {}

  tl::expected<MpegContents, std::string> walk() {
    decoder_ = open_mpeg_decoder(bytes_);
    long rate_hz = 0;
    int channels = 0;
    int encoding = 0;
    if (!decoder_) { return tl::unexpected(std::string("its decoder cannot be started")); }
    int status = mpg123_getformat(decoder_.get(), &rate_hz, &channels, &encoding);  // reads the first frame
    if (status != MPG123_OK) { return tl::unexpected(reason()); }
    for (; status == MPG123_OK || status == MPG123_NEW_FORMAT;
         status = mpg123_framebyframe_next(decoder_.get())) {
      if (!take_frame()) { return tl::unexpected(reason()); }
      if (changed_ != nullptr) { break; }
    }
    end_part();
    look_behind_last_frame();
    out_.samples = count_ * out_.frame_samples;
    if (bytes_.error_number() != 0 || aside_.error_number() != 0 || !has_sound_ || !copy_index()) {
      return tl::unexpected(reason());
    }
    out_.channels = has_two_ ? 2 : 1;
    tell();
    return std::move(out_);
  }

 private:
  std::string reason() const {
    for (const FileBytes* bytes : {&bytes_, &aside_}) {
      if (bytes->error_number() != 0) { return std::strerror(bytes->error_number()); }
    }
    return "it holds no MPEG audio that can be decoded";
  }

  std::string bytes_at(std::uint64_t place, std::size_t count) {
    std::string bytes(count, '\0');
    aside_.seek(static_cast<std::int64_t>(place), SEEK_SET);
    bytes.resize(aside_.read(bytes.data(), bytes.size()));
    return bytes;
  }

  // False: libmpg123 says nothing about the frame that it has read.
  bool take_frame() {
    mpg123_frameinfo frame{};
    const off_t at = mpg123_framepos(decoder_.get());
    if (mpg123_info(decoder_.get(), &frame) != MPG123_OK || at < 0) { return false; }
    const auto samples = static_cast<std::uint64_t>(mpg123_spf(decoder_.get()));
    const bool has_two = frame.mode != MPG123_M_MONO;
    if (count_ == 0) {
      out_.sample_rate_hz = static_cast<std::uint32_t>(frame.rate);
      out_.layer = std::clamp(frame.layer, 1, 3);
      out_.frame_samples = samples;
      begins_with_two_ = has_two_ = has_two;
    }
    const bool has_other_rate = frame.rate != static_cast<long>(out_.sample_rate_hz);
    if (has_other_rate || samples != out_.frame_samples) {
      const auto begin = static_cast<std::uint64_t>(at);
      if (is_chance(begin, static_cast<std::uint64_t>(frame.framesize))) {
        pass_over(begin, static_cast<std::uint64_t>(frame.framesize));
      } else {
        changed_ = has_other_rate ? "sample rate" : "layer";
      }
      return true;
    }
    if (count_ == 0) { look_before_first(static_cast<std::uint64_t>(at)); }
    const bool is_behind_tag = count_ > 0 && look_between(static_cast<std::uint64_t>(at));
    take_info(frame, is_behind_tag);
    if (has_two != begins_with_two_ && !channels_change_) { channels_change_ = count_; }
    has_two_ = has_two_ || has_two;
    end_ = static_cast<std::uint64_t>(at + frame.framesize);
    frame_bytes_ = static_cast<std::uint64_t>(frame.framesize);
    ++count_;
    return true;
  }

  // Where a frame is damaged, its bytes may look like the header of another kind of frame, or be one that was changed.
  // Behind a frame that is one there is another with the same version, layer and rate, a tag, or the end.
  bool is_chance(std::uint64_t at, std::uint64_t size) {
    const std::string head = bytes_at(at, 4);
    const std::string next = bytes_at(at + size, 8);
    if (head.size() < 4 || next.size() < 4 || is_mpeg_tag(next)) { return false; }
    constexpr std::array<unsigned char, 4> kSame{0xFF, 0xFE, 0x0C, 0x00};
    for (std::size_t i = 0; i < head.size(); ++i) {
      const auto changed =
          static_cast<unsigned char>(head[i]) ^ static_cast<unsigned>(static_cast<unsigned char>(next[i]));
      if ((changed & kSame[i]) != 0) { return true; }
    }
    return false;
  }

  // libmpg123 counts it as a frame; it is damage.
  void pass_over(std::uint64_t at, std::uint64_t size) {
    if (damaged_bytes_ == 0) { first_damage_ = count_; }
    damaged_bytes_ += at + size - end_;
    end_ = at + size;
    passed_over_.push_back(count_++);
  }

  // Whatever stands between the tags and the first frame was a frame too: libmpg123 passes over it, until two frames
  // follow each other.
  void look_before_first(std::uint64_t at) {
    const std::uint64_t begin = bytes_of_id3_tags(bytes_);
    if (begin < at && !is_mpeg_tag(bytes_at(begin, 8))) { damaged_bytes_ += at - begin; }
  }

  // Frames lie one behind the other: what lies between two of them was a frame, or is a tag. True: a tag.
  bool look_between(std::uint64_t at) {
    if (at <= end_) { return false; }
    if (is_mpeg_tag(bytes_at(end_, 8))) { return true; }
    if (damaged_bytes_ == 0) { first_damage_ = count_; }
    damaged_bytes_ += at - end_;
    return false;
  }

  // A file that was put behind another begins with a frame that tells about it, or behind the tag that ends the other.
  void take_info(const mpg123_frameinfo& frame, bool is_behind_tag) {
    unsigned long header = 0;
    unsigned char* body = nullptr;
    std::size_t size = 0;
    std::optional<InfoFrame> info;
    if (mpg123_framedata(decoder_.get(), &header, &body, &size) == MPG123_OK) {
      info = info_frame_of(frame, body, size);
    }
    has_sound_ = has_sound_ || !info;
    const bool is_complete = info_ && info_->frames > 0 && frames_of_part() == info_->frames;
    if (!info && !(is_behind_tag && is_complete)) { return; }
    end_part();
    part_begin_ = count_;
    info_ = info;
  }

  // MPEG frames behind the one that tells about them.
  std::uint64_t frames_of_part() const { return count_ - part_begin_ - 1 - passed_over_.size(); }

  // The part that began at part_begin_ ends here.
  void end_part() {
    const std::uint64_t there = frames_of_part();
    const std::uint64_t begin = part_begin_ * out_.frame_samples;
    const std::uint64_t end = count_ * out_.frame_samples;
    if (info_) {
      const std::uint64_t before = info_->has_delay ? info_->delay + kDecoderDelay : 0;
      leave_out(begin, std::min(begin + out_.frame_samples + before, end));
    }
    for (const std::uint64_t n : passed_over_) {
      leave_out(n * out_.frame_samples, (n + 1) * out_.frame_samples);
    }
    passed_over_.clear();
    if (!info_) { return; }
    if (info_->frames > there) {
      missing_ += info_->frames - there;
    } else if (info_->frames > 0 && info_->frames < there) {
      out_.warnings.push_back(fmt::format(
          "the header counts {} MPEG frames, but there are {}: all are played, with what fills up the last",
          info_->frames, there));
    } else if (info_->frames > 0 && info_->has_delay && info_->padding > kDecoderDelay) {
      const std::uint64_t padding = std::min(info_->padding - kDecoderDelay, end - begin);
      leave_out(end - padding, end);
    }
    info_.reset();
  }

  void leave_out(std::uint64_t begin, std::uint64_t end) {
    auto& spans = out_.left_out;
    if (!spans.empty() && begin <= spans.back().end) {
      spans.back().end = std::max(spans.back().end, end);
    } else if (begin < end) {
      spans.push_back({begin, end, out_.frames_before(begin)});
    }
  }

  // Tags may follow the last frame, or a few zeros that fill up a sector. Everything else was a frame; libmpg123 ends
  // there without a word.
  void look_behind_last_frame() {
    if (changed_ != nullptr || count_ == 0 || end_ >= bytes_.size()) { return; }
    bytes_behind_ = bytes_.size() - end_;
    const std::string found =
        bytes_at(end_, static_cast<std::size_t>(std::min<std::uint64_t>(bytes_behind_, kLongestFrame)));
    const bool is_filling =
        bytes_behind_ < frame_bytes_ && found.find_first_not_of('\0') == std::string::npos;
    is_cut_ = bytes_behind_ < kLongestFrame && found.starts_with('\xFF') &&
              (found.size() < 2 || (static_cast<unsigned char>(found[1]) & 0xE0U) == 0xE0U);
    if (is_mpeg_tag(found) || is_filling) { bytes_behind_ = 0; }
  }

  bool copy_index() {
    off_t* places = nullptr;
    std::size_t count = 0;
    if (mpg123_index(decoder_.get(), &places, &out_.place_step, &count) != MPG123_OK) { return false; }
    out_.places.assign(places, places + count);
    return true;
  }

  void tell() {
    const auto frame_at = [&](std::uint64_t n) { return out_.frames_before(n * out_.frame_samples); };
    if (channels_change_) {
      out_.warnings.push_back(
          fmt::format("the number of channels changes at frame {}: where there is one, both are the same",
                      frame_at(*channels_change_)));
    }
    std::vector<std::string>& losses = out_.losses;
    if (missing_ > 0) {
      losses.push_back(
          fmt::format("the header promises {} more MPEG frames than the file has: the existing ones are "
                      "played",
                      missing_));
    }
    if (damaged_bytes_ > 0) {
      losses.push_back(
          fmt::format("{} bytes are damaged, the first before frame {}: their contents are skipped",
                      damaged_bytes_, frame_at(first_damage_)));
    }
    if (bytes_behind_ > 0) {
      losses.push_back(
          is_cut_
              ? fmt::format("the file ends within an MPEG frame: the {} bytes of it that are there are not "
                            "played",
                            bytes_behind_)
              : fmt::format("{} bytes behind the last MPEG frame are damaged: their contents are not played",
                            bytes_behind_));
    }
    if (changed_ != nullptr) {
      losses.push_back(
          fmt::format("the {} changes at frame {}: the rest is not played", changed_, out_.frames()));
    }
  }

  FileBytes bytes_;
  FileBytes aside_;  // the same, for what libmpg123 does not show
  MpegDecoder decoder_;
  MpegContents out_;
  std::uint64_t count_ = 0;                       // MPEG frames so far
  std::uint64_t end_ = 0;                         // the byte behind the last of them
  std::uint64_t frame_bytes_ = 0;                 // of it
  std::optional<InfoFrame> info_;                 // of the part under way
  std::uint64_t part_begin_ = 0;                  // MPEG frame with which it began
  bool has_sound_ = false;                        // an MPEG frame that is no InfoFrame
  bool begins_with_two_ = false;                  // channels
  bool has_two_ = false;                          // somewhere
  std::optional<std::uint64_t> channels_change_;  // at this MPEG frame
  const char* changed_ = nullptr;                 // what does not go on as it began
  std::uint64_t missing_ = 0;                     // MPEG frames
  std::uint64_t damaged_bytes_ = 0;               // between frames
  std::vector<std::uint64_t> passed_over_;        // of the part under way: what only looks like an MPEG frame
  std::uint64_t first_damage_ = 0;                // before this MPEG frame
  std::uint64_t bytes_behind_ = 0;                // the last frame, that are no tag
  bool is_cut_ = false;                           // they begin as a frame does
};

}  // namespace

MpegDecoder open_mpeg_decoder(FileBytes& bytes) {
  MpegDecoder decoder(mpg123_new(nullptr, nullptr));
  if (!decoder) { return decoder; }
  // libmpg123 writes its notes to standard error unless it is told not to.
  mpg123_param(decoder.get(), MPG123_ADD_FLAGS, MPG123_QUIET | MPG123_FORCE_FLOAT | MPG123_IGNORE_INFOFRAME,
               0.0);
  mpg123_param(decoder.get(), MPG123_REMOVE_FLAGS, MPG123_AUTO_RESAMPLE | MPG123_GAPLESS, 0.0);
  mpg123_param(decoder.get(), MPG123_RESYNC_LIMIT, -1, 0.0);  // behind damage it goes on, however far that is
  if (mpg123_replace_reader_handle(decoder.get(), on_mpeg_read, on_mpeg_seek, nullptr) != MPG123_OK ||
      mpg123_open_handle(decoder.get(), &bytes) != MPG123_OK) {
    decoder.reset();
  }
  return decoder;
}

std::uint64_t MpegContents::frames_before(std::uint64_t sample) const {
  const auto behind = std::partition_point(left_out.begin(), left_out.end(),
                                           [&](const Span& span) { return span.begin < sample; });
  if (behind == left_out.begin()) { return sample; }
  const Span& span = *std::prev(behind);
  return span.frames_before + (sample > span.end ? sample - span.end : 0);
}

MpegContents::Span MpegContents::span_from(std::uint64_t frame) const {
  const auto next = std::partition_point(left_out.begin(), left_out.end(),
                                         [&](const Span& span) { return span.frames_before <= frame; });
  const std::uint64_t end = next == left_out.end() ? samples : next->begin;
  if (next == left_out.begin()) { return {frame, end, frame}; }
  const Span& before = *std::prev(next);
  return {before.end + (frame - before.frames_before), end, frame};
}

tl::expected<MpegContents, std::string> read_mpeg_contents(FileBytes bytes) {
  return MpegWalk(std::move(bytes)).walk();
}

}  // namespace streamlab
