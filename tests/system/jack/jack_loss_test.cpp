// tests/system/jack/jack_loss_test.cpp
//
// The server dies, stands still, comes back, comes back different.
#include <algorithm>

#include <gtest/gtest.h>

#include "hal/jack/jack_client.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/system/jack/jack_fixture.hpp"

namespace streamlab::test {
namespace {

using JackLoss = JackTest;

struct Session {
  std::unique_ptr<Driver> driver;
  std::unique_ptr<RecordingClient> client;

  explicit Session(const DeviceRequest& request) : driver(open_or_fail(request)) {
    if (driver == nullptr) { return; }
    client = std::make_unique<RecordingClient>(driver->format(), 5000);
    const auto started = driver->start(*client);
    EXPECT_TRUE(started) << to_string(started.error());
  }
  ~Session() {
    if (driver != nullptr) { driver->stop(); }  // before the client goes, which must live until then
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  bool hears(std::size_t blocks) {
    const std::size_t from = client->count();
    return eventually([&] { return client->count() >= from + blocks; });
  }
  bool reaches(DriverState state) {
    return eventually([&] { return driver->status().state == state; });
  }
};

TEST_F(JackLoss, ContinuesAfterTheServerWasKilledAndMarksTheGap) {
  DeviceRequest request;
  request.device = server_.device();
  request.capture = request.playback = true;
  Session run(request);
  ASSERT_NE(run.driver, nullptr);
  ASSERT_TRUE(run.hears(20));
  server_.kill();
  ASSERT_TRUE(run.reaches(DriverState::lost));
  const std::size_t before = run.client->count();
  ASSERT_TRUE(server_.start({})) << server_.log();
  ASSERT_TRUE(run.reaches(DriverState::running));
  ASSERT_TRUE(run.hears(20));
  run.driver->stop();
  const DriverStatus status = run.driver->status();
  EXPECT_EQ(status.reopened, 1U);
  EXPECT_GE(status.gaps, 1U);
  const TickInfo& last = run.client->block(before - 1).info;
  const TickInfo& first = run.client->block(before).info;
  EXPECT_GT(first.position, last.position + last.frame_count);
  // The gap's length is the time that went by, at the card's rate: to a frame by construction of the new
  // line, to a period for the wake-up that it starts from.
  expect_continuous(*run.client, status, 48000.0, kPeriod);
}

TEST_F(JackLoss, ConnectsTheNamedPortsAgain) {
  auto source = std::make_unique<Peer>(server_.name(), "source", JackPortIsOutput, play_ramp);
  Session run(capture_from(source->port()));
  ASSERT_NE(run.driver, nullptr);
  ASSERT_TRUE(run.hears(5));
  source.reset();  // the program at the other end goes, and comes again
  source = std::make_unique<Peer>(server_.name(), "source", JackPortIsOutput, play_ramp);
  const auto ramp_arrives = [&] {
    const auto& block = run.client->block(run.client->count() - 1);
    return block.samples[1] != 0.0 &&
           block.samples[1] == ramp(std::llround(block.samples[0] * kRampModulus) + 1);
  };
  EXPECT_TRUE(eventually(ramp_arrives));

  server_.kill();
  ASSERT_TRUE(run.reaches(DriverState::lost));
  source.reset();
  ASSERT_TRUE(server_.start({})) << server_.log();
  EXPECT_EQ(run.driver->status().state, DriverState::lost);  // its port is not there yet
  source = std::make_unique<Peer>(server_.name(), "source", JackPortIsOutput, play_ramp);
  ASSERT_TRUE(run.reaches(DriverState::running));
  ASSERT_TRUE(run.hears(3));
  EXPECT_TRUE(eventually(ramp_arrives));
  run.driver->stop();
}

// What nobody plays is zeros, like silence: only the count tells them apart.
TEST_F(JackLoss, CountsTheFramesInWhichNothingIsConnected) {
  auto source = std::make_unique<Peer>(server_.name(), "source", JackPortIsOutput, play_ramp);
  const std::string peer = source->port();
  Session run(capture_from(peer));
  ASSERT_NE(run.driver, nullptr);
  ASSERT_TRUE(run.hears(12));
  const auto port = [&] { return run.driver->status().ports.at(0); };
  EXPECT_EQ(port().peer, peer);
  EXPECT_TRUE(port().connected);
  EXPECT_EQ(port().interruptions, 0U);
  source.reset();  // its program ends
  ASSERT_TRUE(eventually([&] { return port().unconnected_frames >= 5 * kPeriod; }));
  EXPECT_FALSE(port().connected);
  source = std::make_unique<Peer>(server_.name(), "source", JackPortIsOutput, play_ramp);
  ASSERT_TRUE(eventually([&] { return port().connected; }));
  EXPECT_EQ(port().interruptions, 1U);

  // Pulled by hand: it stays so, and another program's port will do.
  const char* const own = "streamlab:in_1";
  ASSERT_EQ(jack_disconnect(source->client(), peer.c_str(), own), 0);
  ASSERT_TRUE(eventually([&] { return !port().connected; }));
  EXPECT_EQ(port().interruptions, 2U);
  const std::uint64_t frames = port().unconnected_frames;
  ASSERT_TRUE(run.hears(20));
  EXPECT_FALSE(port().connected);
  EXPECT_GE(port().unconnected_frames, frames + 18 * kPeriod);
  ASSERT_EQ(jack_connect(source->client(), "system:capture_1", own), 0);
  ASSERT_TRUE(eventually([&] { return port().connected; }));
  run.driver->stop();
  // As many whole periods as there were blocks of zeros; a block beside the change may be either.
  std::uint64_t zeros = 0;
  for (std::size_t n = 0; n < run.client->count(); ++n) {
    const auto& samples = run.client->block(n).samples;
    if (std::all_of(samples.begin(), samples.end(), [](double x) { return x == 0.0; })) { ++zeros; }
  }
  EXPECT_GE(zeros + 2, port().unconnected_frames / kPeriod);
}

TEST_F(JackLoss, LeavesAPortWithoutANameToTheUser) {
  Session run(capture_from(""));
  ASSERT_NE(run.driver, nullptr);
  ASSERT_TRUE(run.hears(12));
  EXPECT_TRUE(run.driver->status().ports.empty());
  run.driver->stop();
}

TEST_F(JackLoss, NoticesAServerThatOnlyStopsCalling) {
  Session run(capture_from(""));
  ASSERT_NE(run.driver, nullptr);
  ASSERT_TRUE(run.hears(10));
  server_.send(SIGSTOP);
  EXPECT_TRUE(run.reaches(DriverState::lost));
  server_.send(SIGCONT);
  EXPECT_TRUE(run.reaches(DriverState::running));
  EXPECT_TRUE(run.hears(10));
  run.driver->stop();
  EXPECT_EQ(run.driver->status().reopened, 1U);
  expect_continuous(*run.client, run.driver->status(), 48000.0, kPeriod);
}

TEST_F(JackLoss, StopsWhileTheServerHangs) {
  Session run(capture_from(""));
  ASSERT_NE(run.driver, nullptr);
  ASSERT_TRUE(run.hears(10));
  server_.send(SIGSTOP);
  run.driver->stop();  // returning at all is the test
  const std::uint64_t ticks = run.driver->status().ticks;
  run.driver->stop();
  run.driver.reset();
  server_.send(SIGCONT);
  server_.kill();
  EXPECT_EQ(run.client->count(), ticks);
}

// libjack deletes all clients of the process when one is opened after the end of a server: the one that is first at
// looking for it must not do so under the other's hands.
TEST_F(JackLoss, BringsTwoDriversOfOneProcessBack) {
  Session one(capture_from(""));
  Session two(capture_from(""));
  ASSERT_NE(one.driver, nullptr);
  ASSERT_NE(two.driver, nullptr);
  ASSERT_TRUE(one.hears(5));
  ASSERT_TRUE(two.hears(5));
  for (int times = 0; times < 3; ++times) {
    // A server on a busy machine may end a client that it has had no answer from: there may be more losses.
    const std::uint64_t before_one = one.driver->status().reopened;
    const std::uint64_t before_two = two.driver->status().reopened;
    server_.kill();
    ASSERT_TRUE(server_.start({})) << server_.log();
    const auto both_are_back = [&] {
      const DriverStatus first = one.driver->status();
      const DriverStatus second = two.driver->status();
      return first.reopened > before_one && second.reopened > before_two &&
             first.state == DriverState::running && second.state == DriverState::running;
    };
    ASSERT_TRUE(eventually(both_are_back, 30.0));
    EXPECT_TRUE(one.hears(5));
    EXPECT_TRUE(two.hears(5));
  }
}

// A client that is still open, its server ended, stands for one that another part of the program has yet to close.
TEST_F(JackLoss, OpensNoClientWhileOneOfAnEndedServerIsOpen) {
  auto client = open_jack_client(server_.name(), "held");
  ASSERT_TRUE(client);
  ASSERT_EQ(jack_activate(client->get()), 0);
  server_.kill();
  const auto answer = [&] {
    const auto other = open_jack_client("none", "other");
    return other ? std::string("opened") : to_string(other.error());
  };
  ASSERT_TRUE(
      eventually([&] { return answer().find("has not closed all clients yet") != std::string::npos; }));
  client->reset();
  EXPECT_EQ(answer().substr(0, 31), "jack:none: no JACK server \"none");
}

#ifdef SL_LATE_THREADS
// On a machine that stands still for more than a second, libjack has given up the thread that it made for an attempt to
// open a client and has deleted what that thread runs when the thread begins. MALLOC_PERTURB_: what was freed is
// overwritten.
TEST(JackOnAMachineThatStandsStill, LooksForAServerWithThreadsThatBeginLate) {
  const TempDir dir;
  const std::string late = dir.write("late", "");
  const ProgramResult result = run_program({"/usr/bin/env", "MALLOC_PERTURB_=85", "LATE_THREADS=" + late,
                                            "LD_PRELOAD=" SL_LATE_THREADS, SL_LATE_THREAD_PROBE});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
}

// On a busy machine, libjack's thread for messages may wait for its first message later than the client is activated.
TEST_F(JackLoss, StartsWhileAThreadOfLibjackIsLate) {
  const ProgramResult result = run_program({"/usr/bin/env", "LATE_LOCKS=1", "LD_PRELOAD=" SL_LATE_THREADS,
                                            SL_LATE_THREAD_PROBE, server_.device()});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
}
#endif

TEST_F(JackLoss, StopsWhileItLooksForTheServer) {
  Session run(capture_from(""));
  ASSERT_NE(run.driver, nullptr);
  ASSERT_TRUE(run.hears(2));
  server_.kill();
  ASSERT_TRUE(run.reaches(DriverState::lost));
  run.driver->stop();
  EXPECT_EQ(run.driver->status().state, DriverState::idle);
}

TEST_F(JackLoss, EndsTheRunWhenToldTo) {
  DeviceRequest request = capture_from("");
  request.on_device_loss = OnDeviceLoss::stop;
  Session run(request);
  ASSERT_NE(run.driver, nullptr);
  ASSERT_TRUE(run.hears(2));
  server_.kill();
  ASSERT_TRUE(run.reaches(DriverState::failed));
  EXPECT_EQ(to_string(run.driver->status().failure),
            server_.device() + ": the JACK server went away; on_device_loss is \"stop\"");
  run.driver->stop();
  EXPECT_EQ(run.driver->status().state, DriverState::failed);
}

TEST_F(JackLoss, FailsWhenTheServerComesBackAtAnotherRate) {
  Session run(capture_from(""));
  ASSERT_NE(run.driver, nullptr);
  ASSERT_TRUE(run.hears(2));
  server_.kill();
  ASSERT_TRUE(run.reaches(DriverState::lost));
  ASSERT_TRUE(server_.start({.sample_rate_hz = 44100})) << server_.log();
  ASSERT_TRUE(run.reaches(DriverState::failed));
  EXPECT_EQ(to_string(run.driver->status().failure),
            server_.device() +
                ": the JACK server now runs at 44100 Hz; the run began at 48000 Hz; restart the run at the "
                "new rate");
}

TEST_F(JackLoss, TakesAServerThatComesBackWithAnotherPeriod) {
  Session run(capture_from(""));
  ASSERT_NE(run.driver, nullptr);
  ASSERT_TRUE(run.hears(2));
  server_.kill();
  ASSERT_TRUE(run.reaches(DriverState::lost));
  ASSERT_TRUE(server_.start({.period_frames = 2048})) << server_.log();
  ASSERT_TRUE(run.reaches(DriverState::running));
  ASSERT_TRUE(run.hears(10));
  run.driver->stop();
  for (std::size_t n = 0; n < run.client->count(); ++n) {
    ASSERT_LE(run.client->block(n).info.frame_count, 1024U);
  }
}

}  // namespace
}  // namespace streamlab::test
