// tests/apps/unread_output_test.cpp
//
// streamlab run, where nobody reads what it says: a pager that pauses, a terminal after Ctrl-S, a full pipe.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"
#include "tests/apps/voice.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// A recording beside a Print of a thousand lines a second.
constexpr std::string_view kLoudRecording = R"({
  "version": 1,
  "pipeline_config": {"sample_rate": 48000, "block_size": 256},
  "nodes": [
    {"id": "mic", "type": "AudioInput", "config": {"device": "sim", "sim": {
        "clock": "real_time", "input": {"counting": true}, "input_channels": 1, "buffer_frames": 2880000}}},
    {"id": "take", "type": "FileSink", "config": {"path": "take.wav", "subtype": "double"}},
    {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.001}},
    {"id": "show", "type": "Print"}],
  "connections": [{"from": "mic", "to": "take", "capacity": 10000}, {"from": "mic", "to": "level", "capacity": 10000},
                  {"from": "level", "to": "show"}]})";

// How it ends, where nobody reads its standard output (or what `more` leads there) until it has ended. `before`: a
// command that writes there before it.
ProgramResult run_unread(const TempDir& dir, const std::string& before, const std::string& more) {
  dir.write("loud.json", kLoudRecording);
  const std::string command = std::string(SL_STREAMLAB) + " run loud.json --seconds 2 " + more;
  const std::string unread =
      "{ " + before + command + "; echo $? > code; } | until [ -s code ]; do sleep 0.1; done";
  ProgramResult result = run_program({"/bin/sh", "-c", unread}, dir.path().string());
  result.exit_code = std::stoi("0" + content_of(dir.file("code")));
  return result;
}
std::string information_of(const TempDir& dir) {
  return streamlab({"info", dir.file("take.wav"), "--json"}).out;
}

TEST(UnreadOutput, CostsNoRecording) {
  const TempDir dir;
  const auto result = run_unread(dir, "", "");
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("ran 2 s (96000 frames at 48000 Hz)"));
  EXPECT_THAT(result.err, HasSubstr("stdout: its reader took nothing"));
  EXPECT_THAT(result.err, Not(HasSubstr("mic -> ")));
  EXPECT_THAT(information_of(dir), HasSubstr("\"frames\":96000"));
}

TEST(UnreadOutput, CostsNoRecordingWithJson) {
  const TempDir dir;
  const auto result = run_unread(dir, "", "--json");
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("standard output: its reader took nothing"));
  EXPECT_THAT(information_of(dir), HasSubstr("\"frames\":96000"));
}

TEST(UnreadOutput, DoesNotHoldTheEndWhereItIsStandardError) {
  const TempDir dir;
  const auto result = run_unread(dir, "timeout 1 cat /dev/zero; ", "2>&1 > shown");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(information_of(dir), HasSubstr("\"frames\":96000"));
}

// More results than a pipe holds, of more files than are worked on; nobody reads them. After an interrupt a batch waits
// a second for its reader, after two it does not.
TEST(UnreadOutput, DoesNotHoldABatchThatIsInterrupted) {
  const TempDir dir;
  const std::string config = dir.write("levels.json", R"({"nodes": [
      {"id": "in", "type": "FileSource", "config": {"path": "${input}", "loop": 100}},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.01}}, {"id": "show", "type": "Print"}],
      "connections": [{"from": "in", "to": "level"}, {"from": "level", "to": "show"}]})");
  for (const std::string options : {"", "--json", "--csv -"}) {
    for (const char* const signals : {"TERM", "TERM TERM"}) {
      // The reader takes a byte, and then no more: the rest of the text does not fit into a pipe.
      const std::string command =
          "{ " SL_STREAMLAB " batch levels.json " + std::string(kVoice) + " " + options +
          " & p=$!; until [ -s first ]; do sleep 0.05; done; for s in " + signals +
          "; do kill -$s $p; done; wait $p; echo $? > code; } | { head -c 1 > first; until [ "
          "-s code ]; do sleep 0.1; done; }";
      std::filesystem::remove(dir.file("code"));
      std::filesystem::remove(dir.file("first"));
      const auto result = run_program({"/bin/sh", "-c", command}, dir.path().string());
      EXPECT_EQ(content_of(dir.file("code")), "1\n") << options << result.err;
      EXPECT_THAT(result.err, HasSubstr("standard output: its reader took nothing: ")) << options;
    }
  }
}

}  // namespace
}  // namespace streamlab::test
