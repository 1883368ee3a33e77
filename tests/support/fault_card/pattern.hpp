// tests/support/fault_card/pattern.hpp
//
// What the fault card captures: frame k of channel c carries the number k + 65536 c, as many low bits of it
// as the container holds, as a signed integer of that width (24 bits in floats). Written and read bit by bit,
// apart from the product's own converters, so that these are checked too.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <alsa/asoundlib.h>

namespace streamlab::fault_card {

// Bits of the number that a container carries.
inline int pattern_bits(snd_pcm_format_t format) { return format == SND_PCM_FORMAT_S16_LE ? 16 : 24; }

// The number at card time `frame` in `channel`, as a value of full scale 1.0.
inline double pattern_value(std::int64_t frame, unsigned channel, int bits) {
  const std::uint64_t range = std::uint64_t{1} << bits;
  const std::uint64_t number = (static_cast<std::uint64_t>(frame) + 65536U * std::uint64_t{channel}) % range;
  const std::int64_t value =
      static_cast<std::int64_t>(number) - (number >= range / 2 ? static_cast<std::int64_t>(range) : 0);
  return std::ldexp(static_cast<double>(value), 1 - bits);
}

// Writes a value of full scale 1.0 at `to`. Padding is filled with rubbish, as a card may.
inline void put_sample(snd_pcm_format_t format, double value, unsigned char* to) {
  const auto put = [to](std::int64_t number, int bytes) {
    for (int i = 0; i < bytes; ++i) { to[i] = static_cast<unsigned char>(number >> (8 * i)); }
  };
  const auto scaled = [value](int bits) { return static_cast<std::int64_t>(std::ldexp(value, bits - 1)); };
  switch (format) {
    case SND_PCM_FORMAT_S16_LE:
      put(scaled(16), 2);
      return;
    case SND_PCM_FORMAT_S24_3LE:
      put(scaled(24), 3);
      return;
    case SND_PCM_FORMAT_S24_LE:
      put(scaled(24), 3);
      to[3] = 0x5a;
      return;
    case SND_PCM_FORMAT_S32_LE:
      put(scaled(32), 4);
      return;
    case SND_PCM_FORMAT_FLOAT_LE: {
      const auto narrow = static_cast<float>(value);
      std::memcpy(to, &narrow, sizeof narrow);
      return;
    }
    default:
      std::memcpy(to, &value, sizeof value);
      return;  // FLOAT64_LE
  }
}

// Reads a value of full scale 1.0.
inline double get_sample(snd_pcm_format_t format, const unsigned char* from) {
  const auto get = [from](int bytes) {
    std::int64_t number = 0;
    for (int i = 0; i < bytes; ++i) { number |= std::int64_t{from[i]} << (8 * i); }
    const std::int64_t range = std::int64_t{1} << (8 * bytes);
    return number >= range / 2 ? number - range : number;
  };
  switch (format) {
    case SND_PCM_FORMAT_S16_LE:
      return std::ldexp(static_cast<double>(get(2)), -15);
    case SND_PCM_FORMAT_S24_3LE:
    case SND_PCM_FORMAT_S24_LE:
      return std::ldexp(static_cast<double>(get(3)), -23);
    case SND_PCM_FORMAT_S32_LE:
      return std::ldexp(static_cast<double>(get(4)), -31);
    case SND_PCM_FORMAT_FLOAT_LE: {
      float narrow = 0.0F;
      std::memcpy(&narrow, from, sizeof narrow);
      return static_cast<double>(narrow);
    }
    default: {
      double wide = 0.0;
      std::memcpy(&wide, from, sizeof wide);
      return wide;
    }
  }
}

}  // namespace streamlab::fault_card
