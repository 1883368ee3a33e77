// nodes/process/byte_format.hpp
//
// The formats of samples in a pipe, by their names in configurations.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/base/sample_format.hpp"

namespace streamlab {

enum class ByteFormat : std::uint8_t {
  automatic,  // wav or framed, as the first bytes say; for reading only
  wav,
  framed,  // docs/framed-stream.md
  f64le,   // this and the following: only interleaved samples
  f32le,
  s16le,
  s24le,
  s32le,
};

// In the order of the enumeration.
inline constexpr std::string_view kByteFormatNames[] = {"auto",  "wav",   "framed", "f64le",
                                                        "f32le", "s16le", "s24le",  "s32le"};
// The samples of a raw format; none for the others.
constexpr std::optional<SampleFormat> raw_samples(ByteFormat format) noexcept {
  switch (format) {
    case ByteFormat::f64le:
      return SampleFormat::float64_le;
    case ByteFormat::f32le:
      return SampleFormat::float32_le;
    case ByteFormat::s16le:
      return SampleFormat::s16_le;
    case ByteFormat::s24le:
      return SampleFormat::s24_3le;
    case ByteFormat::s32le:
      return SampleFormat::s32_le;
    default:
      return std::nullopt;
  }
}

}  // namespace streamlab
