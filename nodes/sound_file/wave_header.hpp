// nodes/sound_file/wave_header.hpp
//
// The bytes in front of the samples of a WAV, RF64 or W64 file.
//
// A header has the same length whatever the number of frames, so it can be rewritten in place
// while the file grows. WAV keeps a JUNK chunk where RF64 has its ds64: once a size no longer fits into 32
// bits the header becomes RF64 in place (EBU Tech 3306, section 3.5). No chunk holds a time or a peak: equal
// samples make equal files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/sample_format.hpp"

namespace streamlab {

enum class SoundContainer : std::uint8_t { wav, rf64, w64, flac };

// "WAV", "RF64", "W64", "FLAC".
std::string_view to_string(SoundContainer container) noexcept;

struct WaveShape {
  SoundContainer container = SoundContainer::wav;  // flac has no header of this kind
  SampleFormat format = SampleFormat::s16_le;      // s16_le, s24_3le, s32_le, float32_le or float64_le
  std::uint32_t sample_rate_hz = 0;
  std::uint16_t channels = 0;
};

// Largest RIFF size that is written into 32 bits. 0xFFFFFFFF itself stands for "see ds64".
inline constexpr std::uint64_t kRiffLimit = 0xFFFFFFFEU;

// The header of a file of `frames` frames. A WAV whose RIFF size exceeds `riff_limit` is written as RF64.
std::vector<std::byte> wave_header(const WaveShape& shape, std::uint64_t frames,
                                   std::uint64_t riff_limit = kRiffLimit);

// Stands for a length that is not known yet: sox's value, which sox and most others read to the end. Those
// who take it at its word stop after 2 GiB.
inline constexpr std::uint32_t kUnknownWaveLength = 0x7FFFF000U;

// Whether a size that a WAV of 32 bits gives its samples stands for "not known": 0, 2^32 - 1 (ffmpeg), or
// something near 2^31 (sox, arecord), a whole number of frames below what was meant, too.
bool is_unknown_wave_length(std::uint64_t bytes) noexcept;

// The header of a WAV whose end nobody knows, for a pipe: lengths are kUnknownWaveLength, and nothing is kept
// for RF64.
std::vector<std::byte> wave_stream_header(const WaveShape& shape);

// Zero bytes that must follow the last sample: up to a multiple of 2 in RIFF and RF64. None in W64, whose
// last chunk may end anywhere: readers (libsndfile, sox) would play them.
std::size_t wave_padding(const WaveShape& shape, std::uint64_t frames);

}  // namespace streamlab
