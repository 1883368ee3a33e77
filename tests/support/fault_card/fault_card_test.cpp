// tests/support/fault_card/fault_card_test.cpp
//
// The fault card itself, used with bare ALSA calls as any program would.
#include "tests/support/fault_card/fault_card_client.hpp"

#include <cerrno>
#include <chrono>

#include <gtest/gtest.h>

namespace streamlab::fault_card {
namespace {

class FaultCardTest : public ::testing::Test {
 protected:
  ~FaultCardTest() override {
    if (pcm_ != nullptr) { snd_pcm_close(pcm_); }
  }
  int open(const char* name = "fault:S32_LE,rw,2,48000",
           snd_pcm_stream_t direction = SND_PCM_STREAM_CAPTURE) {
    if (pcm_ != nullptr) { snd_pcm_close(pcm_); }
    pcm_ = nullptr;
    const int error = snd_pcm_open(&pcm_, name, direction, SND_PCM_NONBLOCK);
    if (error < 0) { return error; }
    snd_pcm_hw_params_t* params = nullptr;
    snd_pcm_hw_params_alloca(&params);
    snd_pcm_hw_params_any(pcm_, params);
    snd_pcm_uframes_t period = 256;
    snd_pcm_uframes_t buffer = 1024;
    EXPECT_EQ(snd_pcm_hw_params_set_access(pcm_, params, SND_PCM_ACCESS_RW_INTERLEAVED), 0);
    EXPECT_EQ(snd_pcm_hw_params_set_period_size_near(pcm_, params, &period, nullptr), 0);
    EXPECT_EQ(snd_pcm_hw_params_set_buffer_size_near(pcm_, params, &buffer), 0);
    EXPECT_EQ(snd_pcm_hw_params(pcm_, params), 0);
    EXPECT_EQ(period, 256U);
    EXPECT_EQ(snd_pcm_start(pcm_), 0);
    return 0;
  }
  // Waits for a period and reads it: the number of its first frame, or ALSA's error.
  std::int64_t read() {
    std::vector<std::int32_t> bytes(512);
    if (const int error = snd_pcm_wait(pcm_, 1000); error < 0) { return error; }
    const snd_pcm_sframes_t got = snd_pcm_readi(pcm_, bytes.data(), 256);
    if (got < 0) { return got; }
    EXPECT_EQ(got, 256);
    for (std::size_t n = 0; n < 256; ++n) {
      EXPECT_EQ(bytes[2 * n] >> 8, (bytes[0] >> 8) + static_cast<std::int32_t>(n));
      EXPECT_EQ(bytes[2 * n + 1] >> 8, (bytes[2 * n] >> 8) + 65536);
    }
    return bytes[0] >> 8;
  }
  FaultCard card_;
  snd_pcm_t* pcm_ = nullptr;
};

TEST_F(FaultCardTest, NumbersItsFramesAndLetsTimePassOnlyWhileTheProgramWaits) {
  ASSERT_EQ(open(), 0);
  EXPECT_EQ(card_.frames(), 0);
  for (int n = 0; n < 1000; ++n) { ASSERT_EQ(read(), 256 * n); }
  EXPECT_EQ(card_.frames(), 256'000);
  EXPECT_NEAR(static_cast<double>(card_.now_ns()), 1e9 + 256'000 / 48e-6,
              2.0);  // ns; rounding of a period's end
}

TEST_F(FaultCardTest, LosesAsManyFramesAsTheXrunTook) {
  ASSERT_TRUE(card_.script("512:xrun=100"));
  ASSERT_EQ(open(), 0);
  EXPECT_EQ(read(), 0);
  EXPECT_EQ(read(), -EPIPE);
  ASSERT_EQ(snd_pcm_prepare(pcm_), 0);
  ASSERT_EQ(snd_pcm_start(pcm_), 0);
  EXPECT_EQ(read(), 612);
}

TEST_F(FaultCardTest, SkipsTheFramesOfAStall) {
  ASSERT_TRUE(card_.script("600:stall=1000"));
  ASSERT_EQ(open(), 0);
  EXPECT_EQ(read(), 0);
  EXPECT_EQ(read(), 256);
  snd_pcm_wait(pcm_, 1000);
  std::int32_t frame[2] = {};
  for (int n = 512; n < 600; ++n) {
    ASSERT_EQ(snd_pcm_readi(pcm_, frame, 1), 1);
    ASSERT_EQ(frame[0] >> 8, n);
  }
  ASSERT_EQ(snd_pcm_readi(pcm_, frame, 1), 1);
  EXPECT_EQ(frame[0] >> 8, 1600);
}

TEST_F(FaultCardTest, IsGoneWhileUnplugged) {
  ASSERT_TRUE(card_.script("300:unplug=4800"));
  ASSERT_EQ(open(), 0);
  EXPECT_EQ(read(), 0);
  EXPECT_LT(read(), 0);
  EXPECT_EQ(snd_pcm_state(pcm_), SND_PCM_STATE_DISCONNECTED);
  EXPECT_EQ(open(), -ENODEV);
  card_.pass_ns(100'000'000);
  ASSERT_EQ(open(), 0);
  const std::int64_t first = read();
  EXPECT_EQ(first, card_.frames() - 256);
}

// On the real clock a fault that takes time by itself puts the card ahead: others may be due before the clock is there.
TEST_F(FaultCardTest, StandsUntilTheRealClockIsThere) {
  FaultCard live("live");
  ASSERT_TRUE(live.script("100:xrun=2000 200:xrun=7 300:xrun=9"));
  ASSERT_EQ(open("live"), 0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (live.frames() < 4800 && std::chrono::steady_clock::now() < deadline) {
    snd_pcm_wait(pcm_, 10);
    if (snd_pcm_avail_update(pcm_) < 0) {
      snd_pcm_prepare(pcm_);
      snd_pcm_start(pcm_);
    }
  }
  EXPECT_GE(live.frames(), 4800);
}

TEST_F(FaultCardTest, IsPluggedInAgainOnTheRealClock) {
  FaultCard live("live");
  ASSERT_TRUE(live.script("100:unplug=480"));
  ASSERT_EQ(open("live"), 0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (snd_pcm_state(pcm_) != SND_PCM_STATE_DISCONNECTED && std::chrono::steady_clock::now() < deadline) {
    snd_pcm_wait(pcm_, 10);
    snd_pcm_avail_update(pcm_);
  }
  int error = -ENODEV;
  while (error == -ENODEV && std::chrono::steady_clock::now() < deadline) { error = open("live"); }
  EXPECT_EQ(error, 0);
}

TEST_F(FaultCardTest, RefusesAScriptItDoesNotUnderstand) {
  EXPECT_FALSE(card_.script("100:explode"));
  EXPECT_FALSE(card_.script("xrun"));
  EXPECT_TRUE(card_.script("1:xrun 2:suspend=1 3:ppm=-50"));
}

}  // namespace
}  // namespace streamlab::fault_card
