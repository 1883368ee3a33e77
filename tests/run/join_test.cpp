// tests/run/join_test.cpp
#include "engine/run/join.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streamlab {
namespace {

using testing::ElementsAre;

std::shared_ptr<const StreamFormat> mono(std::uint32_t max_frames) {
  return std::make_shared<const StreamFormat>(audio_format(1000.0, {"a"}, max_frames));
}

// A block whose samples are `sign` times their position.
DataFrame block(std::int64_t position, std::uint32_t frames, double sign = 1.0) {
  DataFrame frame(mono(16));
  frame.set_frame_count(frames);
  frame.header().position = position;
  frame.header().timestamp_us = position * 1000;
  for (std::uint32_t n = 0; n < frames; ++n) {
    frame.channel(0)[n] = sign * static_cast<double>(position + n);
  }
  return frame;
}

std::vector<double> samples(const DataFrame* frame) {
  return {frame->channel(0).begin(), frame->channel(0).end()};
}

TEST(Join, WaitsForEveryInput) {
  Join join({mono(16), mono(16)}, {16, 16});
  ASSERT_TRUE(join.push(0, block(0, 4)));
  EXPECT_TRUE(join.next().empty());
  ASSERT_TRUE(join.push(1, block(0, 4, -1)));
  const auto both = join.next();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_THAT(samples(both[0]), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(samples(both[1]), ElementsAre(0, -1, -2, -3));
  EXPECT_TRUE(join.next().empty());
}

TEST(Join, CutsBlocksOfDifferentSizesAtTheSamePositions) {
  Join join({mono(16), mono(16)}, {16, 16});
  join.push(0, block(0, 5));
  join.push(1, block(0, 3, -1));
  join.push(1, block(3, 4, -1));
  auto both = join.next();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_THAT(samples(both[0]), ElementsAre(0, 1, 2));
  EXPECT_THAT(samples(both[1]), ElementsAre(0, -1, -2));
  both = join.next();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_THAT(samples(both[0]), ElementsAre(3, 4));
  EXPECT_THAT(samples(both[1]), ElementsAre(-3, -4));
  EXPECT_EQ(both[0]->position(), 3);
  EXPECT_EQ(both[0]->timestamp_us(), 3000);
  EXPECT_TRUE(join.next().empty());  // two frames of input 1 wait for input 0
}

TEST(Join, PutsSilenceWhereOneInputLostBlocksAndSaysSo) {
  Join join({mono(16), mono(16)}, {16, 16});
  join.push(0, block(0, 8));
  join.push(1, block(4, 4, -1));  // 0 .. 3 were lost on the way
  auto both = join.next();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_THAT(samples(both[0]), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(samples(both[1]), ElementsAre(0, 0, 0, 0));
  EXPECT_TRUE(both[0]->header().has(FrameFlag::incomplete));
  both = join.next();
  EXPECT_THAT(samples(both[1]), ElementsAre(-4, -5, -6, -7));
  EXPECT_FALSE(both[0]->header().has(FrameFlag::incomplete));
}

TEST(Join, FillsUpWithSilenceWhenOneInputHasEnded) {
  Join join({mono(16), mono(16)}, {16, 16});
  join.push(0, block(0, 4));
  join.push(1, block(0, 2, -1));
  join.end(1);
  join.next();
  const auto both = join.next();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_THAT(samples(both[0]), ElementsAre(2, 3));
  EXPECT_THAT(samples(both[1]), ElementsAre(0, 0));
  EXPECT_FALSE(both[0]->header().has(FrameFlag::incomplete));  // it is over, not lost
  EXPECT_FALSE(join.finished());
  EXPECT_TRUE(join.next().empty());
  join.end(0);
  EXPECT_TRUE(join.finished());
}

TEST(Join, KeepsTheGapThatAllInputsShare) {
  Join join({mono(16), mono(16)}, {16, 16});
  DataFrame late = block(100, 4);
  late.header().set(FrameFlag::gap);
  late.header().gap_frames = 96;
  join.push(0, late);
  join.push(1, late);
  const auto both = join.next();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_TRUE(both[0]->header().has(FrameFlag::gap));
  EXPECT_EQ(both[0]->header().gap_frames, 96U);
}

TEST(Join, FlagsAGapOnlyWhereEveryInputHasOne) {
  Join join({mono(16), mono(16)}, {16, 16});
  join.push(0, block(0, 4));
  join.push(1, block(0, 8, -1));
  DataFrame late = block(8, 4);
  late.header().set(FrameFlag::gap);
  late.header().gap_frames = 4;
  join.push(0, late);
  join.end(1);
  join.push(0, block(20, 4));  // the other has ended at 8: 12 .. 19 are missing in all
  join.end(0);
  std::vector<std::uint64_t> gaps;
  for (auto both = join.next(); !both.empty(); both = join.next()) {
    EXPECT_EQ(both[0]->header().has(FrameFlag::gap), both[0]->header().gap_frames > 0);
    gaps.push_back(both[0]->header().gap_frames);
  }
  EXPECT_EQ(gaps, (std::vector<std::uint64_t>{0, 0, 0, 8}));
}

TEST(Join, NumbersItsBlocksInSequenceHoweverTheyWereCut) {
  Join join({mono(16), mono(16)}, {16, 16});
  const auto numbered = [](DataFrame frame, std::uint64_t id) {
    frame.header().sequence_id = id;
    return frame;
  };
  join.push(0, numbered(block(0, 10), 3));
  join.push(0, numbered(block(10, 10), 4));
  join.push(0, numbered(block(20, 10), 9));  // as the caller of a triggered graph may number them
  for (int i = 0; i < 3; ++i) { join.push(1, numbered(block(7 * i, i == 2 ? 6U : 7U, -1), 3U + i)); }
  join.push(1, numbered(block(20, 10, -1), 9));
  std::vector<std::uint64_t> ids;
  for (auto both = join.next(); !both.empty(); both = join.next()) {
    EXPECT_EQ(both[0]->sequence_id(), both[1]->sequence_id());
    ids.push_back(both[0]->sequence_id());
  }
  EXPECT_THAT(ids, ElementsAre(3, 4, 5, 6, 9));  // 0 .. 6, 7 .. 9, 10 .. 13, 14 .. 19, 20 .. 29
}

TEST(Join, HasTheEndOfTheStreamInItsLastBlockOnly) {
  Join join({mono(16), mono(16)}, {16, 16});
  const auto last = [](DataFrame frame) {
    frame.header().set(FrameFlag::end_of_stream);
    return frame;
  };
  join.push(0, block(0, 10));
  join.push(0, last(block(10, 5)));
  join.push(1, last(block(0, 5, -1)));
  join.end(0);
  join.end(1);
  std::vector<bool> ends;
  for (auto both = join.next(); !both.empty(); both = join.next()) {
    ends.push_back(both[0]->header().has(FrameFlag::end_of_stream));
    EXPECT_EQ(both[1]->header().has(FrameFlag::end_of_stream), ends.back());
  }
  EXPECT_THAT(ends, ElementsAre(false, false, true));
}

TEST(Join, FlagsWhatAnInputLacksThoughItHasEndedMeanwhile) {
  Join join({mono(16), mono(16)}, {16, 16});
  join.push(0, block(0, 8));
  join.push(1, block(4, 4, -1));
  join.end(1);
  EXPECT_TRUE(join.next()[0]->header().has(FrameFlag::incomplete));
  EXPECT_FALSE(join.next()[0]->header().has(FrameFlag::incomplete));
}

TEST(Join, SaysWhenItHasNoRoom) {
  Join join({mono(16), mono(16)}, {4, 4});
  int taken = 0;
  while (join.push(0, block(taken * 16, 16))) { ++taken; }
  EXPECT_FALSE(join.has_room(0));
  EXPECT_TRUE(join.has_room(1));
  EXPECT_EQ(taken, 5);  // one more than it must hold
}

// Whether an input says at once that it has ended, or later, makes no difference.
TEST(Join, WaitsUntilItIsKnownWhichBlockIsTheLast) {
  Join join({mono(16), mono(16)}, {1, 1});
  DataFrame last = block(0, 8);
  last.header().set(FrameFlag::end_of_stream);
  join.push(0, last);
  join.push(1, block(0, 8, -1));
  join.end(0);
  EXPECT_TRUE(join.next().empty());
  Join longer({mono(16), mono(16)}, {1, 1});
  longer.push(0, last);
  longer.push(1, block(0, 8, -1));
  join.end(1);
  const auto both = join.next();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_TRUE(both[0]->header().has(FrameFlag::end_of_stream));
  EXPECT_TRUE(both[1]->header().has(FrameFlag::end_of_stream));
  longer.end(0);
  ASSERT_TRUE(longer.push(1, block(8, 8, -1)));  // there is room, although the other is held back
  EXPECT_FALSE(longer.next()[0]->header().has(FrameFlag::end_of_stream));
}

// Where as many frames are held as must be, the sender waits, and no two blocks become one.
TEST(Join, CutsBlocksWhereTheyEndWhileItHoldsEnough) {
  Join join({mono(16), mono(16)}, {4, 4}, 15);
  for (int n = 0; n < 5; ++n) { ASSERT_TRUE(join.push(0, block(3 * n, 3))); }
  EXPECT_FALSE(join.has_room(0));
  Join longer({mono(16), mono(16)}, {4, 4}, 16);
  for (int n = 0; n < 5; ++n) { ASSERT_TRUE(longer.push(0, block(3 * n, 3))); }
  EXPECT_TRUE(longer.has_room(0));
}

// Room is for blocks of the largest size: a source that gives shorter ones must not fill it while another input still
// gathers its part.
TEST(Join, HoldsAsManyFramesOfShortBlocks) {
  Join join({mono(16), mono(16)}, {5, 5}, 64);
  std::int64_t position = 0;
  while (position < 63) {
    DataFrame part = block(position, 3);
    if (position == 30) { part.flag_frames(FrameFlag::clipped, 1, 1); }
    if (position == 48) { part.header().set(FrameFlag::gap); }  // begins a block of its own
    ASSERT_TRUE(join.has_room(0)) << position;
    ASSERT_TRUE(join.push(0, part)) << position;
    position += 3;
  }
  int frame = 0;
  for (int n = 0; n < 63; n += 7) {
    ASSERT_TRUE(join.push(1, block(n, 7, -1)));
    for (auto both = join.next(); !both.empty(); both = join.next()) {
      ASSERT_EQ(both[0]->position(), frame);
      EXPECT_EQ(both[0]->timestamp_us(), frame * 1000);
      for (std::uint32_t i = 0; i < both[0]->frame_count(); ++i, ++frame) {
        EXPECT_EQ(both[0]->channel(0)[i], frame);
        EXPECT_EQ(both[1]->channel(0)[i], -frame);
        const bool is_clipped = (both[0]->flags_of(i, 1) & flag_bit(FrameFlag::clipped)) != 0;
        EXPECT_EQ(is_clipped, frame == 31) << frame;
      }
    }
  }
  EXPECT_EQ(frame, 63);
}

}  // namespace
}  // namespace streamlab
