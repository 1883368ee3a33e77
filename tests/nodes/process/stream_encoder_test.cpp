// tests/nodes/process/stream_encoder_test.cpp
//
// Blocks as bytes: by hand where that is short, and through the decoder where it is not.
#include "nodes/process/stream_encoder.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/process/stream_decoder.hpp"
#include "tests/nodes/process/pipe_ends.hpp"
#include "tests/support/not_finite.hpp"

namespace streamlab {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing

constexpr double kInf = std::numeric_limits<double>::infinity();

DataFrame block_of(const StreamFormat& format, const std::vector<std::vector<double>>& channels) {
  DataFrame block(std::make_shared<const StreamFormat>(format));
  block.set_frame_count(static_cast<std::uint32_t>(channels[0].size()));
  for (std::uint32_t c = 0; c < block.channel_count(); ++c) {
    std::copy(channels[c].begin(), channels[c].end(), block.channel(c).begin());
  }
  return block;
}

StreamEncoder encoder_of(const EncoderSpec& spec, const StreamFormat& format) {
  auto encoder = StreamEncoder::create(spec, format);
  if (!encoder) { throw std::runtime_error(to_string(encoder.error())); }
  return std::move(*encoder);
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string encoded(const EncoderSpec& spec, const DataFrame& block, EncoderCounts* counts = nullptr) {
  StreamEncoder encoder = encoder_of(spec, block.format());
  std::vector<std::byte> bytes;
  encoder.begin(bytes);
  encoder.append(block, bytes);
  if (counts != nullptr) { *counts = encoder.counts(); }
  return text_of(bytes);
}

const StreamFormat kStereo = audio_format(48000.0, {"left", "right"}, 16);

TEST(StreamEncoder, InterleavesTheChannels) {
  const DataFrame block = block_of(kStereo, {{0.5, -0.25}, {-1.0, 0.125}});
  EXPECT_EQ(encoded({.format = ByteFormat::s16le}, block),
            little(0x4000, 2) + little(0x8000, 2) + little(0xE000, 2) + little(0x1000, 2));
  EXPECT_EQ(encoded({.format = ByteFormat::s24le}, block),
            little(0x400000, 3) + little(0x800000, 3) + little(0xE00000, 3) + little(0x100000, 3));
  EXPECT_EQ(encoded({.format = ByteFormat::f32le}, block),
            little(0x3F000000, 4) + little(0xBF800000, 4) + little(0xBE800000, 4) + little(0x3E000000, 4));
}

TEST(StreamEncoder, BeginsAWavAsSoxDoesWhenItDoesNotKnowTheLength) {
  const DataFrame block = block_of(kStereo, {{0.5}, {-0.5}});
  EXPECT_EQ(encoded({.format = ByteFormat::wav, .samples = SampleFormat::s16_le}, block),
            wave_saying(0x7FFFF000, little(0x4000, 2) + little(0xC000, 2)));
}

TEST(StreamEncoder, CarriesNanAndInfinitiesInFloats) {
  const DataFrame block = block_of(audio_format(48000.0, {"x"}, 16), {{kNaN, kInf, -kInf, 1e300, 2.0}});
  EncoderCounts counts;
  const std::string f32 = encoded({.format = ByteFormat::f32le}, block, &counts);
  EXPECT_EQ(f32, little(0x7FC00000, 4) + little(0x7F800000, 4) + little(0xFF800000, 4) +
                     little(0x7F7FFFFF, 4) + little(0x40000000, 4));
  EXPECT_EQ(counts.not_finite, 3U);
  EXPECT_EQ(counts.clipped, 1U);  // 1e300
  const std::string f64 = encoded({.format = ByteFormat::f64le}, block, &counts);
  EXPECT_EQ(f64.substr(24, 8), little(0x7E37E43C8800759C, 8));  // 1e300
  EXPECT_EQ(counts.clipped, 0U);
  const std::string s16 = encoded({.format = ByteFormat::s16le}, block, &counts);
  EXPECT_EQ(s16,
            little(0, 2) + little(0x7FFF, 2) + little(0x8000, 2) + little(0x7FFF, 2) + little(0x7FFF, 2));
  EXPECT_EQ(counts.not_finite, 1U);
  EXPECT_EQ(counts.clipped, 4U);
}

TEST(StreamEncoder, CarriesSpectraAndValuesFramed) {
  StreamFormat format;
  format.kind = StreamKind::spectrum;
  format.sample_rate_hz = 44100.5;
  format.channels = {{"left", "dB"}, {"right", "dB"}};
  format.axis = {"frequency", "Hz", 0.0, 10.7};
  format.max_frames = 16;
  format.notes = {{"window", "hann"}};
  DataFrame block = block_of(format, {{1.0, kNaN, -120.0}, {4.0, 5.0, 0.1}});
  block.header() = {-5, 7, 4096, 3, 1};
  const std::string bytes =
      encoded({.format = ByteFormat::framed, .samples = SampleFormat::float64_le}, block);
  auto decoder = StreamDecoder::create({});
  ASSERT_TRUE(decoder.has_value());
  decoder->feed(bytes_of(bytes));
  ASSERT_TRUE(decoder->begin().value());
  EXPECT_EQ(decoder->format(), format);
  ASSERT_TRUE(decoder->has_block().value());
  EXPECT_EQ(decoder->header(), block.header());
  DataFrame back(std::make_shared<const StreamFormat>(format));
  EXPECT_EQ(decoder->take(back), 1U);
  EXPECT_EQ(back.channel(1)[2], 0.1);
  EXPECT_TRUE(std::isnan(back.channel(0U)[1]));
}

TEST(StreamEncoder, RefusesWhatTheFormatCannotSay) {
  const auto refusal = [](ByteFormat format, StreamFormat stream) {
    const auto encoder = StreamEncoder::create({.format = format}, stream);
    return encoder ? "" : to_string(encoder.error());
  };
  StreamFormat values = kStereo;
  values.kind = StreamKind::values;
  EXPECT_EQ(refusal(ByteFormat::wav, values),
            "/config/format: \"wav\" carries only audio, not values; expected \"framed\"");
  EXPECT_EQ(refusal(ByteFormat::f32le, values),
            "/config/format: \"f32le\" carries only audio, not values; expected \"framed\"");
  EXPECT_EQ(refusal(ByteFormat::framed, values), "");
  StreamFormat odd = kStereo;
  odd.sample_rate_hz = 44100.5;
  EXPECT_EQ(refusal(ByteFormat::wav, odd),
            "/config/format: a WAV cannot have a rate of 44100.5 Hz; expected a whole number of Hz; "
            "\"framed\" can");
  EXPECT_EQ(refusal(ByteFormat::f64le, odd), "");
  EXPECT_EQ(refusal(ByteFormat::wav, audio_format(48000.0, default_channel_names(1025), 16)),
            "/config/format: a WAV of 1025 channels; expected at most 1024; \"framed\" can have more");
}

}  // namespace
}  // namespace streamlab
