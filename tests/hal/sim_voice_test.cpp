// tests/hal/sim_voice_test.cpp
#include "hal/sim/voice.hpp"

#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/hal/sim_sound.hpp"

namespace streamlab {
namespace {

constexpr const char* kNames[] = {"Front_Left", "Front_Center", "Front_Right", "Side_Right",
                                  "Rear_Right", "Rear_Center",  "Rear_Left",   "Side_Left"};

TEST(SimVoice, SpeaksEveryRecordingWithAPauseBehindIt) {
  const std::string folder = std::filesystem::path(scratch("x")).parent_path();
  double value = 0.0;
  for (const char* const name : kNames) {
    value += 0.1;
    write_sound(fmt::format("{}/{}.wav", folder, name), SF_FORMAT_WAV | SF_FORMAT_DOUBLE, 10, 1,
                {value, -value});
  }
  const auto voice = load_voice(folder);
  ASSERT_TRUE(voice) << to_string(voice.error());
  EXPECT_EQ(voice->sample_rate_hz, 10.0);
  ASSERT_EQ(voice->samples.size(), 8U * (2 + 5));  // half a second of 10 Hz behind each
  value = 0.0;
  for (std::size_t i = 0; i < 8; ++i) {
    value += 0.1;
    EXPECT_EQ(voice->samples[7 * i], value);
    EXPECT_EQ(voice->samples[7 * i + 1], -value);
    for (std::size_t n = 2; n < 7; ++n) { EXPECT_EQ(voice->samples[7 * i + n], 0.0); }
  }
}

TEST(SimVoice, NamesThePackageWhenItIsMissing) {
  EXPECT_EQ(
      to_string(load_voice("/no/such/folder").error()),
      "simulated card: the recorded voice is not installed: there is no /no/such/folder/Front_Left.wav; "
      "expected the recordings of package alsa-utils; install it (apt-get install alsa-utils) or choose "
      "another input: \"sim\": {\"input\": …}");
}

TEST(SimVoice, RefusesRecordingsOfDifferentRates) {
  const std::string folder = std::filesystem::path(scratch("x")).parent_path();
  for (const char* const name : kNames) {
    write_sound(fmt::format("{}/{}.wav", folder, name), SF_FORMAT_WAV | SF_FORMAT_DOUBLE,
                name == kNames[2] ? 20 : 10, 1, {0.5});
  }
  EXPECT_EQ(to_string(load_voice(folder).error()),
            fmt::format(
                "simulated card: {}/Front_Right.wav has a rate of 20 Hz; expected 10 Hz, like the recordings "
                "before it",
                folder));
}

}  // namespace
}  // namespace streamlab
