// tests/apps/before_the_start_test.cpp
//
// What run and check say of a graph that is valid, before anything starts.
#include <algorithm>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;

// Nobody reads the meter: that is hardly meant.
TEST(BeforeTheStart, SaysWhatNobodyReads) {
  const TempDir dir;
  const std::string config = dir.write("a.json", R"({"pipeline_config": {"duration_s": 0.1}, "nodes": [
      {"id": "tone", "type": "SineGenerator"}, {"id": "level", "type": "LevelMeter"}],
      "connections": [{"from": "tone", "to": "level"}]})");
  const std::string note = "note: nobody reads what \"level\" (LevelMeter) gives: no connection leaves it\n";
  for (const char* command : {"run", "check"}) {
    const auto result = streamlab({command, config});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.err, testing::StartsWith(note)) << command;
  }
  EXPECT_EQ(streamlab({"run", config, "--quiet"}).err, "");
}

// Mistakes of different kinds are said in one go: an output that exists, one that cannot be, a file that is not there.
TEST(BeforeTheStart, SaysAllThatIsRefusedTogether) {
  const TempDir dir;
  dir.write("a.jsonl", "precious");
  const std::string config = dir.write("a.json", R"({"nodes": [
      {"id": "file", "type": "FileSource", "config": {"path": "none.wav"}},
      {"id": "log", "type": "JsonlSink", "config": {"path": "a.jsonl"}},
      {"id": "copy", "type": "FileSink", "config": {"path": "~/none/a.wav"}}],
      "connections": [{"from": "file", "to": "log"}, {"from": "file", "to": "copy"}]})");
  const auto result = streamlab({"run", config}, dir.path().string());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("/nodes/0/config/path (\"file\"): \"none.wav\" does not exist\n"));
  EXPECT_THAT(result.err, HasSubstr("\"a.jsonl\" exists already; use --force"));
  EXPECT_THAT(result.err,
              HasSubstr("; only a shell knows \"~\": in a configuration \"${env:HOME}/none/a.wav\""));
}

// Once a crash. By batch: Batch.ReportsMistakesInTheConfigurationOnce.
TEST(BeforeTheStart, RefusesAnEmptyTypeByEveryCommand) {
  const TempDir dir;
  const std::string config =
      dir.write("a.json", R"({"version":1,"nodes":[{"id":"g","type":""}],"connections":[]})");
  for (const char* command : {"check", "run", "graph"}) {
    const auto result = streamlab({command, config});
    EXPECT_EQ(result.exit_code, 2) << command;
    EXPECT_EQ(result.err,
              config +
                  ": /nodes/0/type (\"g\"): this is empty; expected a node type: \"streamlab nodes\" "
                  "lists them\n");
  }
}

// The JSON of the original design has none.
TEST(BeforeTheStart, TakesAMissingVersionAsTheFirst) {
  const TempDir dir;
  const std::string with = tone_config(0.5);
  std::string without = with;
  without.erase(without.find("\"version\": 1, "), 14);
  const auto expected = streamlab({"run", dir.write("with.json", with)});
  const auto got = streamlab({"run", dir.write("without.json", without)});
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.out, expected.out);
  EXPECT_THAT(got.out, HasSubstr("[Tone] 0:00.000"));
  std::string later = with;
  later.replace(later.find("\"version\": 1"), 12, "\"version\": 2");
  EXPECT_EQ(streamlab({"run", dir.write("later.json", later)}).exit_code, 2);
}

// Another name of what is meant, where the field has several; and a file's name keeps its distance from the place.
TEST(BeforeTheStart, SaysWhatIsMeantByOtherWordsAndWhere) {
  const TempDir dir;
  dir.write("unk.flac", "fLaC" + std::string(40, '\xFF'));
  const std::string config = dir.write("a.json", R"({"nodes": [
      {"id": "in", "type": "FileSource", "config": {"path": "unk.flac"}},
      {"id": "out", "type": "FileSink", "config": {"path": "a.wav", "encoding": "pcm_16"}}],
      "connections": [{"from": "in", "to": "out"}]})");
  for (const char* command : {"check", "run"}) {
    const auto result = streamlab({command, "a.json"}, dir.path().string());
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(
        result.err,
        "a.json: /nodes/0/config/path (\"in\"): \"unk.flac\" is not a sound file that can be read: it begins with "
        "the bytes 66 4C 61 43 FF FF FF FF, but its header is damaged; expected WAV, RF64, W64, FLAC, AIFF, AU, "
        "CAF, Ogg or MP3\n"
        "a.json: /nodes/1/config/encoding (\"out\"): there is no parameter \"encoding\"; did you mean "
        "\"subtype\"?\n");
  }
}

TEST(BeforeTheStart, RefusesToPlayIntoAWavThatCannotHoldTheRate) {
  const TempDir dir;
  const std::string config = dir.write("a.json", R"({"pipeline_config": {"sample_rate": 44100.5}, "nodes": [
      {"id": "tone", "type": "SineGenerator"},
      {"id": "speaker", "type": "AudioOutput", "config": {"device": "sim", "sim": {
          "clock": "virtual", "output_channels": 1, "playback_to": "a.wav", "overwrite": true}}}],
      "connections": [{"from": "tone", "to": "speaker"}]})");
  const std::string old = dir.write("a.wav", "an old one");
  const auto result = streamlab({"check", config}, dir.path().string());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err,
            config +
                ": /nodes/1/config/sim/playback_to (\"speaker\"): a WAV file cannot have a rate of "
                "44100.5 Hz; expected a whole number of Hz\n");
  EXPECT_EQ(content_of(old), "an old one");
}

// A generator, and so many nodes behind it: one behind the other, or all of them behind the first.
std::string many_nodes(std::size_t count, bool is_chain) {
  std::string nodes = R"({"id": "n0", "type": "SineGenerator"})";
  std::string connections;
  for (std::size_t n = 1; n <= count; ++n) {
    nodes += fmt::format(R"(, {{"id": "n{}", "type": "Gain"}})", n);
    connections +=
        fmt::format(R"({}{{"from": "n{}", "to": "n{}"}})", n > 1 ? ", " : "", is_chain ? n - 1 : 0, n);
  }
  return fmt::format(R"({{"pipeline_config": {{"threads": 1}}, "nodes": [{}], "connections": [{}]}})", nodes,
                     connections);
}

// 20,000 nodes take 0.5 s of the processor's time and 100 MiB. Twenty times the time, or three times the memory, is what
// something took that grew with their square (20 s and 1.1 GiB).
TEST(BeforeTheStart, ChecksTwentyThousandNodesWithinBounds) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer takes terabytes of addresses for itself";
#endif
  const TempDir dir;
  for (const bool is_chain : {true, false}) {
    const auto result =
        run_program({"/bin/sh", "-c", "ulimit -t 10; ulimit -v 300000; exec \"$@\"", "sh", SL_STREAMLAB,
                     "check", dir.write("many.json", many_nodes(20'000, is_chain))});
    EXPECT_EQ(result.exit_code, 0) << is_chain << result.err;
    EXPECT_THAT(result.out, HasSubstr("\n  n20000  Gain "));
    if (is_chain) { continue; }
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 21) << "20 notes and their count";
    EXPECT_THAT(result.err, testing::EndsWith("note: nobody reads what 19980 more nodes give\n"));
  }
}

TEST(BeforeTheStart, ShowsTwentyOfAHundredThousandMistakes) {
  const TempDir dir;
  std::string config = R"({"nodes": [{"id": "a", "type": "SineGenerator"}], "connections": [)";
  for (int n = 0; n < 100'000; ++n) { config += R"({"from": "b", "to": "a"},)"; }
  config.back() = ']';
  const auto result = streamlab({"check", dir.write("bad.json", config + "}")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 21);
  EXPECT_THAT(result.err, HasSubstr("/connections/9/from: there is no node \"b\""));
  EXPECT_THAT(result.err, testing::EndsWith(" errors in all; the first 20 are shown\n"));
}

TEST(BeforeTheStart, RefusesTwoValuesForOneVariable) {
  const TempDir dir;
  const std::string config = dir.write("tone.json", R"({"pipeline_config": {"duration_s": 0.01}, "nodes": [
      {"id": "tone", "type": "SineGenerator", "config": {"frequency": "${hz}"}}], "connections": []})");
  EXPECT_EQ(streamlab({"run", config, "--set", "hz=440", "--set", "hz=440"}).exit_code, 0);
  const auto result = streamlab({"run", config, "--set", "hz=440", "--set", "hz=441"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("\"hz\" is given two values"));
}

}  // namespace
}  // namespace streamlab::test
