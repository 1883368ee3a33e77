// tests/run/tick_times_test.cpp
#include "engine/run/tick_times.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace streamlab {
namespace {

TEST(TickTimes, QuantilesAreWithinAnEighthAboveTheTrueOnes) {
  std::mt19937_64 random(5);
  std::vector<std::uint64_t> times;
  TickTimes histogram;
  for (int i = 0; i < 20000; ++i) {
    const auto ns = static_cast<std::uint64_t>(std::exp2(static_cast<double>(random() % 3000) / 100.0));
    times.push_back(ns);
    histogram.record(ns);
  }
  std::sort(times.begin(), times.end());
  for (const double p : {0.01, 0.5, 0.9, 0.99, 1.0}) {
    const auto exact = times[static_cast<std::size_t>(std::ceil(p * 20000.0)) - 1];
    EXPECT_GE(histogram.quantile_ns(p), exact) << p;
    EXPECT_LE(static_cast<double>(histogram.quantile_ns(p)), static_cast<double>(exact) * 1.125) << p;
  }
  EXPECT_EQ(histogram.worst_ns(), times.back());
}

TEST(TickTimes, SmallTimesAreExactAndNoneAreZero) {
  TickTimes histogram;
  EXPECT_EQ(histogram.quantile_ns(0.5), 0U);
  for (std::uint64_t ns = 0; ns < 16; ++ns) {
    TickTimes one;
    one.record(ns);
    EXPECT_EQ(one.quantile_ns(0.5), ns);
  }
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.quantile_ns(1.0), UINT64_MAX);
}

}  // namespace
}  // namespace streamlab
