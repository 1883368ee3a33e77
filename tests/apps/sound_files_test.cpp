// tests/apps/sound_files_test.cpp
//
// Sound files of other programs, through streamlab: sox and ffmpeg make them and say what is in them.
#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/apps/streamlab_runner.hpp"
#include "tests/apps/voice.hpp"
#include "tests/nodes/sound_file/wave_bytes.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;

// A line for the shell, in `dir`; $V is the voice.
std::string made_by(const TempDir& dir, const std::string& line) {
  const auto result = run_program({"/bin/bash", "-c", fmt::format("set -o pipefail; V={}; {}", kVoice, line)},
                                  dir.path().string());
  EXPECT_EQ(result.exit_code, 0) << line << "\n" << result.err;
  return result.out;
}

// `run` from a file to out.wav, which is replaced. `in`: parameters of the FileSource.
ProgramResult played(const TempDir& dir, const std::string& in, const std::string& subtype,
                     bool as_json = false) {
  const std::string config =
      dir.write("play.json", R"({"nodes": [{"id": "in", "type": "FileSource", "config": {)" + in +
                                 R"(}}, {"id": "out", "type": "FileSink",
                                 "config": {"path": "out.wav", "subtype": ")" +
                                 subtype + R"("}}], "connections": [{"from": "in", "to": "out"}]})");
  std::vector<std::string> command{"run", config, "--force"};
  if (as_json) { command.emplace_back("--json"); }
  return streamlab(command, dir.path().string());
}

std::vector<float> floats_of(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

TEST(SoundFiles, AreNamedByInfoAsTheirMakersNameThem) {
  struct Case {
    std::string file;
    std::string by_ffprobe;
    std::string container;
    std::string subtype;
  };
  const std::vector<Case> cases{{"by_sox.wav", "adpcm_ima_wav", "WAV", "IMA ADPCM"},
                                {"by_ffmpeg.wav", "adpcm_ima_wav", "WAV", "IMA ADPCM"},
                                {"by_ffmpeg.aiff", "adpcm_ima_qt", "AIFF", "IMA ADPCM"},
                                {"microsoft.wav", "adpcm_ms", "WAV", "Microsoft ADPCM"},
                                {"gsm.wav", "gsm_ms", "WAV", "GSM 6.10"},
                                {"a_law.wav", "pcm_alaw", "WAV", "A-law"},
                                {"mu_law.au", "pcm_mulaw", "AU", "µ-law"}};
  const TempDir dir;
  made_by(
      dir,
      "sox $V -e ima-adpcm by_sox.wav && sox $V -e ms-adpcm microsoft.wav && sox $V -e a-law a_law.wav && "
      "sox $V -r 8000 -e gsm-full-rate gsm.wav && sox $V -e mu-law mu_law.au && "
      "ffmpeg -v error -i $V -c:a adpcm_ima_wav by_ffmpeg.wav -c:a adpcm_ima_qt by_ffmpeg.aiff");
  for (const Case& c : cases) {
    EXPECT_EQ(made_by(dir, "ffprobe -v error -show_entries stream=codec_name -of csv=p=0 " + c.file),
              c.by_ffprobe + "\n");
    EXPECT_THAT(streamlab({"info", dir.file(c.file)}).out,
                testing::StartsWith(c.container + ", " + c.subtype + ", "))
        << c.file;
    const auto line = json_lines(streamlab({"info", dir.file(c.file), "--json"}).out).at(0);
    EXPECT_EQ(line["container"], c.container) << c.file;
    EXPECT_EQ(line["subtype"], c.subtype) << c.file;
  }
}

// An MP3 of variable bit rate that says nowhere how long it is, another one that went through a pipe, and neighbours.
TEST(SoundFiles, OfVariableBitRateArePlayedWhole) {
  const TempDir dir;
  made_by(dir,
          "pad='-af apad=pad_dur=3'; ffmpeg -v error -i $V "
          "$pad -c:a libmp3lame -q:a 5 -write_xing 0 -id3v2_version 0 a.mp3 $pad -c:a mp2 a.mp2 "
          "$pad -c:a flac a.ogg $pad -c:a libmp3lame -q:a 5 -f mp3 - | cat > b.mp3; ffmpeg -v error -i a.mp3 "
          "-i b.mp3 -i a.mp2 -i a.ogg -map 0 -f f32le a.mp3.raw -map 1 -f f32le b.mp3.raw -map 2 -f f32le "
          "a.mp2.raw -map 3 -f f32le a.ogg.raw");
  for (const std::string file : {"a.mp3", "b.mp3", "a.mp2", "a.ogg"}) {
    const std::vector<float> all = floats_of(content_of(dir.file(file + ".raw")));
    ASSERT_GE(all.size(), 68545U + 3 * 48000U) << file;
    const auto info = json_lines(streamlab({"info", dir.file(file), "--json"}).out).at(0);
    if (file.ends_with(".ogg")) {
      EXPECT_EQ(info["frames"], nullptr);  // ffmpeg's FLAC in Ogg does not state it
    } else {
      EXPECT_EQ(info["frames"], all.size()) << file;
    }
    EXPECT_THAT(info["losses"], testing::IsEmpty()) << file;
    for (const std::size_t first : {std::size_t{0}, std::size_t{43200}, std::size_t{204000}}) {
      const auto result = played(
          dir, fmt::format(R"("path": "{}", "start_s": {})", file, static_cast<double>(first) / 48000.0),
          "float");
      EXPECT_EQ(result.exit_code, 0) << result.err;
      const std::string bytes = content_of(dir.file("out.wav"));
      const std::vector<float> got = floats_of(bytes.substr(bytes.find("data") + 8));
      ASSERT_EQ(got.size(), all.size() - first) << file;
      float apart = 0.0F;
      for (std::size_t n = 0; n < got.size(); ++n) {
        apart = std::max(apart, std::abs(got[n] - all[first + n]));
      }
      EXPECT_LE(apart, 0x1p-14F) << file << first;  // what ISO/IEC 11172-4, 2.6.3 allows a decoder
    }
  }
}

// libmpg123 has notes of its own about damage, for standard error.
TEST(SoundFiles, OfMpegAreToldOfInOurWordsAlone) {
  const TempDir dir;
  made_by(dir, "ffmpeg -v error -i $V -c:a libmp3lame -q:a 5 -write_xing 0 -id3v2_version 0 a.mp3");
  std::string bytes = content_of(dir.file("a.mp3"));
  for (std::size_t at = 2000; at < bytes.size(); at += 97) { bytes[at] = static_cast<char>(at); }
  dir.write("a.mp3", bytes);
  const auto result = played(dir, R"("path": "a.mp3")", "float", true);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(json_lines(result.out).back()["notes"][0]["text"].get<std::string>(), HasSubstr("damaged"));
  dir.write("a.mp3", bytes.substr(0, 4) + std::string(3000, 'x'));
  const auto refused = played(dir, R"("path": "a.mp3")", "float");
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1);
  EXPECT_THAT(refused.err, HasSubstr(", but it holds no MPEG audio that can be decoded; expected"));
}

// (A WAV out of a Process is known too late: Process.TellsOfFullScaleThatOnlyAHeaderTellsOf.)
// 16 bits: 32767 and -32768 are full scale, 32766 is not, whichever way they come in.
TEST(SoundFiles, HaveTheirClippedCodesCounted) {
  const TempDir dir;
  std::string codes;
  for (const int code : {32767, 32766, -32768, 0}) { codes += little(static_cast<std::uint16_t>(code), 2); }
  const std::string wave = s16_wave(1, 8000, codes + std::string(2000, '\0'));
  dir.write("a.wav", wave);
  made_by(dir, "for f in flac aiff caf; do sox -D a.wav a.$f; done");
  const auto clipped = [&](const std::string& source, const std::string& input = "",
                           const std::string& connection = "") {
    const std::string config =
        dir.write("a.json", R"({"nodes": [)" + source +
                                R"(, {"id": "level", "type": "LevelMeter"}, {"id": "show", "type": "Print"}],
            "connections": [)" + connection +
                                R"({"from": "in", "to": "level"}, {"from": "level", "to": "show"}]})");
    for (const auto& line :
         json_lines(streamlab({"run", config, "--json"}, dir.path().string(), input).out)) {
      if (line.contains("channels")) {
        return line["channels"]["main_channel.clipped"]["value"].get<double>();
      }
    }
    return -1.0;
  };
  for (const std::string file : {"a.wav", "a.flac", "a.aiff", "a.caf"}) {
    EXPECT_EQ(clipped(R"({"id": "in", "type": "FileSource", "config": {"path": ")" + file + R"("}})"), 2.0)
        << file;
    EXPECT_EQ(clipped(R"({"id": "in", "type": "AudioInput", "config": {"device": "file:)" + file + R"("}})"),
              2.0)
        << file;
  }
  EXPECT_EQ(clipped(R"({"id": "in", "type": "PipeSource"})", wave), 2.0);
  EXPECT_EQ(clipped(R"({"id": "in", "type": "PipeSource",
                        "config": {"format": "s16le", "channels": 1, "sample_rate": 8000}})",
                    wave.substr(44)),
            2.0);
  EXPECT_EQ(clipped(R"({"id": "whole", "type": "FileSource", "config": {"path": "a.wav"}},
      {"id": "in", "type": "Process", "config": {"command": ["cat"], "format": "s16le"}})",
                    "", R"({"from": "whole", "to": "in"}, )"),
            2.0);
}

TEST(SoundFiles, ThatAreDamagedFlacGoOnBehindTheDamage) {
  const TempDir dir;
  for (const std::string kind : {"-b 16 -c 1", "-b 24 -c 2"}) {
    made_by(dir, "sox -R -n -r 44100 " + kind + " a.flac synth 2 noise vol 0.5");
    std::string bytes = content_of(dir.file("a.flac"));
    bytes.replace(bytes.size() / 2, 8, "\x55\x55\x55\x55\x55\x55\x55\x55");
    dir.write("damaged.flac", bytes);
    const auto result = played(dir, R"("path": "damaged.flac")", "pcm_24", true);
    EXPECT_EQ(result.exit_code, 3) << kind << result.err;
    const auto summary = json_lines(result.out).back();
    EXPECT_EQ(summary["data_lost"], true);
    std::uint64_t at = 0;
    for (const auto& note : summary["notes"]) {
      const std::string text = note["text"];
      if (const auto begin = text.find("damaged at frame "); begin != std::string::npos) {
        at = std::stoull(text.substr(begin + 17));
        EXPECT_THAT(text, HasSubstr(fmt::format("damaged at frame {}: 4096 frames are missing",
                                                at)));  // one block of sox's
      }
    }
    EXPECT_EQ(at % 4096, 0U);
    ASSERT_GT(at, 4096U) << result.out;
    // As the undamaged file, but for silence of the same length.
    std::string expected = made_by(dir, "sox a.flac -t raw -e signed-integer -b 24 -");
    const std::size_t frame_bytes = kind.ends_with('2') ? 6 : 3;
    expected.replace(at * frame_bytes, 4096 * frame_bytes, std::string(4096 * frame_bytes, '\0'));
    EXPECT_EQ(made_by(dir, "sox out.wav -t raw -e signed-integer -b 24 -") == expected, true) << kind;
    const auto text = played(dir, R"("path": "damaged.flac")", "pcm_24");
    EXPECT_EQ(text.exit_code, 3);
    EXPECT_THAT(text.err, HasSubstr(fmt::format("damaged at frame {}: 4096 frames are missing", at)));
  }
}

TEST(SoundFiles, LongerThanTheirHeaderSaysAreToldAndPlayedOnRequest) {
  const TempDir dir;
  std::string bytes = content_of(kVoice);
  const std::string samples = bytes.substr(44);
  dir.write("a.wav", bytes.replace(40, 4, little(2000, 4)));
  const auto part = played(dir, R"("path": "a.wav")", "pcm_16");
  EXPECT_EQ(part.exit_code, 3);
  EXPECT_THAT(part.err,
              HasSubstr(fmt::format("{} bytes follow the end stated by the header", samples.size() - 2000)));
  EXPECT_EQ(made_by(dir, "sox out.wav -t raw -"), samples.substr(0, 2000));
  const auto whole = played(dir, R"("path": "a.wav", "beyond_end": "play")", "pcm_16");
  EXPECT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_THAT(whole.err, HasSubstr("they are played"));
  EXPECT_EQ(made_by(dir, "sox out.wav -t raw -") == samples, true);

  // 5 GiB of holes behind them, and four samples.
  const std::string path =
      dir.write("a.wav", riff(chunk("fmt ", format_body(1, 1, 48000, 16)) + "data" + little(2000, 4)));
  constexpr std::uint64_t kBytes = 5ULL << 30U;
  ASSERT_EQ(truncate(path.c_str(), static_cast<off_t>(44 + kBytes)), 0);
  std::ofstream(path, std::ios::binary | std::ios::app) << "abcdefgh";
  const auto end = played(
      dir, fmt::format(R"("path": "a.wav", "start_frame": {}, "beyond_end": "play")", kBytes / 2), "pcm_16");
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_EQ(made_by(dir, "sox out.wav -t raw -"), "abcdefgh");
}

}  // namespace
}  // namespace streamlab::test
