// nodes/sound_file/flac_output.cpp
#include "nodes/sound_file/flac_output.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sndfile.h>
#include <unistd.h>

#include "engine/base/aligned_buffer.hpp"

namespace streamlab {
namespace {

constexpr std::size_t kBufferFrames = 4096;

// Why a call of libsndfile failed that errno was 0 before. Its own texts speak of its inside.
const char* why() { return errno != 0 ? std::strerror(errno) : "the encoder failed"; }

class FlacOutput final : public SampleOutput {
 public:
  FlacOutput(OutputFile file, std::string path, const WaveShape& shape, SNDFILE* sndfile)
      : file_(std::move(file)),
        path_(std::move(path)),
        shape_(shape),
        sndfile_(sndfile),
        buffer_(kBufferFrames * shape.channels * sizeof(std::int32_t)) {}
  ~FlacOutput() override {
    if (sndfile_ != nullptr) { sf_close(sndfile_); }
  }

  Result<void> write(const double* const planar[], std::size_t frames, EncodeCounts& counts) override {
    std::vector<const double*> from(planar, planar + shape_.channels);
    while (frames > 0) {
      const std::size_t count = std::min(frames, kBufferFrames);
      counts += encode_interleaved(word_format(), from.data(), shape_.channels, count, buffer_.data());
      if (auto put = put_buffer(count); !put) { return put; }
      for (const double*& channel : from) { channel += count; }
      frames -= count;
    }
    return {};
  }

  Result<void> write_silence(std::uint64_t frames) override {
    std::fill(buffer_.begin(), buffer_.end(), std::byte{0});
    while (frames > 0) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(frames, kBufferFrames));
      if (auto put = put_buffer(count); !put) { return put; }
      frames -= count;
    }
    return {};
  }

  Result<void> update() override { return {}; }  // complete blocks are in the file already

  Result<void> close() override {
    SNDFILE* const sndfile = std::exchange(sndfile_, nullptr);
    if (sndfile == nullptr) { return {}; }
    errno = 0;
    const bool completed = sf_close(sndfile) == 0;
    const std::string reason = why();
    if (!completed) { file_.set_ending(Ending::cut_short); }
    auto closed = file_.close();
    if (!completed) { return failed(path_, fmt::format("cannot be completed: {}", reason)); }
    return closed;
  }

  std::uint64_t frames() const override { return frames_; }
  OutputFile& file() override { return file_; }

 private:
  // How libsndfile takes the samples: 16-bit words, or 32-bit words whose high bytes count.
  SampleFormat word_format() const {
    return shape_.format == SampleFormat::s16_le ? SampleFormat::s16_le : SampleFormat::s24_le_high;
  }

  Result<void> put_buffer(std::size_t frames) {
    const auto count = static_cast<sf_count_t>(frames);
    errno = 0;
    const sf_count_t written =
        shape_.format == SampleFormat::s16_le
            ? sf_writef_short(sndfile_, reinterpret_cast<const std::int16_t*>(buffer_.data()), count)
            : sf_writef_int(sndfile_, reinterpret_cast<const std::int32_t*>(buffer_.data()), count);
    frames_ += static_cast<std::uint64_t>(std::max<sf_count_t>(written, 0));
    if (written == count) { return {}; }
    return failed(path_, fmt::format("cannot be written any further: {}", why()), {},
                  fmt::format("of the first {} frames, those in complete blocks of {} can be played", frames_,
                              kBufferFrames));
  }

  OutputFile file_;
  const std::string path_;
  const WaveShape shape_;
  SNDFILE* sndfile_;
  AlignedVector<std::byte> buffer_;
  std::uint64_t frames_ = 0;
};

}  // namespace

Result<std::unique_ptr<SampleOutput>> create_flac_output(OutputFile file, const std::string& path,
                                                         const WaveShape& shape) {
  SF_INFO info{};
  info.samplerate = static_cast<int>(shape.sample_rate_hz);
  info.channels = shape.channels;
  info.format = SF_FORMAT_FLAC | (shape.format == SampleFormat::s16_le ? SF_FORMAT_PCM_16 : SF_FORMAT_PCM_24);
  // A descriptor of its own: libsndfile closes the one it fails with, whatever it is told.
  errno = 0;
  const int own = dup(file.fd());
  SNDFILE* const sndfile = own < 0 ? nullptr : sf_open_fd(own, SFM_WRITE, &info, SF_TRUE);
  if (sndfile == nullptr) {
    file.set_ending(Ending::not_begun);
    return failed(path, fmt::format("cannot be created: {}", why()));
  }
  return std::make_unique<FlacOutput>(std::move(file), path, shape, sndfile);
}

}  // namespace streamlab
