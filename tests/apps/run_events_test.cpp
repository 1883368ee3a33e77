// tests/apps/run_events_test.cpp
#include "apps/streamlab/run_events.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace streamlab::app {
namespace {

using Hold = RunEvents::Hold;
using Kind = EngineEvent::Kind;
using testing::ElementsAre;

std::vector<std::string> texts(const std::vector<EngineEvent>& events) {
  std::vector<std::string> all;
  for (const EngineEvent& event : events) { all.push_back(event_text(event)); }
  return all;
}
EngineEvent xruns(std::uint64_t count, std::uint64_t without_gap = 0) {
  return {.kind = Kind::xrun, .count = count, .without_gap = without_gap};
}
EngineEvent gap(std::int64_t position, std::uint64_t frames) {
  return {.kind = Kind::gap, .position = position, .frames = frames};
}

TEST(RunEvents, TellsTheFirstAtOnceAndFurtherOnesOfASecondTogether) {
  RunEvents events;
  EXPECT_TRUE(events.take({}, 0.0, Hold::yes).empty());
  EXPECT_THAT(texts(events.take({xruns(1)}, 0.1, Hold::yes)), ElementsAre("1 xrun"));
  EXPECT_TRUE(events.take({xruns(1)}, 0.2, Hold::yes).empty());
  // Each kind has a second of its own.
  EXPECT_THAT(texts(events.take({xruns(1), gap(0, 480)}, 0.9, Hold::yes)),
              ElementsAre("1 gap: 480 frames missing from frame 0 on"));
  EXPECT_THAT(texts(events.take({}, 1.1, Hold::yes)), ElementsAre("2 xruns"));
  EXPECT_TRUE(events.take({}, 5.0, Hold::yes).empty());
  EXPECT_THAT(texts(events.take({xruns(1)}, 5.1, Hold::yes)), ElementsAre("1 xrun"));
  const auto last = events.take({xruns(5), gap(960, 15), gap(1920, 5)}, 5.2, Hold::no);
  EXPECT_THAT(texts(last), ElementsAre("5 xruns", "2 gaps: 20 frames missing, the first from frame 960 on"));
  EXPECT_EQ(last[1].position, 960);  // of the first
}

TEST(RunEvents, TellsAtOnceWhatIsNoLossAndLeavesTheEndToTheSummary) {
  RunEvents events;
  const std::vector<EngineEvent> fresh{{.kind = Kind::device_lost},
                                       {.kind = Kind::device_back},
                                       {.kind = Kind::device_lost},
                                       {.kind = Kind::change, .what = R"({"eq":{"q":2}})"},
                                       {.kind = Kind::failure, .what = "the disk is full"},
                                       {.kind = Kind::end}};
  EXPECT_THAT(texts(events.take(fresh, 0.0, Hold::yes)),
              ElementsAre("the device is gone; waiting for it", "the device is back",
                          "the device is gone; waiting for it", R"(changed: {"eq":{"q":2}})"));
  EXPECT_TRUE(events.take({}, 9.0, Hold::no).empty());
}

TEST(RunEvents, KeepsEdgesApart) {
  RunEvents events;
  const std::vector<EngineEvent> fresh{{.kind = Kind::drop, .count = 4, .where = "mic -> level"},
                                       {.kind = Kind::drop, .count = 2, .where = "mic -> file"},
                                       {.kind = Kind::drop, .count = 1, .where = "mic -> level"},
                                       {.kind = Kind::underrun, .frames = 64}};
  EXPECT_THAT(texts(events.take(fresh, 0.0, Hold::yes)),
              ElementsAre("mic -> file: 2 blocks dropped", "mic -> level: 5 blocks dropped",
                          "64 frames of silence played, because blocks came too late"));
}

TEST(RunEvents, NamesXrunsThatCostNoFrames) {
  EXPECT_EQ(event_text(xruns(1, 1)), "1 xrun that cost no frames");
  EXPECT_EQ(event_text(xruns(3, 1)), "3 xruns (1 cost no frames)");
}

TEST(RunEvents, AreJsonLinesWithTheirPlaceInTheStream) {
  const auto document = [](EngineEvent event) {
    event.timestamp_us = 1'700'000'000'000'000;
    event.position = 72'000;
    return event_document(event, 48'000.0);
  };
  // (A Document keeps the order of its keys.)
  const auto expected = [](const std::string& kind, const std::string& rest) {
    return Document::parse(R"({"type": "event", "event": ")" + kind +
                           R"(", "timestamp_us": 1700000000000000, "position": 72000, "seconds": 1.5, )" +
                           rest + "}");
  };
  EXPECT_EQ(document(xruns(3, 1)), expected("xrun", R"("count": 3, "without_gap": 1)"));
  EXPECT_EQ(document(gap(0, 480)), expected("gap", R"("count": 1, "frames": 480)"));
  EXPECT_EQ(document({.kind = Kind::drop, .count = 4, .where = "mic -> level"}),
            expected("drop", R"("edge": "mic -> level", "blocks": 4)"));
  EXPECT_EQ(document({.kind = Kind::unconnected, .where = "input right", .what = "cable:output_2"}),
            expected("unconnected", R"("port": "input right", "peer": "cable:output_2")"));
  EXPECT_EQ(document({.kind = Kind::change, .what = R"({"eq": {"q": 2}})"}),
            expected("change", R"("params": {"eq": {"q": 2}})"));
}

}  // namespace
}  // namespace streamlab::app
