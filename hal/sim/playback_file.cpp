// hal/sim/playback_file.cpp
#include "hal/sim/playback_file.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace streamlab {
namespace {

class DirectPlaybackFile final : public PlaybackFile {
 public:
  DirectPlaybackFile(SoundFileWriter writer, std::uint32_t channel_count, std::uint32_t max_frames)
      : writer_(std::move(writer)),
        channel_count_(channel_count),
        block_(std::size_t{channel_count} * max_frames),
        silence_(std::size_t{channel_count} * kSilentFrames, 0.0) {}

  bool write(std::int64_t position, std::uint32_t frame_count,
             std::span<const double* const> channels) noexcept override {
    if (!fill_up_to(position)) { return false; }
    for (std::size_t c = 0; c < channel_count_; ++c) {
      for (std::size_t n = 0; n < frame_count; ++n) { block_[n * channel_count_ + c] = channels[c][n]; }
    }
    if (!writer_.write(std::span(block_).first(std::size_t{frame_count} * channel_count_))) { return false; }
    written_ += frame_count;
    return true;
  }

  bool finish(std::int64_t position) noexcept override { return fill_up_to(position) && writer_.close(); }

  Error failure() const override { return writer_.failure(); }

 private:
  static constexpr std::int64_t kSilentFrames = 4096;

  bool fill_up_to(std::int64_t position) noexcept {
    while (written_ < position) {
      const std::int64_t count = std::min(kSilentFrames, position - written_);
      const std::span part = std::span(silence_).first(static_cast<std::size_t>(count) * channel_count_);
      if (!writer_.write(part)) { return false; }
      written_ += count;
    }
    return true;
  }

  SoundFileWriter writer_;
  const std::size_t channel_count_;
  std::vector<double> block_;  // interleaved
  const std::vector<double> silence_;
  std::int64_t written_ = 0;  // frames
};

}  // namespace

std::unique_ptr<PlaybackFile> make_playback_file(SoundFileWriter writer, std::uint32_t channel_count,
                                                 std::uint32_t max_frames) {
  return std::make_unique<DirectPlaybackFile>(std::move(writer), channel_count, max_frames);
}

}  // namespace streamlab
