// hal/sim/sim_file_source.cpp
#include "hal/sim/sim_file_source.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace streamlab {
namespace {

class FileSource final : public SimSource {
 public:
  FileSource(SimFileReader reader, std::vector<std::uint32_t> channels, std::uint32_t max_frames, bool loop)
      : reader_(std::move(reader)),
        channels_(std::move(channels)),
        loop_(loop),
        interleaved_(std::size_t{max_frames} * reader_.channel_count()) {}

  std::optional<std::int64_t> length() const noexcept override {
    return loop_ ? std::nullopt : std::optional(reader_.frame_count());
  }

  Status read(std::int64_t position, std::uint32_t frame_count,
              std::span<double* const> channels) noexcept override {
    const std::size_t stride = reader_.channel_count();
    std::int64_t from = position % reader_.frame_count();
    for (std::int64_t done = 0; done < frame_count;) {
      const std::int64_t count = std::min(frame_count - done, reader_.frame_count() - from);
      const std::span part(interleaved_.data(), static_cast<std::size_t>(count) * stride);
      const std::int64_t got = reader_.read(from, part);
      if (got < count) {
        readable_ = from + got;
        return Status::failed;
      }
      for (std::size_t c = 0; c < channels.size(); ++c) {
        for (std::size_t n = 0; n < static_cast<std::size_t>(count); ++n) {
          channels[c][static_cast<std::size_t>(done) + n] = part[n * stride + channels_[c]];
        }
      }
      done += count;
      from = 0;
    }
    return Status::ok;
  }

  Error failure() const override {
    return truncated_sound_file(reader_.path(), readable_, reader_.frame_count());
  }

 private:
  SimFileReader reader_;
  const std::vector<std::uint32_t> channels_;
  const bool loop_;
  std::vector<double> interleaved_;  // [frames x channels of the file]
  std::int64_t readable_ = 0;        // frames that could be read, once a read has failed
};

}  // namespace

Error truncated_sound_file(const std::string& path, std::int64_t readable_frames,
                           std::int64_t promised_frames) {
  return {ErrorCode::failed, path,
          fmt::format("could be read only up to frame {}, but its header promises {} frames", readable_frames,
                      promised_frames),
          "", ""};
}

std::unique_ptr<SimSource> make_file_source(SimFileReader reader, std::vector<std::uint32_t> channels,
                                            std::uint32_t max_frames, bool loop) {
  return std::make_unique<FileSource>(std::move(reader), std::move(channels), max_frames, loop);
}

Result<std::vector<std::vector<double>>> load_sound_file(SimFileReader& reader,
                                                         const std::vector<std::uint32_t>& channels) {
  constexpr std::int64_t kChunkFrames = 4096;
  const std::size_t stride = reader.channel_count();
  const std::int64_t length = reader.frame_count();
  std::vector<double> interleaved(static_cast<std::size_t>(kChunkFrames) * stride);
  std::vector<std::vector<double>> samples(channels.size());
  for (auto& x : samples) { x.reserve(static_cast<std::size_t>(length)); }
  for (std::int64_t from = 0; from < length; from += kChunkFrames) {
    const std::int64_t count = std::min(kChunkFrames, length - from);
    const std::int64_t got =
        reader.read(from, std::span(interleaved).first(static_cast<std::size_t>(count) * stride));
    if (got < count) { return tl::unexpected(truncated_sound_file(reader.path(), from + got, length)); }
    for (std::size_t n = 0; n < static_cast<std::size_t>(count); ++n) {
      for (std::size_t c = 0; c < channels.size(); ++c) {
        samples[c].push_back(interleaved[n * stride + channels[c]]);
      }
    }
  }
  return samples;
}

}  // namespace streamlab
