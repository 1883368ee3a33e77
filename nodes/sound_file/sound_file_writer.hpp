// nodes/sound_file/sound_file_writer.hpp
//
// SoundFileWriter: planar float64 to a sound file whose header is valid all the time.
//
// WAV, RF64 and W64 are written here; FLAC by libsndfile. After every kUpdateSeconds of sound, and on
// update(), what was written so far is handed to the kernel and the header is made to count it: when the
// process is killed, the file plays up to that point, and holds nothing behind it that a reader could stumble over.
// (FLAC: every complete block of about 4096 frames plays; its header states no length until close().) A WAV that grows past 4 GiB becomes RF64. Memory: a fixed
// buffer.
//
// Not for the real-time thread: it opens, writes and allocates. One thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/base/output_file.hpp"
#include "engine/base/sample_format.hpp"
#include "nodes/sound_file/sample_output.hpp"
#include "nodes/sound_file/wave_header.hpp"

namespace streamlab {

struct SoundFileSpec {
  SoundContainer container = SoundContainer::wav;
  SampleFormat format = SampleFormat::float32_le;  // s16_le, s24_3le, s32_le, float32_le, float64_le
  double sample_rate_hz = 48000.0;
  std::uint32_t channels = 2;
};

// The container that the ending of `path` stands for (.wav, .rf64, .w64, .flac, any case), if any.
std::optional<SoundContainer> container_of_path(std::string_view path) noexcept;

// Refused with what would fit: a rate that is no whole number of Hz or beyond the container, 0 or too many
// channels (WAV 1024 as its readers allow, FLAC 8), a format that the container has not (FLAC has 16 and
// 24-bit PCM).
Result<void> check(const SoundFileSpec& spec);

enum class Overwrite : std::uint8_t { no, yes };

class SoundFileWriter {
 public:
  // A recording that is killed loses this, the current block and what is still on its way to the writer: less than
  // 0.1 s.
  static constexpr double kUpdateSeconds = 0.05;
  // An update that would come sooner than this after the last one waits until 0.05 s more of sound has come, or the
  // buffer of 128 KiB is full: a conversion is not slowed down by thousands of updates a second.
  static constexpr std::chrono::milliseconds kUpdatePause{25};

  // Creates `path` and writes the header of an empty file. Refused as check() says, when the file exists and
  // `overwrite` is no, and when another run is writing it. Fails (ErrorCode::failed) when it is not a regular file,
  // when its folder is missing or not writable, and when the disk is full. With Overwrite::yes an old file stays, so that others can go on reading
  // it, until the new one is complete: see OutputFile. `riff_limit` and `now` are for tests: see wave_header()
  // and kUpdatePause.
  static Result<SoundFileWriter> create(const std::string& path, const SoundFileSpec& spec,
                                        Overwrite overwrite, Naming naming = Naming::at_once,
                                        std::uint64_t riff_limit = kRiffLimit,
                                        SteadyNow now = std::chrono::steady_clock::now);

  SoundFileWriter(SoundFileWriter&&) noexcept;
  SoundFileWriter& operator=(SoundFileWriter&&) noexcept;
  ~SoundFileWriter();  // without close(), the file is valid and cut short

  // Appends `frames` frames of all channels. After a failure (disk full …) the file holds, validly, the whole
  // frames that did fit, and every later call fails the same way.
  Result<void> write(const double* const planar[], std::size_t frames);

  // Appends `frames` frames of zeros. In WAV, RF64 and W64 a long silence takes no time and no disk space (a
  // hole).
  Result<void> write_silence(std::uint64_t frames);

  // Makes everything written so far playable, whatever happens next.
  Result<void> update();

  // What the next close() makes of the file: see OutputFile. After a failure it is cut short in any case.
  void set_ending(Ending ending);

  // Completes the file. Further calls do nothing.
  Result<void> close();

  const std::string& left_beside() const;  // as OutputFile says
  std::uint64_t frames() const;            // written so far
  // Samples that clipped, or were NaN or infinite, so far. Floats keep those.
  const EncodeCounts& counts() const;

 private:
  struct Impl;
  explicit SoundFileWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace streamlab
