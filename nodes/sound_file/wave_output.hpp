// nodes/sound_file/wave_output.hpp
//
// WaveOutput: a WAV, RF64 or W64 file being written.
//
// Samples are encoded into one buffer. An update writes it to the end of the file, then the padding, then the
// header: whenever the process dies, the header counts no frame that is not there. A full buffer is updated too, so
// that between two calls the header counts all frames that are in the file: ffmpeg refuses a W64 with bytes behind
// its last chunk.
#pragma once

#include <memory>

#include "engine/base/aligned_buffer.hpp"
#include "nodes/sound_file/sample_output.hpp"
#include "nodes/sound_file/wave_header.hpp"

namespace streamlab {

class WaveOutput final : public SampleOutput {
 public:
  // Writes the header of an empty file. `update_frames`: frames between two updates, at least 1.
  static Result<std::unique_ptr<SampleOutput>> create(OutputFile file, const std::string& path,
                                                      const WaveShape& shape, std::uint64_t update_frames,
                                                      std::uint64_t riff_limit);

  Result<void> write(const double* const planar[], std::size_t frames, EncodeCounts& counts) override;
  Result<void> write_silence(std::uint64_t frames) override;
  Result<void> update() override;
  Result<void> close() override;
  std::uint64_t frames() const override { return frames_on_disk_ + buffered_; }
  OutputFile& file() override { return file_; }

 private:
  WaveOutput(OutputFile file, std::string path, const WaveShape& shape, std::uint64_t update_frames,
             std::uint64_t riff_limit);

  std::uint64_t end_of_data() const { return header_bytes_ + frames_on_disk_ * frame_bytes_; }
  Result<void> flush();
  Result<void> put_header();
  Result<void> give_up(int error_number);

  OutputFile file_;
  const std::string path_;
  const WaveShape shape_;
  const std::uint64_t update_frames_;
  const std::uint64_t riff_limit_;
  const std::size_t frame_bytes_;
  const std::size_t header_bytes_;
  AlignedVector<std::byte> buffer_;
  std::size_t buffered_ = 0;            // frames in buffer_
  std::uint64_t frames_on_disk_ = 0;    // whole frames behind the header
  std::uint64_t frames_in_header_ = 0;  // that the header on disk counts
};

}  // namespace streamlab
