// nodes/sound_file/wave_output.hpp
//
// WaveOutput: a WAV, RF64 or W64 file being written.
//
// Samples are encoded into one buffer. An update writes it to the end of the file, then the padding, then the
// header: whenever the process dies, the header counts no frame that is not there. A full buffer is updated too, so
// that between two calls the header counts all frames that are in the file: ffmpeg refuses a W64 with bytes behind
// its last chunk. While sound comes much faster than it is played, full buffers alone are: else the updates would
// take as long as the samples.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "engine/base/aligned_buffer.hpp"
#include "nodes/sound_file/sample_output.hpp"
#include "nodes/sound_file/wave_header.hpp"

namespace streamlab {

class WaveOutput final : public SampleOutput {
 public:
  // When to update: after `frames` frames (at least 1), unless the last update was less than `pause` ago.
  struct Updates {
    std::uint64_t frames;
    std::chrono::steady_clock::duration pause;
    SteadyNow now;
  };

  // Writes the header of an empty file.
  static Result<std::unique_ptr<SampleOutput>> create(OutputFile file, const std::string& path,
                                                      const WaveShape& shape, const Updates& updates,
                                                      std::uint64_t riff_limit);

  Result<void> write(const double* const planar[], std::size_t frames, EncodeCounts& counts) override;
  Result<void> write_silence(std::uint64_t frames) override;
  Result<void> update() override;
  Result<void> close() override;
  std::uint64_t frames() const override { return frames_on_disk_ + buffered_; }
  OutputFile& file() override { return file_; }

 private:
  WaveOutput(OutputFile file, std::string path, const WaveShape& shape, const Updates& updates,
             std::uint64_t riff_limit);

  std::uint64_t end_of_data() const { return header_bytes_ + frames_on_disk_ * frame_bytes_; }
  // Frames that fill the buffer: so many that it ends with a page of the file, where pages end with a frame. To
  // write a page in two parts takes the kernel longer.
  std::size_t capacity() const;
  bool update_is_due();
  Result<void> flush();
  Result<void> put_header();
  Result<void> give_up(int error_number);

  OutputFile file_;
  const std::string path_;
  const WaveShape shape_;
  const Updates updates_;
  const std::uint64_t riff_limit_;
  const std::size_t frame_bytes_;
  const std::size_t header_bytes_;
  AlignedVector<std::byte> buffer_;
  std::vector<const double*> from_;     // one per channel, moving on while a block is encoded
  std::size_t buffered_ = 0;            // frames in buffer_
  std::uint64_t frames_on_disk_ = 0;    // whole frames behind the header
  std::uint64_t frames_in_header_ = 0;  // that the header on disk counts
  std::uint64_t look_at_ = 0;           // with so many frames, the clock is looked at again
  std::chrono::steady_clock::time_point updated_at_;
};

}  // namespace streamlab
