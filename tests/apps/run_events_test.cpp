// tests/apps/run_events_test.cpp
#include "apps/streamlab/run_events.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace streamlab::app {
namespace {

using Hold = RunEvents::Hold;

EngineStatus status_of(std::uint64_t xruns, std::uint64_t gaps = 0, std::uint64_t lost_frames = 0) {
  EngineStatus status;
  status.driver.emplace();
  status.driver->state = DriverState::running;
  status.driver->xruns = xruns;
  status.driver->gaps = gaps;
  status.driver->lost_frames = lost_frames;
  return status;
}

std::vector<std::string> texts(const std::vector<RunEvent>& events) {
  std::vector<std::string> all;
  for (const RunEvent& event : events) { all.push_back(event_text(event)); }
  return all;
}

TEST(RunEvents, TellsTheFirstAtOnceAndFurtherOnesOfASecondTogether) {
  RunEvents events;
  EXPECT_TRUE(events.take(status_of(0), 0.0, Hold::yes).empty());
  EXPECT_THAT(texts(events.take(status_of(1), 0.1, Hold::yes)), testing::ElementsAre("1 xrun"));
  EXPECT_TRUE(events.take(status_of(2), 0.2, Hold::yes).empty());
  // Each kind has a second of its own.
  EXPECT_THAT(texts(events.take(status_of(3, 1, 480), 0.9, Hold::yes)),
              testing::ElementsAre("1 gap: 480 frames missing"));
  EXPECT_THAT(texts(events.take(status_of(3, 1, 480), 1.1, Hold::yes)), testing::ElementsAre("2 xruns"));
  EXPECT_TRUE(events.take(status_of(3, 1, 480), 5.0, Hold::yes).empty());
  EXPECT_THAT(texts(events.take(status_of(4, 1, 480), 5.1, Hold::yes)), testing::ElementsAre("1 xrun"));
  EXPECT_THAT(texts(events.take(status_of(9, 3, 500), 5.2, Hold::no)),
              testing::ElementsAre("5 xruns", "2 gaps: 20 frames missing"));
}

TEST(RunEvents, TellsThatADeviceWentAndCameBackBetweenTwoLooks) {
  RunEvents events;
  EngineStatus status = status_of(0);
  status.driver->state = DriverState::lost;
  EXPECT_THAT(texts(events.take(status, 0.0, Hold::yes)),
              testing::ElementsAre("the device is gone; waiting for it"));
  EXPECT_TRUE(events.take(status, 0.1, Hold::yes).empty());
  status.driver->state = DriverState::running;
  status.driver->reopened = 2;  // and once more since
  EXPECT_THAT(
      texts(events.take(status, 0.2, Hold::yes)),
      testing::ElementsAre("the device is back", "the device is gone; waiting for it", "the device is back"));
  status.driver->state = DriverState::lost;
  EXPECT_EQ(events.take(status, 0.3, Hold::yes).size(), 1U);
}

TEST(RunEvents, NamesXrunsThatCostNoFrames) {
  RunEvents events;
  EngineStatus status = status_of(1);
  status.driver->xruns_without_gap = 1;
  const auto told = events.take(status, 0.0, Hold::yes);
  EXPECT_THAT(texts(told), testing::ElementsAre("1 xrun that cost no frames"));
  EXPECT_EQ(
      event_document(told[0], 0, 0.5),
      Document::parse(R"({"type": "event", "event": "xrun", "timestamp_us": 0, "seconds": 0.5, "count": 1,
                                "without_gap": 1})"));
  status = status_of(4, 1, 256);
  status.driver->xruns_without_gap = 2;
  EXPECT_THAT(texts(events.take(status, 2.0, Hold::yes)),
              testing::ElementsAre("3 xruns (1 cost no frames)", "1 gap: 256 frames missing"));
}

// A simulated card knows how long it will be away when it goes.
TEST(RunEvents, TellsTheGapOfADeviceThatIsGoneWhenItIsBack) {
  RunEvents events;
  EngineStatus status = status_of(0, 1, 48000);
  status.driver->state = DriverState::lost;
  EXPECT_THAT(texts(events.take(status, 0.0, Hold::yes)),
              testing::ElementsAre("the device is gone; waiting for it"));
  EXPECT_TRUE(events.take(status, 0.5, Hold::yes).empty());
  status.driver->state = DriverState::running;
  status.driver->reopened = 1;
  EXPECT_THAT(texts(events.take(status, 1.0, Hold::yes)),
              testing::ElementsAre("the device is back", "1 gap: 48000 frames missing"));
}

TEST(RunEvents, TellsCablesThatArePulledAndPluggedInAgain) {
  RunEvents events;
  EngineStatus status = status_of(0);
  status.device.emplace();
  status.device->input_names = {"in_1", "in_2"};
  status.device->output_names = {"out_1"};
  status.driver->ports.resize(3);
  status.driver->ports[0].peer = "cable:output_1";
  status.driver->ports[1].channel = 1;
  status.driver->ports[1].peer = "cable:output_2";
  status.driver->ports[2].is_input = false;
  EXPECT_TRUE(events.take(status, 0.0, Hold::yes).empty());
  PortConnection& right = status.driver->ports[1];
  right.connected = false;
  right.interruptions = 1;
  right.unconnected_frames = 256;
  const auto told = events.take(status, 0.1, Hold::yes);
  EXPECT_THAT(texts(told),
              testing::ElementsAre("input right: nothing is connected any more; it was \"cable:output_2\""));
  EXPECT_EQ(event_document(told[0], 0, 0.1),
            Document::parse(R"({"type": "event", "event": "unconnected", "timestamp_us": 0, "seconds": 0.1,
                                "port": "input right", "peer": "cable:output_2"})"));
  right.unconnected_frames = 4800;
  EXPECT_TRUE(events.take(status, 0.2, Hold::yes).empty());
  right.connected = true;
  right.interruptions = 2;  // and once more since
  EXPECT_THAT(texts(events.take(status, 0.3, Hold::yes)),
              testing::ElementsAre("input right: connected again",
                                   "input right: nothing is connected any more; it was \"cable:output_2\"",
                                   "input right: connected again"));
  PortConnection& out = status.driver->ports[2];
  out.connected = false;
  out.interruptions = 1;
  out.peer = "system:playback_1";
  EXPECT_THAT(texts(events.take(status, 0.4, Hold::yes)),
              testing::ElementsAre(
                  "output main_channel: nothing is connected any more; it was \"system:playback_1\""));
}

TEST(RunEvents, TellsDropsByTheirEdgeButNotWhatWasGivenUp) {
  RunEvents events;
  EngineStatus status;
  status.edges.resize(2);
  status.edges[0].name = "mic -> level";
  status.edges[0].counters.dropped = 7;
  status.edges[0].given_up = 3;  // is told in the summary
  status.edges[1].name = "mic -> file";
  status.edges[1].counters.dropped = 2;
  status.underrun_frames = 64;
  const auto told = events.take(status, 0.0, Hold::yes);
  EXPECT_THAT(texts(told),
              testing::ElementsAre("mic -> level: 4 blocks dropped", "mic -> file: 2 blocks dropped",
                                   "64 frames of silence played, because blocks came too late"));
  const Document drop = event_document(told[0], 1'700'000'000'000'000, 1.5);
  EXPECT_EQ(drop, Document::parse(R"({"type": "event", "event": "drop", "timestamp_us": 1700000000000000,
                                      "seconds": 1.5, "edge": "mic -> level", "blocks": 4})"));
}

}  // namespace
}  // namespace streamlab::app
