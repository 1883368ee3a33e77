// tests/nodes/sound_file/sound_file_writer_test.cpp
//
// What is written is judged by libsndfile, through SoundFileReader, and by sox, neither of which shares a
// line with the writer.
#include "nodes/sound_file/sound_file_writer.hpp"

#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <limits>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sndfile.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nodes/sound_file/sound_file_reader.hpp"
#include "tests/nodes/sound_file/wave_bytes.hpp"
#include "tests/nodes/sound_file/written_sound.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing

// What `command` prints; empty if it fails.
std::string output_of(const std::string& command) {
  std::string text;
  FILE* const pipe = popen(command.c_str(), "r");
  char part[4096];
  for (std::size_t count = 0; (count = fread(part, 1, sizeof part, pipe)) > 0;) { text.append(part, count); }
  return pclose(pipe) == 0 ? text : std::string();
}

constexpr SoundContainer kWaves[] = {SoundContainer::wav, SoundContainer::rf64, SoundContainer::w64};
constexpr SampleFormat kWaveFormats[] = {SampleFormat::s16_le, SampleFormat::s24_3le, SampleFormat::s32_le,
                                         SampleFormat::float32_le, SampleFormat::float64_le};

TEST(SoundFileWriter, WritesEveryContainerAndFormatThatLibsndfileReadsBackExactly) {
  const TempDir dir;
  const std::string path = dir.file("a");
  for (const SoundContainer container : kWaves) {
    for (const SampleFormat format : kWaveFormats) {
      for (const std::uint32_t channels : {1U, 2U, 5U}) {
        const Planar signal = test_signal(channels, 10001);
        auto writer = SoundFileWriter::create(path, {container, format, 44100.0, channels}, Overwrite::yes);
        ASSERT_TRUE(writer) << to_string(writer.error());
        ASSERT_TRUE(write(*writer, signal));
        ASSERT_TRUE(writer->close());
        const FileContent back = read_back(path);
        const auto what = std::string(to_string(container)) + " " + std::string(to_string(format));
        EXPECT_EQ(back.info.container, to_string(container)) << what;
        EXPECT_EQ(back.info.sample_rate_hz, 44100U) << what;
        EXPECT_THAT(back.info.warnings, IsEmpty()) << what;
        EXPECT_TRUE(back.samples == signal) << what << ", " << channels << " channels";
        EXPECT_EQ(writer->counts(), EncodeCounts{}) << what;
      }
    }
  }
}

TEST(SoundFileWriter, WritesFlacThatLibsndfileReadsBackExactly) {
  const TempDir dir;
  for (const SampleFormat format : {SampleFormat::s16_le, SampleFormat::s24_3le}) {
    const Planar signal = test_signal(3, 10001);
    auto writer = SoundFileWriter::create(dir.file("a.flac"), {SoundContainer::flac, format, 96000.0, 3},
                                          Overwrite::yes);
    ASSERT_TRUE(writer) << to_string(writer.error());
    ASSERT_TRUE(write(*writer, signal));
    ASSERT_TRUE(writer->write_silence(9000));
    ASSERT_TRUE(write(*writer, test_signal(3, 1)));
    ASSERT_TRUE(writer->close());
    EXPECT_EQ(writer->frames(), 19002U);
    FileContent back = read_back(dir.file("a.flac"));
    EXPECT_EQ(back.info.container, "FLAC");
    EXPECT_EQ(back.info.frames, 19002U);
    EXPECT_EQ(back.samples[2][19001], sample_at(2, 0));
    EXPECT_EQ(back.samples[2][19000], 0.0);
    for (auto& channel : back.samples) { channel.resize(10001); }
    EXPECT_TRUE(back.samples == signal);
  }
}

TEST(SoundFileWriter, WritesWavAndW64AsSoxReadsThem) {
  if (output_of("sox --version 2>/dev/null").empty()) { GTEST_SKIP() << "sox is not installed"; }
  const TempDir dir;
  const Planar signal = test_signal(2, 1000);
  std::string expected;  // as raw 32-bit words
  for (std::size_t n = 0; n < 1000; ++n) {
    for (std::size_t c = 0; c < 2; ++c) {
      expected +=
          little(static_cast<std::uint64_t>(std::llround(sample_at(c, n) * 2147483648.0)) & 0xFFFFFFFFU, 4);
    }
  }
  for (const char* name : {"a.wav", "a.w64", "a.flac"}) {
    const SoundContainer container = *container_of_path(name);
    for (const SampleFormat format : kWaveFormats) {
      const SoundFileSpec spec{container, format, 44100.0, 2};
      // sox reads W64 through libsndfile, as 32-bit integers, which floats do not survive unrounded.
      if (!check(spec) || (container == SoundContainer::w64 && is_float(format))) { continue; }
      auto writer = SoundFileWriter::create(dir.file(name), spec, Overwrite::yes);
      ASSERT_TRUE(writer);
      ASSERT_TRUE(write(*writer, signal));
      ASSERT_TRUE(writer->close());
      EXPECT_TRUE(output_of("sox -D " + dir.file(name) + " -t raw -e signed-integer -b 32 -L -") == expected)
          << name << " " << to_string(format);
      EXPECT_EQ(output_of("soxi -r " + dir.file(name)), "44100\n");
    }
  }
}

TEST(SoundFileWriter, KeepsEveryFloat64) {
  const TempDir dir;
  const Planar signal = {{0.1, -0.0, 5e-324, 1e308, -1.0 / 3.0}};
  auto writer = SoundFileWriter::create(
      dir.file("a.wav"), {SoundContainer::wav, SampleFormat::float64_le, 48000.0, 1}, Overwrite::no);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(write(*writer, signal));
  ASSERT_TRUE(writer->close());
  const FileContent back = read_back(dir.file("a.wav"));
  ASSERT_EQ(back.samples[0].size(), 5U);
  EXPECT_EQ(std::memcmp(back.samples[0].data(), signal[0].data(), 40), 0);
}

TEST(SoundFileWriter, CountsWhatClippedAndWhatWasNoNumber) {
  const TempDir dir;
  auto writer = SoundFileWriter::create(
      dir.file("a.wav"), {SoundContainer::wav, SampleFormat::s16_le, 48000.0, 1}, Overwrite::no);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(write(*writer, {{0.5, 1.5, -1.5, std::numeric_limits<double>::quiet_NaN()}}));
  ASSERT_TRUE(write(*writer, {{1.0}}));
  EXPECT_EQ(writer->counts(), (EncodeCounts{3, 1}));
  ASSERT_TRUE(writer->close());
  EXPECT_THAT(read_back(dir.file("a.wav")).samples,
              ElementsAre(ElementsAre(0.5, 32767.0 / 32768.0, -1.0, 0.0, 32767.0 / 32768.0)));
}

TEST(SoundFileWriter, WritesTheSameBytesHoweverTheStreamIsCut) {
  const TempDir dir;
  constexpr std::size_t kFrames = 60000;  // several buffers and more than one update
  std::string whole;
  for (const std::size_t block : {kFrames, std::size_t{1}, std::size_t{7}, std::size_t{480}}) {
    auto writer = SoundFileWriter::create(dir.file("a.wav"), {}, Overwrite::yes);
    ASSERT_TRUE(writer);
    for (std::size_t n = 0; n < kFrames; n += block) {
      ASSERT_TRUE(write(*writer, test_signal(2, std::min(block, kFrames - n), n)));
    }
    ASSERT_TRUE(writer->close());
    if (whole.empty()) { whole = content_of(dir.file("a.wav")); }
    EXPECT_TRUE(content_of(dir.file("a.wav")) == whole) << "block of " << block;
  }
}

TEST(SoundFileWriter, WritesAnEmptyFileThatIsValid) {
  const TempDir dir;
  for (const char* name : {"a.wav", "a.rf64", "a.w64"}) {
    auto writer = SoundFileWriter::create(dir.file(name), {*container_of_path(name)}, Overwrite::no);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->close());
    const FileContent back = read_back(dir.file(name));
    EXPECT_EQ(back.info.frames, 0U) << name;
    EXPECT_THAT(back.info.warnings, IsEmpty()) << name;
  }
}

// --- size

TEST(SoundFileWriter, TurnsAWavBeyondFourGibibytesIntoRf64) {
  const TempDir dir;
  const std::string path = dir.file("a.wav");
  constexpr std::uint64_t kSilence = 700000000;  // x 8 bytes; a hole, which takes no space
  {
    auto writer = SoundFileWriter::create(path, {}, Overwrite::no);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(write(*writer, test_signal(2, 100)));
    EXPECT_EQ(content_of(path).substr(0, 4), "RIFF");
    ASSERT_TRUE(writer->write_silence(kSilence));
    ASSERT_TRUE(write(*writer, test_signal(2, 50)));
    ASSERT_TRUE(writer->close());
  }
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_GT(status.st_size, 8LL * 700000000);
  EXPECT_LT(status.st_blocks * 512, 1LL << 24);
  auto reader = SoundFileReader::open(path);
  ASSERT_TRUE(reader) << to_string(reader.error());
  EXPECT_EQ(reader->info().container, "RF64");
  EXPECT_EQ(reader->info().frames, 100 + kSilence + 50);
  EXPECT_THAT(reader->info().warnings, IsEmpty());
  Planar part(2, std::vector<double>(60));
  double* const planar[] = {part[0].data(), part[1].data()};
  ASSERT_TRUE(reader->seek(100 + kSilence - 10));
  EXPECT_EQ(reader->read(planar, 60)->frames, 60U);
  EXPECT_EQ(part[1][9], 0.0);
  EXPECT_EQ(part[1][10], sample_at(1, 0));
  EXPECT_EQ(part[0][59], sample_at(0, 49));
}

TEST(SoundFileWriter, StatesTheSizesOfAnRf64In64Bits) {
  const TempDir dir;
  constexpr std::uint64_t kRiffLimitForTest = 1000;
  for (const std::size_t frames : {100U, 200U}) {
    auto writer =
        SoundFileWriter::create(dir.file("a.wav"), {SoundContainer::wav, SampleFormat::s24_3le, 48000.0, 2},
                                Overwrite::yes, Naming::at_once, kRiffLimitForTest);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(write(*writer, test_signal(2, frames)));
    ASSERT_TRUE(writer->close());
    const std::string bytes = content_of(dir.file("a.wav"));
    const std::string size = little(bytes.size() - 8, 8);
    if (frames == 100) {  // 680 bytes
      EXPECT_EQ(bytes.substr(0, 16), "RIFF" + size.substr(0, 4) + "WAVEJUNK");
    } else {  // 1280 bytes; EBU Tech 3306, table 2
      EXPECT_EQ(bytes.substr(0, 48), "RF64\xFF\xFF\xFF\xFFWAVEds64" + little(28, 4) + size + little(1200, 8) +
                                         little(200, 8) + little(0, 4));
    }
    EXPECT_TRUE(read_back(dir.file("a.wav")).samples == test_signal(2, frames));
  }
}

// So that a page of the file ends with a frame of 2, 4, 8 or 16 bytes.
TEST(SoundFileWriter, BeginsTheSamplesOfAWavAtAMultipleOf16Bytes) {
  for (const SoundContainer container : {SoundContainer::wav, SoundContainer::rf64}) {
    for (const SampleFormat format :
         {SampleFormat::s16_le, SampleFormat::s24_3le, SampleFormat::s32_le, SampleFormat::float32_le}) {
      for (const std::uint16_t channels : {std::uint16_t{1}, std::uint16_t{2}, std::uint16_t{4}}) {
        const std::vector<std::byte> header = wave_header({container, format, 48000, channels}, 100);
        EXPECT_EQ(header.size() % 16, 0U)
            << to_string(container) << " " << to_string(format) << " " << channels;
      }
    }
  }
}

TEST(SoundFileWriter, PutsSilenceWhereItIsAskedTo) {
  const TempDir dir;
  for (const std::uint64_t silence : {0U, 3U, 20000U, 500000U}) {
    auto writer = SoundFileWriter::create(dir.file("a.wav"), {}, Overwrite::yes);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(write(*writer, test_signal(2, 10)));
    ASSERT_TRUE(writer->write_silence(silence));
    ASSERT_TRUE(write(*writer, test_signal(2, 10)));
    ASSERT_TRUE(writer->close());
    Planar expected = test_signal(2, 10);
    for (std::size_t c = 0; c < 2; ++c) {
      expected[c].resize(10 + silence, 0.0);
      for (std::size_t n = 0; n < 10; ++n) { expected[c].push_back(sample_at(c, n)); }
    }
    EXPECT_TRUE(read_back(dir.file("a.wav")).samples == expected) << silence;
  }
}

// --- what is refused

TEST(SoundFileWriter, KeepsAnExistingFileUnlessToldToOverwrite) {
  const TempDir dir;
  const std::string path = dir.write("a.wav", "precious");
  const auto writer = SoundFileWriter::create(path, {}, Overwrite::no);
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::refused);
  EXPECT_EQ(to_string(writer.error()), path +
                                           ": already exists; use --force to replace it, or choose "
                                           "another name");
  EXPECT_EQ(content_of(path), "precious");
}

TEST(SoundFileWriter, ReplacesAFileThatIsStillBeingRead) {
  const TempDir dir;
  const std::string path = dir.file("a.wav");
  const Planar signal = test_signal(2, 100000);
  auto first = SoundFileWriter::create(path, {}, Overwrite::no);
  ASSERT_TRUE(write(*first, signal));
  ASSERT_TRUE(first->close());
  auto reader = SoundFileReader::open(path);
  auto second = SoundFileWriter::create(path, {}, Overwrite::yes);
  ASSERT_TRUE(second) << to_string(second.error());
  Planar back(2, std::vector<double>(100000));
  double* const planar[] = {back[0].data(), back[1].data()};
  ASSERT_TRUE(reader->read(planar, 100000));
  EXPECT_TRUE(back == signal);
}

TEST(SoundFileWriter, FailsWhereNoFileCanBe) {
  const TempDir dir;
  const auto error = [&](const std::string& path) {
    const auto writer = SoundFileWriter::create(path, {}, Overwrite::yes);
    return writer ? std::string("was accepted") : to_string(writer.error());
  };
  EXPECT_THAT(error(dir.file("no/such/folder.wav")),
              HasSubstr("cannot be created: No such file or directory"));
  EXPECT_THAT(error(dir.path().string()), HasSubstr("is a directory"));
  EXPECT_THAT(error("/dev/null"), HasSubstr("exists but is not a regular file"));
}

TEST(SoundFileWriter, RefusesWhatTheContainerCannotHold) {
  const auto refusal = [](const SoundFileSpec& spec) {
    const auto checked = check(spec);
    return checked ? std::string("was accepted") : to_string(checked.error());
  };
  using enum SoundContainer;
  using enum SampleFormat;
  EXPECT_EQ(refusal({wav, float32_le, 44100.5, 2}),
            "WAV: cannot hold a sample rate of 44100.5 Hz; expected a whole number of Hz, 1 .. 2147483647");
  EXPECT_EQ(refusal({flac, s16_le, 768000.0, 2}),
            "FLAC: cannot hold a sample rate of 768000 Hz; expected a whole number of Hz, 1 .. 65535, or a "
            "multiple of 10 up to 655350");
  EXPECT_EQ(refusal({wav, float32_le, 48000.0, 0}), "WAV: cannot hold 0 channels; expected 1 .. 1024");
  EXPECT_EQ(refusal({flac, s16_le, 48000.0, 9}), "FLAC: cannot hold 9 channels; expected 1 .. 8");
  EXPECT_EQ(refusal({flac, float32_le, 48000.0, 2}),
            "FLAC: cannot hold FLOAT_LE samples; expected 16 or 24-bit PCM");
  EXPECT_EQ(refusal({w64, s24_le_low, 48000.0, 2}),
            "W64: cannot hold S24_LE samples; expected 16, 24 or 32-bit PCM, 32 or 64-bit float");
  EXPECT_EQ(refusal({wav, float32_le, 48000.0, 1024}), "was accepted");
}

TEST(SoundFileWriter, WritesEveryRateThatItsCheckTakesAndNoOther) {
  const TempDir dir;
  const std::string path = dir.file("a.flac");
  const double silence = 0.0;
  const double* const planar[] = {&silence};
  for (const double rate_hz :
       {1.0, 8000.0, 44100.0, 65534.0, 65535.0, 65536.0, 65540.0, 88200.0, 96000.0, 96001.0, 100000.0,
        352800.0, 655340.0, 655345.0, 655350.0, 655360.0, 768000.0}) {
    // What libFLAC itself takes, asked of it without a check of ours.
    SF_INFO info{};
    info.samplerate = static_cast<int>(rate_hz);
    info.channels = 1;
    info.format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16;
    SNDFILE* const own = sf_open(dir.file("own.flac").c_str(), SFM_WRITE, &info);
    const bool is_taken = own != nullptr && sf_writef_double(own, &silence, 1) == 1;
    if (own != nullptr) { sf_close(own); }
    const SoundFileSpec spec{SoundContainer::flac, SampleFormat::s16_le, rate_hz, 1};
    EXPECT_EQ(check(spec).has_value(), is_taken) << rate_hz;
    auto writer = SoundFileWriter::create(path, spec, Overwrite::yes);
    EXPECT_EQ(writer.has_value(), is_taken) << rate_hz;
    if (writer) { EXPECT_TRUE(writer->write(planar, 1) && writer->close()) << rate_hz; }
  }
}

// libsndfile, which says what stands in the header, knows rates up to 2^31 - 1.
TEST(SoundFileWriter, WritesEveryWholeRateIntoWavAndItsKin) {
  const TempDir dir;
  const std::string path = dir.file("a");
  for (const SoundContainer container : {SoundContainer::wav, SoundContainer::rf64, SoundContainer::w64}) {
    for (const double rate_hz : {-1.0, 0.0, 0.5, 1.0, 44100.5, 96001.0, 655345.0, 10e6, 2147483647.0,
                                 2147483648.0, 4294967296.0, 1e300, static_cast<double>(NAN)}) {
      const SoundFileSpec spec{container, SampleFormat::s16_le, rate_hz, 1};
      const bool is_taken = rate_hz >= 1.0 && rate_hz <= 2147483647.0 && rate_hz == std::floor(rate_hz);
      EXPECT_EQ(check(spec).has_value(), is_taken) << rate_hz;
      auto writer = SoundFileWriter::create(path, spec, Overwrite::yes);
      ASSERT_EQ(writer.has_value(), is_taken) << rate_hz;
      if (!writer) { continue; }
      ASSERT_TRUE(writer->close());
      SF_INFO info{};
      SNDFILE* const file = sf_open(path.c_str(), SFM_READ, &info);
      EXPECT_EQ(info.samplerate, rate_hz) << to_string(container);
      sf_close(file);
    }
  }
}

TEST(SoundFileWriter, TakesTheContainerFromTheEndingOfTheName) {
  EXPECT_EQ(container_of_path("a.wav"), SoundContainer::wav);
  EXPECT_EQ(container_of_path("x/B.WAV"), SoundContainer::wav);
  EXPECT_EQ(container_of_path("a.rf64"), SoundContainer::rf64);
  EXPECT_EQ(container_of_path("a.w64"), SoundContainer::w64);
  EXPECT_EQ(container_of_path("a.flac"), SoundContainer::flac);
  EXPECT_EQ(container_of_path("wav"), std::nullopt);
  EXPECT_EQ(container_of_path("a.mp3"), std::nullopt);
}

}  // namespace
}  // namespace streamlab
