// tests/apps/watch_test.cpp
//
// streamlab run --watch: what is saved is taken over while the graph runs.
#include <csignal>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/apps/streamlab_runner.hpp"
#include "tests/apps/voice.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;

std::string watched(const std::string& more_nodes, const std::string& more_connections) {
  return fmt::format(R"({{"version": 1, "pipeline_config": {{"sample_rate": 48000, "block_size": 480}},
  "nodes": [
    {{"id": "mic", "type": "AudioInput", "config": {{"device": "sim", "sim": {{
        "clock": "real_time", "input": {{"counting": true}}, "input_channels": 1, "buffer_frames": 2880000}}}}}},
    {{"id": "take", "type": "FileSink", "config": {{"path": "take.wav", "subtype": "double"}}}}{}],
  "connections": [{{"from": "mic", "to": "take"}}{}]}})",
                     more_nodes, more_connections);
}

TEST(Watch, TakesOverWhatIsSavedAndLosesNothing) {
  const TempDir dir;
  const std::string config = dir.write("live.json", watched("", ""));
  Program program(streamlab_command({"run", config, "--watch", "--json"}), dir.path().string());
  ASSERT_TRUE(program.wait_for_output("\"type\":\"device\""));
  const std::string level = R"(, {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.05}},
      {"id": "show", "type": "Print"})";
  dir.write("live.json",
            watched(level, R"(, {"from": "mic", "to": "level"}, {"from": "level", "to": "show"})"));
  ASSERT_TRUE(program.wait_for_output(
      R"({"type":"event","event":"reload","kept":["mic","take"],"changed":[],"restarted":[],"added":["level","show"])"));
  ASSERT_TRUE(program.wait_for_output("main_channel.rms_db"));  // from the new meter
  dir.write("live.json", watched(R"(, {"id": "x", "type": "Gian"})", ""));
  dir.write("live.json", watched("", ""));
  ASSERT_TRUE(program.wait_for_output(R"("removed":["level","show"])"));
  program.send(SIGINT);
  const auto result = program.wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  // The recording has not noticed: as many frames as the run, each of them in its place.
  const auto info = nlohmann::json::parse(streamlab({"info", dir.file("take.wav"), "--json"}).out);
  EXPECT_THAT(result.out, HasSubstr(fmt::format("\"frames\":{}", info["frames"].get<std::int64_t>())));
}

TEST(Watch, SaysWhatIsWrongAndGoesOn) {
  const TempDir dir;
  const std::string config = dir.write("live.json", watched("", ""));
  Program program(streamlab_command({"run", config, "--watch", "--json"}), dir.path().string());
  ASSERT_TRUE(program.wait_for_output("\"type\":\"device\""));
  dir.write("live.json", watched(R"(, {"id": "x", "type": "Gian"})", ""));
  ASSERT_TRUE(program.wait_for_error("the graph goes on as it was"));
  dir.write("live.json", watched(R"(, {"id": "g", "type": "Gain"})", R"(, {"from": "mic", "to": "g"})"));
  ASSERT_TRUE(program.wait_for_output(R"("added":["g"])"));
  program.send(SIGINT);
  const auto result = program.wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("there is no node type \"Gian\""));
}

std::string with_fault(std::string config, const std::string& fault) {
  const std::string before = "\"input_channels\": 1,";
  return config.insert(config.find(before), "\"faults\": [" + fault + "], ");
}

// A card that is away gives no block at which a graph could take the place of another.
TEST(Watch, TakesOverWhatIsSavedWhileTheDeviceIsAwayWhenItIsBack) {
  const TempDir dir;
  const auto saved = [&](const std::string& more_nodes, const std::string& more_connections) {
    return dir.write("live.json", with_fault(watched(more_nodes, more_connections),
                                             R"({"at_frame": 24000, "type": "unplug", "frames": 48000})"));
  };
  Program program(streamlab_command({"run", saved("", ""), "--watch", "--json"}), dir.path().string());
  ASSERT_TRUE(program.wait_for_output("device_lost"));
  saved(R"(, {"id": "g", "type": "Gain"})", R"(, {"from": "mic", "to": "g"})");
  ASSERT_TRUE(program.wait_for_output(R"("added":["g"])"));
  program.send(SIGINT);
  const auto result = program.wait();
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, testing::Not(HasSubstr("the graph goes on as it was")));
}

TEST(Watch, TakesOverWhatIsSavedWhileTheDeviceGivesNoBlocks) {
  const TempDir dir;
  const auto saved = [&](const std::string& more_nodes, const std::string& more_connections) {
    std::string text =
        watched(R"(, {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.1}},
                                  {"id": "show", "type": "Print"})" +
                    more_nodes,
                R"(, {"from": "mic", "to": "level"}, {"from": "level", "to": "show"})" + more_connections);
    text.insert(text.find("\"block_size\""), "\"edge_capacity\": 1000, ");  // what has waited comes at once
    return dir.write("live.json", with_fault(std::move(text),
                                             R"({"at_frame": 24000, "type": "stall", "duration_ms": 2000})"));
  };
  Program program(streamlab_command({"run", saved("", ""), "--watch", "--json"}), dir.path().string());
  ASSERT_TRUE(program.wait_for_output("\"position\":19200"));        // the last level before the stall
  for (const std::string name : {"Gian", "Gani", "Gnai", "Ngai"}) {  // it takes a while until each is told,
    saved(R"(, {"id": "x", "type": ")" + name + "\"}", "");
    ASSERT_TRUE(program.wait_for_error(name));
  }
  saved(R"(, {"id": "g", "type": "Gain"})",
        R"(, {"from": "mic", "to": "g"})");  // and by now the card counts as away
  ASSERT_TRUE(program.wait_for_output(R"("added":["g"])"));
  program.send(SIGINT);
  const auto result = program.wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, testing::Not(HasSubstr("the device is away")));
}

TEST(Watch, TakesOverNoSinkThatWouldWriteOverAnInput) {
  const TempDir dir;
  const std::string voice = dir.write("voice.wav", content_of(kVoice));
  const auto with_sink = [](const std::string& path) {
    return watched(
        R"(, {"id": "voice", "type": "FileSource", "config": {"path": "voice.wav"}}, {"id": "end", "type":
        "NullSink"}, {"id": "log", "type": "CsvSink", "config": {"path": ")" +
            path + R"("}})",
        R"(, {"from": "voice", "to": "end"}, {"from": "mic", "to": "log"})");
  };
  const std::string config = dir.write("live.json", watched("", ""));
  Program program(streamlab_command({"run", config, "--watch", "--json", "--force"}), dir.path().string());
  ASSERT_TRUE(program.wait_for_output("\"type\":\"device\""));
  dir.write("live.json", with_sink("./voice.wav"));
  ASSERT_TRUE(program.wait_for_error("\"./voice.wav\" is read by this graph; expected another file"));
  dir.write("live.json", with_sink("live.json"));
  ASSERT_TRUE(program.wait_for_error("\"live.json\" is this configuration; expected another file"));
  program.send(SIGINT);
  EXPECT_EQ(program.wait().exit_code, 0);
  EXPECT_EQ(content_of(voice), content_of(kVoice));
  EXPECT_EQ(content_of(config), with_sink("live.json"));
}

TEST(Watch, NeedsAGraphInAFile) {
  const auto piped = run_program(streamlab_command({"run", "-", "--watch"}), {}, watched("", ""));
  EXPECT_EQ(piped.exit_code, 2);
  EXPECT_THAT(piped.err, HasSubstr("--watch: standard input is read once"));
}

}  // namespace
}  // namespace streamlab::test
