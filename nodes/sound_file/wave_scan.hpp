// nodes/sound_file/wave_scan.hpp
//
// Walks the chunks of a RIFF, RF64, BW64 or W64 file and compares what its header promises with what the file
// holds. The decoder itself (libsndfile) repairs some of them silently and others not at all; this says what
// samples there are, and what had to be repaired.
//
// RIFF: Microsoft/IBM "Multimedia Programming Interface and Data Specifications 1.0"; RF64: EBU Tech 3306; BW64:
// ITU-R BS.2088; W64: Sony Sound Forge "Wave64" (chunk identifiers are GUIDs, sizes 64 bit, chunks on multiples of 8 bytes).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace streamlab {

struct WaveScan {
  bool is_wave = false;     // the file begins as one of these kinds
  std::string kind;         // "WAV", "RF64", "BW64" or "W64"
  bool big_endian = false;  // RIFX

  bool has_format = false;       // a format chunk was found; its fields:
  std::uint16_t format_tag = 0;  // 1 PCM, 3 float, …; the tag within if the chunk is "extensible"
  std::uint16_t channels = 0;
  std::uint32_t sample_rate_hz = 0;
  std::uint16_t frame_bytes = 0;
  std::uint16_t bits_per_sample = 0;
  std::uint64_t format_offset = 0;  // of the chunk's body
  std::uint64_t format_bytes = 0;

  bool is_cut = false;    // the file ends within a chunk that precedes the samples, or within its header
  bool has_data = false;  // a chunk of samples was found
  std::uint64_t data_offset = 0;
  std::uint64_t data_bytes = 0;  // that are there and are to be played, whatever the header says

  // libsndfile would find other samples than these, or none.
  bool needs_mending = false;

  std::vector<std::string> warnings;
  std::vector<std::string> losses;  // what is not played
};

// What becomes of bytes behind the samples that are no chunk: a recording that was cut off has its end there, a
// file that was written over a longer one has rubbish.
enum class BeyondEnd : std::uint8_t { leave_out, play };

// `fd` is a regular file of `file_bytes` bytes, open for reading; its file offset is left alone. Reads no
// more than the chunk headers of the first 4096 chunks.
WaveScan scan_wave(int fd, std::uint64_t file_bytes, BeyondEnd beyond_end);

// As scan_wave(), where the chunks in front of the samples do not lead to them, but somebody found them at `body`. False:
// nothing there says that it is their chunk.
bool take_samples_at(int fd, std::uint64_t file_bytes, std::uint64_t body, BeyondEnd beyond_end,
                     WaveScan& scan);

// The loss of what is left of a frame at the end.
std::string incomplete_frame(std::uint64_t bytes);

// A header that tells libsndfile what the scan found: RIFF, or RF64 where 32 bits are too few. The samples follow.
// For little-endian files.
std::string mended_wave_header(int fd, const WaveScan& scan);

}  // namespace streamlab
