// nodes/sound_file/sample_chunk.hpp
//
// Where AIFF and CAF, whose chunks have big-endian sizes, keep their samples; and a header for libsndfile where the
// file's own hides some of them. What wave_scan is for WAV. Of AU and Creative Voice only whether the file is as long
// as it says, of IRCAM whether it has all of its header.
//
// AIFF: Apple "Audio Interchange File Format", version 1.3; CAF: Apple "Core Audio Format Specification" 1.0, where
// a size of -1 stands for "up to the end".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "nodes/sound_file/wave_scan.hpp"

namespace streamlab {

struct SampleChunk {
  // The file up to the samples, with their true size; empty: the file's own says it. Behind it the file goes on at
  // `begin`.
  std::string head;
  std::uint64_t begin = 0;
  std::uint64_t frames = 0;  // that the header promises beside the size of the samples; 0: no number
  std::uint64_t bytes = 0;   // of samples that are played; 0: not known
  std::size_t count = 1;     // such chunks, one behind the other
  std::string warning;       // as WaveScan::warnings and ::losses; may be empty
  std::string loss;
};

// None: the file is none of these, or has no samples. `fd` is a regular file of `file_bytes` bytes.
std::optional<SampleChunk> find_sample_chunk(int fd, std::uint64_t file_bytes, BeyondEnd beyond_end);

}  // namespace streamlab
