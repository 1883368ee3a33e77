// tests/documents/migration_test.cpp
//
// What docs/migration.md quotes, beside the loops over the whole recording that it replaces.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <streamlab.hpp>
#include "tests/apps/voice.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab::test {
namespace {

using testing::HasSubstr;

// The stage that a node is; a refusal fails the test.
auto node_of(std::string_view type, std::string_view config) {
  auto node = make_node_by_name(type, config);
  if (!node) { throw std::runtime_error(to_string(node.error(), "")); }
  return from_node(std::move(*node));
}

struct Sum {
  double squares = 0.0;
  std::uint64_t count = 0;

  double mean_square() const { return squares / static_cast<double>(count); }
};

Sum add(const Sum& sum, const DataFrame& block) {
  const auto x = block.channel(0U);
  return {std::inner_product(x.begin(), x.end(), x.begin(), sum.squares), sum.count + x.size()};
}

StreamResult<Sum> sum_of(const std::string& path) { return frames_of(path).reduce(Sum{}, add); }

TEST(Migration, AMeanOfAWholeFileIsAReduction) {
  const std::vector<double> x = samples_of_voice();
  const std::string path = kVoice;
  const auto sum = frames_of(path).reduce(Sum{}, add);
  ASSERT_TRUE(sum);
  EXPECT_EQ(sum->count, x.size());
  EXPECT_EQ(sum->squares, energy(x, 0, x.size()));  // the same additions in the same order
}

TEST(Migration, AFilterKeepsItsStateFromBlockToBlock) {
  const std::vector<double> x = samples_of_voice();
  // SciPy's sosfilt: y[n] = b0 x[n] + z1; z1 = b1 x[n] - a1 y[n] + z2; z2 = b2 x[n] - a2 y[n].
  double z1 = 0.0;
  double z2 = 0.0;
  double squares = 0.0;
  for (const double in : x) {
    const double y = 0.2 * in + z1;
    z1 = 0.4 * in + 0.5 * y + z2;
    z2 = 0.2 * in - 0.25 * y;
    squares += y * y;
  }
  const std::string path = kVoice;
  const auto filtered = (frames_of(path) | node_of("Biquad", R"({"type": "coefficients",
                                               "coefficients": [0.2, 0.4, 0.2, 1, -0.5, 0.25]})"))
                            .reduce(Sum{}, add);
  ASSERT_TRUE(filtered) << to_string(filtered.report);
  EXPECT_NEAR(filtered->squares, squares, 1e-12 * squares);  // another form of the same filter
}

TEST(Migration, AWindowThatMovesIsANode) {
  const std::vector<double> x = samples_of_voice();
  std::vector<double> expected;
  for (std::size_t begin = 0; begin + 4800 <= x.size(); begin += 1200) {
    expected.push_back(energy(x, begin, begin + 4800) / 4800);
  }
  const std::string path = kVoice;
  const auto powers = (frames_of(path) | node_of("Window", R"({"size": 4800, "hop": 1200,
                                                               "short_windows": "leave_out"})"))
                          .map([](const DataFrame& window) { return add({}, window).mean_square(); })
                          .collect();
  ASSERT_TRUE(powers) << to_string(powers.report);
  EXPECT_EQ(*powers, expected);
}

TEST(Migration, AStateFromItemToItemIsAScan) {
  const std::vector<double> levels{1.0, 0.0, 4.0, 4.0};
  const auto smooth = from_range(levels)
                          .scan(0.0, [](double mean, double level) { return mean + 0.5 * (level - mean); })
                          .collect();
  EXPECT_EQ(*smooth, (std::vector<double>{0.5, 0.25, 2.125, 3.0625}));
}

TEST(Migration, APoolOfProcessesIsAParallelMap) {
  const std::vector<std::string> paths{kVoice, "/nonexistent.wav", "/usr/share/sounds/alsa/Front_Left.wav"};
  const auto results = from_range(paths)
                           .parallel_map(
                               4,
                               [](const std::string& path) -> Result<double> {
                                 const auto sum = sum_of(path);
                                 if (!sum) { return tl::unexpected(sum.report.error->error); }
                                 return sum->mean_square();
                               },
                               Order::ordered, collect_errors())
                           .collect();
  ASSERT_EQ(results->size(), 2U);
  EXPECT_EQ(results->front(), sum_of(kVoice)->mean_square());
  EXPECT_EQ(results->back(), sum_of(paths[2])->mean_square());
  ASSERT_EQ(results.report.collected_count, 1U);
  EXPECT_THAT(to_string(results.report.collected[0]), HasSubstr("/nonexistent.wav: does not exist"));
}

TEST(Migration, ATableIsWrittenAsItComes) {
  const TempDir dir;
  const std::string table = dir.file("levels.csv");
  const std::string path = kVoice;
  const auto report =
      (frames_of(path) | node_of("LevelMeter", R"({"interval_s": 0.1})"))
          .write_lines(table, [](const DataFrame& level) {
            return fmt::format("{:.1f},{:.6f}", 1e-6 * static_cast<double>(level.timestamp_us()),
                               level.channel("main_channel.rms")[0]);
          });
  ASSERT_TRUE(report.ok()) << to_string(report);
  const std::vector<double> x = samples_of_voice();
  std::string expected;
  for (std::size_t k = 0; k < 3; ++k) {
    expected += fmt::format("{:.1f},{:.6f}\n", 0.1 * static_cast<double>(k),
                            std::sqrt(energy(x, 4800 * k, 4800 * (k + 1)) / 4800));
  }
  EXPECT_EQ(content_of(table).substr(0, expected.size()), expected);
}

TEST(Migration, WhatNeedsTheEndFirstReadsTwice) {
  const std::vector<double> x = samples_of_voice();
  const double highest = std::abs(
      *std::max_element(x.begin(), x.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }));
  const std::string path = kVoice;
  const auto peak = frames_of(path).reduce(0.0, [](double highest_yet, const DataFrame& block) {
    for (const double sample : block.channel(0U)) { highest_yet = std::max(highest_yet, std::abs(sample)); }
    return highest_yet;
  });
  if (!peak) { throw std::runtime_error(to_string(peak.report)); }
  auto normalised = frames_of(path).map([gain = 1.0 / *peak](DataFrame& block) {
    for (double& sample : block.channel(0U)) { sample *= gain; }
  });
  const auto sum = std::move(normalised).reduce(Sum{}, add);
  ASSERT_TRUE(sum) << to_string(sum.report);
  EXPECT_NEAR(sum->squares, energy(x, 0, x.size()) / (highest * highest), 1e-12 * sum->squares);
}

}  // namespace
}  // namespace streamlab::test
