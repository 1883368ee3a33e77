// tests/nodes/dsp/delay_line_test.cpp
#include "nodes/dsp/delay_line.hpp"

#include <gtest/gtest.h>

#include "tests/nodes/dsp/planar.hpp"

namespace streamlab::dsp {
namespace {

TEST(DelayLine, ComesOutAsManyFramesLaterForEveryBlockSize) {
  const Planar in = noise(2, 1500);
  for (const std::size_t delay : {0U, 1U, 2U, 63U, 64U, 65U, 1000U, 1500U, 2000U}) {
    for (const std::size_t block : {1U, 7U, 64U, 480U, 1024U, 1500U}) {
      DelayLine line(2, delay);
      const Planar out = run_in_blocks(line, in, 2, block);
      for (std::size_t c = 0; c < 2; ++c) {
        for (std::size_t n = 0; n < 1500; ++n) {
          ASSERT_EQ(out.channel[c][n], n < delay ? 0.0 : in.channel[c][n - delay])
              << "delay " << delay << ", block " << block << ", frame " << n;
        }
      }
    }
  }
}

TEST(DelayLine, WorksInPlace) {
  const Planar in = noise(1, 300);
  for (const std::size_t delay : {0U, 5U, 100U}) {
    DelayLine apart(1, delay);
    DelayLine within(1, delay);
    Planar buffer = in;
    within.process(buffer.in(), buffer.out(), 300);
    EXPECT_EQ(buffer, run_in_blocks(apart, in, 1, 300)) << delay;
  }
}

TEST(DelayLine, IsAsNewAfterReset) {
  const Planar in = noise(1, 100);
  DelayLine line(1, 33);
  const Planar fresh = run_in_blocks(line, in, 1, 100);
  line.reset();
  EXPECT_EQ(run_in_blocks(line, in, 1, 100), fresh);
}

}  // namespace
}  // namespace streamlab::dsp
