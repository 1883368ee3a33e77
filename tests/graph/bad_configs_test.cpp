// tests/graph/bad_configs_test.cpp
//
// configs/bad/: one file for each kind of mistake, with the exact lines that a user is shown in NAME.expected
// beside it.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/flow/read_flow.hpp"
#include "engine/flow/valid_flow.hpp"
#include "engine/graph/plan.hpp"

namespace streamlab {
namespace {

namespace fs = std::filesystem;

// Every configuration of the folder, as "configs/bad/NAME".
std::vector<std::string> bad_configs() {
  std::vector<std::string> paths;
  for (const auto& file : fs::directory_iterator(fs::path(SL_SOURCE_DIR) / "configs/bad")) {
    if (file.path().extension() != ".expected") {
      paths.push_back("configs/bad/" + file.path().filename().string());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

fs::path expectation_of(const std::string& config) {
  return fs::path(SL_SOURCE_DIR) / fs::path(config).replace_extension(".expected");
}

// Some card of two channels each way, for graphs that have a device.
DeviceStream any_card() {
  return {.sample_rate_hz = 48000.0,
          .max_block_frames = 256,
          .input_names = {"left", "right"},
          .output_names = {"left", "right"}};
}

// What is said about the file, up to the plan; empty if it is accepted.
std::string messages_about(const std::string& config) {
  const auto text = read_config_file(config);
  if (!text) { return to_string(Errors{text.error()}, ""); }
  const auto document = parse_document(*text, language_of(config));
  if (document && is_flow(*document)) {
    const auto flow = load_flow(*text, language_of(config));
    return flow ? std::string{} : to_string(flow.error(), config + ": ");
  }
  const auto graph = load_graph(*text, language_of(config));
  if (!graph) { return to_string(graph.error(), config + ": "); }
  PlanOptions options;
  options.threads = graph->config().threads;
  options.cores = 2;
  if (graph->has_device()) { options.device = any_card(); }
  const auto plan = make_plan(*graph, options);
  return plan ? std::string{} : to_string(plan.error(), config + ": ");
}

class BadConfig : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { fs::current_path(SL_SOURCE_DIR); }
};

TEST_P(BadConfig, IsRefusedInExactlyTheseWords) {
  std::ifstream file(expectation_of(GetParam()));
  ASSERT_TRUE(file) << "no file with the text expected";
  std::stringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(messages_about(GetParam()), expected.str());
  EXPECT_FALSE(expected.str().empty());
}

INSTANTIATE_TEST_SUITE_P(All, BadConfig, testing::ValuesIn(bad_configs()), [](const auto& config) {
  std::string name = fs::path(config.param).stem().string();
  return name;
});

TEST(BadConfigs, NoExpectationIsLeftWithoutItsConfiguration) {
  std::size_t expectations = 0;
  for (const auto& file : fs::directory_iterator(fs::path(SL_SOURCE_DIR) / "configs/bad")) {
    expectations += file.path().extension() == ".expected" ? 1 : 0;
  }
  EXPECT_EQ(expectations, bad_configs().size());
  EXPECT_GE(expectations, 60U);
}

}  // namespace
}  // namespace streamlab
