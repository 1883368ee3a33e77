// tests/hal/alsa/alsa_fault_test.cpp
//
// Every way in which the fault card fails, and what the driver makes of it: positions stay true to the frame.
// Time is virtual, no test sleeps.
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/hal/alsa/alsa_test_client.hpp"

namespace streamlab::test {
namespace {

using ::testing::HasSubstr;

struct FaultCase {
  const char* name;
  const char* script;
  std::uint64_t xruns;
  std::uint64_t reopened;
  std::int64_t lost_frames;  // exactly; -1: some, whatever the pauses made of it
};

class AlsaFaults : public ::testing::TestWithParam<std::tuple<FaultCase, const char*>> {
 protected:
  std::shared_ptr<fault_card::FaultCard> card_ = std::make_shared<fault_card::FaultCard>();
};

// 188 periods of 256 frames are 48128. A fault at that instant takes the period that has just been captured
// with it; one in mid-period is noticed, and the stream started again, when the period would have ended. So
// each xrun costs a period and the frames of card time that it takes by itself.
TEST_P(AlsaFaults, KeepsEveryPositionTrue) {
  const auto& [fault, access] = GetParam();
  ASSERT_TRUE(card_->script(fault.script));
  DeviceRequest request = capture_request(std::string("fault:S32_LE,") + access + ",2,48000");
  auto driver = open_alsa_driver(request, card_tuning(card_));
  ASSERT_TRUE(driver) << to_string(driver.error());
  PatternClient client((*driver)->format(), {0, 1}, 24);
  ASSERT_TRUE((*driver)->start(client));
  EXPECT_TRUE(client.wait_for_position(400'000));
  const DriverStatus status = (*driver)->status();
  (*driver)->stop();
  EXPECT_EQ(client.wrong(), 0U) << "samples that were not those of their position";
  EXPECT_EQ(status.xruns, fault.xruns);
  EXPECT_EQ(status.reopened, fault.reopened);
  EXPECT_EQ(status.state, DriverState::running);
  std::int64_t jumped = 0;
  std::uint64_t jumps = 0;
  std::uint64_t flagged = 0;
  std::int64_t next = 0;
  for (const auto& tick : client.ticks()) {
    jumped += tick.info.position - next;
    jumps += tick.info.position != next;
    flagged += tick.info.xrun;
    next = tick.info.position + tick.info.frame_count;
  }
  EXPECT_EQ(static_cast<std::uint64_t>(jumped), (*driver)->status().lost_frames);
  EXPECT_EQ(jumps, (*driver)->status().gaps);
  EXPECT_EQ(flagged > 0, fault.xruns > 0);
  if (fault.lost_frames >= 0) {
    EXPECT_EQ(jumped, fault.lost_frames);
  } else {
    EXPECT_GT(jumped, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(
    EveryFault, AlsaFaults,
    ::testing::Combine(
        ::testing::Values(
            FaultCase{"none", "", 0, 0, 0}, FaultCase{"xrun", "48128:xrun=1000", 1, 0, 256 + 1000},
            FaultCase{"xrun_within_a_period", "48200:xrun=1000", 1, 0, 256 + 1000},
            FaultCase{"many_xruns", "48128:xrun=1 60160:xrun=77 80128:xrun=48000", 3, 0, 3 * 256 + 48078},
            // Two resumes change nothing and cost a pause of 20 ms each.
            FaultCase{"suspend", "48128:suspend=2", 0, 0, 256 + 1920},
            FaultCase{"eio_once", "48128:eio=1", 0, 0, -1},
            FaultCase{"eio_without_end", "48128:eio=50", 0, 1, -1},
            FaultCase{"storm_of_two", "48128:storm=2", 2, 0, 256},
            // Closed after the third error, opened again after 50 ms.
            FaultCase{"storm", "48128:storm=1000", 2, 1, 256 + 2400},
            FaultCase{"stall", "48128:stall=9600", 0, 0, 9600},
            FaultCase{"hang", "48128:hang=96000", 0, 1, -1},
            FaultCase{"unplug", "48128:unplug=24000", 0, 1, -1},
            // The stream begins when the card is first told to start.
            FaultCase{"unplug_before_the_first_block", "100:unplug=24000", 0, 1, -1},
            FaultCase{"hang_before_the_first_block", "100:hang=96000", 0, 1, -1},
            FaultCase{"eio_before_the_first_block", "0:eio=1", 0, 0, -1},
            FaultCase{"unplug_then_busy", "48128:unplug=4800 48128:busy=3", 0, 1, -1},
            FaultCase{"drift_then_unplug", "0:ppm=150 240128:unplug=24000", 0, 1, -1}),
        ::testing::Values("mmap", "rw")),
    [](const auto& instance) {
      return std::string(std::get<0>(instance.param).name) + "_" + std::get<1>(instance.param);
    });

class AlsaLoss : public ::testing::Test {
 protected:
  // Opens, starts, and waits until the driver has failed.
  DriverStatus run_until_failed(DeviceRequest request, const std::string& script) {
    EXPECT_TRUE(card_->script(script));
    auto driver = open_alsa_driver(request, card_tuning(card_));
    EXPECT_TRUE(driver) << to_string(driver.error());
    PatternClient client((*driver)->format(), {0, 1}, 24);
    EXPECT_TRUE((*driver)->start(client));
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while ((*driver)->status().state != DriverState::failed && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    const DriverStatus status = (*driver)->status();
    (*driver)->stop();
    EXPECT_EQ((*driver)->status().state, DriverState::failed) << "stop() must not hide the failure";
    EXPECT_EQ(card_->open_streams(), 0);
    return status;
  }
  std::shared_ptr<fault_card::FaultCard> card_ = std::make_shared<fault_card::FaultCard>();
};

TEST_F(AlsaLoss, FailsWithBothRatesWhenTheDeviceComesBackAtAnother) {
  const DriverStatus status =
      run_until_failed(capture_request("fault:S32_LE,rw,2"), "48128:unplug=4800 48128:rate=96000");
  EXPECT_EQ(status.state, DriverState::failed);
  EXPECT_THAT(to_string(status.failure),
              HasSubstr("the device came back, but 48000 Hz is not possible; expected 96000 Hz"));
}

TEST_F(AlsaLoss, FailsAtOnceWhenThatIsAskedFor) {
  DeviceRequest request = capture_request();
  request.on_device_loss = OnDeviceLoss::stop;
  const DriverStatus status = run_until_failed(request, "48128:unplug=4800");
  EXPECT_THAT(to_string(status.failure), HasSubstr("the device was lost"));
  EXPECT_EQ(status.frames, 47'872U);
}

TEST_F(AlsaLoss, StopsWhileTheDeviceIsGone) {
  ASSERT_TRUE(card_->script("48128:unplug=0"));
  auto driver = open_alsa_driver(capture_request(), card_tuning(card_));
  ASSERT_TRUE(driver);
  PatternClient client((*driver)->format(), {0, 1}, 24);
  ASSERT_TRUE((*driver)->start(client));
  while ((*driver)->status().state != DriverState::lost) { std::this_thread::yield(); }
  (*driver)->stop();
  EXPECT_EQ((*driver)->status().state, DriverState::idle);
  EXPECT_EQ((*driver)->status().frames, 47'872U);
}

TEST_F(AlsaLoss, ContinuesWithANewSessionWhenACallHangs) {
  ASSERT_TRUE(card_->script("48128:block"));
  AlsaTuning tuning = card_tuning(card_);
  tuning.hang_limit = std::chrono::milliseconds(20);
  auto driver = open_alsa_driver(capture_request(), tuning);
  ASSERT_TRUE(driver);
  PatternClient client((*driver)->format(), {0, 1}, 24);
  ASSERT_TRUE((*driver)->start(client));
  EXPECT_TRUE(client.wait_for_position(96'000));
  EXPECT_TRUE(card_->blocked()) << "the first session must still hang";
  EXPECT_EQ((*driver)->status().reopened, 1U);
  (*driver)->stop();
  EXPECT_EQ(client.wrong(), 0U);
  const std::size_t ticks = client.ticks().size();
  card_->release();
  while (card_->open_streams() > 0) { std::this_thread::yield(); }
  EXPECT_EQ(client.ticks().size(), ticks) << "an abandoned session must never reach the client";
}

TEST_F(AlsaLoss, StopsThoughACallHangs) {
  ASSERT_TRUE(card_->script("48128:block"));
  AlsaTuning tuning = card_tuning(card_);
  tuning.hang_limit = std::chrono::hours(1);
  tuning.stop_limit = std::chrono::milliseconds(20);
  auto driver = open_alsa_driver(capture_request(), tuning);
  ASSERT_TRUE(driver);
  {
    PatternClient client((*driver)->format(), {0, 1}, 24);
    ASSERT_TRUE((*driver)->start(client));
    while (!card_->blocked()) { std::this_thread::yield(); }
    (*driver)->stop();
  }
  driver->reset();
  card_->release();  // the thread comes back when client and driver are gone
  while (card_->open_streams() > 0) { std::this_thread::yield(); }
}

// What is played is where its position says, before and after the gap.
TEST_F(AlsaLoss, PlaysOnAtTheRightPosition) {
  for (const char* script : {"48128:xrun=1000", "48128:unplug=24000", "48128:suspend=1"}) {
    card_ = std::make_shared<fault_card::FaultCard>();
    ASSERT_TRUE(card_->script(script));
    card_->record(true);
    DeviceRequest request = capture_request();
    request.capture = false;
    request.playback = true;
    auto driver = open_alsa_driver(request, card_tuning(card_));
    ASSERT_TRUE(driver) << to_string(driver.error());
    PatternClient client((*driver)->format(), {}, 24);
    ASSERT_TRUE((*driver)->start(client));
    EXPECT_TRUE(client.wait_for_position(200'000));
    (*driver)->stop();
    const auto played = card_->played(0);
    std::size_t wrong = 0;
    for (std::size_t n = 0; n < played.samples.size(); ++n) {
      wrong += played.samples[n] != fault_card::pattern_value(played.frames[n], 0, 24);
    }
    EXPECT_EQ(wrong, 0U) << script;
    EXPECT_GT((*driver)->status().gaps, 0U) << script;
  }
}

TEST_F(AlsaLoss, ContinuesInBothDirections) {
  for (const char* script : {"48128:xrun=1000", "48128:unplug=24000", "48128:hang=48000"}) {
    card_ = std::make_shared<fault_card::FaultCard>();
    ASSERT_TRUE(card_->script(script));
    card_->record(true);
    DeviceRequest request = capture_request();
    request.playback = true;
    auto driver = open_alsa_driver(request, card_tuning(card_));
    ASSERT_TRUE(driver) << to_string(driver.error());
    PatternClient client((*driver)->format(), {0, 1}, 24);
    ASSERT_TRUE((*driver)->start(client));
    EXPECT_TRUE(client.wait_for_position(200'000));
    (*driver)->stop();
    EXPECT_EQ(client.wrong(), 0U) << script;
    const auto played = card_->played(0);
    std::size_t wrong = 0;
    for (std::size_t n = 0; n < played.samples.size(); ++n) {
      const bool silent = played.samples[n] == 0.0;  // the fill after each start
      wrong += !silent && played.samples[n] != fault_card::pattern_value(played.frames[n] - 512, 0, 24);
    }
    EXPECT_EQ(wrong, 0U) << script;
  }
}

}  // namespace
}  // namespace streamlab::test
