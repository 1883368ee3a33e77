// tests/hal/alsa/alsa_timeline_test.cpp
//
// Positions through interruptions: a card that makes 48 frames a millisecond, exactly.
#include "hal/alsa/alsa_timeline.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace streamlab {
namespace {

constexpr std::int64_t kMs = 1'000'000;

class AlsaTimelineTest : public ::testing::Test {
 protected:
  // `blocks` of 48 frames, one a millisecond, each looked at when it is complete.
  void run(int blocks) {
    for (int n = 0; n < blocks; ++n) {
      now_ns_ += kMs;
      EXPECT_EQ(timeline_.observe(48, now_ns_), 0);
      timeline_.advance(48);
    }
  }
  AlsaTimeline timeline_{48000.0, 48, 0};
  std::int64_t now_ns_ = 0;
};

TEST_F(AlsaTimelineTest, BeginsAtZeroWhateverIsThere) {
  EXPECT_EQ(timeline_.begin(480, 10 * kMs), 0);
  EXPECT_EQ(timeline_.next_position(), 0);
  EXPECT_EQ(timeline_.next_timestamp_us(), 0);  // 480 frames before 10 ms
}

// Until its first frame a card may take its time. One that is started once more before it was lost meanwhile.
TEST_F(AlsaTimelineTest, BeginsWithTheFirstStartOfADeviceThatWasLostBeforeItsFirstBlock) {
  timeline_.start(10 * kMs);
  timeline_.start(500 * kMs);
  timeline_.start(1000 * kMs);
  EXPECT_EQ(timeline_.begin(96, 1010 * kMs), 48'000 - 96);
  EXPECT_EQ(timeline_.next_position(), 48'000 - 96);
  EXPECT_EQ(timeline_.next_timestamp_us(), 1'008'000);
}

TEST_F(AlsaTimelineTest, LosesNothingWhereADeviceIsSlowToStart) {
  timeline_.start(10 * kMs);
  EXPECT_EQ(timeline_.begin(48, 300 * kMs), 0);
  EXPECT_EQ(timeline_.next_timestamp_us(), 299'000);
}

TEST_F(AlsaTimelineTest, CountsWhatTheDeviceMadeWhileItWasAway) {
  timeline_.begin(0, 0);
  run(1000);
  EXPECT_EQ(timeline_.next_position(), 48'000);
  // Started again somewhere; at 1250 ms there are 2 ms to be read.
  EXPECT_EQ(timeline_.begin(96, 1250 * kMs), 12'000 - 96);
  EXPECT_EQ(timeline_.next_position(), 60'000 - 96);
  EXPECT_EQ(timeline_.next_timestamp_us(), 1'248'000);
}

// Each gap is 100.4 frames of time: the roundings must not add up.
TEST_F(AlsaTimelineTest, CountsManyGapsAsTruly) {
  timeline_.begin(0, 0);
  run(1000);
  std::int64_t lost = 0;
  double gaps_ns = 0.0;
  for (int gap = 0; gap < 20; ++gap) {
    gaps_ns += 100.4 / 48.0 * kMs;
    const std::int64_t begin_ns = 1000 * kMs + gap * 50 * kMs + std::llround(gaps_ns);
    lost += timeline_.begin(0, begin_ns);
    now_ns_ = begin_ns;
    run(50);
  }
  EXPECT_NEAR(static_cast<double>(lost), 20 * 100.4, 1.0);  // frames
}

TEST_F(AlsaTimelineTest, NeverGoesBack) {
  timeline_.begin(0, 0);
  run(1000);
  EXPECT_EQ(timeline_.begin(480, 1001 * kMs), 0);
  EXPECT_EQ(timeline_.next_position(), 48'000);
}

TEST_F(AlsaTimelineTest, CountsAStallAtOnceWhenItIsLong) {
  timeline_.begin(0, 0);
  run(1000);
  now_ns_ += 200 * kMs + kMs;
  EXPECT_EQ(timeline_.observe(48, now_ns_), 9'600);
  timeline_.advance(48);
  EXPECT_EQ(timeline_.next_position(), 57'648);
  run(100);  // and never again
}

TEST_F(AlsaTimelineTest, CountsAShortStallWhenItProvesToLast) {
  timeline_.begin(0, 0);
  run(1000);
  now_ns_ += 10 * kMs;
  std::int64_t lost = 0;
  for (int n = 0; n < 200; ++n) {
    now_ns_ += kMs;
    lost += timeline_.observe(48, now_ns_);
    timeline_.advance(48);
  }
  EXPECT_EQ(lost, 480);
}

TEST_F(AlsaTimelineTest, ForgivesALateLook) {
  timeline_.begin(0, 0);
  run(1000);
  now_ns_ += 30 * kMs;  // the program was held up: all is there, none is lost
  EXPECT_EQ(timeline_.observe(30 * 48, now_ns_), 0);
  timeline_.advance(30 * 48);
  run(1000);
}

TEST_F(AlsaTimelineTest, FollowsPlaybackByWhatIsQueued) {
  EXPECT_EQ(timeline_.begin(0, 0), 0);
  timeline_.advance(96);  // two blocks written ahead
  for (int n = 1; n < 500; ++n) {
    EXPECT_EQ(timeline_.observe(-48, n * kMs), 0);
    timeline_.advance(48);
  }
  EXPECT_EQ(timeline_.next_position(), 96 + 499 * 48);
  EXPECT_NEAR(static_cast<double>(timeline_.next_timestamp_us()), 501'000.0, 2.0);  // µs; rounding
  // An underrun: at 700 ms the device starts again, with nothing queued.
  EXPECT_EQ(timeline_.begin(0, 700 * kMs), 700 * 48 - (96 + 499 * 48));
}

}  // namespace
}  // namespace streamlab
