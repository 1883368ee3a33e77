// tests/apps/flow_control_test.cpp
//
// configs/flow_control.json over a recorded voice, against the same numbers from plain loops over its
// samples.
#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/apps/streamlab_runner.hpp"
#include "tests/apps/voice.hpp"

namespace streamlab::test {
namespace {

using Pieces = std::vector<std::pair<std::size_t, std::size_t>>;  // [begin, end) in frames

// What is trusted: pieces of 10 ms, but for 50 ms from the second of five with a sample beyond `overload` on,
// and from every bad one of the two that are tried then.
Pieces trusted(const std::vector<double>& x, double overload) {
  constexpr std::size_t kPiece = 480;
  constexpr std::size_t kCoolDown = 2400;
  Pieces kept;
  std::deque<bool> last_five;
  bool open = false;
  std::size_t opened_at = 0;
  int to_prove = 0;
  for (std::size_t begin = 0; begin < x.size(); begin += kPiece) {
    const std::size_t end = std::min(begin + kPiece, x.size());
    const bool bad = std::any_of(x.begin() + static_cast<std::ptrdiff_t>(begin),
                                 x.begin() + static_cast<std::ptrdiff_t>(end),
                                 [&](double sample) { return std::abs(sample) > overload; });
    if (open) {
      if (begin < opened_at + kCoolDown) { continue; }
      open = false;
      to_prove = 2;
    }
    kept.emplace_back(begin, end);
    if (to_prove > 0) {
      if (bad) {
        open = true;
        opened_at = begin;
      } else if (--to_prove == 0) {
        last_five.clear();
      }
      continue;
    }
    last_five.push_back(bad);
    if (last_five.size() > 5) { last_five.pop_front(); }
    if (std::count(last_five.begin(), last_five.end(), true) >= 2) {
      open = true;
      opened_at = begin;
    }
  }
  return kept;
}

double level_db(const std::vector<double>& x, std::size_t begin, std::size_t size) {
  return 10.0 * std::log10(energy(x, begin, begin + size) / static_cast<double>(size));
}

struct Level {
  std::size_t begin = 0;
  bool after_gap = false;
  double level_db = 0.0;
  double above_db = 0.0;
};

// 100 ms every 50 ms within each stretch without a gap, beside the 400 ms that begin up to 50 ms before it.
std::vector<Level> levels_in(const std::vector<double>& x, double overload) {
  constexpr std::size_t kShort = 4800;
  constexpr std::size_t kLong = 19'200;
  constexpr std::size_t kHop = 2400;
  Pieces stretches;
  for (const auto& [begin, end] : trusted(x, overload)) {
    if (!stretches.empty() && stretches.back().second == begin) {
      stretches.back().second = end;
    } else {
      stretches.emplace_back(begin, end);
    }
  }
  const std::size_t last_long = (x.size() - kLong) / kHop * kHop;
  std::vector<Level> levels;
  std::size_t stretches_with_levels = 0;
  for (const auto& [stretch, end] : stretches) {
    for (std::size_t begin = stretch; begin + kShort <= end; begin += kHop) {
      const std::size_t beside = std::min(begin / kHop * kHop, last_long);
      if (begin - beside > kHop) { continue; }
      const double level = level_db(x, begin, kShort);
      levels.push_back(
          {begin, begin == stretch && stretches_with_levels > 0, level, level - level_db(x, beside, kLong)});
    }
    ++stretches_with_levels;
  }
  return levels;
}

// Those more than 3 dB above what surrounds them, as far as a bucket of 2 that gains 5 a second allows.
std::vector<Level> alarms_of(const std::vector<Level>& levels) {
  std::vector<Level> alarms;
  double tokens = 2.0;
  std::size_t before = 0;
  for (const Level& level : levels) {
    if (!(level.above_db > 3.0)) { continue; }
    tokens = std::min(2.0, tokens + 5.0 * static_cast<double>(level.begin - before) / 48000.0);
    before = level.begin;
    if (tokens < 1.0) { continue; }
    tokens -= 1.0;
    alarms.push_back(level);
  }
  return alarms;
}

struct ControlledLines {
  std::vector<nlohmann::json> levels;
  std::vector<nlohmann::json> alarms;
};

ControlledLines run_flow_control(const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"run", std::string(SL_CONFIGS) + "/flow_control.json", "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto result = streamlab(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  ControlledLines lines;
  for (const auto& line : json_lines(result.out)) {
    const std::string label = line.value("label", "");
    if (label == "Level") { lines.levels.push_back(line); }
    if (label == "Alarm") { lines.alarms.push_back(line); }
  }
  return lines;
}

// 1e-12 dB is far above the rounding of either sum; silence has no level, and is null.
void expect_same(const std::vector<nlohmann::json>& lines, const std::vector<Level>& expected) {
  ASSERT_EQ(lines.size(), expected.size());
  for (std::size_t k = 0; k < lines.size(); ++k) {
    EXPECT_EQ(lines[k]["position"], expected[k].begin) << k;
    const auto& level = lines[k]["channels"]["level"]["value"];
    const auto& above = lines[k]["channels"]["above"]["value"];
    ASSERT_EQ(level.is_null(), !std::isfinite(expected[k].level_db)) << k;
    if (level.is_null()) { continue; }
    EXPECT_NEAR(level.get<double>(), expected[k].level_db, 1e-12) << k;
    EXPECT_NEAR(above.get<double>(), expected[k].above_db, 1e-12) << k;
  }
}

TEST(FlowControl, MeasuresWhatPlainLoopsMeasure) {
  const std::vector<double> x = samples_of_voice();
  ASSERT_EQ(x.size(), 68'545U);
  const auto levels = levels_in(x, 0.4);
  const auto alarms = alarms_of(levels);
  ASSERT_EQ(levels.size(), 19U);
  ASSERT_TRUE(std::any_of(levels.begin(), levels.end(), [](const Level& l) { return l.after_gap; }));
  ASSERT_EQ(alarms.size(), 3U);

  const ControlledLines lines = run_flow_control({});
  expect_same(lines.levels, levels);
  expect_same(lines.alarms, alarms);
  for (std::size_t k = 0; k < levels.size(); ++k) {
    const auto flags = lines.levels[k].value("flags", nlohmann::json::array());
    EXPECT_EQ(std::count(flags.begin(), flags.end(), "gap"), levels[k].after_gap ? 1 : 0) << k;
  }
}

TEST(FlowControl, AnswersToTheRangeOfTheInput) {
  const std::vector<double> x = samples_of_voice();
  std::vector<std::size_t> counts;
  for (const char* overload : {"1", "0.3", "0.2", "0.05"}) {
    const auto levels = levels_in(x, std::stod(overload));
    counts.push_back(levels.size());
    const ControlledLines lines = run_flow_control({"--set", std::string("overload=") + overload});
    expect_same(lines.levels, levels);
    expect_same(lines.alarms, alarms_of(levels));
  }
  EXPECT_EQ(counts.front(), 22U);  // of the whole recording: 0 … 1.05 s
  EXPECT_LT(counts.back(), 15U);
}

TEST(FlowControl, GivesTheSameForEveryBlockSizeAndPartition) {
  const std::string config = content_of(std::string(SL_CONFIGS) + "/flow_control.json");
  std::vector<std::string> reference;
  for (const char* threads : {"1", "2", "\"per_node\""}) {
    for (const char* block : {"1024", "1", "7", "480"}) {
      std::string text = config;
      text.insert(text.find("\"title\""), std::string("\"pipeline_config\": {\"threads\": ") + threads +
                                              ", \"block_size\": " + block + "}, ");
      const auto result = streamlab({"run", "-", "--json"}, {}, text);
      ASSERT_EQ(result.exit_code, 0) << result.err;
      std::vector<std::string> lines;
      for (const auto& line : json_lines(result.out)) {
        if (line.contains("label")) { lines.push_back(line.dump()); }
      }
      std::sort(lines.begin(), lines.end());  // which Print comes first is up to the threads
      if (reference.empty()) { reference = lines; }
      EXPECT_EQ(lines.size(), 22U);
      EXPECT_EQ(lines == reference, true) << threads << " threads, blocks of " << block;
    }
  }
}

}  // namespace
}  // namespace streamlab::test
