// tests/nodes/operators/conflate_test.cpp
#include <cmath>
#include <limits>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/nodes/operators/timed_blocks.hpp"
#include "tests/support/not_finite.hpp"

namespace streamlab::test {
namespace {

using testing::ElementsAre;

double joined(const std::string& method, const std::vector<double>& all) {
  std::vector<double> values;
  for (const double value : all) {
    if (!std::isnan(value)) { values.push_back(value); }
  }
  if (values.empty()) { return kNaN; }
  if (method == "max") { return *std::max_element(values.begin(), values.end()); }
  if (method == "min") { return *std::min_element(values.begin(), values.end()); }
  if (method == "last") { return values.back(); }
  double sum = 0.0;
  for (const double value : values) { sum += value; }
  return sum / static_cast<double>(values.size());
}

TEST(Conflate, JoinsTheValuesOfEachInterval) {
  for (const std::string method : {"mean", "max", "min", "last"}) {
    EXPECT_TRUE(rc::check(method, [&] {
      const auto interval = *rc::gen::inRange<std::int64_t>(1, 50);  // frames of 1 ms
      NodeHarness conflate("Conflate",
                           R"({"interval_s": )" + std::to_string(static_cast<double>(interval) / 1000.0) +
                               R"(, "method": ")" + method + "\"}",
                           {values_at_rate(1000.0, 2)});
      std::map<std::int64_t, std::vector<double>> cells;
      std::map<std::int64_t, std::int64_t> begins;
      std::vector<DataFrame> in;
      std::int64_t position = *rc::gen::inRange<std::int64_t>(0, 100);
      for (int i = 0; i < 30; ++i) {
        const double value = *rc::gen::inRange(0, 4) == 0 ? kNaN : *rc::gen::inRange(-1000, 1000);
        in.push_back(flat_block_at(conflate, position, value));
        in.back().channel(1U)[0] = -value;
        cells[position / interval].push_back(value);
        begins.emplace(position / interval, position);
        position += *rc::gen::inRange<std::int64_t>(1, 40);
      }
      const auto out = run_blocks(conflate, in);
      RC_ASSERT(out.size() == cells.size());
      std::size_t i = 0;
      for (auto& [cell, values] : cells) {
        const DataFrame& frame = out[i];
        RC_ASSERT(frame.position() == begins[cell]);
        RC_ASSERT(frame.sequence_id() == i);
        RC_ASSERT(frame.metadata().get("blocks") == static_cast<double>(values.size()));
        for (std::uint32_t c = 0; c < 2; ++c) {
          const double expected = joined(method, values);  // whole numbers: sums are exact
          const double got = frame.channel(c)[0];
          RC_ASSERT(std::isnan(got) == std::isnan(expected));
          if (!std::isnan(expected)) { RC_ASSERT(got == expected); }
          for (double& value : values) { value = -value; }
        }
        ++i;
      }
    }));
  }
}

// Effective values as energy; what has no mean is left out.
TEST(Conflate, AveragesTheValuesOfAMeter) {
  StreamFormat format = values_at_rate(1000.0, 3);
  format.channels[0].mean = Mean::none;
  format.channels[1].mean = Mean::energy;
  NodeHarness conflate("Conflate", R"({"interval_s": 1})", {format});
  ASSERT_EQ(conflate.outputs()[0].format.channels,
            (std::vector<ChannelInfo>{format.channels[1], format.channels[2]}));
  std::vector<DataFrame> in;
  for (const double value : {3.0, 4.0}) {
    in.push_back(flat_block_at(conflate, static_cast<std::int64_t>(value), value));
  }
  const auto out = run_blocks(conflate, in);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_DOUBLE_EQ(out[0].channel(0U)[0], std::sqrt(12.5));
  EXPECT_DOUBLE_EQ(out[0].channel(1U)[0], 3.5);
  EXPECT_EQ(
      NodeHarness("Conflate", R"({"interval_s": 1, "method": "max"})", {format}).outputs()[0].format.channels,
      format.channels);
  format.channels.resize(1);
  EXPECT_THAT(to_string(NodeHarness::refusals("Conflate", R"({"interval_s": 1})", {format}), ""),
              testing::HasSubstr("/config/method: a mean of \"ch1\" would say nothing"));
}

// As in Reduce: a level of 1000 frames and one of 250.
TEST(Conflate, CountsValuesByTheirLength) {
  StreamFormat format = values_at_rate(1000.0, 2);
  format.channels[0].unit = "dBFS";
  for (const char* method : {"mean", "max"}) {
    NodeHarness conflate("Conflate", fmt::format(R"({{"interval_s": 10, "method": "{}"}})", method),
                         {format});
    std::vector<DataFrame> in;
    for (const auto& [position, length, value] :
         {std::tuple(0, 1000U, -3.0), std::tuple(1000, 250U, -13.0)}) {
      in.push_back(flat_block_at(conflate, position, value));
      in.back().header().length_frames = length;
    }
    const auto out = run_blocks(conflate, in);
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].header().length_frames, 1250U);
    const bool mean = std::string(method) == "mean";
    const double power = (1000.0 * std::pow(10.0, -0.3) + 250.0 * std::pow(10.0, -1.3)) / 1250.0;
    EXPECT_NEAR(out[0].channel(0U)[0], mean ? 10.0 * std::log10(power) : -3.0, 1e-13);  // rounding
    EXPECT_NEAR(out[0].channel(1U)[0], mean ? (-3.0 * 1000.0 - 13.0 * 250.0) / 1250.0 : -3.0, 1e-14);
  }
}

// The unit says what is averaged: of levels, the powers. Silence is a power of 0.
TEST(Conflate, AveragesLevelsAsPowers) {
  StreamFormat format = values_at_rate(1000.0, 2);
  format.channels[0].unit = "dBFS";
  format.channels[1].unit = "";
  constexpr double kSilence = -std::numeric_limits<double>::infinity();
  for (const std::vector<double>& levels :
       {std::vector<double>{-10.0, -10.0, kSilence, kSilence}, {kSilence}, {-6.0, kNaN}}) {
    NodeHarness conflate("Conflate", R"({"interval_s": 1})", {format});
    double power = 0.0;
    double count = 0.0;
    std::vector<DataFrame> in;
    for (const double level : levels) {
      in.push_back(flat_block_at(conflate, static_cast<std::int64_t>(in.size()), level));
      in.back().channel(1U)[0] = static_cast<double>(in.size());
      if (std::isnan(level)) { continue; }
      power += std::pow(10.0, level / 10.0);
      ++count;
    }
    const auto out = run_blocks(conflate, in);
    ASSERT_EQ(out.size(), 1U);
    EXPECT_DOUBLE_EQ(out[0].channel(0U)[0], 10.0 * std::log10(power / count));
    EXPECT_EQ(out[0].channel(1U)[0], (1.0 + static_cast<double>(levels.size())) / 2.0);
  }
}

TEST(Conflate, JoinsSpectraBinByBin) {
  StreamFormat format = audio_format(1000.0, {"a"}, 3);
  format.kind = StreamKind::spectrum;
  NodeHarness conflate("Conflate", R"({"interval_s": 0.1, "method": "max"})", {format});
  DataFrame first = flat_block_at(conflate, 0, 0.0, 3);
  DataFrame second = flat_block_at(conflate, 50, 0.0, 3);
  const double a[] = {1.0, -5.0, kNaN};
  const double b[] = {0.5, -4.0, 2.0};
  std::copy_n(a, 3, first.channel_data(0));
  std::copy_n(b, 3, second.channel_data(0));
  const auto out = run_blocks(conflate, {first, second});
  ASSERT_EQ(out.size(), 1U);
  EXPECT_THAT(out[0].channel(0U), ElementsAre(1.0, -4.0, 2.0));
  EXPECT_EQ(conflate.outputs()[0].format.notes.at("conflated"), "max over 0.1 s");
}

TEST(Conflate, KeepsFlagsAndGapsOfAllThatItJoins) {
  NodeHarness conflate("Conflate", R"({"interval_s": 0.1})", {values_at_rate(1000.0)});
  const auto out = run_blocks(
      conflate,
      {flat_block_at(conflate, 10, 1.0, 1, bit(FrameFlag::gap), 10), flat_block_at(conflate, 20, 3.0),
       flat_block_at(conflate, 40, 8.0, 1, bit(FrameFlag::gap) | bit(FrameFlag::clipped), 5),
       flat_block_at(conflate, 100, 9.0)});
  ASSERT_THAT(positions_of(out), ElementsAre(10, 100));
  EXPECT_EQ(out[0].channel(0U)[0], 4.0);
  EXPECT_EQ(out[0].header().gap_frames, 15U);
  EXPECT_EQ(out[0].header().flags, bit(FrameFlag::gap) | bit(FrameFlag::clipped));
  EXPECT_EQ(out[1].header().flags, 0U);
  EXPECT_EQ(out[1].header().gap_frames, 0U);
}

TEST(Conflate, IsAsNewAfterReset) {
  NodeHarness conflate("Conflate", R"({"interval_s": 1})", {values_at_rate(10.0)});
  run_blocks(conflate, {flat_block_at(conflate, 0, 5.0), flat_block_at(conflate, 11, 5.0)});
  conflate.process(flat_block_at(conflate, 31, 100.0));
  conflate.reset();
  EXPECT_TRUE(conflate.finish().empty());
  const auto out = run_blocks(conflate, {flat_block_at(conflate, 31, 1.0), flat_block_at(conflate, 32, 2.0)});
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].channel(0U)[0], 1.5);
  EXPECT_EQ(out[0].sequence_id(), 0U);
}

TEST(Conflate, RefusesIntervalsAndMethodsThatAreNone) {
  for (const char* config : {R"({})", R"({"interval_s": 0})", R"({"interval_s": -1})",
                             R"({"interval_s": 1, "method": "median"})"}) {
    EXPECT_FALSE(NodeHarness::refusals("Conflate", config).empty()) << config;
  }
  EXPECT_EQ(
      to_string(NodeHarness::refusals("Conflate", R"({"interval_s": 0.0001})", {8000.0, 1, 64}), ""),
      "/config/interval_s: 0.0001 s is shorter than one frame at 8000 Hz; expected at least 0.000125 s\n");
}

// The interval under way comes to its end; the next one is that of the new grid, as far as it is left.
TEST(Conflate, ChangesItsGridBehindTheIntervalUnderWay) {
  NodeHarness conflate("Conflate", R"({"interval_s": 0.01, "method": "last"})", {values_at_rate(1000.0)});
  std::vector<double> last;
  const auto feed = [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t n = from; n < to; ++n) {
      for (const DataFrame& out : conflate.process(flat_block_at(conflate, n, static_cast<double>(n)))) {
        last.push_back(out.channel(0U)[0]);
      }
    }
  };
  feed(0, 25);
  ASSERT_TRUE(conflate.set_params(R"({"interval_s": 0.02})").empty());
  feed(25, 101);
  EXPECT_THAT(last, ElementsAre(9.0, 19.0, 29.0, 39.0, 59.0, 79.0, 99.0));
  EXPECT_FALSE(conflate.set_params(R"({"method": "max"})").empty());
}

using Span = std::pair<std::int64_t, std::uint64_t>;  // first frame, how many

std::vector<Span> spans_of(const std::vector<DataFrame>& blocks) {
  std::vector<Span> spans;
  for (const DataFrame& block : blocks) {
    spans.emplace_back(block.position(), block.header().length_frames);
  }
  return spans;
}

// What nodes make of results that are about 480 frames each: of the same frames, or of those of all that they join.
TEST(Conflate, AndOtherNodesSayWhichFramesAResultIsAbout) {
  const std::vector<Span> each{{0, 480}, {480, 480}, {960, 480}, {1440, 480}};
  const std::vector<Span> pairs{{0, 960}, {960, 960}};
  struct Case {
    const char* type;
    const char* config;
    std::vector<Span> expected;
  };
  const Case cases[] = {{"Conflate", R"({"interval_s": 0.02})", pairs},
                        {"Batch", R"({"blocks": 2})", pairs},
                        {"Map", R"({"channels": {"y": "2 * main_channel"}})", each},
                        {"Filter", R"({"expression": "1"})", each},
                        {"Buffer", R"({"capacity": 4})", each},
                        {"Sample", R"({"interval_s": 0.01})", each},
                        {"Merge", "{}", each},
                        {"Join", "{}", each}};
  for (const auto& [type, config, expected] : cases) {
    const bool two = std::string_view(type) == "Merge" || std::string_view(type) == "Join";
    NodeHarness node(type, config, std::vector(two ? 2 : 1, values_at_rate(48000.0)));
    std::vector<DataFrame> out;
    for (std::int64_t k = 0; k < 4; ++k) {
      DataFrame block = flat_block_at(node, 480 * k, 1.0);
      block.header().length_frames = 480;
      block.header().sequence_id = static_cast<std::uint64_t>(k);
      for (std::uint32_t input = 0; input < (two ? 2U : 1U); ++input) {
        if (input == 1 && std::string_view(type) == "Merge") { continue; }
        for (auto& made : two ? node.process_input(input, block) : node.process(block)) {
          out.push_back(std::move(made));
        }
      }
    }
    for (DataFrame& made : node.finish()) { out.push_back(std::move(made)); }
    EXPECT_EQ(spans_of(out), expected) << type;
  }
}

// Interval k begins at round(k * 44.1): no rounding adds up. A value for each frame; a value is about one frame.
TEST(Conflate, AndSampleHaveTheGridOfIntervals) {
  for (const char* type : {"Conflate", "Sample"}) {
    NodeHarness node(type, R"({"interval_s": 0.001})", {values_at_rate(44100.0)});
    std::vector<DataFrame> in;
    for (std::int64_t n = 0; n < 44100; ++n) {
      in.push_back(flat_block_at(node, n, static_cast<double>(n)));
      in.back().header().length_frames = 1;
    }
    const auto out = run_blocks(node, in);
    ASSERT_EQ(out.size(), 1000U) << type;
    for (std::int64_t k = 0; k < 1000; ++k) {
      const std::int64_t begin = std::llround(44.1 * static_cast<double>(k));
      const std::int64_t end = std::llround(44.1 * static_cast<double>(k + 1));
      const DataFrame& result = out[static_cast<std::size_t>(k)];
      ASSERT_GE(result.position(), begin) << type << " " << k;
      ASSERT_LT(result.position(), end) << type << " " << k;
      if (type[0] == 'S') { continue; }
      ASSERT_EQ(result.position(), begin) << k;
      ASSERT_EQ(result.header().length_frames, static_cast<std::uint64_t>(end - begin)) << k;
    }
  }
}

}  // namespace
}  // namespace streamlab::test
