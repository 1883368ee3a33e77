// tests/apps/interrupt_test.cpp
//
// Signals: the first lets what is under way come to its end, a second one gives it up. (Of `run` also in run_test.cpp.)
#include <csignal>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/apps/streamlab_runner.hpp"
#include "tests/apps/voice.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;

// A graph whose rest has no end: `script`, a program that gives one sample after another for ever, in place of what it
// was given.
std::string endless_graph(const TempDir& dir, const std::string& input, const std::string& script) {
  return dir.write("endless.json", R"({"version": 1, "nodes": [
      {"id": "in", "type": "FileSource", "config": {"path": ")" +
                                       input + R"(", "loop": 100}},
      {"id": "p", "type": "Process", "config": {"timeout_s": 60, "command": ["sh", "-c", ")" +
                                       script + R"("]}}, {"id": "out", "type": "NullSink"}],
      "connections": [{"from": "in", "to": "p"}, {"from": "p", "to": "out"}]})");
}

constexpr const char* kOther = "/usr/share/sounds/alsa/Front_Left.wav";
constexpr const char* kTrickle = "touch rest; while printf abcd; do sleep 0.05; done";

// Neither can end by itself, nor by the first Ctrl-C.
TEST(SecondCtrlC, GivesUpARunAndABatch) {
  for (const std::string reads : {"head -c 1000 >/dev/null; touch began; cat >/dev/null; ",
                                  "head -c 1000 >/dev/null; touch began; head -c 39000 >/dev/null; "}) {
    for (const bool is_batch : {false, true}) {
      const TempDir dir;
      const std::string graph = endless_graph(dir, is_batch ? "${input}" : kVoice, reads + kTrickle);
      Program program(is_batch ? streamlab_command({"batch", graph, kVoice, kOther, "--jobs", "1"})
                               : streamlab_command({"run", graph}),
                      dir.path().string());
      ASSERT_TRUE(comes([&] { return std::filesystem::exists(dir.file("began")); }));
      program.send(SIGINT);
      ASSERT_TRUE(comes([&] { return std::filesystem::exists(dir.file("rest")); }));
      program.send(SIGTERM);
      const auto result = program.wait();
      EXPECT_EQ(result.exit_code, is_batch ? 1 : 3) << reads << result.err;
      EXPECT_THAT(result.err, HasSubstr("had not ended when it was stopped: the output of "));
      EXPECT_THAT(result.err,
                  HasSubstr(is_batch ? "interrupted: 1 of 2 files not worked on\n" : "interrupted after "));
    }
  }
}

// The thread of a card with a virtual clock waits for a program that reads no more.
TEST(SecondCtrlC, EndsACardThatWaits) {
  const TempDir dir;
  const std::string graph = dir.write("graph.json", R"({"nodes": [
      {"id": "in", "type": "AudioInput", "config": {"device": "sim", "sim": {"clock": "virtual"}}},
      {"id": "slow", "type": "Process",
       "config": {"command": ["sh", "-c", "head -c 40000 >/dev/null; touch began; exec sleep 1000"]}},
      {"id": "out", "type": "NullSink"}],
      "connections": [{"from": "in", "to": "slow"}, {"from": "slow", "to": "out"}]})");
  Program program(streamlab_command({"run", graph}), dir.path().string());
  ASSERT_TRUE(comes([&] { return std::filesystem::exists(dir.file("began")); }));
  program.send(SIGINT);
  program.send(SIGTERM);
  const auto result = program.wait();
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("given up"));
}

// What the second one cut off before it was measured is not called silence, and the file is whole.
TEST(SecondCtrlC, SaysNothingFalseOfARecording) {
  const TempDir dir;
  const std::string card = dir.write(
      "card.json",
      R"({"sample_rate_hz": 48000, "input_channels": 1, "input": {"sine": {"frequency_hz": 1000, "amplitude": 0.5}}})");
  const std::string take = dir.file("take.wav");
  Program recording(streamlab_command({"record", "--device", "sim:" + card, take}), dir.path().string());
  ASSERT_TRUE(comes([&] {
    std::error_code error;
    return std::filesystem::file_size(take, error) > 10'000 && !error;
  }));
  recording.send(SIGINT);
  recording.send(SIGTERM);
  const auto result = recording.wait();
  EXPECT_THAT(result.err,
              testing::AnyOf(HasSubstr("peak -6.0 dBFS"), HasSubstr("its peak was not measured")));
  EXPECT_THAT(result.err, testing::Not(HasSubstr("silence")));
  const auto info = nlohmann::json::parse(streamlab({"info", take, "--json"}).out);
  EXPECT_GE(info["frames"].get<std::int64_t>(), 1000);
}

// A card that gives nothing: the old recording is worth more than one of no frames.
TEST(CtrlC, LeavesAnOldRecordingWhereNothingCame) {
  const TempDir dir;
  const std::string old = dir.write("take.wav", "an old recording");
  const std::string card = dir.write(
      "card.json",
      R"({"sample_rate_hz": 48000, "faults": [{"at_frame": 0, "type": "unplug", "frames": 480000000}]})");
  Program recording(streamlab_command({"record", "--device", "sim:" + card, "--force", "take.wav"}),
                    dir.path().string());
  ASSERT_TRUE(comes([&] { return std::filesystem::exists(dir.file("take.wav.new")); }));
  recording.send(SIGINT);
  const auto result = recording.wait();
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("take.wav: nothing was recorded, the device has given no frame\n"));
  EXPECT_EQ(content_of(old), "an old recording");
  EXPECT_FALSE(std::filesystem::exists(dir.file("take.wav.new")));
}

// What is read has an end, and so has what is limited; before it, the new file is a part, and the old one is worth more.
TEST(CtrlC, LeavesAnOldFileWhereOnlyAPartWasWritten) {
  const std::string file =
      R"("FileSource", "config": {"path": ")" + std::string(kVoice) + R"(", "loop": 1000})";
  for (const std::string& source : {file, std::string(R"("SineGenerator", "config": {"frequency": 1000})")}) {
    const TempDir dir;
    const std::string old = dir.write("out.csv", "an old table");
    const std::string graph = dir.write("graph.json", R"({"nodes": [
      {"id": "in", "type": )" + source + R"(}, {"id": "pace", "type": "Throttle"},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.01}}, {"id": "show", "type": "Print"},
      {"id": "out", "type": "CsvSink", "config": {"path": "out.csv"}}],
      "connections": [{"from": "in", "to": "pace"}, {"from": "pace", "to": "level"}, {"from": "level", "to": "show"},
      {"from": "level", "to": "out"}]})");
    std::vector<std::string> command{"run", graph, "--force"};
    if (source != file) { command.insert(command.end(), {"--seconds", "1000"}); }
    Program program(streamlab_command(command), dir.path().string());
    ASSERT_TRUE(program.wait_for_output("rms"));
    program.send(SIGINT);
    const auto result = program.wait();
    EXPECT_EQ(result.exit_code, 3) << result.err;
    EXPECT_THAT(result.err, HasSubstr("out.csv: the old file was kept; the new one is incomplete"));
    EXPECT_EQ(content_of(old), "an old table");
    EXPECT_THAT(content_of(dir.file("out.csv.new")), HasSubstr("position,seconds"));
  }
}

std::string stubborn_flow(const TempDir& dir) {
  return dir.write("flow.json", R"({"nodes": [{"name": "a", "shell": "sh",
      "run": "trap '' TERM; touch began; while :; do sleep 0.1; done"}],
      "edges": [{"from": "__start__", "to": "a"}]})");
}

// After the first one it has two seconds.
TEST(SecondCtrlC, KillsTheStepsOfAFlow) {
  for (const bool second : {false, true}) {
    const TempDir dir;
    Program program(streamlab_command({"run", stubborn_flow(dir)}), dir.path().string());
    ASSERT_TRUE(comes([&] { return std::filesystem::exists(dir.file("began")); }));
    program.send(SIGINT);
    if (second) { program.send(SIGTERM); }
    const auto result = program.wait();
    EXPECT_EQ(result.exit_code, 1) << result.err;
    EXPECT_THAT(result.err, HasSubstr(second ? "a: ended by us, was killed by us at once (SIGKILL), "
                                             : "a: ended by us, was killed by us (SIGKILL), because it "
                                               "ignored SIGTERM, "));
  }
}

// As when its terminal is closed; however often, it is a first one.
TEST(Hangup, EndsARecordingABatchAndAFlowCleanly) {
  const TempDir dir;
  Program recording(streamlab_command({"record", "--device", "sim", "take.wav"}), dir.path().string());
  ASSERT_TRUE(comes([&] { return content_of(dir.file("take.wav")).size() > 20000; }));
  for (int n = 0; n < 3; ++n) { recording.send(SIGHUP); }
  const auto recorded = recording.wait();
  EXPECT_THAT(recorded.exit_code, testing::AnyOf(0, 3)) << recorded.err;  // 3: on a machine that stands still
  EXPECT_EQ(streamlab({"info", "take.wav"}, dir.path().string()).exit_code, 0);

  const std::string graph = endless_graph(dir, "${input}", "touch began; cat");
  Program batch(streamlab_command({"batch", graph, kVoice, kOther, "--jobs", "1"}), dir.path().string());
  ASSERT_TRUE(comes([&] { return std::filesystem::exists(dir.file("began")); }));
  for (int n = 0; n < 3; ++n) { batch.send(SIGHUP); }
  const auto done = batch.wait();
  EXPECT_EQ(done.exit_code, 1) << done.err;
  EXPECT_THAT(done.err, HasSubstr("interrupted: 1 of 2 files not worked on\n"));

  std::filesystem::remove(dir.file("began"));
  Program flow(streamlab_command({"run", stubborn_flow(dir)}), dir.path().string());
  ASSERT_TRUE(comes([&] { return std::filesystem::exists(dir.file("began")); }));
  for (int n = 0; n < 3; ++n) { flow.send(SIGHUP); }
  const auto stopped = flow.wait();
  EXPECT_EQ(stopped.exit_code, 1);
  EXPECT_THAT(stopped.err, HasSubstr("because it ignored SIGTERM"));
  EXPECT_THAT(stopped.err, HasSubstr("stopped\n"));
}

// By the bound that holds where none is named.
TEST(ProcessFlow, EndsAStepWhoseStateIsLargerThan16MiB) {
  const TempDir dir;
  const auto result = streamlab({"run", dir.write("bomb.yaml", R"(
nodes:
  - name: a
    command: ["sh","-c","yes >&3"]
edges:
  - { from: __start__, to: a }
)")});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              HasSubstr("/nodes/0: \"a\" returned a state of more than 16777216 bytes; expected a "
                        "smaller state, or a larger settings.state.max_bytes\n"));
}

}  // namespace
}  // namespace streamlab::test
