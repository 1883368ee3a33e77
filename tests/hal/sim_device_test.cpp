// tests/hal/sim_device_test.cpp
#include "hal/sim/sim_device.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <numbers>
#include <semaphore>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>

#include "hal/sim/counting.hpp"
#include "tests/hal/sim_sound.hpp"
#include "tests/support/recording_client.hpp"
#include "tests/support/rt_guard.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;

DeviceRequest capture(std::string script, std::uint32_t period = 64) {
  DeviceRequest request;
  request.device = "sim";
  request.capture = true;
  request.period_frames = period;
  request.sim_script = std::move(script);
  return request;
}

std::unique_ptr<Driver> open(const DeviceRequest& request) {
  auto driver = open_sim_device(request);
  EXPECT_TRUE(driver) << to_string(driver.error());
  return driver ? *std::move(driver) : nullptr;
}

std::string refusal(const DeviceRequest& request) {
  const auto driver = open_sim_device(request);
  return driver ? "opened" : to_string(driver.error());
}

// position+frames of every tick, with a ! behind those that report an xrun.
std::vector<std::string> story(const RecordingClient& client) {
  std::vector<std::string> story;
  for (const TickInfo& tick : client.ticks) {
    story.push_back(fmt::format("{}+{}{}", tick.position, tick.frame_count, tick.xrun ? "!" : ""));
  }
  return story;
}

// Every sample heard is the counting pattern of its position, channel by channel.
void expect_counting(const RecordingClient& client) {
  for (std::uint32_t c = 0; c < client.heard.size(); ++c) {
    std::size_t i = 0;
    for (const TickInfo& tick : client.ticks) {
      for (std::uint32_t n = 0; n < tick.frame_count; ++n, ++i) {
        ASSERT_EQ(client.heard[c][i], counting_sample(tick.position + n, c))
            << "channel " << c << ", frame " << i;
      }
    }
    EXPECT_EQ(i, client.heard[c].size());
  }
}

TEST(SimDevice, DeliversTheCountingPatternAndEnds) {
  const auto driver = open(capture(R"({"clock": "virtual", "input": {"counting": true}, "frames": 150})"));
  ASSERT_TRUE(driver);
  EXPECT_EQ(driver->format().description, "simulated card (counting pattern, virtual clock)");
  EXPECT_EQ(driver->format().sample_rate_hz, 48000.0);
  EXPECT_EQ(driver->format().max_block_frames, 64U);
  EXPECT_FALSE(driver->format().real_time);
  EXPECT_THAT(driver->format().input_names, ElementsAre("capture_1", "capture_2"));
  EXPECT_THAT(driver->format().output_names, ElementsAre());
  RecordingClient client(driver->format());
  const DriverStatus status = run_to_end(*driver, client);
  EXPECT_EQ(status.state, DriverState::ended);
  EXPECT_EQ(status.real_time, "virtual clock");
  EXPECT_EQ(status.ticks, 3U);
  EXPECT_EQ(status.frames, 150U);
  EXPECT_EQ(status.xruns + status.gaps + status.lost_frames + status.reopened, 0U);
  EXPECT_THAT(story(client), ElementsAre("0+64", "64+64", "128+22"));
  expect_counting(client);
}

TEST(SimDevice, MarksEveryFaultWithItsExactLength) {
  const auto driver = open(capture(R"({"clock": "virtual", "input": {"counting": true}, "frames": 1000,
      "buffer_frames": 96, "faults": [
        {"at_frame": 100, "type": "xrun", "lost_frames": 37},
        {"at_frame": 201, "type": "stall", "duration_ms": 2},
        {"at_frame": 300, "type": "stall", "duration_ms": 4},
        {"at_frame": 600, "type": "unplug", "frames": 333},
        {"at_frame": 990, "type": "xrun", "lost_frames": 0}]})"));
  ASSERT_TRUE(driver);
  RecordingClient client(driver->format());
  const DriverStatus status = run_to_end(*driver, client);
  // 2 ms are 96 frames and fit the buffer; 4 ms are 192 frames and do not
  EXPECT_THAT(story(client), ElementsAre("0+64", "64+36", "137+64!", "201+64", "265+35", "492+64!", "556+44",
                                         "933+57", "990+10!"));
  expect_counting(client);
  EXPECT_EQ(status.state, DriverState::ended);
  EXPECT_EQ(status.xruns, 3U);
  EXPECT_EQ(status.gaps, 3U);
  EXPECT_EQ(status.lost_frames, 37U + 192U + 333U);
  EXPECT_EQ(status.reopened, 1U);
  EXPECT_EQ(status.frames, 1000U - 37U - 192U - 333U);
}

TEST(SimDevice, FailsAtAnUnplugWhenAskedToStop) {
  DeviceRequest request = capture(R"({"clock": "virtual", "input": "silence",
      "faults": [{"at_frame": 70, "type": "unplug", "frames": 10}]})");
  request.on_device_loss = OnDeviceLoss::stop;
  const auto driver = open(request);
  ASSERT_TRUE(driver);
  RecordingClient client(driver->format());
  const DriverStatus status = run_to_end(*driver, client);
  EXPECT_EQ(status.state, DriverState::failed);
  EXPECT_EQ(to_string(status.failure),
            "simulated card (silence, virtual clock): the card was unplugged at frame 70");
  EXPECT_THAT(story(client), ElementsAre("0+64", "64+6"));
}

TEST(SimDevice, FailsWhereTheRateChanges) {
  const auto driver = open(capture(R"({"clock": "virtual", "input": "silence",
      "faults": [{"at_frame": 64, "type": "rate_change", "sample_rate_hz": 44100}]})"));
  ASSERT_TRUE(driver);
  RecordingClient client(driver->format());
  const DriverStatus status = run_to_end(*driver, client);
  EXPECT_EQ(status.state, DriverState::failed);
  EXPECT_EQ(
      to_string(status.failure),
      "simulated card (silence, virtual clock): the rate changed from 48000 Hz to 44100 Hz at frame 64; "
      "restart the run: a running graph keeps the rate that it was prepared for");
  EXPECT_THAT(story(client), ElementsAre("0+64"));
}

TEST(SimDevice, ChangesItsPeriodInMidStream) {
  const auto driver = open(capture(R"({"clock": "virtual", "input": {"counting": true}, "frames": 300,
      "faults": [{"at_frame": 64, "type": "period_change", "period_frames": 16},
                 {"at_frame": 96, "type": "period_change", "period_frames": 100}]})"));
  ASSERT_TRUE(driver);
  RecordingClient client(driver->format());
  run_to_end(*driver, client);
  EXPECT_THAT(story(client),
              ElementsAre("0+64", "64+16", "80+16", "96+64", "160+36", "196+64", "260+36", "296+4"));
  expect_counting(client);
}

// t(p) = epoch + p / (rate (1 + ppm 1e-6)): a fast card's second is short.
TEST(SimDevice, StampsPositionsByItsOwnClock) {
  const auto timestamps = [](double ppm) {
    const auto driver = open(capture(fmt::format(R"({{"clock": "virtual", "input": "silence", "frames": 96001,
        "epoch_us": 1700000000000000, "ppm": {}}})",
                                                 ppm),
                                     48000));
    RecordingClient client(driver->format());
    run_to_end(*driver, client);
    std::vector<std::int64_t> stamps;
    for (const TickInfo& tick : client.ticks) { stamps.push_back(tick.timestamp_us - 1700000000000000); }
    return stamps;
  };
  EXPECT_THAT(timestamps(0.0), ElementsAre(0, 1000000, 2000000));
  EXPECT_THAT(timestamps(50.0), ElementsAre(0, 999950, 1999900));      // 1e6 / 1.00005 = 999950.0025
  EXPECT_THAT(timestamps(-1000.0), ElementsAre(0, 1001001, 2002002));  // 1e6 / 0.999 = 1001001.001
}

TEST(SimDevice, ScattersItsTimestampsWithinTheJitter) {
  const auto driver =
      open(capture(R"({"clock": "virtual", "input": "silence", "frames": 64000, "jitter_us": 100})"));
  ASSERT_TRUE(driver);
  RecordingClient client(driver->format());
  run_to_end(*driver, client);
  ASSERT_EQ(client.ticks.size(), 1000U);
  double sum_us = 0.0;
  for (const TickInfo& tick : client.ticks) {
    const double late_us =
        static_cast<double>(tick.timestamp_us) - 1e6 * static_cast<double>(tick.position) / 48000.0;
    EXPECT_GE(late_us, -0.5);  // rounding
    EXPECT_LE(late_us, 100.5);
    sum_us += late_us;
  }
  // uniform on 0 .. 100: the mean of 1000 has a standard deviation of 100 / sqrt(12 * 1000) = 0.9 us; five of
  // them
  EXPECT_NEAR(sum_us / 1000.0, 50.0, 4.6);
}

TEST(SimDevice, TellsTheSameStoryTwice) {
  const auto run = [] {
    const auto driver = open(capture(R"({"clock": "virtual", "frames": 5000, "jitter_us": 30, "ppm": 17,
        "input": {"sine": {"frequency_hz": 997}}, "faults": [{"at_frame": 777, "type": "xrun", "lost_frames": 9}]})"));
    RecordingClient client(driver->format());
    run_to_end(*driver, client);
    std::string all;
    for (const TickInfo& t : client.ticks) {
      all += fmt::format("{} {} {} {} ", t.position, t.timestamp_us, t.frame_count, t.xrun);
    }
    for (const double x : client.heard[0]) {
      all += fmt::format("{} ", x);
    }  // the shortest text that is exact
    return all;
  };
  const std::string first = run();
  EXPECT_GT(first.size(), 5000U);
  EXPECT_EQ(run(), first);
}

TEST(SimDevice, PlaysASine) {
  const auto driver = open(capture(R"({"clock": "virtual", "frames": 48000,
      "input": {"sine": {"frequency_hz": 1000, "amplitude": 0.5}}})"));
  ASSERT_TRUE(driver);
  RecordingClient client(driver->format());
  run_to_end(*driver, client);
  for (std::size_t n = 0; n < 48000; ++n) {
    const double turn = static_cast<double>(n % 48) / 48.0;  // 48 frames a cycle
    // 2^-50: a few units in the last place of the argument of sin()
    ASSERT_NEAR(client.heard[1][n], 0.5 * std::sin(2 * std::numbers::pi * turn), 0x1p-50) << n;
  }
}

TEST(SimDevice, GivesTheChannelsAskedForInTheirOrder) {
  DeviceRequest request =
      capture(R"({"clock": "virtual", "input": {"counting": true}, "input_channels": 4, "frames": 10})");
  request.input_channels = {4, 2};
  const auto driver = open(request);
  ASSERT_TRUE(driver);
  EXPECT_THAT(driver->format().input_names, ElementsAre("capture_4", "capture_2"));
  RecordingClient client(driver->format());
  run_to_end(*driver, client);
  EXPECT_EQ(client.heard[0][5], counting_sample(5, 3));
  EXPECT_EQ(client.heard[1][5], counting_sample(5, 1));
}

TEST(SimDevice, LoopsItsOutputBackAfterItsLatency) {
  DeviceRequest request = capture(R"({"clock": "virtual", "loopback": true, "frames": 640,
      "input_latency_frames": 64, "output_latency_frames": 100,
      "faults": [{"at_frame": 200, "type": "xrun", "lost_frames": 50}]})");
  request.playback = true;
  const auto driver = open(request);
  ASSERT_TRUE(driver);
  EXPECT_EQ(driver->format().input_latency_frames, 64U);
  EXPECT_EQ(driver->format().output_latency_frames, 100U);
  RecordingClient client(driver->format());
  client.play = [](std::int64_t position, std::uint32_t c) {
    return counting_sample(position + 1, c);
  };  // never 0 here
  run_to_end(*driver, client);
  for (std::uint32_t c = 0; c < 2; ++c) {
    std::size_t i = 0;
    for (const TickInfo& tick : client.ticks) {
      for (std::uint32_t n = 0; n < tick.frame_count; ++n, ++i) {
        const std::int64_t played = tick.position + n - 164;
        const bool silent = played < 0 || (played >= 200 && played < 250);  // before the start; in the gap
        ASSERT_EQ(client.heard[c][i], silent ? 0.0 : counting_sample(played + 1, c)) << tick.position + n;
      }
    }
    EXPECT_EQ(i, 590U);
  }
}

TEST(SimDevice, KeepsWhatIsPlayedByPosition) {
  const std::string path = scratch("played.wav");
  DeviceRequest request =
      capture(fmt::format(R"({{"clock": "virtual", "playback_to": "{}", "overwrite": true, "frames": 200,
      "faults": [{{"at_frame": 80, "type": "xrun", "lost_frames": 20}}]}})",
                          path));
  request.capture = false;
  request.playback = true;
  request.output_channels = {2};
  const auto driver = open(request);
  ASSERT_TRUE(driver);
  EXPECT_THAT(driver->format().output_names, ElementsAre("playback_2"));
  RecordingClient client(driver->format());
  client.play = [](std::int64_t position, std::uint32_t) {
    return 1.0 / (3.0 + static_cast<double>(position));
  };
  EXPECT_EQ(run_to_end(*driver, client).state, DriverState::ended);
  const auto played = read_sound(path);
  ASSERT_EQ(played.size(), 200U);
  for (std::size_t p = 0; p < 200; ++p) {
    ASSERT_EQ(played[p], p >= 80 && p < 100 ? 0.0 : 1.0 / (3.0 + static_cast<double>(p))) << p;
  }
  request.sim_script = fmt::format(R"({{"playback_to": "{}"}})", path);
  EXPECT_EQ(refusal(request),
            fmt::format("/sim/playback_to: \"{}\" already exists; remove it, choose another file, or set "
                        "\"overwrite\": true",
                        path));
}

struct Container {
  const char* name;
  int format;
  double step;  // the samples written are whole multiples of it
};
void PrintTo(const Container& c, std::ostream* to) { *to << c.name; }

class SimDeviceFiles : public testing::TestWithParam<Container> {};

// Values on the container's own grid: what is heard is what was written, bit for bit, on either clock.
TEST_P(SimDeviceFiles, AreHeardExactly) {
  const auto [name, format, step] = GetParam();
  const std::string path = scratch("in.wav");
  std::vector<double> samples;
  for (int n = 0; n < 500; ++n) {
    samples.push_back(step * std::round(std::sin(0.1 * n) * 0.9 / step));
    samples.push_back(-samples.back());
  }
  samples[0] = -1.0;  // the lowest value there is
  write_sound(path, format, 22050, 2, samples);
  for (const char* clock : {"virtual", "real_time"}) {
    DeviceRequest request = capture(fmt::format(R"({{"clock": "{}", "input": "{}"}})", clock, path));
    const auto driver = open(request);
    ASSERT_TRUE(driver);
    EXPECT_EQ(driver->format().sample_rate_hz, 22050.0);
    RecordingClient client(driver->format());
    const DriverStatus status = run_to_end(*driver, client);
    EXPECT_EQ(status.state, DriverState::ended);
    ASSERT_EQ(status.frames + status.lost_frames, 500U);
    std::size_t i = 0;
    for (const TickInfo& tick : client.ticks) {
      for (std::uint32_t n = 0; n < tick.frame_count; ++n, ++i) {
        const auto p = static_cast<std::size_t>(tick.position + n);
        ASSERT_EQ(client.heard[0][i], samples[2 * p]) << p;
        ASSERT_EQ(client.heard[1][i], samples[2 * p + 1]) << p;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(SimDevice, SimDeviceFiles,
                         testing::Values(Container{"u8", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 0x1p-7},
                                         Container{"s16", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 0x1p-15},
                                         Container{"s24", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 0x1p-23},
                                         Container{"s32", SF_FORMAT_WAV | SF_FORMAT_PCM_32, 0x1p-31},
                                         Container{"float32", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 0x1p-24},
                                         Container{"float64", SF_FORMAT_WAV | SF_FORMAT_DOUBLE, 0x1p-52},
                                         Container{"flac16", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 0x1p-15}),
                         [](const auto& test) { return test.param.name; });

TEST(SimDevice, StartsALoopedFileAgainAndContinuesBehindAGap) {
  const std::string path = scratch("ten.wav");
  write_sound(path, SF_FORMAT_WAV | SF_FORMAT_DOUBLE, 8000, 1, {0, .1, .2, .3, .4, .5, .6, .7, .8, .9});
  const auto driver =
      open(capture(fmt::format(R"({{"clock": "virtual", "input": "{}", "loop": true, "frames": 40,
      "faults": [{{"at_frame": 12, "type": "xrun", "lost_frames": 11}}]}})",
                               path),
                   8));
  ASSERT_TRUE(driver);
  RecordingClient client(driver->format());
  run_to_end(*driver, client);
  std::vector<double> expected;
  for (int p = 0; p < 40; ++p) {
    if (p < 12 || p >= 23) { expected.push_back((p % 10) / 10.0); }
  }
  EXPECT_EQ(client.heard[0], expected);
}

TEST(SimDevice, PlaysAFileAsADeviceWithoutScript) {
  const std::string path = scratch("three.wav");
  write_sound(path, SF_FORMAT_WAV | SF_FORMAT_FLOAT, 96000, 1, {.25, -.5, 1.5});
  DeviceRequest request = capture("");
  request.device = "file:" + path;
  const auto driver = open(request);
  ASSERT_TRUE(driver);
  EXPECT_FALSE(driver->format().real_time);
  EXPECT_EQ(driver->format().sample_rate_hz, 96000.0);
  RecordingClient client(driver->format());
  EXPECT_EQ(run_to_end(*driver, client).state, DriverState::ended);
  EXPECT_THAT(client.heard, ElementsAre(ElementsAre(.25, -.5, 1.5)));
  request.sim_script = R"({"input_channels": 2})";
  EXPECT_EQ(refusal(request), "/sim/input_channels: 2 inputs were requested, but " + path + " has 1");
  request.sim_script.clear();
  request.device = "sim:" + path;
  EXPECT_TRUE(open(request)->format().real_time);
}

TEST(SimDevice, ReadsItsScriptFromAFile) {
  const std::string path = scratch("card.json");
  std::ofstream(path) << R"({"clock": "virtual", "input": {"counting": true}, "frames": 7})";
  DeviceRequest request = capture("");
  request.device = "sim:" + path;
  const auto driver = open(request);
  ASSERT_TRUE(driver);
  RecordingClient client(driver->format());
  EXPECT_EQ(run_to_end(*driver, client).frames, 7U);
}

// The recordings are 16 bit at 48 kHz: the first one, as an independent reader sees it, then half a second of
// pause.
TEST(SimDevice, HearsAVoiceWhenNothingElseIsSaid) {
  const std::string first = "/usr/share/sounds/alsa/Front_Left.wav";
  SF_INFO info{};
  SNDFILE* file = sf_open(first.c_str(), SFM_READ, &info);
  ASSERT_NE(file, nullptr) << "package alsa-utils is needed";
  std::vector<short> pcm(static_cast<std::size_t>(info.frames));
  sf_read_short(file, pcm.data(), info.frames);
  sf_close(file);
  const auto driver =
      open(capture(fmt::format(R"({{"clock": "virtual", "frames": {}}})", info.frames + 24000), 4096));
  ASSERT_TRUE(driver);
  EXPECT_EQ(driver->format().description, "simulated card (a recorded voice, virtual clock)");
  EXPECT_THAT(driver->format().input_names, ElementsAre("capture_1", "capture_2"));
  RecordingClient client(driver->format());
  run_to_end(*driver, client);
  EXPECT_EQ(client.heard[0], client.heard[1]);
  ASSERT_EQ(client.heard[0].size(), pcm.size() + 24000);
  for (std::size_t n = 0; n < client.heard[0].size(); ++n) {
    ASSERT_EQ(client.heard[0][n], n < pcm.size() ? pcm[n] / 32768.0 : 0.0) << n;
  }
}

TEST(SimDevice, StopsWhenASlowClientHasTakenItsBlock) {
  const auto driver = open(capture(R"({"clock": "virtual", "input": "silence"})"));
  ASSERT_TRUE(driver);
  RecordingClient client(driver->format());
  std::binary_semaphore in_tick{0};
  std::binary_semaphore go_on{0};
  client.before_tick = [&](const TickInfo& tick) {
    if (tick.position > 0) { return; }
    in_tick.release();
    go_on.acquire();
  };
  ASSERT_TRUE(driver->start(client));
  in_tick.acquire();
  std::atomic<bool> stopped{false};
  std::thread stopper([&] {
    driver->stop();
    stopped = true;
  });
  EXPECT_EQ(driver->status().state, DriverState::running);
  EXPECT_EQ(driver->status().ticks, 0U);
  EXPECT_FALSE(stopped);  // the tick is under way
  go_on.release();
  stopper.join();  // the stream has no end: only stop() ends it
  EXPECT_EQ(driver->status().state, DriverState::idle);
  EXPECT_EQ(driver->status().ticks, client.ticks.size());
  driver->stop();  // twice is fine
}

// The client holds the card for longer than its buffer. How many periods it misses is the machine's affair,
// but what is said about them must be right.
TEST(SimDevice, CountsItsOwnLateWakeUpsInRealTime) {
  const auto driver = open(capture(R"({"input": {"counting": true}, "frames": 6400, "buffer_frames": 64})"));
  ASSERT_TRUE(driver);
  RecordingClient client(driver->format());
  client.before_tick = [](const TickInfo& tick) {
    if (tick.position != 0) { return; }
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);  // 3.75 periods
    while (std::chrono::steady_clock::now() < until) {}
  };
  const DriverStatus status = run_to_end(*driver, client);
  EXPECT_EQ(status.state, DriverState::ended);
  EXPECT_GE(status.xruns, 1U);
  EXPECT_GE(status.lost_frames, 64U);
  EXPECT_EQ(status.frames + status.lost_frames, 6400U);
  EXPECT_EQ(status.lost_frames % 64, 0U);
  std::uint64_t jumps = 0;
  std::int64_t expected = 0;
  for (const TickInfo& tick : client.ticks) {
    EXPECT_EQ(tick.xrun, tick.position != expected);
    jumps += tick.position != expected ? 1 : 0;
    expected = tick.position + tick.frame_count;
  }
  EXPECT_EQ(status.gaps, jumps + (expected == 6400 ? 0 : 1));  // the last periods may be missed too
  expect_counting(client);
}

TEST(SimDevice, StopsWhileItsCardIsAway) {
  const auto driver = open(capture(R"({"input": "silence",
      "faults": [{"at_frame": 64, "type": "unplug", "frames": 1000000000}]})"));
  ASSERT_TRUE(driver);
  RecordingClient client(driver->format());
  ASSERT_TRUE(driver->start(client));
  while (driver->status().state != DriverState::lost) { std::this_thread::yield(); }
  driver->stop();
  EXPECT_EQ(driver->status().state, DriverState::idle);
  EXPECT_EQ(driver->status().reopened, 0U);
  EXPECT_EQ(driver->status().lost_frames, 0U);  // the rest of the script did not happen
  EXPECT_THAT(story(client), ElementsAre("0+64"));
}

TEST(SimDevice, TellsTheSameStoryInRealTime) {
  const std::string path = scratch("played.wav");
  DeviceRequest request = capture(fmt::format(R"({{"loopback": true, "frames": 2000, "buffer_frames": 1000000,
      "playback_to": "{}", "overwrite": true, "jitter_us": 500, "epoch_us": 0, "faults": [
        {{"at_frame": 300, "type": "stall", "duration_ms": 5}},
        {{"at_frame": 500, "type": "xrun", "lost_frames": 77}},
        {{"at_frame": 700, "type": "unplug", "frames": 100}}]}})",
                                              path));
  request.playback = true;
  std::vector<std::vector<std::string>> stories;
  std::vector<std::vector<std::vector<double>>> heard;
  std::vector<std::vector<double>> played;
  std::vector<std::int64_t> stamps[2];
  for (const char* clock : {R"({"clock": "real_time", )", R"({"clock": "virtual", )"}) {
    DeviceRequest with_clock = request;
    with_clock.sim_script.replace(0, 1, clock);
    const auto driver = open(with_clock);
    ASSERT_TRUE(driver);
    RecordingClient client(driver->format());
    client.play = counting_sample;
    EXPECT_EQ(run_to_end(*driver, client).state, DriverState::ended);
    for (const TickInfo& tick : client.ticks) { stamps[stories.size()].push_back(tick.timestamp_us); }
    stories.push_back(story(client));
    heard.push_back(client.heard);
    played.push_back(read_sound(path));
  }
  EXPECT_EQ(stories[0], stories[1]);
  EXPECT_EQ(heard[0], heard[1]);
  EXPECT_EQ(stamps[0], stamps[1]);
  EXPECT_EQ(played[0].size(), 4000U);
  EXPECT_EQ(played[0], played[1]);
}

// A clock that waits for the graph ends with it, however soon somebody stops the card.
TEST(SimDevice, EndsWithItsClientOnAVirtualClock) {
  class FiveTicks final : public DeviceClient {
   public:
    std::span<double* const> inputs() noexcept override { return inputs_; }
    std::span<const double* const> outputs() noexcept override { return {}; }
    void tick(const TickInfo&) noexcept override { ++ticks_; }
    bool is_through() const noexcept override { return ticks_ == 5; }

   private:
    int ticks_ = 0;
    std::array<double, 65536> heard_{};
    std::array<double*, 1> inputs_{heard_.data()};
  };
  DeviceRequest request = capture(R"({"clock": "virtual", "input": "silence", "input_channels": 1})");
  const auto driver = open(request);
  ASSERT_TRUE(driver);
  FiveTicks client;
  const DriverStatus status = run_to_end(*driver, client);
  EXPECT_EQ(status.state, DriverState::ended);
  EXPECT_EQ(status.ticks, 5U);
}

// A client that does next to nothing, so that what the guard sees is the card's.
class QuietClient final : public DeviceClient {
 public:
  std::span<double* const> inputs() noexcept override { return inputs_; }
  std::span<const double* const> outputs() noexcept override { return outputs_; }
  void tick(const TickInfo&) noexcept override { samples_ = heard_; }

 private:
  std::array<double, 64> heard_{};
  std::array<double, 64> samples_{};
  std::array<double*, 1> inputs_{heard_.data()};
  std::array<const double*, 1> outputs_{samples_.data()};
};

TEST(SimDevice, KeepsItsRealTimeThreadClean) {
  const std::string voice = R"("input": "voice", )";
  for (const std::string& input :
       {voice, std::string(R"("input": {"counting": true}, )"), std::string(R"("input": {"sine": {}}, )"),
        std::string(R"("loopback": true, )")}) {
    DeviceRequest request = capture(fmt::format(R"({{{} "frames": 3000, "jitter_us": 100, "playback_to": "{}",
        "overwrite": true, "faults": [{{"at_frame": 500, "type": "xrun", "lost_frames": 77}}]}})",
                                                input, scratch("played.wav")));
    request.playback = true;
    request.input_channels = {1};
    request.output_channels = {1};
    const auto driver = open(request);
    ASSERT_TRUE(driver);
    RtGuardScope::take_violations();
    QuietClient client;
    EXPECT_EQ(run_to_end(*driver, client).state, DriverState::ended);
    EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty()) << input;
  }
}

TEST(SimDevice, StartsOnceOnly) {
  const auto driver = open(capture(R"({"clock": "virtual", "input": "silence", "frames": 5})"));
  ASSERT_TRUE(driver);
  RecordingClient client(driver->format());
  run_to_end(*driver, client);
  EXPECT_EQ(to_string(driver->start(client).error()),
            "simulated card (silence, virtual clock): the simulated card was already started; open it again");
}

TEST(SimDevice, RefusesAClientWithOtherChannels) {
  const auto driver = open(capture(R"({"input": "silence"})"));
  ASSERT_TRUE(driver);
  DeviceFormat other = driver->format();
  other.input_names.pop_back();
  RecordingClient client(other);
  EXPECT_EQ(to_string(driver->start(client).error()),
            "simulated card (silence, real time): the client has 1 inputs and 0 outputs; expected 2 and 0");
}

TEST(SimDevice, RefusesWhatCannotBe) {
  const auto with = [](std::string script, auto change) {
    DeviceRequest request = capture(std::move(script));
    change(request);
    return refusal(request);
  };
  const auto as_is = [](DeviceRequest&) {};
  EXPECT_EQ(with("", [](auto& r) { r.capture = false; }), "sim: neither capture nor playback is requested");
  EXPECT_EQ(with(R"({"loopback": true})", as_is),
            "/sim/loopback: loopback needs a graph that both captures and plays");
  EXPECT_EQ(with(R"({"playback_to": "x.wav"})", as_is),
            "/sim/playback_to: `playback_to` needs a graph that "
            "plays something");
  EXPECT_EQ(with(R"({"loop": true})", as_is), "/sim/loop: `loop` needs a sound file as input");
  EXPECT_EQ(with(R"({"input": "silence"})",
                 [](auto& r) {
                   r.input_channels = {1, 3};
                 }),
            "simulated card: it has no input channel 3; expected channels 1 .. 2");
  EXPECT_EQ(with("", [](auto& r) { r.input_channels = {0}; }),
            "simulated card: it has no input channel 0; expected channels 1 .. 2");
  EXPECT_EQ(
      with("", [](auto& r) { r.sample_rate_hz = 44100; }),
      "sample_rate: 44100 Hz was requested, but a recorded voice has 48000 Hz; the simulated card does not "
      "resample: leave the rate out");
  EXPECT_EQ(
      with(R"({"input": "silence", "sample_rate_hz": 8000})", [](auto& r) { r.sample_rate_hz = 16000; }),
      "sample_rate: 16000 Hz was requested, but the simulated card has 8000 Hz; the simulated card does "
      "not "
      "resample: leave the rate out");
  EXPECT_EQ(with("", [](auto& r) { r.input_ports = {"system:capture_1"}; }),
            "/ports: the simulated card does not use it: it is for JACK devices");
  EXPECT_EQ(with("", [](auto& r) { r.sample_format = "S16_LE"; }),
            "/sample_format: the simulated card does not use it: it is for ALSA devices");
  EXPECT_EQ(with(R"({"input": {"sine": {"frequency_hz": 30000}}})", as_is),
            "/sim/input/sine/frequency_hz: 30000 is above half the sample rate, 24000 Hz");
  EXPECT_EQ(with(R"({"input": "silence", "jitter_us": 2000})", as_is),
            "/sim/jitter_us: 2000 us is not shorter than a period, 1333.3 us");
  EXPECT_EQ(
      with(
          R"({"input": "silence", "frames": 100, "faults": [{"at_frame": 100, "type": "xrun", "lost_frames": 1}]})",
          as_is),
      "/sim/faults/0/at_frame: 100 is beyond the end of the stream, which has 100 frames");
  EXPECT_EQ(
      with(
          R"({"input": "silence", "buffer_frames": 64, "faults": [{"at_frame": 0, "type": "stall", "duration_ms": 10},
                     {"at_frame": 479, "type": "xrun", "lost_frames": 1}]})",
          as_is),
      "/sim/faults/1/at_frame: 479 is within the stall above, which loses all frames before 480");
  EXPECT_EQ(with("", [](auto& r) { r.device = "file:/no/such.wav"; }),
            "simulated card: there is no file \"/no/such.wav\"");
  EXPECT_EQ(with("", [](auto& r) { r.device = "file:/tmp"; }),
            "simulated card: \"/tmp\" is a directory; expected a sound file");
  EXPECT_EQ(with("", [](auto& r) { r.device = "sim:"; }), "sim:: the file name after the colon is missing");
  EXPECT_EQ(with("", [](auto& r) { r.device = "file"; }),
            "file: the file to play is missing; expected file:PATH");
  EXPECT_EQ(with(R"({"input": "silence"})", [](auto& r) { r.device = "file:a.wav"; }),
            "/sim/input: the input is given twice, here and in device \"file:a.wav\"");
  EXPECT_EQ(with(R"({"clock": "real_time"})", [](auto& r) { r.device = "file:a.wav"; }),
            "/sim/clock: \"file:a.wav\" always has a virtual clock; \"sim:a.wav\" plays the file in real "
            "time");
  EXPECT_EQ(with(R"({"ppm": 1e9, "seed": -1})", as_is),
            "/sim/ppm: 1000000000.0 is outside -100000 .. 100000 ppm; also /sim/seed: -1 is outside 0 .. "
            "9007199254740992 ");
}

}  // namespace
}  // namespace streamlab
