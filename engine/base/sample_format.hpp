// engine/base/sample_format.hpp
//
// The number formats of sound cards and sound files, and the way from their interleaved bytes to planar
// float64 and back.
//
// Full scale is +-1.0: an integer sample of b bits is divided by 2^(b-1) when decoded and multiplied by it
// when encoded. Decoding is exact for every format. Encoding rounds to nearest, ties to even, and saturates;
// what did not fit is counted and returned. Encoding what was decoded gives the same bytes, padding excepted (and
// NaN and infinities, unless they are kept).
//
// All functions may be called on any thread, the real-time thread included: no allocation, no lock, no system
// call. The widest vector units that the processor has are used; all give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace streamlab {

// The highest sample rate of a configuration, a file or a pipe. What says more is damaged.
inline constexpr double kMaxSampleRateHz = 1e7;
// Positions (frames) and times (µs) lie between its negative and itself, and no more frames are missing: sums of two fit.
inline constexpr std::int64_t kMaxPosition = std::int64_t{1} << 62U;

// Little-endian throughout. `low` and `high` say where the 24 bits sit in a 32-bit word.
enum class SampleFormat : std::uint8_t {
  s16_le,
  s24_3le,      // three bytes
  s24_le_low,   // ALSA's S24_LE: the low three bytes; the highest byte is ignored, and written as sign
  s24_le_high,  // ALSA's S32_LE with 24 significant bits: the lowest byte is ignored, and written as 0
  s32_le,
  float32_le,
  float64_le,
};

inline constexpr SampleFormat kSampleFormats[] = {
    SampleFormat::s16_le, SampleFormat::s24_3le,    SampleFormat::s24_le_low, SampleFormat::s24_le_high,
    SampleFormat::s32_le, SampleFormat::float32_le, SampleFormat::float64_le};

// ALSA's name: "S16_LE", "S24_3LE", "S24_LE", "S32_LE", "FLOAT_LE", "FLOAT64_LE". s24_le_high, which ALSA
// does not tell from S32_LE by name, is "S24_LE_HIGH".
std::string_view to_string(SampleFormat format) noexcept;

// The format of that name, letters compared with case.
std::optional<SampleFormat> parse_sample_format(std::string_view name) noexcept;

// Bytes that one sample takes, padding included: 2, 3, 4 or 8.
std::size_t bytes_per_sample(SampleFormat format) noexcept;

// Bits that carry the signal: 16, 24, 32; for floats the width of the significand, 24 and 53.
int significant_bits(SampleFormat format) noexcept;

bool is_float(SampleFormat format) noexcept;

// What is to be known of decoded samples. All of them are passed on as they are.
struct DecodeCounts {
  std::size_t not_finite = 0;  // NaN and infinities; integers have none
  bool all_below = true;       // whether |x| < level held for all; for a NaN it does not

  DecodeCounts& operator+=(const DecodeCounts& other) noexcept {
    not_finite += other.not_finite;
    all_below = all_below && other.all_below;
    return *this;
  }
  friend bool operator==(const DecodeCounts&, const DecodeCounts&) = default;
};

// Reads `frames` frames of `stream_channels` interleaved channels at `bytes` (any alignment,
// frames x stream_channels x bytes_per_sample(format) bytes) and writes stream channel picks[k] to
// planar[k][0 .. frames). A channel may be picked more than once; each pick is below `stream_channels`. The
// planar arrays overlap neither each other nor `bytes`. The level is 1.
DecodeCounts decode_interleaved(SampleFormat format, const std::byte* bytes, std::uint32_t stream_channels,
                                std::span<const std::uint32_t> picks, std::size_t frames,
                                double* const planar[]) noexcept;

// The same for all channels in their order: planar[c] is stream channel c. `level` is above 0; in float32_le it is
// rounded to a float32.
DecodeCounts decode_interleaved(SampleFormat format, const std::byte* bytes, std::uint32_t stream_channels,
                                std::size_t frames, double* const planar[], double level = 1.0) noexcept;

// The largest sample that an integer of `bits` bits can hold, 1 - 2^(1-bits): a converter that clips gives it. The
// smallest is -1.
double largest_sample(int bits) noexcept;

// Where samples of `format` are clipped: the largest of integers; 1 of floats, which have no largest below it.
double clip_level(SampleFormat format) noexcept;

// Whether |x| < level holds for all of `samples`; NaN does not. `level` is above 0. A fraction of a nanosecond a
// sample.
bool all_below(double level, std::span<const double> samples) noexcept;

// What did not fit while encoding.
struct EncodeCounts {
  // Samples that saturated. Integers: those whose rounded value lies outside -2^(b-1) .. 2^(b-1) - 1, so +1.0
  // itself clips. Floats: infinities and what would become one; values beyond +-1.0 fit.
  std::size_t clipped = 0;
  std::size_t not_a_number = 0;  // samples that were NaN and were written as 0
  std::size_t kept = 0;          // NaN and infinities that were written as they are

  EncodeCounts& operator+=(const EncodeCounts& other) noexcept {
    clipped += other.clipped;
    not_a_number += other.not_a_number;
    kept += other.kept;
    return *this;
  }
  friend bool operator==(const EncodeCounts&, const EncodeCounts&) = default;
};

// What becomes of NaN and infinities in float formats. A loudspeaker must not get them; a file or another program
// can tell them from sound.
enum class NotFinite : std::uint8_t {
  replace,  // by 0 and by the largest number
  keep,
};

// The way back: planar[k][0 .. frames) is written to stream channel picks[k]. Bytes of the channels that are
// not picked are left alone. No stream channel is picked twice.
EncodeCounts encode_interleaved(SampleFormat format, const double* const planar[],
                                std::uint32_t stream_channels, std::span<const std::uint32_t> picks,
                                std::size_t frames, std::byte* bytes) noexcept;

// The same for all channels in their order.
EncodeCounts encode_interleaved(SampleFormat format, const double* const planar[],
                                std::uint32_t stream_channels, std::size_t frames, std::byte* bytes,
                                NotFinite not_finite = NotFinite::replace) noexcept;

}  // namespace streamlab
