// hal/sim/sim_file.hpp
//
// Sound files as the simulated card reads and writes them: float64, full scale 1.0. An integer sample of b
// bits is divided by 2^(b-1); float files are read and written bit for bit. Reading works as in FileSource.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/output_file.hpp"
#include "nodes/sound_file/sound_file_reader.hpp"

// libsndfile's handle, so that only the .cpp includes its header.
struct sf_private_tag;

namespace streamlab {

// A file that is being read. One thread at a time; blocks on the disk; read() does not allocate.
class SimFileReader {
 public:
  // Refuses what is not a regular file, holds no sound or does not state its length; `where` begins the
  // message.
  static Result<SimFileReader> open(const std::string& path, const std::string& where);

  double sample_rate_hz() const noexcept { return reader_.info().sample_rate_hz; }
  std::uint32_t channel_count() const noexcept { return reader_.info().channels; }
  std::int64_t frame_count() const noexcept { return static_cast<std::int64_t>(reader_.info().frames); }
  const std::string& path() const noexcept { return path_; }
  double clip_level() const noexcept { return reader_.info().clip_level; }
  // Which part of the file is not played, as far as its header says.
  std::vector<std::string> losses() const { return reader_.losses(); }

  // Seeks to `frame` and reads up to frame_count frames, interleaved. Fewer at the end, where the file is
  // damaged, and when the disk fails.
  std::int64_t read(std::int64_t frame, std::span<double> interleaved) noexcept;

 private:
  SimFileReader(SoundFileReader reader, std::string path);

  SoundFileReader reader_;
  std::string path_;
  std::vector<std::vector<double>> planar_;  // kPartFrames of every channel
  std::vector<double*> channels_;            // into planar_
};

// A WAV file of 64-bit floats that is being written (RF64 past 4 GiB). Its header is valid only after
// close(). An old file is replaced by close(): see OutputFile.
class SimFileWriter {
 public:
  enum class Existing { refuse, overwrite };
  // Would create() fail, as far as can be known without writing? `where` begins the message.
  static Result<void> check(const std::string& path, const std::string& where, double sample_rate_hz,
                            Existing existing);
  static Result<SimFileWriter> create(const std::string& path, const std::string& where,
                                      double sample_rate_hz, std::uint32_t channel_count, Existing existing);

  // False: the disk failed or is full; see failure().
  bool write(std::span<const double> interleaved) noexcept;
  bool close() noexcept;
  Error failure() const;
  const std::string& path() const noexcept { return path_; }

 private:
  struct Close {
    void operator()(sf_private_tag* file) const noexcept;
  };
  std::optional<OutputFile> output_;  // declared before file_, which writes to it until destroyed
  std::unique_ptr<sf_private_tag, Close> file_;
  std::string path_;
  std::uint32_t channel_count_ = 0;
  int error_number_ = 0;  // of the first call that failed
  std::string ending_;    // what close() said of the file; empty: nothing
};

}  // namespace streamlab
