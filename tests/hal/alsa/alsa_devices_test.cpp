// tests/hal/alsa/alsa_devices_test.cpp
//
// What is listed, in a world whose ALSA configuration holds fault cards alone.
#include "hal/alsa/alsa_devices.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fault_card/fault_card_client.hpp"

namespace streamlab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(AlsaDevices, ListsThePcmsOfTheConfigurationWithWhatTheyOffer) {
  const fault_card::FaultCard card("live");
  const std::vector<AlsaDevice> devices = list_alsa_devices();
  const auto live =
      std::find_if(devices.begin(), devices.end(), [](const auto& d) { return d.pcm == "live"; });
  ASSERT_NE(live, devices.end());
  EXPECT_FALSE(live->hardware);
  ASSERT_TRUE(live->capture && live->playback);
  const AlsaOffer& offer = live->capture->offer;
  EXPECT_EQ(offer.least_rate_hz, 8000U);
  EXPECT_EQ(offer.most_rate_hz, 768000U);
  EXPECT_EQ(rates_text(offer), "8000 to 768000 Hz");
  EXPECT_EQ(channels_text(offer), "2 channels");
  EXPECT_THAT(offer.formats, ElementsAre("FLOAT64_LE", "S32_LE", "FLOAT_LE", "S24_3LE", "S24_LE", "S16_LE"));
  EXPECT_EQ(card.open_streams(), 0);
}

TEST(AlsaDevices, ListsABusyPcmAsBusy) {
  fault_card::FaultCard card("live");
  ASSERT_TRUE(card.script("0:busy=1"));
  const std::vector<AlsaDevice> devices = list_alsa_devices();
  const auto live =
      std::find_if(devices.begin(), devices.end(), [](const auto& d) { return d.pcm == "live"; });
  ASSERT_NE(live, devices.end());
  ASSERT_TRUE(live->capture && live->playback);
  EXPECT_TRUE(live->capture->busy);
  EXPECT_THAT(live->capture->trouble, HasSubstr("busy"));
  EXPECT_FALSE(live->playback->busy);
}

TEST(AlsaDevices, FindsNoDefaultWithoutACard) {
  const fault_card::FaultCard card;
  const auto found = find_alsa_default();
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().what, HasSubstr("no ALSA sound card"));
}

TEST(AlsaDevices, SaysRatesAsPeopleDo) {
  AlsaOffer offer;
  offer.least_rate_hz = 44100;
  offer.most_rate_hz = 48000;
  offer.rates_hz = {44100, 48000};
  EXPECT_EQ(rates_text(offer), "44100 or 48000 Hz");
  offer.rates_hz = {44100, 48000, 96000};
  EXPECT_EQ(rates_text(offer), "44100, 48000 or 96000 Hz");
  offer.least_rate_hz = offer.most_rate_hz = 50000;
  offer.rates_hz = {};
  EXPECT_EQ(rates_text(offer), "50000 Hz");
  offer.least_channels = offer.most_channels = 1;
  EXPECT_EQ(channels_text(offer), "1 channel");
  offer.most_channels = 8;
  EXPECT_EQ(channels_text(offer), "1 to 8 channels");
}

}  // namespace
}  // namespace streamlab
