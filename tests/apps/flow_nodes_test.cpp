// tests/apps/flow_nodes_test.cpp
//
// configs/flow_nodes.json over a recorded voice, against the same numbers from plain loops over its samples.
#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"
#include "tests/apps/voice.hpp"

namespace streamlab::test {
namespace {

constexpr std::size_t kSkipped = 2400;  // 0.05 s

struct Found {
  double begin_s = 0.0;
  double level_db = 0.0;
};

// Frames of 20 ms above the threshold, those less than 0.1 s apart taken together.
std::vector<Found> utterances_in(const std::vector<double>& x, double threshold_db) {
  constexpr std::size_t kFrame = 960;
  std::vector<Found> found;
  std::size_t end = 0;
  double sum = 0.0;
  std::size_t count = 0;
  for (std::size_t begin = kSkipped; begin < x.size(); begin += kFrame) {
    const std::size_t frame_end = std::min(begin + kFrame, x.size());
    const double frame = energy(x, begin, frame_end);
    const auto length = static_cast<double>(frame_end - begin);
    if (10.0 * std::log10(frame / length) < threshold_db) { continue; }
    if (found.empty() || begin - end > 4800) {
      found.push_back({static_cast<double>(begin) / 48000.0, 0.0});
      sum = 0.0;
      count = 0;
    }
    sum += frame;
    count += frame_end - begin;
    end = frame_end;
    found.back().level_db = 10.0 * std::log10(sum / static_cast<double>(count));
  }
  return found;
}

struct NodeLines {
  std::vector<nlohmann::json> levels;
  std::vector<nlohmann::json> maxima;
  std::vector<nlohmann::json> utterances;
};

NodeLines run_flow_nodes(std::vector<std::string> more) {
  std::vector<std::string> arguments{"run", std::string(SL_CONFIGS) + "/flow_nodes.json", "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto result = streamlab(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  NodeLines lines;
  for (const auto& line : json_lines(result.out)) {
    const std::string label = line.value("label", "");
    if (label == "Level") { lines.levels.push_back(line); }
    if (label == "Loudest") { lines.maxima.push_back(line); }
    if (label == "Utterance") { lines.utterances.push_back(line); }
  }
  return lines;
}

double value(const nlohmann::json& line, const char* channel) { return line["channels"][channel]["value"]; }

TEST(FlowNodes, MeasureWhatPlainLoopsMeasure) {
  const std::vector<double> x = samples_of_voice();
  ASSERT_EQ(x.size(), 68'545U);
  const NodeLines lines = run_flow_nodes({});

  // Windows of 0.4 s every 0.1 s, whole ones alone; 1e-12 dB is far above the rounding of either sum.
  constexpr std::size_t kSize = 19'200;
  constexpr std::size_t kHop = 4800;
  ASSERT_EQ(lines.levels.size(), (x.size() - kSkipped - kSize) / kHop + 1);
  for (std::size_t k = 0; k < lines.levels.size(); ++k) {
    const std::size_t begin = kSkipped + k * kHop;
    const double expected = 10.0 * std::log10(energy(x, begin, begin + kSize) / kSize);
    EXPECT_NEAR(value(lines.levels[k], "level"), expected, 1e-12) << k;
    EXPECT_EQ(lines.levels[k]["position"], begin);
  }
  ASSERT_EQ(lines.maxima.size(), (lines.levels.size() + 4) / 5);
  for (std::size_t b = 0; b < lines.maxima.size(); ++b) {
    double most = -1000.0;
    for (std::size_t k = 5 * b; k < std::min(5 * b + 5, lines.levels.size()); ++k) {
      most = std::max(most, value(lines.levels[k], "level"));
    }
    EXPECT_EQ(value(lines.maxima[b], "level.max"), most);
  }

  const auto expected = utterances_in(x, -40.0);
  ASSERT_EQ(expected.size(), 2U);  // "front", "center"
  ASSERT_EQ(lines.utterances.size(), 2U);
  for (std::size_t u = 0; u < 2; ++u) {
    EXPECT_EQ(value(lines.utterances[u], "begin"), expected[u].begin_s);
    EXPECT_NEAR(value(lines.utterances[u], "level"), expected[u].level_db, 1e-12);
  }
}

TEST(FlowNodes, AnswerToTheThreshold) {
  const auto expected = utterances_in(samples_of_voice(), -22.0);
  const NodeLines lines = run_flow_nodes({"--set", "threshold_db=-22"});
  EXPECT_GT(expected.size(), 2U);  // falls apart
  ASSERT_EQ(lines.utterances.size(), expected.size());
  for (std::size_t u = 0; u < expected.size(); ++u) {
    EXPECT_NEAR(value(lines.utterances[u], "level"), expected[u].level_db, 1e-12) << u;
  }
}

TEST(FlowNodes, GiveTheSameForEveryBlockSizeAndPartition) {
  const std::string config = content_of(std::string(SL_CONFIGS) + "/flow_nodes.json");
  std::vector<std::string> reference;
  for (const char* threads : {"1", "2", "\"per_node\""}) {
    for (const char* block : {"1024", "1", "7", "480"}) {
      std::string text = config;
      const std::string before = "\"title\"";
      text.insert(text.find(before), std::string("\"pipeline_config\": {\"threads\": ") + threads +
                                         ", \"block_size\": " + block + "}, ");
      const auto result = streamlab({"run", "-", "--json"}, {}, text);
      ASSERT_EQ(result.exit_code, 0) << result.err;
      std::vector<std::string> lines;
      for (const auto& line : json_lines(result.out)) {
        if (line.contains("label")) { lines.push_back(line.dump()); }
      }
      std::sort(lines.begin(), lines.end());  // which Print comes first is up to the threads
      if (reference.empty()) { reference = lines; }
      EXPECT_EQ(lines.size(), 14U);
      EXPECT_EQ(lines == reference, true) << threads << " threads, blocks of " << block;
    }
  }
}

}  // namespace
}  // namespace streamlab::test
