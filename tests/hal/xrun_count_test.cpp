// tests/hal/xrun_count_test.cpp
#include "hal/xrun_count.hpp"

#include <gtest/gtest.h>

namespace streamlab {
namespace {

void quiet(XrunCount& count, int blocks) {
  for (int n = 0; n < blocks; ++n) { count.tick(0, false); }
}

TEST(XrunCount, TellsXrunsThatCostFramesFromThoseThatCostNone) {
  XrunCount count;
  count.tick(0, false);
  count.tick(1, true);
  EXPECT_EQ(count.xruns(), 1U);
  EXPECT_EQ(count.without_gap(), 0U);
  count.tick(1, false);
  EXPECT_EQ(count.xruns(), 2U);
  EXPECT_EQ(count.without_gap(), 1U);
  count.tick(0, true);  // a gap without a report: no xrun
  EXPECT_EQ(count.xruns(), 2U);
}

// JACK's notice and the jump of its frame time come by different ways.
TEST(XrunCount, WaitsForAGapAroundTheReport) {
  for (int after = 0; after <= 4; ++after) {
    XrunCount count(4);
    quiet(count, 10);
    count.tick(1, after == 0);
    for (int n = 1; n <= after; ++n) {
      EXPECT_EQ(count.xruns(), 0U) << n;
      count.tick(0, n == after);
    }
    quiet(count, 10);
    EXPECT_EQ(count.xruns(), 1U) << "gap after " << after;
    EXPECT_EQ(count.without_gap(), 0U) << "gap after " << after;
  }
  for (int before = 1; before <= 4; ++before) {
    XrunCount count(4);
    count.tick(0, true);
    quiet(count, before - 1);
    count.tick(1, false);
    EXPECT_EQ(count.xruns(), 1U) << "gap before " << before;
    EXPECT_EQ(count.without_gap(), 0U) << "gap before " << before;
  }
  XrunCount far(4);
  far.tick(0, true);
  quiet(far, 4);
  far.tick(1, false);
  quiet(far, 4);
  EXPECT_EQ(far.xruns(), 1U);
  EXPECT_EQ(far.without_gap(), 1U);
}

TEST(XrunCount, DecidesAtTheEndWhatIsOpen) {
  XrunCount count(4);
  count.tick(0, false);
  count.tick(1, false);
  EXPECT_EQ(count.xruns(), 0U);
  count.end();
  EXPECT_EQ(count.xruns(), 1U);
  EXPECT_EQ(count.without_gap(), 1U);
  count.end();
  EXPECT_EQ(count.xruns(), 1U);
}

}  // namespace
}  // namespace streamlab
