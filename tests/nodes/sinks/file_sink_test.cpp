// tests/nodes/sinks/file_sink_test.cpp
//
// The files themselves are tested with SoundFileWriter; this is about the node around it.
#include <cmath>
#include <cstring>
#include <limits>

#include <gmock/gmock.h>

#include "nodes/sound_file/sound_file_reader.hpp"
#include "tests/nodes/sinks/sink_config.hpp"
#include "tests/support/node_harness.hpp"
#include "tests/support/signals.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing

Signal read_back(const std::string& path, SoundFileInfo* info = nullptr) {
  auto reader = SoundFileReader::open(path);
  if (!reader) {
    ADD_FAILURE() << to_string(reader.error());
    return {};
  }
  if (info != nullptr) { *info = reader->info(); }
  Signal samples(reader->info().channels, std::vector<double>(reader->info().frames));
  std::vector<double*> planar;
  for (auto& channel : samples) { planar.push_back(channel.data()); }
  EXPECT_TRUE(reader->read(planar.data(), reader->info().frames).has_value());
  return samples;
}

std::vector<std::string> texts(const std::vector<NodeNote>& notes) {
  std::vector<std::string> list;
  for (const NodeNote& note : notes) { list.push_back(note.text); }
  return list;
}

std::string only_refusal(const std::string& json, AudioShape shape = {}) {
  const Errors errors = NodeHarness::refusals("FileSink", json, shape);
  EXPECT_THAT(errors, SizeIs(1));
  return errors.empty() ? std::string() : to_string(errors[0]);
}

// Why start() fails; empty if it does not.
std::string start_error(const std::string& json) {
  try {
    NodeHarness sink("FileSink", json);
  } catch (const std::runtime_error& error) { return error.what(); }
  return {};
}

TEST(FileSink, RecordsItsInputTheSameForEveryBlockSize) {
  const TempDir dir;
  const Signal signal = noise(2, 5000);
  std::string whole;
  for (const std::uint32_t block : {5000U, 1U, 7U, 64U, 480U, 1024U}) {
    const std::string path = dir.file("a.wav");
    {
      NodeHarness sink("FileSink", config(path, R"("subtype": "double", "overwrite": true)"),
                       {48000.0, 2, 5000});
      sink.run(signal, block);
      EXPECT_THAT(sink.node().notes(), IsEmpty());
    }
    if (whole.empty()) {
      EXPECT_EQ(read_back(path), signal);
      whole = content_of(path);
    }
    EXPECT_TRUE(content_of(path) == whole) << "block of " << block;
  }
}

TEST(FileSink, TakesKindAndSamplesFromTheConfiguration) {
  struct Case {
    const char* name;
    const char* config;
    const char* container;
    const char* subtype;
  };
  const Case cases[] = {{"a.wav", "", "WAV", "32-bit float"},
                        {"b.flac", "", "FLAC", "24-bit PCM"},
                        {"c.w64", R"("subtype": "pcm_16")", "W64", "16-bit PCM"},
                        {"d.rf64", R"("subtype": "pcm_32")", "RF64", "32-bit PCM"},
                        {"e.sound", R"("format": "wav", "subtype": "pcm_24")", "WAV", "24-bit PCM"},
                        {"f.wav", R"("subtype": "float")", "WAV", "32-bit float"}};
  const TempDir dir;
  for (const Case& c : cases) {
    const std::string path = dir.file(c.name);
    { NodeHarness("FileSink", config(path, c.config), {44100.0, 1, 64}).run({{0.5, -0.25}}, 64); }
    SoundFileInfo info;
    EXPECT_THAT(read_back(path, &info), ElementsAre(ElementsAre(0.5, -0.25))) << c.name;
    EXPECT_EQ(info.container, c.container) << c.name;
    EXPECT_EQ(info.subtype, c.subtype) << c.name;
    EXPECT_EQ(info.sample_rate_hz, 44100U) << c.name;
  }
}

TEST(FileSink, FillsAGapWithSilenceOrJoinsItsSides) {
  const TempDir dir;
  for (const bool splice : {false, true}) {
    const std::string path = dir.file(splice ? "spliced.wav" : "filled.wav");
    {
      NodeHarness sink("FileSink", config(path, splice ? R"("gap": "splice")" : ""), {48000.0, 1, 4});
      DataFrame block = sink.input_frame();
      block.set_frame_count(2);
      block.channel(0U)[0] = 0.5;
      block.channel(0U)[1] = 0.25;
      sink.process(block);
      block.header().set(FrameFlag::gap);
      block.header().gap_frames = 3;
      block.header().position = 5;
      sink.process(block);
      EXPECT_THAT(texts(sink.node().notes()),
                  ElementsAre(path + (splice ? ": missing frames that were left out: 3"
                                             : ": missing frames that were written as silence: 3")));
    }
    if (splice) {
      EXPECT_THAT(read_back(path), ElementsAre(ElementsAre(0.5, 0.25, 0.5, 0.25)));
    } else {
      EXPECT_THAT(read_back(path), ElementsAre(ElementsAre(0.5, 0.25, 0.0, 0.0, 0.0, 0.5, 0.25)));
    }
  }
}

TEST(FileSink, KeepsNaNAndInfinitiesInFloats) {
  const TempDir dir;
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const std::string subtype : {"float", "double"}) {
    const std::string path = dir.file(subtype + ".wav");
    NodeHarness sink("FileSink", config(path, "\"subtype\": \"" + subtype + "\""), {48000.0, 1, 8});
    sink.run({{0.5, nan, -infinity, infinity, 1e300, -1e300, 1e-300}}, 7);
    ASSERT_TRUE(sink.node().close());
    const std::string bytes = content_of(path);
    const bool is_float = subtype == "float";
    const auto sample = [&](int n) {
      const std::size_t size = is_float ? 4 : 8;
      const std::size_t at = bytes.size() - (7 - static_cast<std::size_t>(n)) * size;
      float single = 0.0F;
      double whole = 0.0;
      std::memcpy(&single, bytes.data() + at, sizeof single);
      std::memcpy(&whole, bytes.data() + at,
                  sizeof whole <= bytes.size() - at ? sizeof whole : sizeof single);
      return is_float ? static_cast<double>(single) : whole;
    };
    EXPECT_EQ(sample(0), 0.5);
    EXPECT_TRUE(std::isnan(sample(1)));
    EXPECT_EQ(sample(2), -infinity);
    EXPECT_EQ(sample(3), infinity);
    const double largest = static_cast<double>(std::numeric_limits<float>::max());
    EXPECT_EQ(sample(4), is_float ? largest : 1e300);
    EXPECT_EQ(sample(5), is_float ? -largest : -1e300);
    EXPECT_EQ(sample(6), is_float ? 0.0 : 1e-300);  // rounding, as between any two numbers

    const auto notes = sink.node().notes();
    ASSERT_THAT(notes, SizeIs(is_float ? 2 : 1));
    EXPECT_EQ(notes.back().text, path + ": samples that are NaN or infinite, written unchanged: 3");
    EXPECT_FALSE(notes.back().data_lost);
    if (!is_float) { continue; }
    EXPECT_EQ(notes[0].text,
              path + ": samples too large for 32-bit floats, written as the largest possible one: 2");
    EXPECT_TRUE(notes[0].data_lost);
  }
}

TEST(FileSink, CountsWhatClippedAndWhatWasNaN) {
  const TempDir dir;
  const std::string path = dir.file("a.wav");
  NodeHarness sink("FileSink", config(path, R"("subtype": "pcm_16")"));
  sink.run({{0.5, 1.0, -2.0, std::numeric_limits<double>::quiet_NaN()}}, 4);
  EXPECT_THAT(texts(sink.node().notes()),
              ElementsAre(path + ": samples that clipped: 2",
                          path + ": samples that were NaN and were written as 0: 1"));
}

TEST(FileSink, WritesAValidEmptyFileWhenNothingComes) {
  const TempDir dir;
  { NodeHarness sink("FileSink", config(dir.file("a.wav"))); }
  EXPECT_THAT(read_back(dir.file("a.wav")), ElementsAre(IsEmpty()));
}

TEST(FileSink, StartsTheFileAgainAfterReset) {
  const TempDir dir;
  const std::string path = dir.file("a.wav");
  {
    NodeHarness sink("FileSink", config(path));
    sink.run({{0.5, 0.5, 0.5}}, 2);
    sink.reset();
    sink.run({{0.25, -0.25}}, 2);
  }
  EXPECT_THAT(read_back(path), ElementsAre(ElementsAre(0.25, -0.25)));
  {
    NodeHarness sink("FileSink", config(path, R"("overwrite": true)"));
    sink.run({{0.5, 0.5, 0.5}}, 2);
    sink.reset();  // and nothing comes
  }
  EXPECT_THAT(read_back(path), ElementsAre(ElementsAre(0.5, 0.5, 0.5)));
}

// --- what is refused

TEST(FileSink, WritesNothingBeforeItIsStarted) {
  const TempDir dir;
  EXPECT_THAT(NodeHarness::refusals("FileSink", config(dir.file("a.wav"))), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(dir.file("a.wav")));
}

TEST(FileSink, KeepsAFileThatExistsUnlessToldOtherwise) {
  const TempDir dir;
  const std::string path = dir.write("a.wav", "precious");
  EXPECT_EQ(start_error(config(path)), "/config/path: \"" + path +
                                           "\" already exists; use --force to replace it, or choose another "
                                           "name");
  EXPECT_EQ(content_of(path), "precious");
  EXPECT_EQ(start_error(config(path, R"("overwrite": true)")), "");
  EXPECT_EQ(content_of(path).substr(0, 4), "RIFF");
  dir.write("a.wav", "precious");
  PrepareContext forced;
  forced.overwrite = true;
  {
    NodeHarness sink("FileSink", config(path), {audio_format(48000.0, {"a"}, 64)}, forced);
    EXPECT_EQ(content_of(path), "precious");  // until the new one is complete
  }
  EXPECT_EQ(content_of(path).substr(0, 4), "RIFF");
}

TEST(FileSink, FailsWhenTheFolderIsMissing) {
  const TempDir dir;
  EXPECT_THAT(start_error(config(dir.file("no/a.wav"))),
              HasSubstr("cannot be created: No such file or directory"));
}

TEST(FileSink, RefusesWhatTheFileCannotHold) {
  EXPECT_EQ(only_refusal(config("out.xyz")),
            "/config/path: the extension of \"out.xyz\" does not tell the file format; expected .wav, "
            ".rf64, .w64 "
            "or .flac; or set \"format\"");
  EXPECT_EQ(only_refusal(config("out.flac", R"("subtype": "float")")),
            "/config/subtype: FLAC cannot hold FLOAT_LE samples; expected 16 or 24-bit PCM");
  EXPECT_EQ(only_refusal(config("out.flac"), {48000.0, 9, 64}),
            "/config/format: FLAC cannot hold 9 channels; expected 1 .. 8");
  EXPECT_THAT(only_refusal(config("out.wav"), {44100.5, 2, 64}),
              HasSubstr("/config/format: WAV cannot hold a sample"));
  EXPECT_THAT(only_refusal(config("out.wav", R"("subtype": "pcm_8")")), HasSubstr("pcm_8"));
  EXPECT_THAT(only_refusal("{}"), HasSubstr("path"));
}

}  // namespace
}  // namespace streamlab
