// tests/apps/pipes_test.cpp
//
// streamlab between other programs, as a shell puts them together. sox is the judge of what comes out.
#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"
#include "tests/apps/voice.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// A line for the shell; $SL is the program, $V the voice. Fails when any part of the pipeline does.
ProgramResult shell(const std::string& line, const TempDir& dir) {
  return run_program(
      {"/bin/bash", "-c",
       fmt::format("set -o pipefail; SL={} V={} C={}; {}", SL_STREAMLAB, kVoice, SL_CONFIGS, line)},
      dir.path().string());
}

// From stdin to stdout with a gain of 1.
std::string through(const std::string& in, const std::string& out) {
  return R"({"version": 1, "nodes": [{"id": "in", "type": "PipeSource", "config": {)" + in +
         R"(}}, {"id": "g", "type": "Gain"}, {"id": "out", "type": "PipeSink", "config": {)" + out +
         R"(}}], "connections": [{"from": "in", "to": "g"}, {"from": "g", "to": "out"}]})";
}

TEST(Pipes, CarryWhatSoxWritesAndReads) {
  const TempDir dir;
  struct Case {
    std::string in;
    std::string from_sox;  // how sox writes
    std::string out;
    std::string to_sox;  // how sox reads
  };
  const std::string raw48 = R"("channels": 2, "sample_rate": 48000, )";
  const std::vector<Case> cases{
      {R"("format": "wav")", "-t wav", R"("format": "wav", "samples": "s24le")", "-t wav"},
      {R"("format": "auto")", "-e float -b 32 -t wav", R"("format": "wav")", "-t wav"},
      {R"("format": "auto")", "-e float -b 64 -t wav", R"("format": "wav", "samples": "f64le")", "-t wav"},
      {"", "-b 24 -t wav", R"("format": "s24le")", "-t raw -r 48000 -c 2 -e signed-integer -b 24"},
      {"", "-b 32 -t wav", R"("format": "s32le")", "-t raw -r 48000 -c 2 -e signed-integer -b 32"},
      {raw48 + R"("format": "f32le")", "-t raw -e float -b 32", R"("format": "f32le")",
       "-t raw -r 48000 -c 2 -e float -b 32"},
      {raw48 + R"("format": "s24le")", "-t raw -e signed-integer -b 24", R"("format": "f64le")",
       "-t raw -r 48000 -c 2 -e float -b 64"},
      {raw48 + R"("format": "s16le")", "-t raw -e signed-integer -b 16", R"("format": "s16le")",
       "-t raw -r 48000 -c 2 -e signed-integer -b 16"},
  };
  // 24 bits, stereo: the voice and its half, the other way round.
  ASSERT_EQ(
      shell(
          "sox -D $V -b 24 in.wav remix 1 1v-0.37 && sox -D in.wav -t raw -e signed-integer -b 24 whole.raw",
          dir)
          .exit_code,
      0);
  for (const Case& c : cases) {
    dir.write("graph.json", through(c.in, c.out));
    const bool is_16 = c.in.find("s16le") != std::string::npos || c.out.find("s16le") != std::string::npos;
    const auto result =
        shell(fmt::format("sox -D in.wav {} - | $SL run graph.json --quiet | sox -D {} - -t raw -e "
                          "signed-integer -b 24 got.raw",
                          c.from_sox, c.to_sox),
              dir);
    EXPECT_EQ(result.exit_code, 0) << c.from_sox << "\n" << result.err;
    EXPECT_THAT(result.err, IsEmpty()) << c.from_sox;
    if (!is_16) {
      EXPECT_EQ(content_of(dir.file("got.raw")) == content_of(dir.file("whole.raw")), true) << c.from_sox;
      continue;
    }
    ASSERT_EQ(
        shell(
            "sox -D in.wav -t raw -e signed-integer -b 16 - | sox -t raw -r 48000 -c 2 -e signed-integer -b "
            "16 - -t raw -e signed-integer -b 24 half.raw",
            dir)
            .exit_code,
        0);
    EXPECT_EQ(content_of(dir.file("got.raw")) == content_of(dir.file("half.raw")), true) << c.from_sox;
  }
}

TEST(Pipes, ReadsWhatSoxWritesWithoutKnowingItsLength) {
  // From a pipe, through an effect that cannot tell how much will come, sox writes its stand-in for a length.
  const TempDir dir;
  dir.write("graph.json", through("", R"("format": "s16le")"));
  const auto result = shell(
      "sox $V -t raw - | sox -t raw -r 48000 -e signed-integer -b 16 -c 1 - -t wav - 2>warnings | tee "
      "had.wav | "
      "$SL run graph.json --quiet > got.raw && sox $V -t raw whole.raw",
      dir);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string had = content_of(dir.file("had.wav"));
  EXPECT_GE(static_cast<unsigned char>(had.at(43)), 0x7F);  // the length's highest byte
  EXPECT_EQ(content_of(dir.file("got.raw")) == content_of(dir.file("whole.raw")), true);
}

TEST(Pipes, FilterBetweenTwoProgramsAsTheShippedConfigurationSays) {
  const TempDir dir;
  // A lowpass of second order by sox's own biquad, whose Butterworth has the width 0.7071q.
  const auto result = shell(
      "sox $V -e float -b 32 -t wav - | $SL run $C/pipe_through.json --set frequency=800 --set gain=0.25 "
      "--quiet | "
      "sox -t wav - -t raw -e float -b 64 got.raw && "
      "sox $V -t raw -e float -b 64 expected.raw lowpass -2 800 0.70710678118654752440q vol 0.25",
      dir);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, IsEmpty());
  const std::string got = content_of(dir.file("got.raw"));
  const std::string expected = content_of(dir.file("expected.raw"));
  ASSERT_EQ(got.size(), expected.size());
  ASSERT_EQ(got.size(), 8 * samples_of_voice().size());
  double worst = 0.0;
  for (std::size_t at = 0; at < got.size(); at += 8) {
    double a = 0.0;
    double b = 0.0;
    std::memcpy(&a, got.data() + at, 8);
    std::memcpy(&b, expected.data() + at, 8);
    worst = std::max(worst, std::abs(a - b));
  }
  // sox passes 32-bit integers from effect to effect (2^-31 each), the pipe carries 24 bits of significand.
  EXPECT_LT(worst, std::ldexp(1.0, -24));
}

TEST(Pipes, GoThroughFifosAndInheritedDescriptors) {
  const TempDir dir;
  dir.write("first.json", through("", R"("to": "fifo:between", "format": "framed")"));
  dir.write("second.json", through(R"("from": "fifo:between")", R"("to": "fd:5", "format": "s16le")"));
  const auto result = shell(
      "mkfifo between; sox $V -t wav - | $SL run first.json --quiet & "
      "$SL run second.json --quiet 5> got.raw && wait $! && sox $V -t raw whole.raw",
      dir);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(content_of(dir.file("got.raw")) == content_of(dir.file("whole.raw")), true);
}

TEST(Pipes, GoThroughThePythonExample) {
  const TempDir dir;
  dir.write("to.json", through("", R"("format": "framed")"));
  dir.write("from.json", through("", R"("format": "f64le")"));
  const auto result = shell(
      "sox $V -t wav - | $SL run to.json --quiet | python3 $C/../apps/examples/framed_stream.py gain 0.5 | "
      "$SL run from.json --quiet",
      dir);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::string expected;
  for (const double x : samples_of_voice()) {
    const double half = 0.5 * x;
    expected.append(reinterpret_cast<const char*>(&half), sizeof half);
  }
  EXPECT_EQ(result.out == expected, true);
}

TEST(Pipes, EndWhenTheReaderGoesAndSaySo) {
  const TempDir dir;
  // A tone without an end.
  dir.write("graph.json", R"({"version": 1, "pipeline_config": {"sample_rate": 48000, "duration_s": 1000000},
      "nodes": [{"id": "tone", "type": "SineGenerator", "config": {"frequency": 440}},
                {"id": "out", "type": "PipeSink"}],
      "connections": [{"from": "tone", "to": "out"}]})");
  const auto result = run_program(
      {"/bin/bash", "-c",
       fmt::format("{} run graph.json | head -c 1000 | wc -c; echo ${{PIPESTATUS[0]}}", SL_STREAMLAB)},
      dir.path().string());
  EXPECT_EQ(result.out, "1000\n3\n");  // data was lost, and nothing failed
  EXPECT_THAT(result.err, HasSubstr("the reader of stdout left after "));
}

TEST(Pipes, KeepStandardOutputForTheStream) {
  const TempDir dir;
  const std::string nodes = R"({"version": 1, "pipeline_config": {"sample_rate": 48000, "duration_s": 0.1},
      "nodes": [{"id": "tone", "type": "SineGenerator", "config": {"frequency": 440}},
                {"id": "out", "type": "PipeSink", "config": {"format": "s16le"}},
                {"id": "show", "type": "Print"}],
      "connections": [{"from": "tone", "to": "out"}, {"from": "tone", "to": "show"}]})";
  const auto text = streamlab({"run", dir.write("graph.json", nodes)});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_EQ(text.out.size(), 9600U);
  EXPECT_THAT(text.err, HasSubstr("[Print] 0:00.000"));
  const auto lines = streamlab({"run", dir.file("graph.json"), "--json"});
  EXPECT_EQ(lines.out, text.out);
  EXPECT_EQ(json_lines(lines.err).back()["type"], "summary");
}

TEST(Pipes, RefuseASecondUserOfAStandardStream) {
  const TempDir dir;
  const std::string config = dir.write("graph.json", R"({"version": 1, "nodes": [
      {"id": "a", "type": "PipeSource"}, {"id": "b", "type": "PipeSource", "config": {"from": "fd:0"}},
      {"id": "c", "type": "PipeSink"}, {"id": "d", "type": "PipeSink", "config": {"to": "fd:1"}},
      {"id": "e", "type": "JsonlSink", "config": {"path": "-"}}],
      "connections": [{"from": "a", "to": "c"}, {"from": "b", "to": "d"}, {"from": "b", "to": "e"}]})");
  const auto result = streamlab({"run", config});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(
      result.err,
      config +
          ": /nodes/1/config/from (\"b\"): standard input is read by /nodes/0 already; expected one reader; connect "
          "both to one PipeSource\n" +
          config +
          ": /nodes/3/config/to (\"d\"): standard output is written by /nodes/2 already; expected one writer; "
          "a FIFO, or another descriptor\n" +
          config +
          ": /nodes/4/config/path (\"e\"): standard output carries the stream of /nodes/2, among which text "
          "would lie; expected a file; Print goes to standard error then\n");
  const auto twice = streamlab({"run", "-"}, dir.path().string(), through("", ""));
  EXPECT_EQ(twice.exit_code, 2);
  EXPECT_EQ(
      twice.err,
      "standard input: /nodes/0/config/from (\"in\"): standard input brought this configuration, and cannot bring a "
      "stream, too; expected the configuration in a file\n");
  dir.write("through.json", through("", ""));
  const auto batch = streamlab({"batch", dir.file("through.json"), kVoice});
  EXPECT_EQ(batch.exit_code, 2);
  EXPECT_THAT(
      batch.err,
      HasSubstr("/nodes/0/config/from (\"in\"): a pipe, \"stdin\", cannot be shared by many files at a time; "
                "expected FileSource and FileSink\n"));
}

TEST(Pipes, SayWhatIsWrongWithTheInput) {
  const TempDir dir;
  dir.write("graph.json", through("", ""));
  const auto empty = streamlab({"run", "graph.json"}, dir.path().string());
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_EQ(empty.out, "");
  EXPECT_EQ(
      empty.err,
      "graph.json: /nodes/0/config/from (\"in\"): stdin ended before any data came; expected a WAV or a framed "
      "stream\n");
  const auto stereo = shell("sox $V -c 2 -t wav - | $SL run $C/pipe_through.json --set channels=1", dir);
  EXPECT_EQ(stereo.exit_code, 2);
  EXPECT_THAT(stereo.err,
              HasSubstr("/nodes/0/config/channels (\"in\"): the header of stdin says 2, which contradicts 1; "
                        "expected the same number, or 0 to use the header's"));
  const auto cut = shell("head -c 1001 $V | $SL run graph.json > cut.wav", dir);
  EXPECT_EQ(cut.exit_code, 3);
  EXPECT_THAT(cut.err, HasSubstr("stdin ended with 1 bytes of an incomplete frame, which are skipped"));
  EXPECT_THAT(cut.err, HasSubstr("bytes of samples, but it ended after "));
}

}  // namespace
}  // namespace streamlab::test
