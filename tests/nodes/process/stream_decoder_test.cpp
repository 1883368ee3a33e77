// tests/nodes/process/stream_decoder_test.cpp
//
// Bytes as programs write them into pipes, put together by hand, and the frames that come of them.
#include "nodes/process/stream_decoder.hpp"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nodes/sound_file/sound_file_reader.hpp"
#include "tests/nodes/process/pipe_ends.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing
using testing::ElementsAre;
using testing::IsEmpty;

struct Decoded {
  std::string error;
  StreamFormat format;
  std::vector<std::uint32_t> blocks;  // frames of each
  std::vector<std::int64_t> positions;
  std::vector<std::vector<double>> samples;  // by channel
  std::vector<NodeNote> notes;

  std::vector<std::string> texts() const {
    std::vector<std::string> list;
    for (const NodeNote& note : notes) { list.push_back(note.text + (note.data_lost ? " (lost)" : "")); }
    return list;
  }
};

// Feeds `bytes` in pieces of `piece` (0: at once).
Decoded decode(const DecoderSpec& spec, std::string_view bytes, std::size_t piece = 0) {
  Decoded result;
  auto created = StreamDecoder::create(spec);
  if (!created) {
    result.error = to_string(created.error());
    return result;
  }
  StreamDecoder& decoder = *created;
  bool has_begun = false;
  const auto look = [&] {
    if (!has_begun) {
      const auto begun = decoder.begin();
      if (!begun) { result.error = to_string(begun.error()); }
      if (!begun || !*begun) { return; }
      has_begun = true;
      result.format = decoder.format();
      result.samples.resize(decoder.format().channel_count());
    }
    const auto format = std::make_shared<const StreamFormat>(decoder.format());
    for (auto ready = decoder.has_block(); ready && *ready; ready = decoder.has_block()) {
      DataFrame block(format);
      result.positions.push_back(decoder.header().position);
      decoder.take(block);
      result.blocks.push_back(block.frame_count());
      for (std::uint32_t c = 0; c < block.channel_count(); ++c) {
        result.samples[c].insert(result.samples[c].end(), block.channel(c).begin(), block.channel(c).end());
      }
    }
  };
  const std::size_t step = piece == 0 ? bytes.size() + 1 : piece;
  for (std::size_t at = 0; at < bytes.size() && result.error.empty(); at += step) {
    decoder.feed(bytes_of(bytes.substr(at, step)));
    look();
  }
  decoder.end();
  if (result.error.empty()) { look(); }
  result.notes = decoder.notes();
  return result;
}

std::vector<double> codes(int count, double sign = 1.0) {
  std::vector<double> list;
  for (int n = 0; n < count; ++n) { list.push_back(sign * n / 32768.0); }
  return list;
}

DecoderSpec raw(ByteFormat format, std::uint32_t channels = 1) {
  return {.format = format, .channels = channels, .sample_rate_hz = 8000.0, .max_frames = 4, .from = "stdin"};
}
const DecoderSpec kAny{.max_frames = 4, .from = "stdin"};

TEST(StreamDecoder, GivesTheSameBlocksHoweverTheBytesArrive) {
  const std::string wav = wave_saying(40, counting_samples(10));
  for (std::size_t piece = 0; piece <= wav.size(); ++piece) {
    const Decoded got = decode(kAny, wav, piece);
    EXPECT_EQ(got.format, audio_format(48000.0, {"left", "right"}, 4, 32767.0 / 32768.0));
    EXPECT_THAT(got.blocks, ElementsAre(4, 4, 2)) << piece;
    EXPECT_THAT(got.positions, ElementsAre(0, 4, 8)) << piece;
    EXPECT_EQ(got.samples, (std::vector{codes(10), codes(10, -1.0)})) << piece;
    EXPECT_THAT(got.texts(), IsEmpty()) << piece;
  }
}

TEST(StreamDecoder, ReadsAWavWithoutALengthToItsEnd) {
  // 0, sox's (whole frames below 2^31 - 4096), arecord's, 2^31, ffmpeg's.
  for (const std::uint64_t length :
       {0ULL, 0x7FFFF000ULL, 0x7FFFEFFCULL, 0x7FFFFFFFULL, 0x80000000ULL, 0xFFFFFFFFULL}) {
    const Decoded got = decode(kAny, wave_saying(length, counting_samples(10)));
    EXPECT_EQ(got.samples.at(0), codes(10)) << length;
    EXPECT_THAT(got.texts(), IsEmpty()) << length;
  }
}

// The length of the file says that it is finished: tags follow, and no sound.
TEST(StreamDecoder, ReadsNoSoundOutOfWhatFollowsAnEmptyRecording) {
  const std::string empty = riff(chunk("fmt ", format_body(1, 2, 48000, 16)) + chunk("data", "") +
                                 chunk("LIST", "INFOISFT" + little(4, 4) + "some"));
  for (const std::size_t piece : {0U, 1U, 7U}) {
    const Decoded got = decode(kAny, empty, piece);
    EXPECT_EQ(got.error, "");
    EXPECT_THAT(got.blocks, IsEmpty());
  }
}

TEST(StreamDecoder, ReadsTheLengthOfAnRf64) {
  const std::string format = chunk("fmt ", format_body(1, 2, 48000, 16));
  const auto rf64 = [&](std::uint64_t data_bytes) {
    return "RF64" + little(0xFFFFFFFF, 4) + "WAVE" +
           chunk("ds64", little(0, 8) + little(data_bytes, 8) + little(0, 8) + little(0, 4)) + format +
           "data" + little(0xFFFFFFFF, 4) + counting_samples(10);
  };
  EXPECT_EQ(decode(kAny, rf64(20)).samples.at(0), codes(5));
  EXPECT_EQ(decode(kAny, rf64(0)).samples.at(0), codes(10));
  EXPECT_THAT(
      decode(kAny, rf64(5'000'000'000)).texts(),
      ElementsAre("the header of stdin promises 5000000000 bytes of samples, but it ended after 40 (lost)"));
}

TEST(StreamDecoder, PassesOverChunksThatItDoesNotKnow) {
  const std::string wav =
      riff(chunk("JUNK", std::string(3001, 'x')) + chunk("fmt ", format_body(1, 2, 48000, 16)) +
           chunk("LIST", "abc") + chunk("data", counting_samples(3)) + chunk("id3 ", "tag"));
  for (const std::size_t piece : {0U, 1U, 7U}) {
    const Decoded got = decode(kAny, wav, piece);
    EXPECT_EQ(got.samples.at(1), codes(3, -1.0));
    EXPECT_THAT(got.texts(), ElementsAre("12 bytes of stdin follow the samples announced by its header"));
  }
}

// The same bytes in a file: what is lost there is lost here.
TEST(StreamDecoder, TellsWhatFollowsTheStatedEndAsOfAFile) {
  const TempDir dir;
  const std::string one = wave_saying(40, counting_samples(10));
  const std::string list = chunk("LIST", "abc");
  const std::string none;
  const std::string follow =
      " bytes of stdin follow the end stated by its header; they are not played (lost)";
  const std::string other = "other samples begin at byte ";
  const std::string of = " of stdin; they are not played (lost)";
  const std::string chunks = " bytes of stdin follow the samples announced by its header";
  const auto at = [&](std::size_t bytes) { return std::to_string(one.size() + bytes); };
  const std::pair<std::string, std::string> cases[] = {
      {none, none},
      {list, "12" + chunks},
      {list.substr(0, 11), "11" + chunks},  // a byte of padding is missing
      {list + list, "24" + chunks},
      {chunk("PAD ", ""), "8" + chunks},
      {one, other + at(0) + of},
      {one + one, other + at(0) + of},
      {list + one, other + at(12) + of},
      {list + one.substr(0, 60), other + at(12) + of},  // which is cut short
      {list + chunk("data", "abcd"), other + at(12) + of},
      {one.substr(0, 60), "60" + follow},
      {list.substr(0, 10), "10" + follow},
      {std::string(3, '\1'), "3" + follow},
      {std::string(100, '\1'), "100" + follow},
      {std::string(1, '\0'), "1" + follow},
      {counting_samples(1000), "4000" + follow}};
  for (const auto& [behind, expected] : cases) {
    for (const std::size_t piece : {0U, 1U, 7U}) {
      const Decoded got = decode(kAny, one + behind, piece);
      EXPECT_EQ(got.samples.at(0), codes(10));
      EXPECT_EQ(got.texts(), expected.empty() ? std::vector<std::string>{} : std::vector{expected});
    }
    auto file = SoundFileReader::open(dir.write("a.wav", one + behind));
    ASSERT_TRUE(file);
    EXPECT_EQ(!file->losses().empty(), expected.ends_with("(lost)")) << expected;
  }
  // Three bytes of samples have one of padding, which is not told.
  const auto odd = [&](std::string_view behind) {
    return decode(kAny, wave_saying(3, "abc" + std::string(behind), 1, 24, 1)).texts();
  };
  EXPECT_THAT(odd(std::string(1, '\0')), IsEmpty());
  EXPECT_THAT(odd('\0' + list), ElementsAre("12" + chunks));
  EXPECT_THAT(odd(std::string(5, '\0')), ElementsAre("4" + follow));
}

TEST(StreamDecoder, CountsWhatIsMissingAtTheEnd) {
  const Decoded half = decode(kAny, wave_saying(0, counting_samples(3) + "abc"));
  EXPECT_EQ(half.samples.at(0), codes(3));
  EXPECT_THAT(half.texts(),
              ElementsAre("stdin ended with 3 bytes of an incomplete frame, which are skipped (lost)"));
  const Decoded cut = decode(kAny, wave_saying(400, counting_samples(10)));
  EXPECT_EQ(cut.samples.at(0), codes(10));
  EXPECT_THAT(cut.texts(),
              ElementsAre("the header of stdin promises 400 bytes of samples, but it ended after 40 (lost)"));
}

TEST(StreamDecoder, ReadsEveryKindOfSample) {
  // 0.5 and -0.25 in each format, by hand.
  const std::vector<double> expected{0.5, -0.25};
  const std::string s16 = little(0x4000, 2) + little(0xE000, 2);
  const std::string s24 = little(0x400000, 3) + little(0xE00000, 3);
  const std::string s32 = little(0x40000000, 4) + little(0xE0000000, 4);
  const std::string f32 = little(0x3F000000, 4) + little(0xBE800000, 4);
  const std::string f64 = little(0x3FE0000000000000, 8) + little(0xBFD0000000000000, 8);
  EXPECT_EQ(decode(raw(ByteFormat::s16le), s16).samples.at(0), expected);
  EXPECT_EQ(decode(raw(ByteFormat::s24le), s24).samples.at(0), expected);
  EXPECT_EQ(decode(raw(ByteFormat::s32le), s32).samples.at(0), expected);
  EXPECT_EQ(decode(raw(ByteFormat::f32le), f32).samples.at(0), expected);
  EXPECT_EQ(decode(raw(ByteFormat::f64le), f64).samples.at(0), expected);
  EXPECT_EQ(decode(kAny, wave_saying(0, s24, 1, 24, 1)).samples.at(0), expected);
  EXPECT_EQ(decode(kAny, wave_saying(0, s32, 1, 32, 1)).samples.at(0), expected);
  EXPECT_EQ(decode(kAny, wave_saying(0, f32, 3, 32, 1)).samples.at(0), expected);
  EXPECT_EQ(decode(kAny, wave_saying(0, f64, 3, 64, 1)).samples.at(0), expected);
}

TEST(StreamDecoder, ReadsNothingFromAnEmptyStream) {
  EXPECT_THAT(decode(raw(ByteFormat::s16le), "").blocks, IsEmpty());
  const Decoded empty = decode(kAny, wave_saying(0, ""));
  EXPECT_EQ(empty.error, "");
  EXPECT_THAT(empty.blocks, IsEmpty());
}

TEST(StreamDecoder, RefusesWhatIsNotAHeader) {
  const std::string wav = wave_saying(0, "");
  const auto error = [](std::string_view bytes, ByteFormat format = ByteFormat::automatic) {
    return decode({.format = format, .from = "stdin"}, bytes).error;
  };
  EXPECT_EQ(error(""), "stdin ended before any data came; expected a WAV or a framed stream");
  EXPECT_EQ(error("", ByteFormat::wav), "stdin ended before any data came; expected a WAV");
  EXPECT_EQ(error("", ByteFormat::framed),
            "stdin ended without the header of a framed stream; expected a stream as described in "
            "docs/framed-stream.md");
  EXPECT_EQ(
      error("OggS and so on"),
      "/config/format: stdin starts neither like a WAV nor like a framed stream; expected one of them or, "
      "for samples without a header, their format (such as f32le), channels and sample_rate");
  EXPECT_EQ(error("RI"), error("OggS"));
  EXPECT_EQ(error(std::string_view(wav).substr(0, 30)),
            "stdin ended inside the header of a WAV; expected a WAV");
  EXPECT_EQ(error("something else", ByteFormat::wav),
            "stdin does not start like a WAV; expected \"RIFF\" or \"RF64\", and \"WAVE\"");
  EXPECT_EQ(
      error(wave_saying(0, "", 1, 8)),
      "stdin has samples of 8 bits, format 1; expected PCM of 16, 24 or 32 bits, or floats of 32 or 64; with sox: -e signed-integer -b 16 -t wav");
  EXPECT_EQ(error(wave_saying(0, "", 1, 16, 0)), "stdin has 0 channels; expected 1 .. 1024");
  EXPECT_EQ(error(wave_saying(0, "", 1, 16, 1, 0)), "stdin says 0 Hz; expected 1 .. 10000000 Hz");
  EXPECT_EQ(error(wave_saying(0, "", 1, 16, 1, 10'000'001)),
            "stdin says 10000001 Hz; expected 1 .. 10000000 Hz");
  EXPECT_EQ(error(riff(chunk("data", "abcd"))),
            "stdin has samples before their format; expected a chunk \"fmt \" first");
  EXPECT_EQ(error(riff(chunk("fmt ", "abcd"))), "stdin has a chunk \"fmt \" of 4 bytes; expected 16 .. 4096");
  std::string odd = format_body(1, 2, 48000, 16);
  odd[12] = 5;
  EXPECT_EQ(error(riff(chunk("fmt ", odd))),
            "stdin has frames of 5 bytes; expected 4, for 2 samples of 16 bits");
}

TEST(StreamDecoder, HoldsTheHeaderAgainstWhatWasGiven) {
  const std::string wav = wave_saying(0, "");
  EXPECT_EQ(
      decode({.channels = 1, .from = "stdin"}, wav).error,
      "/config/channels: the header of stdin says 2, which contradicts 1; expected the same number, or 0 to "
      "use the header's");
  EXPECT_EQ(
      decode({.sample_rate_hz = 44100.0, .from = "stdin"}, wav).error,
      "/config/sample_rate: the header of stdin says 48000 Hz, which contradicts 44100 Hz; expected the same "
      "rate, or 0 to use the header's");
  EXPECT_EQ(decode({.channels = 2, .sample_rate_hz = 48000.0}, wav).error, "");
  EXPECT_EQ(
      decode({.format = ByteFormat::f32le, .sample_rate_hz = 1.0}, "").error,
      "/config/channels: \"f32le\" has no header with the number of channels; expected a number from 1");
  EXPECT_EQ(decode({.format = ByteFormat::s24le, .channels = 1}, "").error,
            "/config/sample_rate: \"s24le\" has no header with the sample rate; expected a rate here or in "
            "pipeline_config");
}

}  // namespace
}  // namespace streamlab
