// tests/process/framed_stream_test.cpp
//
// The bytes of a framed stream as docs/framed-stream.md has them, and what is refused.
#include "engine/process/framed_stream.hpp"

#include <cstring>

#include <gmock/gmock.h>

#include "tests/process/framed_bytes.hpp"

namespace streamlab::test {
namespace {

// A header with right checksums around any JSON and version.
Bytes header_around(const std::string& json, std::uint8_t version = 1) {
  // CRC-32 as its definition has it, bit by bit: the library is not asked about itself.
  const auto crc = [](const Bytes& bytes) {
    std::uint32_t value = 0xFFFFFFFFU;
    for (const std::byte byte : bytes) {
      value ^= std::to_integer<std::uint32_t>(byte);
      for (int bit = 0; bit < 8; ++bit) { value = (value >> 1U) ^ ((value & 1U) != 0 ? 0xEDB88320U : 0U); }
    }
    value = ~value;
    Bytes little(4);
    std::memcpy(little.data(), &value, 4);
    return little;
  };
  Bytes fixed(16);
  std::memcpy(fixed.data(), "SLSTREAM", 8);
  fixed[8] = std::byte{version};
  const auto size = static_cast<std::uint32_t>(json.size());
  std::memcpy(fixed.data() + 12, &size, 4);
  Bytes text(json.size());
  std::memcpy(text.data(), json.data(), json.size());
  return joined({fixed, crc(fixed), text, crc(text)});
}

TEST(FramedStream, HasExactlyTheBytesOfItsDocument) {
  // Put together by hand from docs/framed-stream.md; the checksums are Python's zlib.crc32 of these texts.
  FramedHeader header = header_of(1, SampleFormat::s16_le);
  header.sample_rate_hz = 8000.0;
  FramedWriter writer = writer_of(header);
  const Bytes samples{std::byte{1}, std::byte{0}, std::byte{0xFF}, std::byte{0xFF}};
  Bytes bytes;
  ASSERT_TRUE(writer.append({.sequence_id = 1,
                             .position = -2,
                             .timestamp_us = 3,
                             .gap_frames = 4,
                             .flags = 5,
                             .frame_count = 2,
                             .samples = samples},
                            bytes));
  const std::string json =
      R"({"kind":"audio","format":"s16le","sample_rate_hz":8000.0,"max_frames":64,"channels":[{"name":"ch1","unit":"FS"}]})";
  using namespace std::string_literals;
  const std::string expected = "SLSTREAM\x01\0\0\0\x71\0\0\0"s + "\x6C\x68\xAE\x26"s + json +
                               "\x96\xAF\x2F\x8D"s + "SLFR"s + "\x96\xAF\x2F\x8D"s +
                               "\x01\0\0\0\0\0\0\0\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x03\0\0\0\0\0\0\0"s +
                               "\x04\0\0\0\0\0\0\0\x05\0\0\0\x02\0\0\0\x04\0\0\0"s + "\x06\xCE\x0A\x87"s +
                               "\x01\0\xFF\xFF"s + "\x86\xAA\xDE\x27"s;
  ASSERT_EQ(json.size(), 0x71U);
  EXPECT_EQ(bytes.size(), expected.size());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), expected);
}

TEST(FramedStream, ComesBackInPiecesOfAnySize) {
  const Stream stream = stream_of(9);
  for (std::size_t piece = 0; piece <= 130; ++piece) {
    const Outcome outcome = read_all(stream.bytes, piece);
    EXPECT_EQ(outcome.blocks, stream.blocks) << piece;
    ASSERT_EQ(outcome.headers.size(), 1U);
    EXPECT_EQ(outcome.headers[0], header_of());
    EXPECT_EQ(outcome.counts, (FramedCounts{.bytes = stream.bytes.size(), .headers = 3, .blocks = 9}))
        << piece;
  }
}

TEST(FramedStream, CarriesEveryFieldOfTheHeader) {
  FramedHeader header = header_of(3, SampleFormat::s24_3le);
  header.kind = FramedKind::spectrum;
  header.sample_rate_hz = 44100.5;
  header.max_frames = 4097;
  header.channels[1] = {"links \"vorn\" ü", "dB re 20 µPa"};
  header.axis = FramedAxis{"frequency", "Hz", 0.125, 1.0 / 3.0};
  header.notes = {{"window", "hann"}, {"overlap", "50 %"}};
  Bytes bytes;
  writer_of(header).append_header(bytes);
  const Outcome outcome = read_all(bytes);
  ASSERT_EQ(outcome.headers.size(), 1U);
  EXPECT_EQ(outcome.headers[0], header);
  for (const SampleFormat format : kFramedFormats) {
    EXPECT_EQ(framed_format(framed_name(format)), format);
    Bytes other;
    writer_of(header_of(1, format)).append_header(other);
    EXPECT_EQ(read_all(other).headers.at(0).format, format);
  }
  EXPECT_EQ(framed_name(SampleFormat::s24_le_low), "");
  EXPECT_EQ(framed_format("s24_3le"), std::nullopt);
}

TEST(FramedStream, RefusesAHeaderThatItCannotRead) {
  const std::string rest = R"("sample_rate_hz":48000,"max_frames":64,"channels":[{"name":"a"}]})";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"[]", "is not a JSON object; expected an object"},
      {"{", "is not a JSON object; expected an object"},
      {"{}", "has the unknown kind \"\"; expected audio, spectrum or values"},
      {R"({"kind":"video"})", "has the unknown kind \"video\"; expected audio, spectrum or values"},
      {R"({"kind":"audio"})", "has the unknown format \"\"; expected f64le, f32le, s16le, s24le or s32le"},
      {R"({"kind":"audio","format":"f64be",)" + rest,
       "has the unknown format \"f64be\"; expected f64le, f32le, s16le, s24le or s32le"},
      {R"({"kind":"audio","format":"f64le"})",
       "has no valid max_frames; expected 1 to 2^32 - 1, the frames of the largest block"},
      {R"({"kind":"audio","format":"f64le","max_frames":64})",
       "has no \"channels\" list; expected the name and unit of each channel"},
      {R"({"kind":"audio","format":"f64le","max_frames":64,"channels":[{"unit":"FS"}]})",
       "has a channel without a name; expected the name and unit of each channel"},
      {R"({"kind":"audio","format":"f64le","max_frames":64,"channels":[{"name":"a"}]})",
       "has no sample rate; expected a number above 0"},
      {R"({"kind":"audio","format":"f64le","max_frames":64,"channels":[{"name":""}]})",
       "has a channel without a name; expected the name and unit of each channel"},
      {R"({"kind":"audio","format":"f64le","max_frames":64,"channels":[{"name":"a"},{"name":"b"},{"name":"a"}]})",
       "names two channels \"a\"; expected another name for each"},
      {R"({"kind":"audio","format":"f64le","sample_rate_hz":1e-300,"max_frames":64,"channels":[{"name":"a"}]})",
       "says 1e-300 Hz; expected 1e-06 to 10000000 Hz"},
      {R"({"kind":"audio","format":"f64le","sample_rate_hz":48000,"max_frames":64,"channels":[]})",
       "names no channel; expected one or more"},
      {R"({"kind":"audio","format":"f64le","sample_rate_hz":48000,"max_frames":4294967295,"channels":[{"name":"a"}]})",
       "allows blocks of up to 4294967295 frames, 8 bytes each; expected 1 frame or more, and at most "
       "67108864 "
       "bytes"},
  };
  for (const auto& [json, what] : cases) {
    const Outcome outcome = read_all(header_around(json));
    EXPECT_THAT(outcome.refusals, testing::ElementsAre("the header of the framed stream " + what)) << json;
    EXPECT_TRUE(outcome.headers.empty());
  }
  EXPECT_THAT(read_all(header_around(R"({"kind":"audio","format":"f64le",)" + rest, 2)).refusals,
              testing::ElementsAre("the header of the framed stream is of version 2; expected version 1"));
  EXPECT_EQ(read_all(header_around(R"({"later":[1],"kind":"audio","format":"f64le",)" + rest)).headers.size(),
            1U);
}

TEST(FramedStream, RefusesToWriteWhatItsHeaderDoesNotSay) {
  FramedWriter writer = writer_of(header_of());
  Bytes bytes;
  Block block = block_of(1, 65, 16);
  const auto message = [&] {
    const auto appended = writer.append(fields_of(block), bytes);
    return appended ? "" : to_string(appended.error());
  };
  EXPECT_EQ(message(), "a block of 65 frames; expected at most 64, as the header says");
  block = block_of(1, 3, 16);
  block.samples.pop_back();
  EXPECT_EQ(message(), "a block of 47 bytes of samples; expected 3 frames of 16 bytes");
  EXPECT_TRUE(bytes.empty());

  FramedHeader header = header_of();
  header.format = SampleFormat::s24_le_low;
  EXPECT_FALSE(check(header));
  header = header_of();
  header.channels[0].name = std::string(kMaxFramedJson, 'x');
  EXPECT_FALSE(check(header));
}

TEST(FramedStream, CanBeginBeforeItsFirstBlock) {
  Bytes at_once;
  Bytes early;
  FramedWriter writer = writer_of(header_of());
  writer.append_header(early);
  EXPECT_EQ(read_all(early).headers.size(), 1U);
  const Block block = block_of(1, 2, 16);
  ASSERT_TRUE(writer.append(fields_of(block), early));
  ASSERT_TRUE(writer_of(header_of()).append(fields_of(block), at_once));
  EXPECT_EQ(early, at_once);
}

TEST(FramedStream, RepeatsItsHeaderAsOftenAsAskedFor) {
  for (const auto& [every, headers] :
       std::vector<std::pair<std::uint32_t, std::uint64_t>>{{0, 1}, {1, 10}, {3, 4}}) {
    FramedWriter writer = writer_of(header_of(), every);
    Bytes bytes;
    for (std::uint64_t id = 0; id < 10; ++id) {
      const Block block = block_of(id, 1, 16);
      ASSERT_TRUE(writer.append(fields_of(block), bytes));
    }
    EXPECT_EQ(read_all(bytes).counts.headers, headers) << every;
  }
}

}  // namespace
}  // namespace streamlab::test
