// tests/apps/configs_test.cpp
//
// Every configuration that is shipped is accepted, and check, graph and schema know it.
#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"

namespace streamlab::test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> shipped_configs() {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(SL_CONFIGS)) {
    if (entry.is_regular_file()) { files.push_back(entry.path().string()); }
  }
  return files;
}

bool is_flow(const std::string& config) { return content_of(config).find("\nedges:") != std::string::npos; }

// A graph that a flow runs is checked with that flow: what it reads comes from there.
bool is_step_of_a_flow(const std::string& config) {
  const auto configs = shipped_configs();
  const std::string step = "graph: " + fs::path(config).filename().string();
  return std::any_of(configs.begin(), configs.end(), [&](const std::string& other) {
    return is_flow(other) && content_of(other).find(step) != std::string::npos;
  });
}

// Those with a device are checked against the simulated card, which is there everywhere, and those that read
// a pipe without anything in it.
std::vector<std::string> on_any_machine(std::vector<std::string> arguments, const std::string& config) {
  if (content_of(config).find("\"device\":") != std::string::npos) {
    arguments.insert(arguments.end(), {"--set", "device=sim"});
  }
  if (content_of(config).find("PipeSource") != std::string::npos) {
    arguments.insert(arguments.end(), {"--set", "channels=2", "--set", "sample_rate=48000"});
  }
  return arguments;
}

TEST(Configs, AreAllAccepted) {
  const TempDir dir;
  EXPECT_GE(shipped_configs().size(), 5U);
  for (const std::string& config : shipped_configs()) {
    if (is_step_of_a_flow(config)) { continue; }
    const auto result = streamlab(on_any_machine({"check", config, "--json"}, config), dir.path().string());
    EXPECT_EQ(result.exit_code, 0) << config << "\n" << result.err;
    ASSERT_FALSE(json_lines(result.out).empty()) << config << "\n" << result.err;
    EXPECT_EQ(json_lines(result.out).front()["type"], is_flow(config) ? "flow_plan" : "plan") << config;
    if (is_flow(config)) { continue; }  // a picture is of a graph
    const auto graph = streamlab(on_any_machine({"graph", config}, config), dir.path().string());
    EXPECT_EQ(graph.exit_code, 0) << config;
    EXPECT_THAT(graph.out, testing::StartsWith("digraph ")) << config;
  }
  EXPECT_TRUE(fs::is_empty(dir.path())) << "a check wrote something";
}

// Each run has a log of its own, named after the time of its start, and no other is written over.
TEST(Configs, LiveCaptureKeepsTheLogsOfEarlierRuns) {
  const TempDir dir;
  const std::vector<std::string> command{"run", std::string(SL_CONFIGS) + "/live_capture.json", "--set",
                                         "device=file:/usr/share/sounds/alsa/Front_Center.wav", "--json"};
  const auto result = streamlab(command, dir.path().string());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::vector<std::string> logs;
  for (const auto& entry : fs::directory_iterator(dir.path())) { logs.push_back(entry.path().filename()); }
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_THAT(logs[0], testing::MatchesRegex("live_capture-....-..-.._..-..-..[.]jsonl"));
  const std::string log = content_of(dir.file(logs[0]));
  EXPECT_FALSE(json_lines(log).empty());
  auto again = command;
  again.insert(again.end(), {"--set", "now=" + logs[0].substr(13, 19)});
  const auto refused = streamlab(again, dir.path().string());
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err,
              testing::HasSubstr("\"" + logs[0] + "\" exists already; use --force to replace it"));
  EXPECT_EQ(content_of(dir.file(logs[0])), log);
}

}  // namespace
}  // namespace streamlab::test
