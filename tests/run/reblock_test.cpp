// tests/run/reblock_test.cpp
#include "engine/run/reblock.hpp"

#include <gtest/gtest.h>

namespace streamlab {
namespace {

TEST(Reblock, GivesTheSameSamplesInBlocksOfAnotherSize) {
  const StreamFormat format = audio_format(48000.0, {"a"}, 10);
  Reblock reblock(format, 7);
  DataFrame block(std::make_shared<const StreamFormat>(format));
  double next = 0.0;
  double expected = 0.0;
  for (int round = 0; round < 100; ++round) {
    while (reblock.held_frames() < 7) {
      block.set_frame_count(static_cast<std::uint32_t>(1 + round % 10));
      for (double& x : block.channel(0)) { x = next++; }
      reblock.push(block);
    }
    FrameHeader header;
    header.position = 7 * round;
    const DataFrame& out = reblock.pull(header, 7, false);
    EXPECT_EQ(out.position(), 7 * round);
    for (const double x : out.channel(0)) { EXPECT_EQ(x, expected++); }
  }
  EXPECT_EQ(reblock.underrun_frames(), 0U);
}

TEST(Reblock, CountsWhatCameTooLateButNotTheEnd) {
  const StreamFormat format = audio_format(48000.0, {"a"}, 4);
  Reblock reblock(format, 4);
  DataFrame block(std::make_shared<const StreamFormat>(format));
  block.set_frame_count(3);
  for (double& x : block.channel(0)) { x = 1.0; }
  reblock.push(block);
  const DataFrame& late = reblock.pull({}, 4, false);
  EXPECT_EQ(late.channel(0)[2], 1.0);
  EXPECT_EQ(late.channel(0)[3], 0.0);
  EXPECT_EQ(reblock.underrun_frames(), 1U);
  reblock.push(block);
  reblock.pull({}, 4, true);
  EXPECT_EQ(reblock.underrun_frames(), 1U);
}

// A pipe into the loudspeakers: the card runs before the first block is there.
TEST(Reblock, PlaysSilenceUntilTheStreamBeginsAndCountsNone) {
  const StreamFormat format = audio_format(48000.0, {"a"}, 4);
  Reblock reblock(format, 4);
  DataFrame block(std::make_shared<const StreamFormat>(format));
  block.set_frame_count(3);
  for (double& x : block.channel(0)) { x = 1.0; }
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(reblock.pull({}, 4, false).channel(0)[0], 0.0);
    EXPECT_EQ(reblock.pull({}, 4, false).channel(0)[0], 0.0);
    EXPECT_EQ(reblock.underrun_frames(), 0U);
    reblock.push(block);
    EXPECT_EQ(reblock.pull({}, 4, false).channel(0)[0], 1.0);
    EXPECT_EQ(reblock.underrun_frames(), 1U);
    reblock.reset();
  }
}

}  // namespace
}  // namespace streamlab
