// tests/nodes/sound_file/wave_bytes.hpp
//
// WAV files put together byte by byte, right and wrong ones, from the chunk layout of Microsoft's
// specification.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace streamlab::test {

inline std::string little(std::uint64_t value, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) { bytes += static_cast<char>((value >> (8 * i)) & 0xFFU); }
  return bytes;
}

inline std::string chunk(std::string_view id, std::string_view body) {
  std::string bytes = std::string(id) + little(body.size(), 4) + std::string(body);
  if (body.size() % 2 != 0) { bytes += '\0'; }
  return bytes;
}

inline std::string format_body(int tag, int channels, std::uint32_t rate_hz, int bits) {
  const int frame_bytes = channels * bits / 8;
  return little(static_cast<std::uint64_t>(tag), 2) + little(static_cast<std::uint64_t>(channels), 2) +
         little(rate_hz, 4) + little(rate_hz * static_cast<std::uint64_t>(frame_bytes), 4) +
         little(static_cast<std::uint64_t>(frame_bytes), 2) + little(static_cast<std::uint64_t>(bits), 2);
}

inline std::string riff(std::string_view chunks) {
  return "RIFF" + little(4 + chunks.size(), 4) + "WAVE" + std::string(chunks);
}

inline std::string s16_wave(int channels, std::uint32_t rate_hz, std::string_view samples) {
  return riff(chunk("fmt ", format_body(1, channels, rate_hz, 16)) + chunk("data", samples));
}

}  // namespace streamlab::test
