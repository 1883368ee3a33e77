// tests/hal/alsa/alsa_driver_test.cpp
//
// The ALSA driver on the fault card: what it opens, what it refuses, and that every frame arrives as it was.
// Time is virtual; the comparison is exact.
#include "hal/alsa/alsa_driver.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/hal/alsa/alsa_test_client.hpp"
#include "tests/support/rt_guard.hpp"

namespace streamlab::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class AlsaDriverTest : public ::testing::Test {
 protected:
  std::unique_ptr<Driver> open(const DeviceRequest& request) {
    auto driver = open_alsa_driver(request, card_tuning(card_));
    EXPECT_TRUE(driver.has_value()) << (driver ? "" : to_string(driver.error()));
    return driver ? std::move(*driver) : nullptr;
  }
  std::string refusal(const DeviceRequest& request) {
    const auto driver = open_alsa_driver(request, card_tuning(card_));
    return driver ? "opened" : to_string(driver.error());
  }
  std::shared_ptr<fault_card::FaultCard> card_ = std::make_shared<fault_card::FaultCard>();
};

struct Container {
  const char* name;   // in the request
  const char* offer;  // of the card
  int bits;           // of the card's pattern
};
class AlsaContainers : public AlsaDriverTest,
                       public ::testing::WithParamInterface<std::tuple<Container, const char*>> {};

TEST_P(AlsaContainers, CapturesEverySampleExactly) {
  const auto [container, access] = GetParam();
  DeviceRequest request =
      capture_request(std::string("fault:") + container.offer + "," + access + ",3,48000");
  request.input_channels = {3, 1};
  request.sample_format = container.name;
  const auto driver = open(request);
  ASSERT_NE(driver, nullptr);
  PatternClient client(driver->format(), {2, 0}, container.bits);
  ASSERT_TRUE(driver->start(client));
  EXPECT_TRUE(client.wait_for_position(100'000));
  driver->stop();
  EXPECT_EQ(client.wrong(), 0U);
  EXPECT_EQ(driver->status().gaps, 0U);
  EXPECT_EQ(driver->status().xruns, 0U);
}

TEST_P(AlsaContainers, PlaysEverySampleExactlyAndLeavesTheOtherChannelsSilent) {
  const auto [container, access] = GetParam();
  DeviceRequest request;
  request.device = std::string("alsa:fault:") + container.offer + "," + access + ",3,48000";
  request.playback = true;
  request.output_channels = {3, 1};
  request.sample_format = container.name;
  card_->record(true);
  const auto driver = open(request);
  ASSERT_NE(driver, nullptr);
  PatternClient client(driver->format(), {}, container.bits);
  ASSERT_TRUE(driver->start(client));
  EXPECT_TRUE(client.wait_for_position(20'000));
  driver->stop();
  const auto third = card_->played(2);
  const auto second = card_->played(1);
  const auto first = card_->played(0);
  ASSERT_GE(third.samples.size(), 20'000U);
  EXPECT_EQ(std::count(second.samples.begin(), second.samples.end(), 0.0),
            static_cast<std::ptrdiff_t>(second.samples.size()));
  std::size_t wrong = 0;
  for (std::size_t n = 0; n < 20'000; ++n) {
    wrong += third.samples[n] != fault_card::pattern_value(static_cast<std::int64_t>(n), 0, container.bits);
    wrong += first.samples[n] != fault_card::pattern_value(static_cast<std::int64_t>(n), 1, container.bits);
    wrong += third.frames[n] != static_cast<std::int64_t>(n);  // without a hole
  }
  EXPECT_EQ(wrong, 0U);
}

INSTANTIATE_TEST_SUITE_P(
    EveryContainer, AlsaContainers,
    ::testing::Combine(
        ::testing::Values(Container{"S16_LE", "S16_LE", 16}, Container{"S24_3LE", "S24_3LE", 24},
                          Container{"S24_LE", "S24_LE", 24}, Container{"S24_LE_HIGH", "S32_LE", 24},
                          Container{"S32_LE", "S32_LE", 24}, Container{"FLOAT_LE", "FLOAT_LE", 24},
                          Container{"FLOAT64_LE", "FLOAT64_LE", 24}, Container{"auto", "S24_3LE", 24}),
        ::testing::Values("mmap", "rw", "mmap_noninterleaved", "rw_noninterleaved")),
    [](const auto& instance) {
      return std::string(std::get<0>(instance.param).name) + "_" + std::get<1>(instance.param);
    });

// Does what a client may, and in its first `forbidden` ticks what it may not.
class CountingClient final : public DeviceClient {
 public:
  CountingClient(const DeviceFormat& format, int forbidden)
      : samples_(format.max_block_frames), forbidden_(forbidden) {
    inputs_.assign(format.input_names.size(), samples_.data());
    outputs_.assign(format.output_names.size(), samples_.data());
  }
  std::span<double* const> inputs() noexcept override { return inputs_; }
  std::span<const double* const> outputs() noexcept override { return outputs_; }
  void tick(const TickInfo&) noexcept override {
    if (forbidden_ > 0) {
      --forbidden_;
      void* volatile memory = std::malloc(64);
      std::free(memory);
    }
    ticks_.fetch_add(1, std::memory_order_release);
  }
  void wait_for_ticks(std::uint64_t count) const {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (ticks_.load(std::memory_order_acquire) < count && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
  }
  std::uint64_t ticks() const { return ticks_.load(std::memory_order_acquire); }

 private:
  std::vector<double> samples_;
  std::vector<double*> inputs_;
  std::vector<const double*> outputs_;
  int forbidden_;
  std::atomic<std::uint64_t> ticks_{0};
};

TEST_P(AlsaContainers, CallsNothingInACycleThatCouldWaitAndWouldBeSeen) {
  if (!RtGuardScope::available()) { GTEST_SKIP() << "a sanitizer stands in the guard's place"; }
  const auto [container, access] = GetParam();
  for (const int forbidden : {0, 2}) {
    DeviceRequest request =
        capture_request(std::string("fault:") + container.offer + "," + access + ",2,48000");
    request.sample_format = container.name;
    request.playback = true;
    const auto driver = open(request);
    ASSERT_NE(driver, nullptr);
    CountingClient client(driver->format(), forbidden);
    RtGuardScope::take_violations();
    const std::uint64_t sections = rt_guard_sections();
    ASSERT_TRUE(driver->start(client));
    client.wait_for_ticks(100);
    driver->stop();
    EXPECT_GE(client.ticks(), 100U);
    EXPECT_GE(rt_guard_sections() - sections, client.ticks());
    if (forbidden == 0) {
      EXPECT_THAT(RtGuardScope::take_violations(), ::testing::IsEmpty());
    } else {
      EXPECT_THAT(RtGuardScope::take_violations(), ElementsAre("malloc", "free", "malloc", "free"));
    }
  }
}

TEST_F(AlsaDriverTest, PicksTwoChannelsOutOf32InTheOrderAskedFor) {
  DeviceRequest request = capture_request("fault:S32_LE,rw,32,96000");
  request.input_channels = {31, 2};
  const auto driver = open(request);
  ASSERT_NE(driver, nullptr);
  EXPECT_THAT(driver->format().input_names, ElementsAre("in_31", "in_2"));
  EXPECT_EQ(driver->format().sample_rate_hz, 96000.0);
  PatternClient client(driver->format(), {30, 1}, 24);
  ASSERT_TRUE(driver->start(client));
  EXPECT_TRUE(client.wait_for_position(50'000));
  driver->stop();
  EXPECT_EQ(client.wrong(), 0U);
}

TEST_F(AlsaDriverTest, TakesTheDevicesOwnChoicesWhenNothingIsAskedFor) {
  const auto driver = open(capture_request("fault"));
  ASSERT_NE(driver, nullptr);
  const DeviceFormat& format = driver->format();
  EXPECT_EQ(format.description, "ALSA fault (FLOAT64_LE, mmap)");
  EXPECT_EQ(format.sample_rate_hz, 48000.0);
  EXPECT_EQ(format.period_frames, 256U);
  EXPECT_EQ(format.max_block_frames, 256U);
  EXPECT_THAT(format.input_names, ElementsAre("in_1", "in_2"));
  EXPECT_EQ(format.input_latency_frames, 256U);
  EXPECT_FALSE(format.real_time);
}

TEST_F(AlsaDriverTest, StampsEveryBlockWithThePositionAndTimeOfItsFirstFrame) {
  DeviceRequest request = capture_request();
  request.period_frames = 64;
  const auto driver = open(request);
  ASSERT_NE(driver, nullptr);
  PatternClient client(driver->format(), {0, 1}, 24);
  ASSERT_TRUE(driver->start(client));
  EXPECT_TRUE(client.wait_for_position(64'000));
  driver->stop();
  std::int64_t position = 0;
  for (const auto& tick : client.ticks()) {
    EXPECT_EQ(tick.info.position, position);
    EXPECT_EQ(tick.info.frame_count, 64U);
    // The card's first frame begins at 1 s of its clock; 1 µs is the stamp's own step, 1 the rounding of ns.
    EXPECT_NEAR(static_cast<double>(tick.info.timestamp_us - 1'700'000'001'000'000),
                static_cast<double>(position) / 0.048, 2.0);
    position += 64;
  }
}

TEST_F(AlsaDriverTest, GoesRoundInExactlyTheLatencyItTells) {
  for (const std::uint32_t periods : {0U, 2U, 3U, 4U}) {
    card_ = std::make_shared<fault_card::FaultCard>();
    card_->record(true);
    DeviceRequest request = capture_request();
    request.playback = true;
    request.periods = periods;
    const auto driver = open(request);
    ASSERT_NE(driver, nullptr);
    const std::int64_t latency =
        driver->format().input_latency_frames + driver->format().output_latency_frames;
    EXPECT_EQ(latency, 256 * (periods == 0 ? 2 : periods));
    PatternClient client(driver->format(), {0, 1}, 24);
    ASSERT_TRUE(driver->start(client));
    EXPECT_TRUE(client.wait_for_position(20'000));
    driver->stop();
    EXPECT_EQ(client.wrong(), 0U);
    EXPECT_EQ(driver->status().xruns, 0U);
    const auto played = card_->played(1);
    ASSERT_GE(played.samples.size(), 20'000U);
    std::size_t wrong = 0;
    for (std::size_t n = 0; n < played.samples.size(); ++n) {
      const std::int64_t captured = played.frames[n] - latency;
      wrong += played.samples[n] != (captured < 0 ? 0.0 : fault_card::pattern_value(captured, 1, 24));
    }
    EXPECT_EQ(wrong, 0U) << periods << " periods";
  }
}

TEST_F(AlsaDriverTest, StartsAgainAfterAStop) {
  const auto driver = open(capture_request());
  ASSERT_NE(driver, nullptr);
  for (int n = 0; n < 3; ++n) {
    PatternClient client(driver->format(), {0, 1}, 24);
    client.set_shift(card_->frames());
    ASSERT_TRUE(driver->start(client));
    EXPECT_TRUE(client.wait_for_position(5'000));
    driver->stop();
    driver->stop();
    EXPECT_EQ(client.wrong(), 0U);
    EXPECT_EQ(driver->status().state, DriverState::idle);
  }
  EXPECT_EQ(card_->open_streams(), 0);
}

TEST_F(AlsaDriverTest, RefusesWhatTheDeviceCannotDoAndSaysWhatItCan) {
  DeviceRequest request = capture_request("fault:S16_LE,rw,2,44100 48000");
  request.sample_rate_hz = 96000;
  EXPECT_EQ(refusal(request),
            "alsa:fault:S16_LE,rw,2,44100 48000: 96000 Hz is not possible; expected 44100 or 48000 Hz; the "
            "device is never resampled: use its rate, or resample in the graph");
  request.sample_rate_hz = 44100.5;
  EXPECT_THAT(refusal(request), HasSubstr("44100.5 Hz is not possible"));

  request = capture_request();
  request.input_channels = {1, 3};
  EXPECT_THAT(refusal(request), HasSubstr("there is no input channel 3; expected 1 to 2"));
  request.input_channels = {0};
  EXPECT_THAT(refusal(request), HasSubstr("channel 0; expected a channel number from 1"));

  request = capture_request();
  request.sample_format = "S16_LE";
  EXPECT_THAT(refusal(request), HasSubstr("the device does not support the format S16_LE; expected S32_LE"));
  request.sample_format = "S20";
  EXPECT_THAT(refusal(request),
              HasSubstr("there is no sample format \"S20\"; expected one of: auto, S16_LE"));

  request = capture_request();
  request.access = "rw";
  EXPECT_THAT(refusal(request), HasSubstr("the device does not support rw access; expected mmap"));
  request.access = "direct";
  EXPECT_THAT(refusal(request), HasSubstr("there is no access mode \"direct\"; expected auto, mmap or rw"));

  request = capture_request();
  request.period_frames = 3;
  EXPECT_THAT(refusal(request), HasSubstr("a period of 3 frames is not possible; expected "));
  request.period_frames = 256;
  request.periods = 100;
  EXPECT_THAT(refusal(request), HasSubstr("a buffer of 100 periods is not possible; expected 2 to 64"));

  request = capture_request();
  request.capture = false;
  EXPECT_THAT(refusal(request), HasSubstr("neither capture nor playback is requested"));
}

TEST_F(AlsaDriverTest, NamesThePcmThatDoesNotExist) {
  EXPECT_THAT(refusal(capture_request("nonesuch")), HasSubstr("there is no ALSA PCM \"nonesuch\""));
}

TEST_F(AlsaDriverTest, SaysThatTheDeviceIsBusy) {
  ASSERT_TRUE(card_->script("0:busy=1"));
  const auto driver = open_alsa_driver(capture_request(), card_tuning(card_));
  ASSERT_FALSE(driver);
  EXPECT_EQ(driver.error().code, ErrorCode::failed);
  EXPECT_THAT(to_string(driver.error()), HasSubstr("the device is busy (capture)"));
}

}  // namespace
}  // namespace streamlab::test
