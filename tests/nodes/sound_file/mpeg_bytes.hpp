// tests/nodes/sound_file/mpeg_bytes.hpp
//
// MPEG-1 layer III frames of silence, put together from the tables of ISO/IEC 11172-3: a header, and zeros, which
// say that no band holds anything. 1152 frames of sound each.
#pragma once

#include <array>
#include <cstddef>
#include <string>

namespace streamlab::test {

inline constexpr int kMpegFrames = 1152;

// `rate_hz`: 44100, 48000 or 32000. Two channels.
inline std::string mpeg_frame(int kbit_s, int rate_hz = 44100) {
  constexpr std::array<int, 15> kRates{0,   32,  40,  48,  56,  64,  80, 96,
                                       112, 128, 160, 192, 224, 256, 320};  // table
  unsigned index = 0;
  while (kRates[index] != kbit_s) { ++index; }
  const unsigned rate_index = rate_hz == 44100 ? 0 : rate_hz == 48000 ? 1 : 2;
  std::string frame(static_cast<std::size_t>(144 * 1000 * kbit_s / rate_hz), '\0');
  frame[0] = '\xFF';
  frame[1] = '\xFB';  // MPEG-1, layer III, no checksum
  frame[2] = static_cast<char>(index << 4U | rate_index << 2U);
  return frame;
}

inline std::string mpeg_frames(int count, int kbit_s, int rate_hz = 44100) {
  std::string frames;
  for (int n = 0; n < count; ++n) { frames += mpeg_frame(kbit_s, rate_hz); }
  return frames;
}

}  // namespace streamlab::test
