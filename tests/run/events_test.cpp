// tests/run/events_test.cpp
//
// What listeners hear of a running graph.
#include <stdexcept>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/channel/registry.hpp"
#include "engine/run/engine.hpp"
#include "engine/run/event_finder.hpp"
#include "tests/support/rt_guard.hpp"
#include "tests/support/virtual_driver.hpp"

namespace streamlab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = EngineEvent::Kind;

// "gap@960 1 480": kind, position, count, frames, and what else there is.
std::string text_of(const EngineEvent& event) {
  std::string text = to_string(event.kind) + "@" + std::to_string(event.position) + " " +
                     std::to_string(event.count) + " " + std::to_string(event.frames);
  if (event.without_gap > 0) { text += " without " + std::to_string(event.without_gap); }
  for (const std::string& part : {event.where, event.what}) { text += part.empty() ? "" : " " + part; }
  return text;
}
std::vector<std::string> heard_by(EventReceiver& listener) {
  std::vector<std::string> heard;
  while (const auto event = listener.try_receive()) { heard.push_back(text_of(*event)); }
  return heard;
}

// A card that cannot wait, 64 frames a tick; everything happens on the test's thread.
struct ListenedCard {
  VirtualDriver card{{.inputs = 1, .real_time = true}};
  std::unique_ptr<Engine> engine;

  explicit ListenedCard(std::int64_t frames = 0) {
    const auto graph = load_graph(R"({"version": 1, "nodes": [{"id": "mic", "type": "AudioInput"},
        {"id": "eq", "type": "Gain", "config": {"gain": 1, "ramp_ms": 0}}],
        "connections": [{"from": "mic", "channel": "raw", "capacity": 2},
          {"from": "mic", "to": "eq", "capacity": 2000}]})");
    if (!graph) { throw std::runtime_error(to_string(graph.error(), "")); }
    EngineOptions options;
    options.open_device = card.opener();
    options.frame_limit = frames;
    auto made = Engine::create(*graph, std::move(options));
    if (!made) { throw std::runtime_error(to_string(made.error(), "")); }
    engine = std::move(*made);
    if (!engine->start()) { throw std::runtime_error("the engine does not start"); }
  }
};

TEST(Events, SayWhereInTheStreamFramesAreMissing) {
  ListenedCard live;
  auto first = live.engine->events();
  ASSERT_TRUE(live.card.run(640));
  EXPECT_THAT(heard_by(first), IsEmpty());
  live.card.lose(480);
  ASSERT_TRUE(live.card.run(128));
  live.card.lose(0);
  ASSERT_TRUE(live.card.run(64));
  live.card.lose(16);
  ASSERT_TRUE(live.card.run(64));
  auto second = live.engine->events();  // from now on
  EXPECT_THAT(heard_by(first), ElementsAre("xrun@1328 3 0", "gap@640 1 480", "gap@1312 1 16"));
  live.card.unplug();
  EXPECT_THAT(heard_by(first), ElementsAre("device_lost@1392 1 0"));
  live.card.replug(4800);
  ASSERT_TRUE(live.card.run(64));
  EXPECT_THAT(heard_by(first), ElementsAre("device_back@6256 1 0", "gap@1392 1 4800"));
  EXPECT_THAT(heard_by(second),
              ElementsAre("device_lost@1392 1 0", "device_back@6256 1 0", "gap@1392 1 4800"));
  live.engine->stop();
  EXPECT_THAT(heard_by(first), ElementsAre("end@6256 1 0"));
  EXPECT_EQ(first.receive().why(), Why::closed);
  EXPECT_EQ(live.engine->events().receive().why(), Why::closed);
}

TEST(Events, TellOfAGapNoMoreThanTheRunWasAskedFor) {
  ListenedCard live(1000);
  auto events = live.engine->events();
  ASSERT_TRUE(live.card.run(640));
  live.card.lose(10'000);
  ASSERT_TRUE(live.card.run(64));
  live.engine->stop();
  EXPECT_THAT(heard_by(events), testing::Contains("gap@640 1 360"));
  EXPECT_EQ(live.engine->status().gap_frames, 360U);
}

TEST(Events, LoseNoGapThoughNobodyLooksForLong) {
  ListenedCard live;
  auto events = live.engine->events(1000);
  RtGuardScope::take_violations();
  for (int i = 0; i < 1000; ++i) {
    live.card.lose(1);
    ASSERT_TRUE(live.card.run(64));
  }
  if (RtGuardScope::available()) { EXPECT_THAT(RtGuardScope::take_violations(), IsEmpty()); }
  std::uint64_t count = 0;
  std::uint64_t frames = 0;
  while (const auto event = events.try_receive()) {
    if (event->kind != Kind::gap) { continue; }
    if (event->count == 1) { EXPECT_EQ(event->position, static_cast<std::int64_t>(65 * count)); }
    count += event->count;
    frames += event->frames;
  }
  EXPECT_EQ(count, 1000U);  // 256 that had a mark, and the rest as one
  EXPECT_EQ(frames, 1000U);
  EXPECT_EQ(events.lost(), 0U);
  live.engine->stop();
}

TEST(Events, TellWhatASubscriberLosesButNotWhatItMayLose) {
  ListenedCard live;
  auto events = live.engine->events();
  {
    auto all = live.engine->channels().subscribe<DataFrame>("raw");
    auto some = live.engine->channels().subscribe<DataFrame>("raw", OnLag::lose);
    ASSERT_TRUE(live.card.run(64 * 5));
    EXPECT_THAT(heard_by(events), ElementsAre("drop@320 3 0 mic -> channel raw"));
    ASSERT_TRUE(live.card.run(64));
  }
  ASSERT_TRUE(live.card.run(64));
  EXPECT_THAT(heard_by(events), ElementsAre("drop@448 1 0 mic -> channel raw"));  // once, though it has left
  live.engine->stop();
}

TEST(Events, TellEachChangeToAllInTheirOrder) {
  ListenedCard live;
  auto all = live.engine->events();
  auto changes = live.engine->watch();
  ASSERT_TRUE(live.card.run(640));
  ASSERT_TRUE(live.engine->set_param("eq", "gain", 0.5));
  EXPECT_FALSE(live.engine->set_param("eq", "gian", 0.5));  // changes nothing, is no event
  live.card.lose(64);
  ASSERT_TRUE(live.card.run(64));
  ASSERT_TRUE(live.engine->set_params(R"({"eq": {"gain": 2}})"));
  const std::string first = R"(change@640 1 0 {"eq":{"gain":0.5}})";
  const std::string second = R"(change@768 1 0 {"eq":{"gain":2}})";
  EXPECT_THAT(heard_by(changes), ElementsAre(first, second));
  EXPECT_THAT(heard_by(all), ElementsAre(first, "xrun@704 1 0", "gap@640 1 64", second));
  EXPECT_EQ(live.engine->param_values(Engine::Params::live), R"({"eq":{"gain":2.0}})");
  live.engine->stop();
  EXPECT_EQ(changes.try_receive().why(), Why::closed);
}

TEST(Events, CountForEachListenerWhatItLost) {
  ListenedCard live;
  auto slow = live.engine->watch(2);
  auto quick = live.engine->watch();
  auto gone = std::make_optional(live.engine->watch());
  gone.reset();
  for (int i = 1; i <= 5; ++i) { ASSERT_TRUE(live.engine->set_param("eq", "gain", i)); }
  EXPECT_THAT(heard_by(slow),
              ElementsAre(R"(change@0 1 0 {"eq":{"gain":4.0}})", R"(change@0 1 0 {"eq":{"gain":5.0}})"));
  EXPECT_EQ(slow.lost(), 3U);
  EXPECT_EQ(heard_by(quick).size(), 5U);
  EXPECT_EQ(quick.lost(), 0U);
}

TEST(Events, TellAFailureBeforeTheEnd) {
  ListenedCard live;
  auto events = live.engine->events();
  ASSERT_TRUE(live.card.run(64));
  live.card.fail({ErrorCode::failed, "card", "it burns", "", ""});
  EXPECT_THAT(heard_by(events), ElementsAre("failure@64 1 0 card card: it burns"));
  live.engine->stop();
  EXPECT_THAT(heard_by(events), ElementsAre("end@64 1 0"));
}

TEST(Events, WakeAListenerThatWaits) {
  ListenedCard live;
  auto events = live.engine->events();
  std::vector<std::string> heard;
  std::thread listener([&] {
    while (const auto event = events.receive()) { heard.push_back(text_of(*event)); }
  });
  ASSERT_TRUE(live.engine->set_param("eq", "gain", 0.25));
  live.engine->stop();
  listener.join();
  EXPECT_THAT(heard, ElementsAre(R"(change@0 1 0 {"eq":{"gain":0.25}})", "end@0 1 0"));
  live.engine.reset();
  EXPECT_EQ(events.try_receive().why(), Why::closed);  // outlives the engine
}

EngineView view_of_device() {
  EngineView view{.status = {}, .gaps = {}};
  view.status.driver.emplace();
  view.status.driver->state = DriverState::running;
  view.status.device.emplace();
  return view;
}
std::vector<std::string> found(EventFinder& finder, const EngineView& view, bool is_last = false) {
  std::vector<std::string> texts;
  for (const EngineEvent& event : finder.find(view, 0, is_last)) { texts.push_back(text_of(event)); }
  return texts;
}

TEST(EventFinder, FindsThatADeviceWentAndCameBackBetweenTwoLooks) {
  EventFinder finder;
  EngineView view = view_of_device();
  view.status.driver->state = DriverState::lost;
  EXPECT_THAT(found(finder, view), ElementsAre("device_lost@0 1 0"));
  EXPECT_THAT(found(finder, view), IsEmpty());
  view.status.driver->state = DriverState::running;
  view.status.driver->reopened = 2;  // and once more since
  EXPECT_THAT(found(finder, view),
              ElementsAre("device_back@0 1 0", "device_lost@0 1 0", "device_back@0 1 0"));
  view.status.driver->state = DriverState::lost;
  EXPECT_THAT(found(finder, view), ElementsAre("device_lost@0 1 0"));
}

// A simulated card knows how long it will be away when it goes; the block that says so may never come.
TEST(EventFinder, TellsTheGapOfADeviceThatDoesNotComeBackAtTheEnd) {
  EventFinder finder;
  EngineView view = view_of_device();
  view.status.frames = 1000;
  view.status.driver->gaps = 1;
  view.status.driver->lost_frames = 48000;
  EXPECT_THAT(found(finder, view), IsEmpty());
  EXPECT_THAT(found(finder, view, true), ElementsAre("gap@1000 1 48000"));
  EXPECT_THAT(found(finder, view, true), IsEmpty());
}

TEST(EventFinder, KnowsXrunsThatCostNoFrames) {
  EventFinder finder;
  EngineView view = view_of_device();
  view.xrun_position = 64;
  view.status.driver->xruns = view.status.driver->xruns_without_gap = 1;
  EXPECT_THAT(found(finder, view), ElementsAre("xrun@64 1 0 without 1"));
  view.status.driver->xruns = 4;
  view.status.driver->xruns_without_gap = 2;
  EXPECT_THAT(found(finder, view), ElementsAre("xrun@64 3 0 without 1"));
}

TEST(EventFinder, FindsCablesThatArePulledAndPluggedInAgain) {
  EventFinder finder;
  EngineView view = view_of_device();
  view.status.device->input_names = {"in_1", "in_2"};
  view.status.driver->ports.resize(1);
  PortConnection& right = view.status.driver->ports[0];
  right.channel = 1;
  right.peer = "cable:output_2";
  EXPECT_THAT(found(finder, view), IsEmpty());
  right.connected = false;
  right.interruptions = 1;
  EXPECT_THAT(found(finder, view), ElementsAre("unconnected@0 1 0 input right cable:output_2"));
  right.connected = true;
  right.interruptions = 2;  // and once more since
  EXPECT_THAT(found(finder, view), ElementsAre("connected@0 1 0 input right cable:output_2",
                                               "unconnected@0 1 0 input right cable:output_2",
                                               "connected@0 1 0 input right cable:output_2"));
}

TEST(EventFinder, SumsEdgesOfOneNameAndLeavesOutWhatWasGivenUp) {
  EventFinder finder;
  EngineView view{.status = {}, .gaps = {}};
  view.status.edges.resize(3);
  for (EdgeReport& edge : view.status.edges) { edge.name = "mic -> subscriber"; }
  view.status.edges[0].counters.dropped = 7;
  view.status.edges[0].given_up = 3;
  view.status.edges[1].counters.dropped = 2;
  view.status.edges[2].counters.dropped = 5;
  view.status.edges[2].reader_may_lose = true;
  view.status.underrun_frames = 64;
  EXPECT_THAT(found(finder, view), ElementsAre("drop@0 6 0 mic -> subscriber", "underrun@0 1 64"));
}

}  // namespace
}  // namespace streamlab
