// nodes/sound_file/mpeg_input.cpp
//
// MPEG audio (MP3), decoded by libmpg123. The headers of all frames are read when the file is opened: without them
// the length is an estimate, and libsndfile ends where the estimate does.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <mpg123.h>

#include "nodes/sound_file/sample_input.hpp"

namespace streamlab {
namespace {

struct MpegDeleter {
  void operator()(mpg123_handle* decoder) const { mpg123_delete(decoder); }
};

// Decoded before the frame that is sought. The bits of a frame may lie in the frames before it (the reservoir, up to 511
// bytes, ISO 11172-3, 2.4.3.4), of which the shortest hold a few bytes each.
constexpr long kFramesBefore = 200;

// More bytes than a frame of any layer has.
constexpr std::uint64_t kLongestFrame = 16384;

// What may stand between two frames, and holds no sound.
bool is_tag(std::string_view bytes) {
  return bytes.starts_with("TAG") || bytes.starts_with("ID3") || bytes.starts_with("APETAGEX") ||
         bytes.starts_with("LYRICS");
}

// How many frames the first one says there are (a header by Xing or LAME: ISO 11172-3 knows none); 0: it says nothing.
std::uint32_t promised_frames(FileBytes& bytes) {
  std::array<unsigned char, 16384> head{};
  const std::size_t count = bytes.read(head.data(), head.size());
  bytes.seek(0, SEEK_SET);
  std::size_t at = 0;
  if (std::string_view(reinterpret_cast<const char*>(head.data()), 3) == "ID3") {  // its size: 4 times 7 bits
    at = 10 +
         (std::size_t{head[6]} << 21U | std::size_t{head[7]} << 14U | std::size_t{head[8]} << 7U | head[9]);
  }
  if (at + 64 > count || head[at] != 0xFF || (head[at + 1] & 0xE0U) != 0xE0U) { return 0; }
  const bool is_mpeg1 = (head[at + 1] & 0x18U) == 0x18U;
  const bool is_mono = (head[at + 3] & 0xC0U) == 0xC0U;
  const std::size_t tag = at + 4 + (is_mpeg1 ? (is_mono ? 17U : 32U) : (is_mono ? 9U : 17U));
  const std::string_view name(reinterpret_cast<const char*>(head.data()) + tag, 4);
  const bool has_count = (head[tag + 7] & 1U) != 0;
  if ((name != "Xing" && name != "Info") || !has_count) { return 0; }
  return std::uint32_t{head[tag + 8]} << 24U | std::uint32_t{head[tag + 9]} << 16U |
         std::uint32_t{head[tag + 10]} << 8U | head[tag + 11];
}

ssize_t on_mpeg_read(void* handle, void* to, std::size_t count) {
  FileBytes& bytes = *static_cast<FileBytes*>(handle);
  const std::size_t got = bytes.read(to, count);
  return bytes.error_number() != 0 ? -1 : static_cast<ssize_t>(got);
}
off_t on_mpeg_seek(void* handle, off_t offset, int whence) {
  return static_cast<off_t>(static_cast<FileBytes*>(handle)->seek(offset, whence));
}

// A decoder that reads through `bytes`, which must stay where it is. libmpg123 writes its notes to standard error unless
// it is told not to. None: it cannot be started.
std::unique_ptr<mpg123_handle, MpegDeleter> open_mpeg_decoder(FileBytes& bytes) {
  std::unique_ptr<mpg123_handle, MpegDeleter> decoder(mpg123_new(nullptr, nullptr));
  if (!decoder) { return decoder; }
  mpg123_param(decoder.get(), MPG123_ADD_FLAGS, MPG123_QUIET | MPG123_FORCE_FLOAT | MPG123_GAPLESS, 0.0);
  mpg123_param(decoder.get(), MPG123_REMOVE_FLAGS, MPG123_AUTO_RESAMPLE, 0.0);
  mpg123_param(decoder.get(), MPG123_PREFRAMES, kFramesBefore, 0.0);
  mpg123_param(decoder.get(), MPG123_RESYNC_LIMIT, -1, 0.0);  // behind damage it goes on, however far that is
  if (mpg123_replace_reader_handle(decoder.get(), on_mpeg_read, on_mpeg_seek, nullptr) != MPG123_OK ||
      mpg123_open_handle(decoder.get(), &bytes) != MPG123_OK) {
    decoder.reset();
  }
  return decoder;
}

class MpegInput final : public SampleInput {
 public:
  MpegInput(std::string path, FileBytes bytes) : path_(std::move(path)), bytes_(std::move(bytes)) {}

  // Empty: opened.
  std::string open() {
    const std::uint32_t promised = promised_frames(bytes_);
    decoder_ = open_mpeg_decoder(bytes_);
    mpg123_handle* const decoder = decoder_.get();
    if (decoder == nullptr) { return "its decoder cannot be started"; }
    long rate_hz = 0;
    int channels = 0;
    int encoding = 0;
    if (mpg123_getformat(decoder, &rate_hz, &channels, &encoding) != MPG123_OK || rate_hz <= 0 ||
        channels <= 0) {
      return reason();
    }
    // Nothing but so many channels comes out: a change from stereo to mono and back is no change.
    const long* rates = nullptr;
    std::size_t rate_count = 0;
    mpg123_rates(&rates, &rate_count);
    mpg123_format_none(decoder);
    for (std::size_t r = 0; r < rate_count; ++r) {
      mpg123_format(decoder, rates[r], channels == 1 ? MPG123_MONO : MPG123_STEREO, MPG123_ENC_FLOAT_32);
    }
    mpg123_frameinfo first{};
    if (mpg123_scan(decoder) != MPG123_OK || mpg123_info(decoder, &first) != MPG123_OK) { return reason(); }
    shape_.sample_rate_hz = static_cast<std::uint32_t>(rate_hz);
    shape_.channels = static_cast<std::uint32_t>(channels);
    if (const auto frames = mpg123_length(decoder); frames >= 0) {
      shape_.frames = static_cast<std::uint64_t>(frames);
    }
    const off_t there = mpg123_framelength(decoder);
    if (there >= 0 && there < static_cast<off_t>(promised)) {
      missing_frames_ = promised - static_cast<std::uint32_t>(there);
    }
    if (!look_behind_last_frame()) { return reason(); }
    shape_.container = "MPEG";
    shape_.subtype = fmt::format("layer {}", std::string_view("III").substr(
                                                 0, static_cast<std::size_t>(std::clamp(first.layer, 1, 3))));
    return {};
  }

  Result<Part> read(double* interleaved, std::size_t frames) override {
    Part part;
    while (part.frames < frames) {
      if (begin_ == end_) {
        auto more = next_frame();
        if (!more) { return tl::unexpected(more.error()); }
        if (!*more) { break; }
      }
      const std::size_t count = std::min(frames - part.frames, end_ - begin_);
      std::copy_n(decoded_ + begin_ * shape_.channels, count * shape_.channels,
                  interleaved + part.frames * shape_.channels);
      begin_ += count;
      part.frames += count;
      position_ += count;
    }
    return part;
  }

  Result<void> seek(std::uint64_t frame) override {
    begin_ = end_ = 0;
    expected_at_ = -1;
    const auto wanted = static_cast<off_t>(frame);
    if (mpg123_seek(decoder_.get(), wanted, SEEK_SET) != wanted) {
      return failed(path_, fmt::format("cannot be read from frame {}: {}", frame, reason()));
    }
    position_ = frame;
    return {};
  }

  std::vector<std::string> losses() const override {
    std::vector<std::string> losses;
    if (missing_frames_ > 0) {
      losses.push_back(
          fmt::format("the header promises {} more MPEG frames than the file has: the existing ones are "
                      "played",
                      missing_frames_));
    }
    if (damaged_bytes_ > 0) {
      losses.push_back(
          fmt::format("{} bytes are damaged, the first before frame {}: their contents are skipped",
                      damaged_bytes_, first_damage_));
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
    if (changed_) {
      losses.push_back(fmt::format("the sample rate changes at frame {}: the rest is not played", position_));
    }
    return losses;
  }

 private:
  std::string reason() const {
    if (bytes_.error_number() != 0) { return std::strerror(bytes_.error_number()); }
    return "it holds no MPEG audio that can be decoded";
  }

  // Decodes the next MPEG frame. False at the end.
  Result<bool> next_frame() {
    begin_ = end_ = 0;
    while (end_ == 0) {
      off_t number = 0;
      unsigned char* audio = nullptr;
      std::size_t size = 0;
      const int status = mpg123_decode_frame(decoder_.get(), &number, &audio, &size);
      if (status == MPG123_NEW_FORMAT) { continue; }
      if (bytes_.error_number() != 0) {
        return failed(path_, fmt::format("cannot be read beyond frame {}: {}", position_,
                                         std::strerror(bytes_.error_number())));
      }
      if (status != MPG123_OK) { return false; }
      if (!look_at_frame()) { return false; }
      decoded_ = reinterpret_cast<const float*>(audio);
      end_ = size / (sizeof(float) * shape_.channels);
    }
    return true;
  }

  // Frames lie one behind the other: what lies between two of them was a frame, or is a tag. False where the
  // sample rate changes. (libmpg123 itself tells that only where it did not read the file to its end before.)
  bool look_at_frame() {
    mpg123_frameinfo frame{};
    const auto at = static_cast<std::int64_t>(mpg123_framepos(decoder_.get()));
    if (mpg123_info(decoder_.get(), &frame) != MPG123_OK || at < 0) { return true; }
    changed_ = frame.rate != static_cast<long>(shape_.sample_rate_hz);
    if (changed_) { return false; }
    if (expected_at_ >= 0 && at > expected_at_) {
      char head[8] = {};
      const std::uint64_t place = bytes_.position();
      bytes_.seek(expected_at_, SEEK_SET);
      const std::string_view found(head, bytes_.read(head, sizeof head));
      bytes_.seek(static_cast<std::int64_t>(place), SEEK_SET);
      if (!is_tag(found)) {
        if (damaged_bytes_ == 0) { first_damage_ = position_; }
        damaged_bytes_ += static_cast<std::uint64_t>(at - expected_at_);
      }
    }
    expected_at_ = at + frame.framesize;
    return true;
  }

  // Tags may follow the last frame, or a few zeros that fill up a sector. Everything else was a frame; libmpg123 ends
  // there without a word. It tells where a frame is only while it reads it: another decoder does so, because sound
  // differs in its last bit where reading has been elsewhere before. False: the file cannot be read.
  bool look_behind_last_frame() {
    const off_t count = mpg123_framelength(decoder_.get());
    off_t* places = nullptr;
    off_t step = 0;
    std::size_t place_count = 0;
    if (count <= 0 || mpg123_index(decoder_.get(), &places, &step, &place_count) != MPG123_OK) {
      return count <= 0;
    }
    FileBytes bytes = bytes_;
    const auto decoder = open_mpeg_decoder(bytes);
    if (!decoder || mpg123_set_index(decoder.get(), places, step, place_count) != MPG123_OK ||
        mpg123_seek_frame(decoder.get(), count - 1, SEEK_SET) < 0) {
      return false;
    }
    std::uint64_t end = 0;
    mpg123_frameinfo frame{};
    int status = MPG123_OK;
    while ((status = mpg123_framebyframe_next(decoder.get())) == MPG123_OK || status == MPG123_NEW_FORMAT) {
      const auto at = static_cast<std::int64_t>(mpg123_framepos(decoder.get()));
      if (mpg123_info(decoder.get(), &frame) != MPG123_OK || at < 0) { return false; }
      end = static_cast<std::uint64_t>(at + frame.framesize);
    }
    if (end > 0 && end < bytes.size()) {
      const std::uint64_t behind = bytes.size() - end;
      std::string found(static_cast<std::size_t>(std::min<std::uint64_t>(behind, kLongestFrame)), '\0');
      bytes.seek(static_cast<std::int64_t>(end), SEEK_SET);
      found.resize(bytes.read(found.data(), found.size()));
      const bool is_filling = behind < static_cast<std::uint64_t>(frame.framesize) &&
                              found.find_first_not_of('\0') == std::string::npos;
      if (!is_tag(found) && !is_filling) { bytes_behind_ = behind; }
      is_cut_ = behind < kLongestFrame && found.starts_with('\xFF') &&
                (found.size() < 2 || (static_cast<unsigned char>(found[1]) & 0xE0U) == 0xE0U);
    }
    return bytes.error_number() == 0;
  }

  const std::string path_;
  FileBytes bytes_;
  std::unique_ptr<mpg123_handle, MpegDeleter> decoder_;  // reads through bytes_
  const float* decoded_ = nullptr;                       // interleaved; the decoder's, up to the next call
  std::size_t begin_ = 0;                                // frames of it that were handed out
  std::size_t end_ = 0;                                  // frames in it
  std::uint64_t position_ = 0;
  std::int64_t expected_at_ = -1;  // where the next MPEG frame should begin; -1: anywhere
  std::uint64_t damaged_bytes_ = 0;
  std::uint64_t first_damage_ = 0;
  bool changed_ = false;
  std::uint32_t missing_frames_ = 0;  // of MPEG, that the header promises
  std::uint64_t bytes_behind_ = 0;    // the last frame, that are no tag
  bool is_cut_ = false;               // they begin as a frame does
};

}  // namespace

OpenedInput open_mpeg_input(const std::string& path, FileBytes bytes) {
  auto input = std::make_unique<MpegInput>(path, std::move(bytes));
  if (std::string reason = input->open(); !reason.empty()) { return tl::unexpected(std::move(reason)); }
  return input;
}

}  // namespace streamlab
