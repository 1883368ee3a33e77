// tests/nodes/dsp/mix_test.cpp
#include "nodes/dsp/mix.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/nodes/dsp/planar.hpp"

namespace streamlab::dsp {
namespace {

TEST(MatrixMix, IsTheMatrixTimesEveryFrame) {
  const std::vector<double> values{0.5, -2.0, 0.25, 1.0, 3.0, -0.125};  // [2 x 3], exact in binary
  MatrixMix mix(2, 3, values);
  Planar in(3, 37);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t n = 0; n < 37; ++n) { in.channel[c][n] = static_cast<double>(n + 40 * c); }
  }
  const Planar out = run_in_blocks(mix, in, 2, 37);
  for (std::size_t n = 0; n < 37; ++n) {
    const auto x = static_cast<double>(n);
    EXPECT_EQ(out.channel[0][n], 0.5 * x - 2.0 * (x + 40.0) + 0.25 * (x + 80.0));
    EXPECT_EQ(out.channel[1][n], x + 3.0 * (x + 40.0) - 0.125 * (x + 80.0));
  }
}

TEST(MatrixMix, DoesNotDependOnTheBlockSize) {
  const std::vector<double> values{0.1, 0.2, 0.3, 0.4};
  MatrixMix mix(2, 2, values);
  const Planar in = noise(2, 1024);
  const Planar whole = run_in_blocks(mix, in, 2, 1024);
  for (const std::size_t block : {1U, 7U, 64U, 480U}) {
    EXPECT_EQ(run_in_blocks(mix, in, 2, block), whole) << block;
  }
}

TEST(MatrixMix, ARowWithASingleOneCopiesEveryBit) {
  const std::vector<double> values{0.0, 1.0};
  MatrixMix mix(1, 2, values);
  Planar in = noise(2, 50);
  in.channel[1][3] = -0.0;
  const Planar out = run_in_blocks(mix, in, 1, 50);
  EXPECT_EQ(out.channel[0], in.channel[1]);
  EXPECT_TRUE(std::signbit(out.channel[0][3]));
}

TEST(MatrixMix, AZeroKeepsNanAway) {
  const std::vector<double> values{0.0, 1.0, 0.0, 0.0};
  MatrixMix mix(2, 2, values);
  Planar in(2, 20);
  in.channel[0].assign(20, std::nan(""));
  const Planar out = run_in_blocks(mix, in, 2, 20);
  EXPECT_EQ(out, Planar(2, 20));  // row 0 takes the silent channel, row 1 nothing
}

}  // namespace
}  // namespace streamlab::dsp
