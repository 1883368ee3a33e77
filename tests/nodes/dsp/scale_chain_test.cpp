// tests/nodes/dsp/scale_chain_test.cpp
#include "nodes/dsp/scale_chain.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/nodes/dsp/planar.hpp"

namespace streamlab::dsp {
namespace {

// Factors that round at every step, so that another order of multiplication shows in the last bits.
std::vector<double> awkward_factors(std::size_t count) {
  std::vector<double> factors;
  for (std::size_t k = 0; k < count; ++k) {
    const double factor = 1.1 + 1e-3 * static_cast<double>(k);
    factors.push_back(k % 2 == 0 ? factor : 1.0 / factor);
  }
  return factors;
}

TEST(ScaleChain, IsTheSameBitForBitAsOneFactorAfterTheOther) {
  for (const CpuPath path : supported_cpu_paths()) {
    const ScaleChain chain(path);
    for (std::size_t count = 0; count <= 300; ++count) {  // every way that strips and their rest can fall
      for (const std::size_t factor_count : {0U, 1U, 2U, 10U}) {
        const auto factors = awkward_factors(factor_count);
        std::vector<double> x = noise(1, count + 1).channel[0];
        std::vector<double> expected = x;
        for (const double factor : factors) {
          for (std::size_t n = 0; n < count; ++n) { expected[n] *= factor; }
        }
        chain.apply({x.data(), count}, {x.data(), count}, factors);
        ASSERT_EQ(x, expected) << name(path) << ", " << count << " samples, " << factor_count << " factors";
      }
    }
  }
}

TEST(ScaleChain, KeepsTheOrderThroughAThousandFactors) {
  for (const CpuPath path : supported_cpu_paths()) {
    const auto factors = awkward_factors(1000);
    std::vector<double> x = noise(1, 257).channel[0];
    std::vector<double> expected = x;
    for (double& sample : expected) {
      for (const double factor : factors) { sample *= factor; }
    }
    ScaleChain(path).apply(x, x, factors);
    EXPECT_EQ(x, expected) << name(path);
  }
}

TEST(ScaleChain, WritesElsewhereAndLeavesItsInputAlone) {
  for (const CpuPath path : supported_cpu_paths()) {
    const ScaleChain chain(path);
    for (const std::size_t count : {0U, 1U, 5U, 31U, 64U, 200U}) {
      const std::vector<double> x = noise(1, count).channel[0];
      const std::vector<double> kept = x;
      std::vector<double> y(count + 1, 7.0);
      std::vector<double> expected;
      for (const double sample : x) { expected.push_back(sample * 0.3); }
      expected.push_back(7.0);  // not ours
      chain.apply(x, {y.data(), count}, std::vector{0.3});
      EXPECT_EQ(y, expected) << name(path) << ", " << count << " samples";
      EXPECT_EQ(x, kept);
    }
  }
}

TEST(ScaleChain, PassesInfinitiesAndNanLikeAnyMultiplication) {
  for (const CpuPath path : supported_cpu_paths()) {
    std::vector<double> x{std::numeric_limits<double>::infinity(), std::nan(""), 1.0};
    const std::vector<double> factors{-2.0};
    ScaleChain(path).apply(x, x, factors);
    EXPECT_EQ(x[0], -std::numeric_limits<double>::infinity());
    EXPECT_TRUE(std::isnan(x[1]));
    EXPECT_EQ(x[2], -2.0);
  }
}

}  // namespace
}  // namespace streamlab::dsp
