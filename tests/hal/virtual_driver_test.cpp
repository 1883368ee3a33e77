// tests/hal/virtual_driver_test.cpp
#include "tests/support/virtual_driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/recording_client.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;

TEST(VirtualDriver, TicksOnlyWhenTheTestSays) {
  VirtualDriver card(
      {.sample_rate_hz = 1000.0, .period_frames = 10, .inputs = 1, .outputs = 1, .start_us = 5});
  RecordingClient client(card.format());
  client.play = [](std::int64_t p, std::uint32_t) { return -static_cast<double>(p); };
  EXPECT_FALSE(card.tick());  // not started
  ASSERT_TRUE(card.start(client));
  EXPECT_TRUE(card.tick());
  EXPECT_TRUE(card.tick(25));  // in blocks of at most 10
  card.lose(100);
  card.lose(3);
  EXPECT_TRUE(card.run(4));
  ASSERT_EQ(client.ticks.size(), 5U);
  EXPECT_EQ(client.ticks[3].frame_count, 5U);
  EXPECT_FALSE(client.ticks[3].xrun);
  EXPECT_EQ(client.ticks[4].position, 138);
  EXPECT_EQ(client.ticks[4].timestamp_us, 138005);
  EXPECT_TRUE(client.ticks[4].xrun);
  EXPECT_EQ(client.heard[0].back(), counting_sample(141, 0));
  EXPECT_EQ(card.played()[0].size(), 39U);
  EXPECT_EQ(card.played()[0].back(), -141.0);
  const DriverStatus status = card.status();
  EXPECT_EQ(status.frames, 39U);
  EXPECT_EQ(status.xruns, 2U);
  EXPECT_EQ(status.gaps, 1U);
  EXPECT_EQ(status.lost_frames, 103U);
}

TEST(VirtualDriver, ComesAndGoes) {
  VirtualDriver card;
  RecordingClient client(card.format());
  ASSERT_TRUE(card.start(client));
  card.unplug();
  EXPECT_FALSE(card.tick());
  EXPECT_EQ(card.status().state, DriverState::lost);
  card.replug(480);
  EXPECT_TRUE(card.tick());
  EXPECT_EQ(client.ticks[0].position, 480);
  EXPECT_EQ(card.status().reopened, 1U);
  card.end();
  EXPECT_FALSE(card.tick());
  card.stop();
  EXPECT_EQ(card.status().state, DriverState::ended);
}

TEST(VirtualDriver, OpensAsWhateverIsAskedFor) {
  VirtualDriver card({.inputs = 8, .outputs = 4});
  DeviceRequest request;
  request.device = "alsa:hw:0";
  request.capture = true;
  request.input_channels = {3, 5, 7};
  const auto driver = card.opener()(request);
  ASSERT_TRUE(driver);
  EXPECT_EQ(card.request().device, "alsa:hw:0");
  EXPECT_EQ((*driver)->format().input_names.size(), 3U);
  EXPECT_EQ((*driver)->format().output_names.size(), 0U);
  RecordingClient client((*driver)->format());
  ASSERT_TRUE((*driver)->start(client));
  EXPECT_TRUE(card.tick(1));
  (*driver)->stop();
  EXPECT_FALSE(card.tick(1));
  EXPECT_THAT(client.heard,
              ElementsAre(ElementsAre(counting_sample(0, 0)), ElementsAre(counting_sample(0, 1)),
                          ElementsAre(counting_sample(0, 2))));
}

}  // namespace
}  // namespace streamlab
