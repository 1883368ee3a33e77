// engine/base/sample_format.cpp
//
// One codec per format says how a single sample is loaded and stored; four loops (one or two channels at a
// fixed stride, any channel at any stride, each way) are instantiated over them, and each is compiled for the
// baseline CPU and for AVX2. The loops hold no branch on the data, so that the compiler turns them into
// vector code.
#include "engine/base/sample_format.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

static_assert(std::endian::native == std::endian::little, "the codecs copy little-endian words");

#if defined(__x86_64__)
#define SL_HAVE_AVX2 1
#else
#define SL_HAVE_AVX2 0
#endif
#define SL_INLINE [[gnu::always_inline]] inline

namespace streamlab {
namespace {

template <class T>
SL_INLINE T load_word(const std::byte* p) noexcept {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}
template <class T>
SL_INLINE void store_word(std::byte* p, T value) noexcept {
  std::memcpy(p, &value, sizeof value);
}

constexpr std::uint64_t kMagnitude = ~(std::uint64_t{1} << 63U);  // every bit of a float64 but its sign

// True when |x[0 .. count)| <= kLimit everywhere, which no NaN is. The bits of a float64 without its sign are
// ordered as integers, so one subtraction tells, and the answer needs no branch.
SL_INLINE bool all_within(double limit, const double* __restrict x, std::size_t count) noexcept {
  const auto limit_bits = std::bit_cast<std::uint64_t>(limit);
  std::uint64_t borrows = 0;
  for (std::size_t n = 0; n < count; ++n) {
    borrows |= limit_bits - (std::bit_cast<std::uint64_t>(x[n]) & kMagnitude);
  }
  return (borrows >> 63U) == 0;
}

// Nearest integer, ties to even, for |x| < 2^31. Adding 1.5 x 2^52 leaves no room for fraction bits, so the
// FPU's own rounding does the work.
SL_INLINE std::int32_t nearest(double x) noexcept {
  constexpr double kNoFraction = 0x1.8p52;
  return static_cast<std::int32_t>((x + kNoFraction) - kNoFraction);
}

// Integers of kBits bits as codes. The largest magnitude that cannot clip: kFits; quantise() takes such only.
template <int kBits>
struct Integer {
  static constexpr double kScale = static_cast<double>(std::int64_t{1} << (kBits - 1));
  static constexpr double kFits = (kScale - 1.0) / kScale;
  SL_INLINE static std::int32_t quantise(double x) noexcept { return nearest(x * kScale); }
  static double limited(double x, EncodeCounts& counts) noexcept {
    if (x != x) {
      ++counts.not_a_number;
      return 0.0;
    }
    const double rounded = std::nearbyint(x * kScale);
    if (rounded > kScale - 1.0) {
      ++counts.clipped;
      return kFits;
    }
    if (rounded < -kScale) {
      ++counts.clipped;
      return -1.0;
    }
    return rounded / kScale;
  }
};

// A codec: load() one sample; store() one sample whose magnitude is at most kFits, or that has passed through
// limited(), which counts what it changes.
struct S16 : Integer<16> {
  static constexpr std::size_t kBytes = 2;
  SL_INLINE static double load(const std::byte* p) noexcept { return load_word<std::int16_t>(p) * 0x1p-15; }
  SL_INLINE static void store(std::byte* p, double x) noexcept {
    store_word(p, static_cast<std::int16_t>(quantise(x)));
  }
};

struct S24Packed : Integer<24> {
  static constexpr std::size_t kBytes = 3;
  SL_INLINE static double load(const std::byte* p) noexcept {
    const std::uint32_t low = load_word<std::uint16_t>(p);
    const auto high = static_cast<std::uint32_t>(p[2]);
    return static_cast<std::int32_t>((low << 8U) | (high << 24U)) * 0x1p-31;
  }
  SL_INLINE static void store(std::byte* p, double x) noexcept {
    const auto value = static_cast<std::uint32_t>(quantise(x));
    store_word(p, static_cast<std::uint16_t>(value));
    p[2] = static_cast<std::byte>(value >> 16U);
  }
};

struct S24Low : Integer<24> {
  static constexpr std::size_t kBytes = 4;
  SL_INLINE static double load(const std::byte* p) noexcept {
    return static_cast<std::int32_t>(load_word<std::uint32_t>(p) << 8U) * 0x1p-31;
  }
  SL_INLINE static void store(std::byte* p, double x) noexcept { store_word(p, quantise(x)); }
};

struct S24High : Integer<24> {
  static constexpr std::size_t kBytes = 4;
  SL_INLINE static double load(const std::byte* p) noexcept {
    return static_cast<std::int32_t>(load_word<std::uint32_t>(p) & 0xFFFFFF00U) * 0x1p-31;
  }
  SL_INLINE static void store(std::byte* p, double x) noexcept {
    store_word(p, static_cast<std::uint32_t>(quantise(x)) << 8U);
  }
};

struct S32 : Integer<32> {
  static constexpr std::size_t kBytes = 4;
  SL_INLINE static double load(const std::byte* p) noexcept { return load_word<std::int32_t>(p) * 0x1p-31; }
  SL_INLINE static void store(std::byte* p, double x) noexcept { store_word(p, quantise(x)); }
};

template <class Word>
struct Float {
  static constexpr std::size_t kBytes = sizeof(Word);
  static constexpr double kFits = static_cast<double>(std::numeric_limits<Word>::max());
  SL_INLINE static double load(const std::byte* p) noexcept {
    return static_cast<double>(load_word<Word>(p));
  }
  SL_INLINE static void store(std::byte* p, double x) noexcept { store_word(p, static_cast<Word>(x)); }
  static double limited(double x, EncodeCounts& counts) noexcept {
    if (x != x) {
      ++counts.not_a_number;
      return 0.0;
    }
    if (std::isinf(static_cast<Word>(x))) {
      ++counts.clipped;
      return x > 0.0 ? kFits : -kFits;
    }
    return x;
  }
};

template <class Word>
struct KeptFloat : Float<Word> {
  static double limited(double x, EncodeCounts& counts) noexcept {
    if (std::isfinite(x)) { return Float<Word>::limited(x, counts); }
    ++counts.kept;
    return x;
  }
};

template <class Codec>
inline constexpr bool kIsFloat = false;
template <class Word>
inline constexpr bool kIsFloat<Float<Word>> = true;

// Frames that are converted before the next look at what was found in them: a few cache lines of each
// channel.
constexpr std::size_t kChunk = 128;

template <class Codec>
SL_INLINE std::size_t count_not_finite(const double* x, std::size_t count) noexcept {
  if constexpr (!kIsFloat<Codec>) { return 0; }
  if (all_within(std::numeric_limits<double>::max(), x, count)) { return 0; }
  return static_cast<std::size_t>(std::count_if(x, x + count, [](double v) { return !std::isfinite(v); }));
}

// `stride` in bytes from frame to frame.
template <class Codec>
SL_INLINE std::size_t decode_one(const std::byte* __restrict bytes, std::size_t stride, std::size_t frames,
                                 double* __restrict y) noexcept {
  std::size_t bad = 0;
  for (std::size_t begin = 0; begin < frames; begin += kChunk) {
    const std::size_t end = std::min(begin + kChunk, frames);
    for (std::size_t n = begin; n < end; ++n) { y[n] = Codec::load(bytes + n * stride); }
    bad += count_not_finite<Codec>(y + begin, end - begin);
  }
  return bad;
}

// Two channels side by side and nothing else in the stream.
template <class Codec>
SL_INLINE std::size_t decode_two(const std::byte* __restrict bytes, std::size_t frames,
                                 double* __restrict left, double* __restrict right) noexcept {
  std::size_t bad = 0;
  for (std::size_t begin = 0; begin < frames; begin += kChunk) {
    const std::size_t end = std::min(begin + kChunk, frames);
    for (std::size_t n = begin; n < end; ++n) {
      left[n] = Codec::load(bytes + 2 * n * Codec::kBytes);
      right[n] = Codec::load(bytes + (2 * n + 1) * Codec::kBytes);
    }
    bad += count_not_finite<Codec>(left + begin, end - begin) +
           count_not_finite<Codec>(right + begin, end - begin);
  }
  return bad;
}

template <class Codec>
SL_INLINE void encode_one(const double* __restrict x, std::size_t stride, std::size_t frames,
                          std::byte* __restrict bytes, EncodeCounts& counts) noexcept {
  for (std::size_t begin = 0; begin < frames; begin += kChunk) {
    const std::size_t end = std::min(begin + kChunk, frames);
    if (all_within(Codec::kFits, x + begin, end - begin)) {
      for (std::size_t n = begin; n < end; ++n) { Codec::store(bytes + n * stride, x[n]); }
    } else {
      for (std::size_t n = begin; n < end; ++n) {
        Codec::store(bytes + n * stride, Codec::limited(x[n], counts));
      }
    }
  }
}

template <class Codec>
SL_INLINE void encode_two(const double* __restrict left, const double* __restrict right, std::size_t frames,
                          std::byte* __restrict bytes, EncodeCounts& counts) noexcept {
  constexpr std::size_t kFrame = 2 * Codec::kBytes;
  for (std::size_t begin = 0; begin < frames; begin += kChunk) {
    const std::size_t end = std::min(begin + kChunk, frames);
    if (all_within(Codec::kFits, left + begin, end - begin) &&
        all_within(Codec::kFits, right + begin, end - begin)) {
      for (std::size_t n = begin; n < end; ++n) {
        Codec::store(bytes + n * kFrame, left[n]);
        Codec::store(bytes + n * kFrame + Codec::kBytes, right[n]);
      }
    } else {
      for (std::size_t n = begin; n < end; ++n) {
        Codec::store(bytes + n * kFrame, Codec::limited(left[n], counts));
        Codec::store(bytes + n * kFrame + Codec::kBytes, Codec::limited(right[n], counts));
      }
    }
  }
}

// picks.data() == nullptr stands for all channels in their order; `count` is the number of planar arrays.
struct Picks {
  const std::uint32_t* index;
  std::size_t count;
  SL_INLINE std::size_t operator[](std::size_t k) const noexcept { return index == nullptr ? k : index[k]; }
  SL_INLINE bool both_of_two(std::size_t stream_channels) const noexcept {
    return stream_channels == 2 && count == 2 && (*this)[0] + (*this)[1] == 1;
  }
};

template <class Codec>
SL_INLINE std::size_t decode(const std::byte* bytes, std::size_t channels, Picks picks, std::size_t frames,
                             double* const planar[]) noexcept {
  if (channels == 1 && picks.count == 1) {
    return decode_one<Codec>(bytes, Codec::kBytes, frames, planar[0]);
  }
  if (picks.both_of_two(channels)) {
    const bool in_order = picks[0] == 0;
    return decode_two<Codec>(bytes, frames, planar[in_order ? 0 : 1], planar[in_order ? 1 : 0]);
  }
  std::size_t bad = 0;
  for (std::size_t k = 0; k < picks.count; ++k) {
    bad += decode_one<Codec>(bytes + picks[k] * Codec::kBytes, channels * Codec::kBytes, frames, planar[k]);
  }
  return bad;
}

template <class Codec>
SL_INLINE EncodeCounts encode(const double* const planar[], std::size_t channels, Picks picks,
                              std::size_t frames, std::byte* bytes) noexcept {
  EncodeCounts counts;
  if (channels == 1 && picks.count == 1) {
    encode_one<Codec>(planar[0], Codec::kBytes, frames, bytes, counts);
  } else if (picks.both_of_two(channels)) {
    const bool in_order = picks[0] == 0;
    encode_two<Codec>(planar[in_order ? 0 : 1], planar[in_order ? 1 : 0], frames, bytes, counts);
  } else {
    for (std::size_t k = 0; k < picks.count; ++k) {
      encode_one<Codec>(planar[k], channels * Codec::kBytes, frames, bytes + picks[k] * Codec::kBytes,
                        counts);
    }
  }
  return counts;
}

SL_INLINE std::size_t decode_any(SampleFormat format, const std::byte* bytes, std::size_t channels,
                                 Picks picks, std::size_t frames, double* const planar[]) noexcept {
  switch (format) {
    case SampleFormat::s16_le:
      return decode<S16>(bytes, channels, picks, frames, planar);
    case SampleFormat::s24_3le:
      return decode<S24Packed>(bytes, channels, picks, frames, planar);
    case SampleFormat::s24_le_low:
      return decode<S24Low>(bytes, channels, picks, frames, planar);
    case SampleFormat::s24_le_high:
      return decode<S24High>(bytes, channels, picks, frames, planar);
    case SampleFormat::s32_le:
      return decode<S32>(bytes, channels, picks, frames, planar);
    case SampleFormat::float32_le:
      return decode<Float<float>>(bytes, channels, picks, frames, planar);
    case SampleFormat::float64_le:
      return decode<Float<double>>(bytes, channels, picks, frames, planar);
  }
  return 0;
}

SL_INLINE EncodeCounts encode_any(SampleFormat format, const double* const planar[], std::size_t channels,
                                  Picks picks, std::size_t frames, std::byte* bytes,
                                  NotFinite not_finite) noexcept {
  const bool keep = not_finite == NotFinite::keep;
  switch (format) {
    case SampleFormat::s16_le:
      return encode<S16>(planar, channels, picks, frames, bytes);
    case SampleFormat::s24_3le:
      return encode<S24Packed>(planar, channels, picks, frames, bytes);
    case SampleFormat::s24_le_low:
      return encode<S24Low>(planar, channels, picks, frames, bytes);
    case SampleFormat::s24_le_high:
      return encode<S24High>(planar, channels, picks, frames, bytes);
    case SampleFormat::s32_le:
      return encode<S32>(planar, channels, picks, frames, bytes);
    case SampleFormat::float32_le:
      return keep ? encode<KeptFloat<float>>(planar, channels, picks, frames, bytes)
                  : encode<Float<float>>(planar, channels, picks, frames, bytes);
    case SampleFormat::float64_le:
      return keep ? encode<KeptFloat<double>>(planar, channels, picks, frames, bytes)
                  : encode<Float<double>>(planar, channels, picks, frames, bytes);
  }
  return {};
}

#if SL_HAVE_AVX2
[[gnu::target("avx2")]] std::size_t decode_avx2(SampleFormat format, const std::byte* bytes,
                                                std::size_t channels, Picks picks, std::size_t frames,
                                                double* const planar[]) noexcept {
  return decode_any(format, bytes, channels, picks, frames, planar);
}
[[gnu::target("avx2")]] EncodeCounts encode_avx2(SampleFormat format, const double* const planar[],
                                                 std::size_t channels, Picks picks, std::size_t frames,
                                                 std::byte* bytes, NotFinite not_finite) noexcept {
  return encode_any(format, planar, channels, picks, frames, bytes, not_finite);
}
[[gnu::target("avx2")]] bool all_within_avx2(double limit, const double* x, std::size_t count) noexcept {
  return all_within(limit, x, count);
}
bool use_avx2() noexcept { return __builtin_cpu_supports("avx2") != 0; }
#endif

std::size_t decode_best(SampleFormat format, const std::byte* bytes, std::size_t channels, Picks picks,
                        std::size_t frames, double* const planar[]) noexcept {
#if SL_HAVE_AVX2
  if (use_avx2()) { return decode_avx2(format, bytes, channels, picks, frames, planar); }
#endif
  return decode_any(format, bytes, channels, picks, frames, planar);
}

EncodeCounts encode_best(SampleFormat format, const double* const planar[], std::size_t channels, Picks picks,
                         std::size_t frames, std::byte* bytes, NotFinite not_finite) noexcept {
#if SL_HAVE_AVX2
  if (use_avx2()) { return encode_avx2(format, planar, channels, picks, frames, bytes, not_finite); }
#endif
  return encode_any(format, planar, channels, picks, frames, bytes, not_finite);
}

struct FormatFacts {
  std::string_view name;
  std::size_t bytes;
  int bits;
};

constexpr FormatFacts facts(SampleFormat format) noexcept {
  switch (format) {
    case SampleFormat::s16_le:
      return {"S16_LE", 2, 16};
    case SampleFormat::s24_3le:
      return {"S24_3LE", 3, 24};
    case SampleFormat::s24_le_low:
      return {"S24_LE", 4, 24};
    case SampleFormat::s24_le_high:
      return {"S24_LE_HIGH", 4, 24};
    case SampleFormat::s32_le:
      return {"S32_LE", 4, 32};
    case SampleFormat::float32_le:
      return {"FLOAT_LE", 4, 24};
    case SampleFormat::float64_le:
      return {"FLOAT64_LE", 8, 53};
  }
  return {};
}

}  // namespace

std::string_view to_string(SampleFormat format) noexcept { return facts(format).name; }

std::optional<SampleFormat> parse_sample_format(std::string_view name) noexcept {
  for (const SampleFormat format : kSampleFormats) {
    if (facts(format).name == name) { return format; }
  }
  return std::nullopt;
}

std::size_t bytes_per_sample(SampleFormat format) noexcept { return facts(format).bytes; }

int significant_bits(SampleFormat format) noexcept { return facts(format).bits; }

bool is_float(SampleFormat format) noexcept {
  return format == SampleFormat::float32_le || format == SampleFormat::float64_le;
}

std::size_t decode_interleaved(SampleFormat format, const std::byte* bytes, std::uint32_t stream_channels,
                               std::span<const std::uint32_t> picks, std::size_t frames,
                               double* const planar[]) noexcept {
  if (picks.empty()) { return 0; }
  return decode_best(format, bytes, stream_channels, {picks.data(), picks.size()}, frames, planar);
}

std::size_t decode_interleaved(SampleFormat format, const std::byte* bytes, std::uint32_t stream_channels,
                               std::size_t frames, double* const planar[]) noexcept {
  return decode_best(format, bytes, stream_channels, {nullptr, stream_channels}, frames, planar);
}

double largest_sample(int bits) noexcept { return 1.0 - std::ldexp(1.0, 1 - bits); }

double clip_level(SampleFormat format) noexcept {
  return is_float(format) ? 1.0 : largest_sample(significant_bits(format));
}

bool all_below(double level, std::span<const double> samples) noexcept {
  // The bits of a positive float64 are ordered as integers: this is the next one below.
  const auto limit = std::bit_cast<double>(std::bit_cast<std::uint64_t>(level) - 1);
#if SL_HAVE_AVX2
  if (use_avx2()) { return all_within_avx2(limit, samples.data(), samples.size()); }
#endif
  return all_within(limit, samples.data(), samples.size());
}

EncodeCounts encode_interleaved(SampleFormat format, const double* const planar[],
                                std::uint32_t stream_channels, std::span<const std::uint32_t> picks,
                                std::size_t frames, std::byte* bytes) noexcept {
  if (picks.empty()) { return {}; }
  return encode_best(format, planar, stream_channels, {picks.data(), picks.size()}, frames, bytes,
                     NotFinite::replace);
}

EncodeCounts encode_interleaved(SampleFormat format, const double* const planar[],
                                std::uint32_t stream_channels, std::size_t frames, std::byte* bytes,
                                NotFinite not_finite) noexcept {
  return encode_best(format, planar, stream_channels, {nullptr, stream_channels}, frames, bytes, not_finite);
}

}  // namespace streamlab
