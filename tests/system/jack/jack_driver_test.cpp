// tests/system/jack/jack_driver_test.cpp
//
// The driver against a real jackd (dummy driver, 48 kHz, 1024 frames): what goes in comes out, bit for bit.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hal/backends.hpp"
#include "hal/jack/jack_servers.hpp"
#include "hal/jack/probe_jack.hpp"
#include "tests/support/rt_guard.hpp"
#include "tests/system/jack/jack_fixture.hpp"

// Two programs of this process meet in JACK's shared memory, in an order that only the server knows.
extern "C" const char* __tsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "race:streamlab::test::Peer\n";
}

namespace streamlab::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::size_t kBlocks = 40;  // 0.85 s

// The samples of a block are consecutive frames of the ramp, and between blocks it jumps as the position
// does. Where a busy machine made a program or the server late, JACK gives a buffer that is being written
// anew, and its count does not show what the card lost: blocks beside a jump or an xrun are not looked at.
// Returns the number of those that were.
enum class Between { blocks, not_blocks };
std::size_t expect_ramp(const RecordingClient& client, Between between = Between::blocks) {
  const auto disturbed = [&](std::size_t n) {  // at its beginning
    if (n == 0 || n >= client.count()) { return false; }
    const TickInfo& before = client.block(n - 1).info;
    const TickInfo& info = client.block(n).info;
    return info.xrun || info.position != before.position + before.frame_count;
  };
  std::size_t looked_at = 0;
  for (std::size_t n = 0; n + 1 < client.count(); ++n) {
    if (disturbed(n) || disturbed(n + 1)) { continue; }
    ++looked_at;
    const auto& block = client.block(n);
    const auto first = static_cast<std::int64_t>(block.samples[0] * kRampModulus);
    for (std::uint32_t k = 0; k < block.info.frame_count; ++k) {
      if (block.samples[k] != ramp(first + k)) {
        ADD_FAILURE() << "block " << n << ", frame " << k << ": " << block.samples[k];
        return looked_at;
      }
    }
    if (n == 0 || disturbed(n - 1) || between == Between::not_blocks) { continue; }
    EXPECT_EQ(ramp_distance(client.block(n - 1).samples[0], block.samples[0]),
              client.block(n - 1).info.frame_count)
        << "block " << n;
  }
  return looked_at;
}

TEST_F(JackTest, CapturesEverySampleBitForBit) {
  Peer source(server_.name(), "source", JackPortIsOutput, play_ramp);
  auto driver = open_or_fail(capture_from(source.port()));
  ASSERT_NE(driver, nullptr);
  EXPECT_EQ(driver->format().sample_rate_hz, 48000.0);
  EXPECT_EQ(driver->format().period_frames, kPeriod);
  EXPECT_THAT(driver->format().input_names, ElementsAre("in_1"));
  RecordingClient client(driver->format(), kBlocks);
  ASSERT_TRUE(driver->start(client));
  ASSERT_TRUE(eventually([&] { return client.count() == kBlocks; }));
  EXPECT_EQ(driver->status().state, DriverState::running);
  driver->stop();
  EXPECT_GT(expect_ramp(client), kBlocks / 2);
  const DriverStatus status = driver->status();
  EXPECT_EQ(status.state, DriverState::idle);
  EXPECT_GE(status.ticks, kBlocks);
  EXPECT_EQ(status.frames, status.ticks * kPeriod);
}

TEST_F(JackTest, PlaysEverySampleBitForBit) {
  Recorder recorder(1000, kPeriod);
  Peer sink(server_.name(), "sink", JackPortIsInput, std::ref(recorder));
  DeviceRequest request;
  request.device = server_.device();
  request.playback = true;
  request.output_ports = {sink.port()};
  auto driver = open_or_fail(request);
  ASSERT_NE(driver, nullptr);
  RecordingClient client(driver->format(), 0);
  ASSERT_TRUE(driver->start(client));
  const std::size_t from = recorder.count();
  ASSERT_TRUE(eventually([&] { return recorder.count() >= from + kBlocks; }));
  driver->stop();
  std::size_t heard = 0;
  for (std::size_t n = 0; n < recorder.count(); ++n) {
    const auto& samples = recorder.block(n).samples;
    if (samples[1] == 0.0F) { continue; }  // silence before the first tick and after the last
    ++heard;
    const auto first = static_cast<std::int64_t>(static_cast<double>(samples[0]) * kRampModulus);
    for (std::uint32_t k = 0; k < kPeriod; ++k) {
      ASSERT_EQ(static_cast<double>(samples[k]), ramp(first + k)) << "block " << n << ", frame " << k;
    }
  }
  EXPECT_GE(heard, kBlocks - 2);  // the first and the last may have met a closed door
}

TEST_F(JackTest, GivesInputToOutputInTheSamePeriod) {
  Peer source(server_.name(), "source", JackPortIsOutput, play_ramp);
  Recorder recorder(1000, kPeriod);
  Peer sink(server_.name(), "sink", JackPortIsInput, std::ref(recorder));
  DeviceRequest request = capture_from(source.port());
  request.playback = true;
  request.output_ports = {sink.port()};
  auto driver = open_or_fail(request);
  ASSERT_NE(driver, nullptr);
  RecordingClient client(driver->format(), 0);
  ASSERT_TRUE(driver->start(client));
  // The source played its frame time; the sink, two programs on, hears it at a frame time of its own. A
  // machine that keeps a program waiting may put single blocks a period apart; a driver that adds a period,
  // all of them.
  const auto same_period = [&] {
    std::size_t count = 0;
    for (std::size_t n = 0; n < recorder.count(); ++n) {
      const Heard& heard = recorder.block(n);
      if (static_cast<double>(heard.samples[1]) == ramp(heard.frame_time + 1)) { ++count; }
    }
    return count;
  };
  EXPECT_TRUE(eventually([&] { return same_period() >= kBlocks; }));
  driver->stop();
}

TEST_F(JackTest, CallsNothingInACycleThatCouldWait) {
  if (!RtGuardScope::available()) { GTEST_SKIP() << "a sanitizer stands in the guard's place"; }
  DeviceRequest request;
  request.device = server_.device();
  request.capture = request.playback = true;
  auto driver = open_or_fail(request);
  ASSERT_NE(driver, nullptr);
  RecordingClient client(driver->format(), kBlocks);
  RtGuardScope::take_violations();
  ASSERT_TRUE(driver->start(client));
  ASSERT_TRUE(eventually([&] { return client.count() == kBlocks; }));
  driver->stop();
  EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty());
}

// The same with a client that does what it must not: on JACK's own thread the guard sees it.
TEST_F(JackTest, IsGuardedOnJacksOwnThread) {
  if (!RtGuardScope::available()) { GTEST_SKIP() << "a sanitizer stands in the guard's place"; }
  DeviceRequest request;
  request.device = server_.device();
  request.capture = true;
  auto driver = open_or_fail(request);
  ASSERT_NE(driver, nullptr);
  RecordingClient client(driver->format(), kBlocks);
  std::atomic<int> left{3};
  std::thread::id thread;
  client.in_tick = [&] {
    if (left == 0) { return; }
    thread = std::this_thread::get_id();
    void* volatile memory = std::malloc(64);
    std::free(memory);
    --left;
  };
  RtGuardScope::take_violations();
  const std::uint64_t sections = rt_guard_sections();
  ASSERT_TRUE(driver->start(client));
  ASSERT_TRUE(eventually([&] { return client.count() == kBlocks; }));
  driver->stop();
  EXPECT_NE(thread, std::this_thread::get_id());
  EXPECT_THAT(RtGuardScope::take_violations(),
              ElementsAre("malloc", "free", "malloc", "free", "malloc", "free"));
  EXPECT_GE(rt_guard_sections() - sections, kBlocks);  // one a cycle
}

TEST_F(JackTest, ReportsTheLatencyOfThePhysicalPorts) {
  DeviceRequest request;
  request.device = server_.device();
  request.capture = request.playback = true;
  auto driver = open_or_fail(request);
  ASSERT_NE(driver, nullptr);
  EXPECT_THAT(driver->format().input_names, ElementsAre("in_1", "in_2"));
  EXPECT_THAT(driver->format().output_names, ElementsAre("out_1", "out_2"));
  // What a bare client sees on the server's own ports.
  Peer bare(server_.name(), "bare", JackPortIsInput, [](auto...) {});
  const auto latency = [&](const char* port, jack_latency_callback_mode_t mode) {
    jack_latency_range_t range{};
    jack_port_get_latency_range(jack_port_by_name(bare.client(), port), mode, &range);
    return range.max;
  };
  EXPECT_EQ(driver->format().input_latency_frames, latency("system:capture_1", JackCaptureLatency));
  EXPECT_EQ(driver->format().output_latency_frames, latency("system:playback_1", JackPlaybackLatency));
  EXPECT_GE(driver->format().input_latency_frames, kPeriod);
}

TEST_F(JackTest, ContinuesThroughChangesOfPeriodInTicksOfTheFirstLengthAtMost) {
  Peer source(server_.name(), "source", JackPortIsOutput, play_ramp);
  auto driver = open_or_fail(capture_from(source.port()));
  ASSERT_NE(driver, nullptr);
  RecordingClient client(driver->format(), 2000);
  ASSERT_TRUE(driver->start(client));
  const auto next = [&](std::size_t blocks) {
    const std::size_t from = client.count();
    return eventually([&] { return client.count() >= from + blocks; });
  };
  ASSERT_TRUE(next(10));
  ASSERT_EQ(jack_set_buffer_size(source.client(), 4096), 0);
  ASSERT_TRUE(next(16));
  ASSERT_EQ(jack_set_buffer_size(source.client(), 256), 0);
  ASSERT_TRUE(next(40));
  driver->stop();
  EXPECT_EQ(driver->status().state, DriverState::idle);
  EXPECT_GT(expect_ramp(client, Between::not_blocks),
            30U);  // the server's own count jumps where the period changes
  std::uint32_t shortest = kPeriod;
  for (std::size_t n = 0; n < client.count(); ++n) {
    ASSERT_LE(client.block(n).info.frame_count, kPeriod);
    shortest = std::min(shortest, client.block(n).info.frame_count);
  }
  EXPECT_EQ(shortest, 256U);
  // Timestamps follow the card: within the longest period, for the dummy driver has none and jumps.
  expect_continuous(client, driver->status(), 48000.0, 4096.0 + kPeriod);
}

TEST_F(JackTest, MarksTheFramesThatALateProgramCost) {
  std::atomic<bool> be_late{false};
  Peer source(server_.name(), "source", JackPortIsOutput,
              [&](jack_client_t* client, float* buffer, std::uint32_t frame_count) {
                play_ramp(client, buffer, frame_count);
                if (be_late.exchange(false)) {  // three periods and more, without a system call
                  const std::uint32_t start = jack_last_frame_time(client);
                  while (jack_frame_time(client) - start < 3 * frame_count + frame_count / 2) {}
                }
              });
  auto driver = open_or_fail(capture_from(source.port()));
  ASSERT_NE(driver, nullptr);
  RecordingClient client(driver->format(), 1000);
  ASSERT_TRUE(driver->start(client));
  ASSERT_TRUE(eventually([&] { return client.count() >= 10; }));
  std::size_t asked_at = 0;
  const auto lost_some = [&] {
    if (!be_late && client.count() >= asked_at + 20) {
      asked_at = client.count();
      be_late = true;
    }
    const DriverStatus status = driver->status();
    return status.gaps > 0 && status.xruns > 0;
  };
  ASSERT_TRUE(eventually(lost_some)) << driver->status().gaps << " gaps, " << driver->status().xruns
                                     << " xruns, " << client.count() << " blocks";
  const std::size_t so_far = client.count();
  ASSERT_TRUE(eventually([&] { return client.count() >= so_far + 10; }));
  driver->stop();
  expect_continuous(client, driver->status(), 48000.0, kPeriod);
  EXPECT_GE(driver->status().lost_frames, 2U * kPeriod);
  // From the first block to the last the source's own count moved as far as the position did; less where a
  // busy machine made the server late too, whose count does not show that.
  const auto& first = client.block(0);
  const auto& last = client.block(client.count() - 1);
  EXPECT_GE(last.info.position - first.info.position, ramp_distance(first.samples[0], last.samples[0]));
}

TEST_F(JackTest, KeepsTimeRisingWhileJackFreewheels) {
  auto driver = open_or_fail(capture_from(""));
  ASSERT_NE(driver, nullptr);
  RecordingClient client(driver->format(), 100'000);
  ASSERT_TRUE(driver->start(client));
  Peer bare(server_.name(), "bare", JackPortIsInput, [](auto...) {});
  ASSERT_TRUE(eventually([&] { return client.count() >= 10; }));
  ASSERT_EQ(jack_set_freewheel(bare.client(), 1), 0);
  ASSERT_TRUE(eventually([&] { return client.count() >= 500; }));
  ASSERT_EQ(jack_set_freewheel(bare.client(), 0), 0);
  const std::size_t so_far = client.count();
  ASSERT_TRUE(eventually([&] { return client.count() >= so_far + 20; }));
  driver->stop();
  for (std::size_t n = 1; n < client.count(); ++n) {
    ASSERT_GT(client.block(n).info.timestamp_us, client.block(n - 1).info.timestamp_us) << "block " << n;
  }
}

TEST_F(JackTest, RefusesWhatTheServerDoesNotHave) {
  DeviceRequest request;
  request.device = server_.device();
  request.capture = true;
  const std::string where = server_.device();
  const auto message = [&](const DeviceRequest& asked) {
    const auto driver = open_jack_driver(asked);
    return driver ? std::string("opened") : to_string(driver.error());
  };

  DeviceRequest rate = request;
  rate.sample_rate_hz = 96000.0;
  EXPECT_EQ(message(rate),
            where +
                ": the JACK server runs at 48000 Hz, not at 96000 Hz; expected 48000 Hz; a JACK server has "
                "one rate for all clients: see jackd -r");
  DeviceRequest period = request;
  period.period_frames = 64;
  EXPECT_EQ(message(period), where +
                                 ": the JACK server's period is 1024 frames, not 64; expected 1024 frames; "
                                 "\"jack_bufsize 64\" changes it for all clients");
  DeviceRequest channels = request;
  channels.input_channels = {1, 3};
  EXPECT_EQ(message(channels), where +
                                   ": there is no capture channel 3; expected 1 .. 2; the server's physical "
                                   "ports: system:capture_1, system:capture_2");
  DeviceRequest port = request;
  port.input_ports = {"system:captur_2"};
  EXPECT_EQ(message(port),
            where + ": there is no JACK port \"system:captur_2\"; did you mean \"system:capture_2\"?");
  DeviceRequest direction = request;
  direction.input_ports = {"system:playback_1"};
  EXPECT_EQ(message(direction),
            where +
                ": JACK port \"system:playback_1\" is an input; expected a port to capture "
                "from; the server has system:capture_1, system:capture_2");
}

TEST_F(JackTest, ProbesARunningServer) {
  Peer source(server_.name(), "source", JackPortIsOutput, play_ramp);
  const auto found = probe_jack(server_.name());
  ASSERT_TRUE(found) << to_string(found.error());
  EXPECT_EQ(found->sample_rate_hz, 48000.0);
  EXPECT_EQ(found->period_frames, kPeriod);
  EXPECT_THAT(found->capture_ports, ElementsAre("system:capture_1", "system:capture_2"));
  EXPECT_THAT(found->playback_ports, ElementsAre("system:playback_1", "system:playback_2"));
  EXPECT_THAT(found->other_outputs, ElementsAre("source:port"));
  EXPECT_TRUE(found->other_inputs.empty());
}

TEST_F(JackTest, SeesServersOfOtherNames) {
  EXPECT_THAT(running_jack_servers(), testing::Contains(server_.name()));
  const auto missing = probe_jack("none_of_this_name");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().hint, HasSubstr("\"" + server_.device() + "\""));
  const DeviceList list = list_devices();
  const auto is_it = [&](const DeviceEntry& entry) { return entry.device == server_.device(); };
  const auto entry = std::find_if(list.devices.begin(), list.devices.end(), is_it);
  ASSERT_NE(entry, list.devices.end());
  EXPECT_THAT(entry->note,
              HasSubstr("not the default server: JACK_DEFAULT_SERVER=" + server_.name() + " makes it that"));
  EXPECT_THAT(entry->ports, testing::Contains("system:capture_1"));
  server_.kill();
  EXPECT_THAT(running_jack_servers(), testing::Not(testing::Contains(server_.name())));
}

TEST_F(JackTest, FindsNoServerWhereNoneRunsAndSaysNothingOnTheTerminal) {
  server_.kill();
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  const auto found = probe_jack(server_.name());
  DeviceRequest request = capture_from("");
  const auto driver = open_jack_driver(request);
  EXPECT_EQ(testing::internal::GetCapturedStderr() + testing::internal::GetCapturedStdout(), "");
  ASSERT_FALSE(found);
  ASSERT_FALSE(driver);
  EXPECT_EQ(to_string(driver.error()), server_.device() + ": no JACK server \"" + server_.name() +
                                           "\" is running; start one, for instance: jackd -n " +
                                           server_.name() + " -d alsa");
}

}  // namespace
}  // namespace streamlab::test
