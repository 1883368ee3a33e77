// nodes/sound_file/mpeg_input.cpp
//
// MPEG audio (MP3), decoded by libmpg123. The headers of all frames are read when the file is opened (mpeg_contents):
// without them the length is an estimate, and libsndfile ends where the estimate does. libmpg123 is asked for MPEG
// frames by their number alone: where it counts samples, it takes all of a file for what its last frame is.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "nodes/sound_file/mpeg_contents.hpp"
#include "nodes/sound_file/sample_input.hpp"

namespace streamlab {
namespace {

// Decoded before the frame that is sought. The bits of a frame may lie in the frames before it (the reservoir, up to 511
// bytes, ISO 11172-3, 2.4.3.4), of which the shortest hold a few bytes each. (libmpg123 can do so, too, but not where
// it has last been in another layer, which needs none.)
constexpr std::uint64_t kFramesBefore = 200;

class MpegInput final : public SampleInput {
 public:
  MpegInput(std::string path, FileBytes bytes) : path_(std::move(path)), bytes_(std::move(bytes)) {}

  // Empty: opened.
  std::string open() {
    auto contents = read_mpeg_contents(bytes_);
    if (!contents) { return contents.error(); }
    contents_ = std::move(*contents);
    decoder_ = open_mpeg_decoder(bytes_);
    if (!decoder_) { return "its decoder cannot be started"; }
    // Nothing but so many channels comes out: one of them becomes two, never two one.
    const long* rates = nullptr;
    std::size_t rate_count = 0;
    mpg123_rates(&rates, &rate_count);
    mpg123_format_none(decoder_.get());
    for (std::size_t r = 0; r < rate_count; ++r) {
      mpg123_format(decoder_.get(), rates[r], contents_.channels == 1 ? MPG123_MONO : MPG123_STEREO,
                    MPG123_ENC_FLOAT_32);
    }
    if (mpg123_set_index(decoder_.get(), contents_.places.data(), contents_.place_step,
                         contents_.places.size()) != MPG123_OK) {
      return "its decoder cannot be started";
    }
    shape_.sample_rate_hz = contents_.sample_rate_hz;
    shape_.channels = contents_.channels;
    shape_.frames = contents_.frames();
    shape_.container = "MPEG";
    shape_.subtype =
        fmt::format("layer {}", std::string_view("III").substr(0, static_cast<std::size_t>(contents_.layer)));
    return {};
  }

  Result<Part> read(double* interleaved, std::size_t frames) override {
    Part part;
    while (part.frames < frames && position_ < *shape_.frames) {
      const MpegContents::Span span = contents_.span_from(position_);
      const std::uint64_t from = span.begin;
      if (from >= end_) {
        auto more = next_frame(from);
        if (!more) { return tl::unexpected(more.error()); }
        if (!*more) { break; }
      }
      const auto count = static_cast<std::size_t>(
          std::min<std::uint64_t>(frames - part.frames, std::min(end_, span.end) - from));
      std::copy_n(decoded_ + (from - begin_) * shape_.channels, count * shape_.channels,
                  interleaved + part.frames * shape_.channels);
      part.frames += count;
      position_ += count;
    }
    return part;
  }

  Result<void> seek(std::uint64_t frame) override {
    begin_ = end_ = 0;
    position_ = frame;
    if (frame >= *shape_.frames) { return {}; }
    const std::uint64_t wanted = contents_.span_from(frame).begin / contents_.frame_samples;
    const auto number = static_cast<off_t>(wanted - std::min(wanted, kFramesBefore));
    if (mpg123_seek_frame(decoder_.get(), number, SEEK_SET) < 0) { return not_readable(); }
    return {};
  }

  std::vector<std::string> losses() const override { return contents_.losses; }
  std::vector<std::string> warnings() const override { return contents_.warnings; }

 private:
  tl::unexpected<Error> not_readable() const {
    return failed(path_, fmt::format("cannot be read from frame {}: {}", position_,
                                     bytes_.error_number() != 0 ? std::strerror(bytes_.error_number())
                                                                : "its decoder does not find it"));
  }

  // Decodes MPEG frames up to the one that holds `sample`. False at the end.
  Result<bool> next_frame(std::uint64_t sample) {
    while (sample >= end_) {
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
      decoded_ = reinterpret_cast<const float*>(audio);
      begin_ = static_cast<std::uint64_t>(number) * contents_.frame_samples;
      end_ = begin_ + size / (sizeof(float) * shape_.channels);
      if (begin_ > sample) { return not_readable(); }
    }
    return true;
  }

  const std::string path_;
  FileBytes bytes_;
  MpegContents contents_;
  MpegDecoder decoder_;             // reads through bytes_
  const float* decoded_ = nullptr;  // interleaved; the decoder's, up to the next call
  std::uint64_t begin_ = 0;         // the first sample of it
  std::uint64_t end_ = 0;           // and the one behind the last
  std::uint64_t position_ = 0;      // in frames of sound
};

}  // namespace

OpenedInput open_mpeg_input(const std::string& path, FileBytes bytes) {
  auto input = std::make_unique<MpegInput>(path, std::move(bytes));
  if (std::string reason = input->open(); !reason.empty()) { return tl::unexpected(std::move(reason)); }
  return input;
}

}  // namespace streamlab
