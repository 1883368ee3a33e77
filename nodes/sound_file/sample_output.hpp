// nodes/sound_file/sample_output.hpp
//
// SampleOutput: what every kind of sound file being written can do.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/base/output_file.hpp"
#include "engine/base/sample_format.hpp"

namespace streamlab {

// What tells the time.
using SteadyNow = std::chrono::steady_clock::time_point (*)() noexcept;

// A sound file being written; see SoundFileWriter for what the calls do. Failures are returned each time they
// occur; SoundFileWriter makes them stick.
class SampleOutput {
 public:
  SampleOutput() = default;
  SampleOutput(const SampleOutput&) = delete;
  SampleOutput& operator=(const SampleOutput&) = delete;
  virtual ~SampleOutput() = default;

  virtual Result<void> write(const double* const planar[], std::size_t frames, EncodeCounts& counts) = 0;
  virtual Result<void> write_silence(std::uint64_t frames) = 0;
  virtual Result<void> update() = 0;
  virtual Result<void> close() = 0;
  virtual std::uint64_t frames() const = 0;  // that are in the file or on their way to it
  virtual OutputFile& file() = 0;
};

}  // namespace streamlab
