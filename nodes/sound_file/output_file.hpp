// nodes/sound_file/output_file.hpp
//
// OutputFile: a new regular file, written at any offset, whose errors come back as text. And SampleOutput:
// what every kind of sound file being written can do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/error.hpp"
#include "engine/base/sample_format.hpp"

namespace streamlab {

class OutputFile {
 public:
  // Creates `path`, open for reading and writing. Fails (ErrorCode::failed) when it exists and `replace` is
  // false, when it exists and is no regular file, and for the reasons of the system. An old file is unlinked,
  // not emptied; where `path` is a symbolic link, the file that it leads to.
  static Result<OutputFile> create(const std::string& path, bool replace);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  ~OutputFile();

  int fd() const { return fd_; }

  // Writes at `offset` as much as the system takes: fewer than `count` bytes only when it refused the rest,
  // and then errno says why.
  std::size_t write_at(const std::byte* bytes, std::size_t count, std::uint64_t offset);

  // Cuts the file, or extends it by a hole of zeros. False: errno says why.
  bool resize(std::uint64_t bytes);

  // False when the system reports that written bytes were lost; errno says why. Later calls do nothing.
  bool close();

 private:
  explicit OutputFile(int fd) : fd_(fd) {}
  int fd_;
};

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
};

}  // namespace streamlab
