// nodes/sound_file/sample_input.hpp
//
// SampleInput: a sound file being decoded; what every decoder can do. See SoundFileReader for what follows from
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "nodes/sound_file/file_bytes.hpp"

namespace streamlab {

struct SampleShape {
  std::uint32_t sample_rate_hz = 0;
  std::uint32_t channels = 0;
  std::optional<std::uint64_t> frames;  // where the file knows it, and no estimate
  std::string container;                // as in SoundFileInfo, as the next two
  std::string subtype;
  double clip_level = 1.0;
  std::size_t frame_bytes = 0;  // in the file, where all frames have the same number
  std::uint64_t begin = 0;      // of the samples, where libsndfile found them
};

class SampleInput {
 public:
  SampleInput() = default;
  SampleInput(const SampleInput&) = delete;
  SampleInput& operator=(const SampleInput&) = delete;
  virtual ~SampleInput() = default;

  const SampleShape& shape() const { return shape_; }

  // Frames in one piece, and how many are missing before them (those that damage made unreadable). Neither: the
  // end.
  struct Part {
    std::size_t frames = 0;
    std::uint64_t missing = 0;
  };
  // Reads up to `frames` frames, interleaved. Fails when the system does not give the bytes.
  virtual Result<Part> read(double* interleaved, std::size_t frames) = 0;
  // The next frame read is `frame`.
  virtual Result<void> seek(std::uint64_t frame) = 0;

  // What of the file is not played, as far as that has been seen: sentences without full stop.
  virtual std::vector<std::string> losses() const { return {}; }
  // What the file says wrongly, or what is played in another way than it stands there, though nothing is lost.
  virtual std::vector<std::string> warnings() const { return {}; }

 protected:
  SampleShape shape_;
};

// Why a file cannot be decoded: "its header is damaged". None of them opens what another one should.
inline constexpr const char* kUnknownKind = "its format is unknown";
inline constexpr const char* kUnknownEncoding = "its encoding is not supported";
using OpenedInput = tl::expected<std::unique_ptr<SampleInput>, std::string>;

// The bytes of the samples in a file, and of a frame or block of them; 0: not known.
struct SampleBytes {
  std::uint64_t count = 0;
  std::uint64_t block = 0;
};
// What libsndfile decodes. `path` is for messages, here and below.
OpenedInput open_sndfile_input(const std::string& path, FileBytes bytes, SampleBytes samples = {});
// FLAC, by itself or in Ogg.
enum class FlacWrapping : std::uint8_t { none, ogg };
OpenedInput open_flac_input(const std::string& path, FileBytes bytes, FlacWrapping wrapping);
// MPEG audio, layers I to III.
OpenedInput open_mpeg_input(const std::string& path, FileBytes bytes);
// Ogg: one stream, or several one after another. `fd` is that of a file of `file_bytes` bytes.
OpenedInput open_ogg_input(const std::string& path, int fd, std::uint64_t file_bytes);

}  // namespace streamlab
