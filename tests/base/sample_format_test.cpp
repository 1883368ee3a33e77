// tests/base/sample_format_test.cpp
//
// Every 16-bit and 24-bit code, the edges of the others, rounding, saturation and channel choice. Expected
// values come from the definition (code / 2^(bits-1), least significant byte first), never from the codecs.
#include "engine/base/sample_format.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

namespace streamlab {
namespace {

using testing::Each;
using testing::ElementsAre;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::byte kUntouched{0xA5};

std::vector<std::byte> bytes_of(std::initializer_list<unsigned> values) {
  std::vector<std::byte> bytes;
  for (const unsigned value : values) { bytes.push_back(static_cast<std::byte>(value)); }
  return bytes;
}

// `word` as `count` bytes, least significant first.
void append_word(std::vector<std::byte>& bytes, std::uint64_t word, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) { bytes.push_back(static_cast<std::byte>(word >> (8 * i))); }
}

std::vector<double> decode_mono(SampleFormat format, const std::vector<std::byte>& bytes) {
  std::vector<double> samples(bytes.size() / bytes_per_sample(format));
  double* const planar[] = {samples.data()};
  decode_interleaved(format, bytes.data(), 1, samples.size(), planar);
  return samples;
}

struct Encoded {
  std::vector<std::byte> bytes;
  EncodeCounts counts;
};

Encoded encode_mono(SampleFormat format, const std::vector<double>& samples) {
  Encoded out{std::vector<std::byte>(samples.size() * bytes_per_sample(format)), {}};
  const double* const planar[] = {samples.data()};
  out.counts = encode_interleaved(format, planar, 1, samples.size(), out.bytes.data());
  return out;
}

// The integer codes of `samples` in s16_le.
std::vector<int> as_s16(const std::vector<double>& samples) {
  const Encoded out = encode_mono(SampleFormat::s16_le, samples);
  std::vector<int> codes;
  for (std::size_t n = 0; n < samples.size(); ++n) {
    std::int16_t code = 0;
    std::memcpy(&code, &out.bytes[2 * n], 2);
    codes.push_back(code);
  }
  return codes;
}

TEST(SampleFormat, HasTheNamesOfAlsa) {
  EXPECT_EQ(to_string(SampleFormat::s16_le), "S16_LE");
  EXPECT_EQ(to_string(SampleFormat::s24_3le), "S24_3LE");
  EXPECT_EQ(to_string(SampleFormat::s24_le_low), "S24_LE");
  EXPECT_EQ(to_string(SampleFormat::s32_le), "S32_LE");
  EXPECT_EQ(to_string(SampleFormat::float32_le), "FLOAT_LE");
  EXPECT_EQ(to_string(SampleFormat::float64_le), "FLOAT64_LE");
  for (const SampleFormat format : kSampleFormats) {
    EXPECT_EQ(parse_sample_format(to_string(format)), format);
  }
  EXPECT_EQ(parse_sample_format("S16"), std::nullopt);
}

TEST(SampleFormat, KnowsItsSizes) {
  std::vector<std::size_t> bytes;
  std::vector<int> bits;
  for (const SampleFormat format : kSampleFormats) {
    bytes.push_back(bytes_per_sample(format));
    bits.push_back(significant_bits(format));
  }
  EXPECT_THAT(bytes, ElementsAre(2, 3, 4, 4, 4, 4, 8));
  EXPECT_THAT(bits, ElementsAre(16, 24, 24, 24, 32, 24, 53));
  EXPECT_TRUE(is_float(SampleFormat::float32_le));
  EXPECT_FALSE(is_float(SampleFormat::s32_le));
}

// All codes of a format of `bits` bits from the lowest to the highest, there and back. `place` puts a code
// into its word for decoding, `written` is the word expected back.
template <class Place, class Written>
void expect_every_code(SampleFormat format, int bits, Place place, Written written) {
  const std::int64_t lowest = -(std::int64_t{1} << (bits - 1));
  const std::int64_t highest = -lowest - 1;
  const std::size_t size = bytes_per_sample(format);
  constexpr std::int64_t kBatch = 1 << 16;
  for (std::int64_t first = lowest; first <= highest; first += kBatch) {
    std::vector<std::byte> read;
    std::vector<std::byte> expected;
    std::vector<double> values;
    for (std::int64_t code = first; code < first + kBatch; ++code) {
      append_word(read, place(code), size);
      append_word(expected, written(code), size);
      values.push_back(static_cast<double>(code) / static_cast<double>(-lowest));
    }
    ASSERT_TRUE(decode_mono(format, read) == values) << "codes from " << first;
    const Encoded back = encode_mono(format, values);
    ASSERT_TRUE(back.bytes == expected) << "codes from " << first;
    ASSERT_EQ(back.counts, EncodeCounts{}) << "codes from " << first;
  }
}

std::uint64_t as_word(std::int64_t code) { return static_cast<std::uint64_t>(code); }

TEST(SampleFormat, CarriesEverySixteenBitCodeThereAndBack) {
  expect_every_code(SampleFormat::s16_le, 16, as_word, as_word);
}

TEST(SampleFormat, CarriesEveryPackedTwentyFourBitCodeThereAndBack) {
  expect_every_code(SampleFormat::s24_3le, 24, as_word, as_word);
}

TEST(SampleFormat, IgnoresThePaddingAboveARightJustifiedCode) {
  const auto with_garbage = [](std::int64_t code) {
    return (as_word(code) & 0xFFFFFFU) | (as_word(code * 37 + 11) & 0xFFU) << 24U;
  };
  expect_every_code(SampleFormat::s24_le_low, 24, with_garbage, as_word);
}

TEST(SampleFormat, IgnoresThePaddingBelowALeftJustifiedCode) {
  const auto with_garbage = [](std::int64_t code) {
    return as_word(code) << 8U | (as_word(code * 37 + 11) & 0xFFU);
  };
  expect_every_code(SampleFormat::s24_le_high, 24, with_garbage,
                    [](std::int64_t code) { return as_word(code) << 8U; });
}

TEST(SampleFormat, ReadsTheBytesOfAWordFromTheLeastSignificant) {
  EXPECT_THAT(decode_mono(SampleFormat::s16_le, bytes_of({0x00, 0x40})), ElementsAre(0.5));
  EXPECT_THAT(decode_mono(SampleFormat::s24_3le, bytes_of({0x00, 0x00, 0xC0})), ElementsAre(-0.5));
  EXPECT_THAT(decode_mono(SampleFormat::s32_le, bytes_of({0x00, 0x00, 0x00, 0x20})), ElementsAre(0.25));
  EXPECT_THAT(decode_mono(SampleFormat::float32_le, bytes_of({0x00, 0x00, 0xC0, 0x3F})), ElementsAre(1.5));
  EXPECT_THAT(decode_mono(SampleFormat::float64_le, bytes_of({0, 0, 0, 0, 0, 0, 0x04, 0xC0})),
              ElementsAre(-2.5));
}

TEST(SampleFormat, CarriesTheEdgesOfThirtyTwoBits) {
  constexpr double kStep = 0x1p-31;
  const std::vector<std::int64_t> codes = {-2147483648LL, -2147483647, -1,        0, 1,
                                           65535,         2147483646,  2147483647};
  std::vector<std::byte> bytes;
  std::vector<double> values;
  for (const std::int64_t code : codes) {
    append_word(bytes, as_word(code), 4);
    values.push_back(static_cast<double>(code) * kStep);
  }
  EXPECT_EQ(decode_mono(SampleFormat::s32_le, bytes), values);
  const Encoded back = encode_mono(SampleFormat::s32_le, values);
  EXPECT_EQ(back.bytes, bytes);
  EXPECT_EQ(back.counts, EncodeCounts{});
}

TEST(SampleFormat, RoundsToNearestAndTiesToEven) {
  std::vector<double> samples;
  for (const double code : {0.5, 1.5, 2.5, -0.5, -1.5, 0.49999, 0.50001, -2.50001, 32766.5}) {
    samples.push_back(code / 32768.0);
  }
  EXPECT_THAT(as_s16(samples), ElementsAre(0, 2, 2, 0, -2, 0, 1, -3, 32766));
}

TEST(SampleFormat, SaturatesAndCountsOnlyWhatDoesNotFit) {
  // In units of one code: the last two of each side do not round to a code that exists.
  std::vector<double> samples;
  for (const double code : {32767.0, 32767.49, 32767.5, 32768.0, -32768.0, -32768.5, -32768.51, -40000.0}) {
    samples.push_back(code / 32768.0);
  }
  EXPECT_THAT(as_s16(samples), ElementsAre(32767, 32767, 32767, 32767, -32768, -32768, -32768, -32768));
  EXPECT_EQ(encode_mono(SampleFormat::s16_le, samples).counts, (EncodeCounts{4, 0}));
}

TEST(SampleFormat, SaturatesEveryIntegerFormatAtItsOwnEdge) {
  struct Case {
    SampleFormat format;
    std::vector<std::byte> bytes;
  };
  const Case cases[] = {
      {SampleFormat::s16_le, bytes_of({0xFF, 0x7F, 0x00, 0x80})},
      {SampleFormat::s24_3le, bytes_of({0xFF, 0xFF, 0x7F, 0x00, 0x00, 0x80})},
      {SampleFormat::s24_le_low, bytes_of({0xFF, 0xFF, 0x7F, 0x00, 0x00, 0x00, 0x80, 0xFF})},
      {SampleFormat::s24_le_high, bytes_of({0x00, 0xFF, 0xFF, 0x7F, 0x00, 0x00, 0x00, 0x80})},
      {SampleFormat::s32_le, bytes_of({0xFF, 0xFF, 0xFF, 0x7F, 0x00, 0x00, 0x00, 0x80})}};
  for (const Case& c : cases) {
    for (const double far : {1.5, 1e300, kInfinity}) {
      const Encoded out = encode_mono(c.format, {far, -far});
      EXPECT_EQ(out.bytes, c.bytes) << to_string(c.format) << " at " << far;
      EXPECT_EQ(out.counts, (EncodeCounts{2, 0})) << to_string(c.format) << " at " << far;
    }
  }
}

TEST(SampleFormat, WritesNaNAsZeroAndCountsIt) {
  for (const SampleFormat format : kSampleFormats) {
    const Encoded out = encode_mono(format, {kNaN, -kNaN});
    EXPECT_THAT(out.bytes, Each(std::byte{0})) << to_string(format);
    EXPECT_EQ(out.counts, (EncodeCounts{0, 2})) << to_string(format);
  }
}

TEST(SampleFormat, KeepsNaNAndInfinitiesOfFloatsOnRequest) {
  const std::vector<double> samples = {0.25, kNaN, kInfinity, -kInfinity, 1e300};
  const double* const planar[] = {samples.data()};
  for (const SampleFormat format : kSampleFormats) {
    std::vector<std::byte> bytes(samples.size() * bytes_per_sample(format));
    const EncodeCounts counts =
        encode_interleaved(format, planar, 1, samples.size(), bytes.data(), NotFinite::keep);
    if (!is_float(format)) {  // they have none
      EXPECT_EQ(counts, (EncodeCounts{3, 1, 0})) << to_string(format);
      continue;
    }
    EXPECT_EQ(counts, (EncodeCounts{format == SampleFormat::float32_le ? 1U : 0U, 0, 3}))
        << to_string(format);
    const std::vector<double> back = decode_mono(format, bytes);
    EXPECT_EQ(back[0], 0.25);
    EXPECT_TRUE(std::isnan(back[1]));
    EXPECT_EQ(back[2], kInfinity);
    EXPECT_EQ(back[3], -kInfinity);
  }
}

TEST(SampleFormat, FloatsHaveRoomAboveFullScaleButNotForInfinities) {
  const double largest = std::numeric_limits<float>::max();
  // Halfway to the next float32, which would be infinite; ties go there.
  const double too_much = 0x1.ffffffp127;
  const std::vector<double> samples = {3.0,      -1e30,     largest, std::nextafter(too_much, 0.0),
                                       too_much, -kInfinity};
  const Encoded out = encode_mono(SampleFormat::float32_le, samples);
  EXPECT_EQ(out.counts, (EncodeCounts{2, 0}));
  EXPECT_EQ(decode_mono(SampleFormat::float32_le, out.bytes),
            (std::vector<double>{3.0, static_cast<double>(-1e30F), largest, largest, largest, -largest}));
}

TEST(SampleFormat, CarriesEveryFloat64AsItIs) {
  const std::vector<double> samples = {0.1, -0.0, 5e-324, 1e308, -1.0 / 3.0, std::nextafter(1.0, 2.0)};
  const Encoded out = encode_mono(SampleFormat::float64_le, samples);
  EXPECT_EQ(std::memcmp(out.bytes.data(), samples.data(), out.bytes.size()), 0);
  EXPECT_EQ(decode_mono(SampleFormat::float64_le, out.bytes), samples);
  EXPECT_EQ(out.counts, EncodeCounts{});
}

TEST(SampleFormat, CountsWhatIsNotFiniteWhileDecoding) {
  for (const SampleFormat format : {SampleFormat::float32_le, SampleFormat::float64_le}) {
    std::vector<std::byte> bytes;
    for (std::size_t n = 0; n < 1000; ++n) {
      const double value = n == 3 ? kNaN : n == 500 ? -kInfinity : n == 999 ? kInfinity : 0.25;
      const float narrow = static_cast<float>(value);
      const auto* word = format == SampleFormat::float32_le ? reinterpret_cast<const std::byte*>(&narrow)
                                                            : reinterpret_cast<const std::byte*>(&value);
      bytes.insert(bytes.end(), word, word + bytes_per_sample(format));
    }
    std::vector<double> left(500);
    std::vector<double> right(500);
    double* const planar[] = {left.data(), right.data()};
    const DecodeCounts counts = decode_interleaved(format, bytes.data(), 2, 500, planar);
    EXPECT_EQ(counts, (DecodeCounts{3, false})) << to_string(format);
    EXPECT_TRUE(std::isnan(right[1]));
    EXPECT_EQ(left[250], -kInfinity);
    EXPECT_EQ(right[499], kInfinity);
  }
}

// Samples just below the level, and then one at it or beyond, anywhere in the stream and on each channel.
TEST(SampleFormat, TellsWhileDecodingWhetherAllSamplesAreBelowALevel) {
  constexpr std::size_t kFrames = 300;
  constexpr double kLevel = 0.75;
  for (const SampleFormat format : kSampleFormats) {
    const double step = format == SampleFormat::s16_le ? 0x1p-15 : 0x1p-23;
    for (const std::uint32_t channels : {1U, 2U, 3U}) {
      std::vector<std::vector<double>> in(channels, std::vector<double>(kFrames, kLevel - step));
      std::vector<std::vector<double>> out = in;
      std::vector<const double*> from;
      std::vector<double*> to;
      for (std::uint32_t c = 0; c < channels; ++c) {
        for (std::size_t n = 0; n < kFrames; n += 2) { in[c][n] = -in[c][n]; }
        from.push_back(in[c].data());
        to.push_back(out[c].data());
      }
      std::vector<std::byte> bytes(kFrames * channels * bytes_per_sample(format));
      const auto decode = [&] {
        EXPECT_EQ(encode_interleaved(format, from.data(), channels, kFrames, bytes.data()), EncodeCounts{});
        const DecodeCounts counts =
            decode_interleaved(format, bytes.data(), channels, kFrames, to.data(), kLevel);
        EXPECT_EQ(out, in) << to_string(format) << " " << channels;
        return counts;
      };
      EXPECT_EQ(decode(), (DecodeCounts{0, true})) << to_string(format) << " " << channels;
      for (const std::size_t at : {0U, 127U, 128U, 299U}) {
        for (std::uint32_t c = 0; c < channels; ++c) {
          for (const double loud : {kLevel, -kLevel, -1.0}) {
            const double before = std::exchange(in[c][at], loud);
            EXPECT_EQ(decode(), (DecodeCounts{0, false}))
                << to_string(format) << " " << channels << " " << at;
            in[c][at] = before;
          }
        }
      }
    }
  }
}

// Code of channel c in frame n: small enough for every format.
double sample_at(std::size_t c, std::size_t n) { return static_cast<double>(c * 1000 + n) / 32768.0; }

TEST(SampleFormat, PicksChannelsOutOfManyAndLeavesTheOthersAlone) {
  constexpr std::size_t kFrames = 300;
  const std::vector<std::vector<std::uint32_t>> choices = {
      {0}, {4}, {1, 0}, {0, 1}, {2, 4, 0}, {4, 3, 2, 1, 0}, {}};
  for (const SampleFormat format : kSampleFormats) {
    const std::size_t size = bytes_per_sample(format);
    for (const std::uint32_t channels : {5U, 6U}) {
      for (const auto& picks : choices) {
        std::vector<std::vector<double>> in(picks.size(), std::vector<double>(kFrames));
        std::vector<const double*> from;
        for (std::size_t k = 0; k < picks.size(); ++k) {
          for (std::size_t n = 0; n < kFrames; ++n) { in[k][n] = sample_at(picks[k], n); }
          from.push_back(in[k].data());
        }
        std::vector<std::byte> bytes(kFrames * channels * size, kUntouched);
        encode_interleaved(format, from.data(), channels, picks, kFrames, bytes.data());
        std::vector<std::vector<double>> out(picks.size(), std::vector<double>(kFrames, kNaN));
        std::vector<double*> to;
        for (auto& channel : out) { to.push_back(channel.data()); }
        EXPECT_EQ(decode_interleaved(format, bytes.data(), channels, picks, kFrames, to.data()),
                  DecodeCounts{});
        EXPECT_EQ(out, in) << to_string(format);
        for (std::uint32_t c = 0; c < channels; ++c) {
          if (std::find(picks.begin(), picks.end(), c) != picks.end()) { continue; }
          for (std::size_t i = 0; i < size; ++i) {
            ASSERT_EQ(bytes[(7 * channels + c) * size + i], kUntouched) << to_string(format);
          }
        }
      }
    }
  }
}

TEST(SampleFormat, SwapsTheTwoChannelsOfAStereoStreamOnRequest) {
  const std::uint32_t swapped[] = {1, 0};
  const std::vector<std::byte> bytes = bytes_of({0x00, 0x10, 0x00, 0x20, 0x00, 0x30, 0x00, 0x40});
  std::vector<double> a(2);
  std::vector<double> b(2);
  double* const planar[] = {a.data(), b.data()};
  decode_interleaved(SampleFormat::s16_le, bytes.data(), 2, swapped, 2, planar);
  EXPECT_THAT(a, ElementsAre(0.25, 0.5));
  EXPECT_THAT(b, ElementsAre(0.125, 0.375));
  std::vector<std::byte> back(8);
  encode_interleaved(SampleFormat::s16_le, planar, 2, swapped, 2, back.data());
  EXPECT_EQ(back, bytes);
}

TEST(SampleFormat, GivesTheSameSamplesHoweverTheStreamIsCutAndAligned) {
  constexpr std::size_t kFrames = 1000;
  std::vector<double> left(kFrames);
  std::vector<double> right(kFrames);
  for (std::size_t n = 0; n < kFrames; ++n) {
    left[n] = std::sin(0.1 * static_cast<double>(n)) * (n % 100 == 0 ? 2.0 : 0.9);
    right[n] = n % 77 == 0 ? kNaN : std::cos(0.3 * static_cast<double>(n));
  }
  for (const SampleFormat format : kSampleFormats) {
    const std::size_t frame_bytes = 2 * bytes_per_sample(format);
    std::vector<std::byte> whole(kFrames * frame_bytes);
    const double* const planar[] = {left.data(), right.data()};
    const EncodeCounts counts = encode_interleaved(format, planar, 2, kFrames, whole.data());
    for (const std::size_t block : {1U, 7U, 64U, 129U}) {
      std::vector<std::byte> shifted(whole.size() + 1);  // every frame at an odd address or every second one
      EncodeCounts sum;
      for (std::size_t n = 0; n < kFrames; n += block) {
        const std::size_t frames = std::min(block, kFrames - n);
        const double* const part[] = {left.data() + n, right.data() + n};
        sum += encode_interleaved(format, part, 2, frames, shifted.data() + 1 + n * frame_bytes);
      }
      EXPECT_TRUE(std::equal(whole.begin(), whole.end(), shifted.begin() + 1))
          << to_string(format) << " " << block;
      EXPECT_EQ(sum, counts) << to_string(format) << " " << block;
    }
  }
}

TEST(SampleFormat, KnowsWhereIntegersClip) {
  EXPECT_EQ(clip_level(SampleFormat::s16_le), 32767.0 / 32768.0);
  EXPECT_EQ(clip_level(SampleFormat::s24_le_high), 8388607.0 / 8388608.0);
  EXPECT_EQ(clip_level(SampleFormat::s32_le), 2147483647.0 / 2147483648.0);
  EXPECT_EQ(clip_level(SampleFormat::float32_le), 1.0);
  const double level = clip_level(SampleFormat::s16_le);
  EXPECT_TRUE(all_below(level, std::vector{32766.0 / 32768.0, std::nextafter(level, 0.0)}));
  EXPECT_FALSE(all_below(level, std::vector{0.0, level}));
}

TEST(SampleFormat, TellsWhetherAllSamplesAreBelowFullScale) {
  std::vector<double> samples(1000, std::nextafter(-1.0, 0.0));
  EXPECT_TRUE(all_below(1.0, samples));
  EXPECT_TRUE(all_below(1.0, {}));
  for (const double bad : {1.0, -1.0, 2.0, kInfinity, -kInfinity, kNaN, -kNaN}) {
    for (const std::size_t at : {0U, 501U, 999U}) {
      samples[at] = bad;
      EXPECT_FALSE(all_below(1.0, samples)) << bad << " at " << at;
      samples[at] = 0.0;
    }
  }
}

TEST(SampleFormat, WritesNothingForNoFrames) {
  std::vector<std::byte> bytes(8, kUntouched);
  double* const planar[] = {nullptr, nullptr};
  EXPECT_EQ(decode_interleaved(SampleFormat::s16_le, bytes.data(), 2, 0, planar), DecodeCounts{});
  EXPECT_EQ(encode_interleaved(SampleFormat::s16_le, planar, 2, 0, bytes.data()), EncodeCounts{});
  EXPECT_THAT(bytes, Each(kUntouched));
}

}  // namespace
}  // namespace streamlab
