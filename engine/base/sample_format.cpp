// engine/base/sample_format.cpp
//
// One codec per format says how a single sample is loaded and stored; four loops (one or two channels at a
// fixed stride, any channel at any stride, each way) are instantiated over them, and each is compiled for the
// baseline CPU, for AVX2 and for AVX-512. The loops hold no branch on the data, so that the compiler turns them
// into vector code; what is to be known of the samples is gathered in the same pass.
#include "engine/base/sample_format.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

static_assert(std::endian::native == std::endian::little, "the codecs copy little-endian words");

#if defined(__x86_64__)
#define SL_X86_64 1
#else
#define SL_X86_64 0
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

template <class Word>
using BitsOf = std::conditional_t<sizeof(Word) == 4, std::uint32_t, std::uint64_t>;

// Whether |x| <= limit held for every x that was looked at, which it does for no NaN. Without its sign, the bits
// of a float are ordered as integers, so one subtraction tells: it borrows. No branch is needed.
template <class Word>
class Within {
  using Bits = BitsOf<Word>;
  static constexpr int kSign = 8 * static_cast<int>(sizeof(Word)) - 1;

 public:
  SL_INLINE explicit Within(Word limit) noexcept : limit_(std::bit_cast<Bits>(limit)) {}
  // Below `level`, which is above 0.
  SL_INLINE static Within below(Word level) noexcept {
    return Within(std::bit_cast<Word>(std::bit_cast<Bits>(level) - 1));
  }
  SL_INLINE void look_at(Word x) noexcept {
    borrows_ |= limit_ - (std::bit_cast<Bits>(x) & ~(Bits{1} << kSign));
  }
  SL_INLINE bool all() const noexcept { return borrows_ >> kSign == 0; }

 private:
  Bits limit_;
  Bits borrows_ = 0;
};

SL_INLINE bool all_within(double limit, const double* __restrict x, std::size_t count) noexcept {
  Within<double> within(limit);
  for (std::size_t n = 0; n < count; ++n) { within.look_at(x[n]); }
  return within.all();
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
  using Raw = double;
  static constexpr bool kLookApart = false;
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
// limited(), which counts what it changes. Raw is what load() gives: a float as it stands in the stream, or the value.
// kLookApart: it is looked at in a pass of its own, for the compiler makes no vector code of the two together.
struct S16 : Integer<16> {
  static constexpr std::size_t kBytes = 2;
  SL_INLINE static double load(const std::byte* p) noexcept { return load_word<std::int16_t>(p) * 0x1p-15; }
  SL_INLINE static void store(std::byte* p, double x) noexcept {
    store_word(p, static_cast<std::int16_t>(quantise(x)));
  }
};

struct S24Packed : Integer<24> {
  static constexpr bool kLookApart = true;
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
  using Raw = Word;
  static constexpr bool kLookApart = false;
  SL_INLINE static Word load(const std::byte* p) noexcept { return load_word<Word>(p); }
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
template <class Word>
inline constexpr bool kIsFloat<KeptFloat<Word>> = true;

// Frames that are converted before the next look at what was found in them: a few cache lines of each
// channel.
constexpr std::size_t kChunk = 128;

// Of samples among which some are not below the level that was asked for.
[[gnu::noinline]] void count_in(const double* x, std::size_t count, DecodeCounts& counts) noexcept {
  counts.all_below = false;
  if (all_within(std::numeric_limits<double>::max(), x, count)) { return; }
  counts.not_finite += static_cast<std::size_t>(
      std::count_if(x, x + count, [](double value) { return !std::isfinite(value); }));
}

// `stride` in bytes from frame to frame.
template <class Codec>
SL_INLINE void decode_one(const std::byte* __restrict bytes, std::size_t stride, std::size_t frames,
                          double* __restrict y, double level, DecodeCounts& counts) noexcept {
  using Raw = typename Codec::Raw;
  for (std::size_t begin = 0; begin < frames; begin += kChunk) {
    const std::size_t end = std::min(begin + kChunk, frames);
    auto below = Within<Raw>::below(static_cast<Raw>(level));
    for (std::size_t n = begin; n < end; ++n) {
      const Raw x = Codec::load(bytes + n * stride);
      if constexpr (!Codec::kLookApart) { below.look_at(x); }
      y[n] = static_cast<double>(x);
    }
    if constexpr (Codec::kLookApart) {
      for (std::size_t n = begin; n < end; ++n) { below.look_at(y[n]); }
    }
    if (!below.all()) { count_in(y + begin, end - begin, counts); }
  }
}

// Two channels side by side and nothing else in the stream.
template <class Codec>
SL_INLINE void decode_two(const std::byte* __restrict bytes, std::size_t frames, double* __restrict left,
                          double* __restrict right, double level, DecodeCounts& counts) noexcept {
  using Raw = typename Codec::Raw;
  for (std::size_t begin = 0; begin < frames; begin += kChunk) {
    const std::size_t end = std::min(begin + kChunk, frames);
    auto below = Within<Raw>::below(static_cast<Raw>(level));
    for (std::size_t n = begin; n < end; ++n) {
      const Raw l = Codec::load(bytes + 2 * n * Codec::kBytes);
      const Raw r = Codec::load(bytes + (2 * n + 1) * Codec::kBytes);
      if constexpr (!Codec::kLookApart) {
        below.look_at(l);
        below.look_at(r);
      }
      left[n] = static_cast<double>(l);
      right[n] = static_cast<double>(r);
    }
    if constexpr (Codec::kLookApart) {
      for (std::size_t n = begin; n < end; ++n) { below.look_at(left[n]); }
      for (std::size_t n = begin; n < end; ++n) { below.look_at(right[n]); }
    }
    if (!below.all()) {
      count_in(left + begin, end - begin, counts);
      count_in(right + begin, end - begin, counts);
    }
  }
}

// Whether `count` samples of each of `x` fit and were stored: channel k at bytes + k * kBytes, frames `stride`
// bytes apart.
template <class Codec, std::size_t kChannels>
SL_INLINE bool store_if_all_fit(const double* const (&x)[kChannels], std::size_t begin, std::size_t end,
                                std::size_t stride, std::byte* __restrict bytes) noexcept {
  if constexpr (kIsFloat<Codec>) {
    // What does not fit becomes an infinity or stays a NaN: seen as it is stored.
    using Word = typename Codec::Raw;
    Within<Word> fits(std::numeric_limits<Word>::max());
    for (std::size_t n = begin; n < end; ++n) {
      for (std::size_t k = 0; k < kChannels; ++k) {
        const auto word = static_cast<Word>(x[k][n]);
        fits.look_at(word);
        store_word(bytes + n * stride + k * Codec::kBytes, word);
      }
    }
    return fits.all();
  } else {
    for (const double* channel : x) {
      if (!all_within(Codec::kFits, channel + begin, end - begin)) { return false; }
    }
    for (std::size_t n = begin; n < end; ++n) {
      for (std::size_t k = 0; k < kChannels; ++k) {
        Codec::store(bytes + n * stride + k * Codec::kBytes, x[k][n]);
      }
    }
    return true;
  }
}

template <class Codec, std::size_t kChannels>
SL_INLINE void encode_side_by_side(const double* const (&x)[kChannels], std::size_t stride,
                                   std::size_t frames, std::byte* __restrict bytes,
                                   EncodeCounts& counts) noexcept {
  for (std::size_t begin = 0; begin < frames; begin += kChunk) {
    const std::size_t end = std::min(begin + kChunk, frames);
    if (store_if_all_fit<Codec>(x, begin, end, stride, bytes)) { continue; }
    for (std::size_t n = begin; n < end; ++n) {
      for (std::size_t k = 0; k < kChannels; ++k) {
        Codec::store(bytes + n * stride + k * Codec::kBytes, Codec::limited(x[k][n], counts));
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
SL_INLINE DecodeCounts decode(const std::byte* bytes, std::size_t channels, Picks picks, std::size_t frames,
                              double* const planar[], double level) noexcept {
  DecodeCounts counts;
  if (channels == 1 && picks.count == 1) {
    decode_one<Codec>(bytes, Codec::kBytes, frames, planar[0], level, counts);
  } else if (picks.both_of_two(channels)) {
    const bool in_order = picks[0] == 0;
    decode_two<Codec>(bytes, frames, planar[in_order ? 0 : 1], planar[in_order ? 1 : 0], level, counts);
  } else {
    for (std::size_t k = 0; k < picks.count; ++k) {
      decode_one<Codec>(bytes + picks[k] * Codec::kBytes, channels * Codec::kBytes, frames, planar[k], level,
                        counts);
    }
  }
  return counts;
}

template <class Codec>
SL_INLINE EncodeCounts encode(const double* const planar[], std::size_t channels, Picks picks,
                              std::size_t frames, std::byte* bytes) noexcept {
  EncodeCounts counts;
  if (channels == 1 && picks.count == 1) {
    const double* const x[] = {planar[0]};
    encode_side_by_side<Codec>(x, Codec::kBytes, frames, bytes, counts);
  } else if (picks.both_of_two(channels)) {
    const bool in_order = picks[0] == 0;
    const double* const x[] = {planar[in_order ? 0 : 1], planar[in_order ? 1 : 0]};
    encode_side_by_side<Codec>(x, 2 * Codec::kBytes, frames, bytes, counts);
  } else {
    for (std::size_t k = 0; k < picks.count; ++k) {
      const double* const x[] = {planar[k]};
      encode_side_by_side<Codec>(x, channels * Codec::kBytes, frames, bytes + picks[k] * Codec::kBytes,
                                 counts);
    }
  }
  return counts;
}

SL_INLINE DecodeCounts decode_any(SampleFormat format, const std::byte* bytes, std::size_t channels,
                                  Picks picks, std::size_t frames, double* const planar[],
                                  double level) noexcept {
  switch (format) {
    case SampleFormat::s16_le:
      return decode<S16>(bytes, channels, picks, frames, planar, level);
    case SampleFormat::s24_3le:
      return decode<S24Packed>(bytes, channels, picks, frames, planar, level);
    case SampleFormat::s24_le_low:
      return decode<S24Low>(bytes, channels, picks, frames, planar, level);
    case SampleFormat::s24_le_high:
      return decode<S24High>(bytes, channels, picks, frames, planar, level);
    case SampleFormat::s32_le:
      return decode<S32>(bytes, channels, picks, frames, planar, level);
    case SampleFormat::float32_le:
      return decode<Float<float>>(bytes, channels, picks, frames, planar, level);
    case SampleFormat::float64_le:
      return decode<Float<double>>(bytes, channels, picks, frames, planar, level);
  }
  return {};
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

// What is chosen by the processor.
struct Codecs {
  DecodeCounts (*decode)(SampleFormat, const std::byte*, std::size_t, Picks, std::size_t, double* const[],
                         double) noexcept;
  EncodeCounts (*encode)(SampleFormat, const double* const[], std::size_t, Picks, std::size_t, std::byte*,
                         NotFinite) noexcept;
  bool (*all_within)(double, const double*, std::size_t) noexcept;
};

#define SL_CODECS(path, ...)                                                                                \
  __VA_ARGS__ DecodeCounts decode_##path(SampleFormat format, const std::byte* bytes, std::size_t channels, \
                                         Picks picks, std::size_t frames, double* const planar[],           \
                                         double level) noexcept {                                           \
    return decode_any(format, bytes, channels, picks, frames, planar, level);                               \
  }                                                                                                         \
  __VA_ARGS__ EncodeCounts encode_##path(SampleFormat format, const double* const planar[],                 \
                                         std::size_t channels, Picks picks, std::size_t frames,             \
                                         std::byte* bytes, NotFinite not_finite) noexcept {                 \
    return encode_any(format, planar, channels, picks, frames, bytes, not_finite);                          \
  }                                                                                                         \
  __VA_ARGS__ bool all_within_##path(double limit, const double* x, std::size_t count) noexcept {           \
    return all_within(limit, x, count);                                                                     \
  }                                                                                                         \
  constexpr Codecs kCodecs_##path { decode_##path, encode_##path, all_within_##path }

SL_CODECS(baseline, );
#if SL_X86_64
SL_CODECS(avx2, [[gnu::target("avx2")]]);
SL_CODECS(avx512, [[gnu::target("avx2,avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512")]]);
#endif

const Codecs& codecs() noexcept {
#if SL_X86_64
  if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
      __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0) {
    return kCodecs_avx512;
  }
  if (__builtin_cpu_supports("avx2") != 0) { return kCodecs_avx2; }
#endif
  return kCodecs_baseline;
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

DecodeCounts decode_interleaved(SampleFormat format, const std::byte* bytes, std::uint32_t stream_channels,
                                std::span<const std::uint32_t> picks, std::size_t frames,
                                double* const planar[]) noexcept {
  if (picks.empty()) { return {}; }
  return codecs().decode(format, bytes, stream_channels, {picks.data(), picks.size()}, frames, planar, 1.0);
}

DecodeCounts decode_interleaved(SampleFormat format, const std::byte* bytes, std::uint32_t stream_channels,
                                std::size_t frames, double* const planar[], double level) noexcept {
  return codecs().decode(format, bytes, stream_channels, {nullptr, stream_channels}, frames, planar, level);
}

double largest_sample(int bits) noexcept { return 1.0 - std::ldexp(1.0, 1 - bits); }

double clip_level(SampleFormat format) noexcept {
  return is_float(format) ? 1.0 : largest_sample(significant_bits(format));
}

bool all_below(double level, std::span<const double> samples) noexcept {
  // The bits of a positive float64 are ordered as integers: this is the next one below.
  const auto limit = std::bit_cast<double>(std::bit_cast<std::uint64_t>(level) - 1);
  return codecs().all_within(limit, samples.data(), samples.size());
}

EncodeCounts encode_interleaved(SampleFormat format, const double* const planar[],
                                std::uint32_t stream_channels, std::span<const std::uint32_t> picks,
                                std::size_t frames, std::byte* bytes) noexcept {
  if (picks.empty()) { return {}; }
  return codecs().encode(format, planar, stream_channels, {picks.data(), picks.size()}, frames, bytes,
                         NotFinite::replace);
}

EncodeCounts encode_interleaved(SampleFormat format, const double* const planar[],
                                std::uint32_t stream_channels, std::size_t frames, std::byte* bytes,
                                NotFinite not_finite) noexcept {
  return codecs().encode(format, planar, stream_channels, {nullptr, stream_channels}, frames, bytes,
                         not_finite);
}

}  // namespace streamlab
