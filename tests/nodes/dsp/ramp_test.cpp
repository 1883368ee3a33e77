// tests/nodes/dsp/ramp_test.cpp
#include "nodes/dsp/ramp.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streamlab::dsp {
namespace {

using testing::Each;
using testing::ElementsAre;

std::vector<double> next(Ramp& ramp, std::uint32_t frames) {
  std::vector<double> values;
  for (std::uint32_t n = 1; n <= frames; ++n) { values.push_back(ramp.at(n)); }
  ramp.advance(frames);
  return values;
}

TEST(Ramp, IsStillUntilItIsGivenATarget) {
  Ramp ramp(0.5, 4);
  EXPECT_EQ(ramp.frames_left(), 0U);
  EXPECT_THAT(next(ramp, 3), Each(0.5));
}

TEST(Ramp, ReachesItsTargetAlongALine) {
  Ramp ramp(1.0, 4);
  ramp.go_to(2.0);
  EXPECT_EQ(ramp.target(), 2.0);
  EXPECT_EQ(ramp.frames_left(), 4U);
  EXPECT_THAT(next(ramp, 6), ElementsAre(1.25, 1.5, 1.75, 2.0, 2.0, 2.0));  // exact in binary
  EXPECT_EQ(ramp.frames_left(), 0U);
}

TEST(Ramp, BeginsANewLineWhereTheOldOneIs) {
  Ramp ramp(0.0, 4);
  ramp.go_to(1.0);
  EXPECT_THAT(next(ramp, 2), ElementsAre(0.25, 0.5));
  ramp.go_to(0.0);
  EXPECT_THAT(next(ramp, 4), ElementsAre(0.375, 0.25, 0.125, 0.0));
}

TEST(Ramp, IsAStepWithoutALength) {
  Ramp ramp(1.0);
  ramp.go_to(3.0);
  EXPECT_EQ(ramp.frames_left(), 0U);
  EXPECT_THAT(next(ramp, 2), ElementsAre(3.0, 3.0));
}

TEST(Ramp, ForgetsTheLineAtReset) {
  Ramp ramp(1.0, 4);
  ramp.go_to(3.0);
  ramp.advance(1);
  ramp.reset(0.25);
  EXPECT_THAT(next(ramp, 5), Each(0.25));
}

TEST(Ramp, IsTheSameForEveryBlockSize) {
  const auto in_blocks_of = [](std::uint32_t block) {
    Ramp ramp(0.1, 997);
    ramp.go_to(0.7);
    std::vector<double> values;
    for (std::uint32_t n = 0; n < 1000; n += block) {
      for (const double value : next(ramp, std::min(block, 1000 - n))) { values.push_back(value); }
    }
    return values;
  };
  for (const std::uint32_t block : {1U, 7U, 64U}) { EXPECT_EQ(in_blocks_of(block), in_blocks_of(1000)); }
}

}  // namespace
}  // namespace streamlab::dsp
