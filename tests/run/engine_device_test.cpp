// tests/run/engine_device_test.cpp
//
// A graph on a device whose time the test advances.
#include <cmath>
#include <numbers>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/run/pipeline.hpp"
#include "tests/support/rt_guard.hpp"
#include "tests/support/virtual_driver.hpp"

namespace streamlab {
namespace {

std::unique_ptr<Engine> engine_on(VirtualDriver& card, std::string_view json, double duration_s = 0.0) {
  auto graph = load_graph(json);
  if (!graph) { throw std::runtime_error(to_string(graph.error(), "")); }
  EngineOptions options;
  options.open_device = card.opener();
  options.duration_s = duration_s;
  auto engine = Engine::create(*graph, std::move(options));
  if (!engine) { throw std::runtime_error(to_string(engine.error(), "")); }
  return std::move(*engine);
}

constexpr const char* kCapture = R"({"version": 1,
    "nodes": [{"id": "mic", "type": "AudioInput"}, {"id": "gain", "type": "Gain", "config": {"gain": 1}}],
    "connections": [{"from": "mic", "to": "gain", "capacity": 1000}]})";

TEST(EngineOnADevice, DeliversEverySampleWithItsPosition) {
  VirtualDriver card;
  auto engine = engine_on(card, kCapture);
  auto receiver = engine->subscribe("gain", 1000);
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(engine->start());
  const auto input = [](std::int64_t n, std::uint32_t c) { return static_cast<double>(n) * 1e-6 + 0.25 * c; };
  card.set_input(input);
  for (int i = 0; i < 100; ++i) { ASSERT_TRUE(card.tick(64)); }
  engine->stop();
  std::int64_t next = 0;
  while (const auto block = receiver->receive()) {
    EXPECT_EQ(block->position(), next);
    EXPECT_FALSE(block->header().has(FrameFlag::gap));
    for (std::uint32_t c = 0; c < 2; ++c) {
      for (std::uint32_t n = 0; n < block->frame_count(); ++n) {
        EXPECT_EQ(block->channel(c)[n], input(next + n, c));
      }
    }
    next += block->frame_count();
  }
  EXPECT_EQ(next, 6400);
  EXPECT_FALSE(engine->status().data_lost());
}

TEST(EngineOnADevice, MarksAGapWithItsExactLength) {
  VirtualDriver card;
  auto engine = engine_on(card, kCapture);
  auto receiver = engine->subscribe("gain", 1000);
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(engine->start());
  card.tick(64);
  card.lose(1234);
  card.tick(64);
  card.tick(64);
  engine->stop();
  std::vector<std::uint64_t> gaps;
  while (const auto block = receiver->receive()) { gaps.push_back(block->header().gap_frames); }
  EXPECT_THAT(gaps, testing::ElementsAre(0, 1234, 0));
  const EngineStatus status = engine->status();
  EXPECT_EQ(status.gaps, 1U);
  EXPECT_EQ(status.gap_frames, 1234U);
  EXPECT_TRUE(status.data_lost());
}

TEST(EngineOnADevice, CountsWhatIsMissingWhenTheDeviceDoesNotComeBack) {
  VirtualDriver card({.real_time = true});
  auto engine = engine_on(card, kCapture, 0.01);  // 480 frames
  ASSERT_TRUE(engine->start());
  card.tick(64);
  card.lose(100);
  card.tick(64);
  card.unplug();
  EXPECT_TRUE(engine->wait_for(std::chrono::seconds(10)));
  engine->stop();
  const EngineStatus status = engine->status();
  EXPECT_EQ(status.missing_frames, 480U - 64U - 100U - 64U);
  EXPECT_TRUE(status.data_lost());
}

TEST(EngineOnADevice, CountsWhatIsMissingByTheClockWhereNoEndWasAskedFor) {
  VirtualDriver card({.real_time = true});
  auto engine = engine_on(card, kCapture);
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(engine->start());
  card.unplug();
  EXPECT_FALSE(engine->wait_for(std::chrono::milliseconds(10)));
  engine->stop();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  const EngineStatus status = engine->status();
  EXPECT_GE(status.missing_frames, 480U);
  EXPECT_LE(static_cast<double>(status.missing_frames), elapsed.count() * 48000.0 + 1.0);
  EXPECT_TRUE(status.data_lost());
}

TEST(EngineOnADevice, LetsEverythingThroughWhenTheDeviceHasEndedByItself) {
  VirtualDriver card;
  auto engine = engine_on(card, kCapture, 256 / 48000.0);
  auto receiver = engine->subscribe("gain", 1);
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(engine->start());
  for (int i = 0; i < 4; ++i) { card.tick(64); }
  // The device has given all; the graph has not, for its reader holds it up.
  EXPECT_FALSE(engine->wait_for(std::chrono::milliseconds(10)));
  std::int64_t frames = 0;
  while (const auto block = receiver->receive()) { frames += block->frame_count(); }
  EXPECT_EQ(frames, 256);
  EXPECT_TRUE(engine->wait_for(std::chrono::seconds(10)));
  engine->stop();
  EXPECT_FALSE(engine->status().data_lost());
}

TEST(EngineOnADevice, MissesNothingWhenTheDeviceEndsOrTheRunIsOver) {
  VirtualDriver card({.real_time = true});
  auto engine = engine_on(card, kCapture, 0.01);
  ASSERT_TRUE(engine->start());
  card.run(1000);
  card.unplug();
  engine->stop();
  EXPECT_EQ(engine->status().missing_frames, 0U);
  auto other = engine_on(card, kCapture);
  ASSERT_TRUE(other->start());
  card.tick(64);
  card.end();
  other->stop();
  EXPECT_EQ(other->status().missing_frames, 0U);
  EXPECT_FALSE(other->status().data_lost());
}

TEST(EngineOnADevice, MarksAGapBeforeTheFirstBlock) {
  VirtualDriver card;
  auto engine = engine_on(card, kCapture);
  auto receiver = engine->subscribe("gain", 1000);
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(engine->start());
  card.lose(100);
  card.tick(64);
  engine->stop();
  const auto block = receiver->receive();
  ASSERT_TRUE(block);
  EXPECT_EQ(block->position(), 100);
  EXPECT_EQ(block->header().gap_frames, 100U);
  EXPECT_EQ(engine->status().gap_frames, 100U);
}

TEST(EngineOnADevice, CountsNothingThatIsLostAfterTheEndThatWasAskedFor) {
  VirtualDriver card({.real_time = true});
  auto engine = engine_on(card, kCapture, 0.01);  // 480 frames
  ASSERT_TRUE(engine->start());
  card.run(300);
  card.lose(50);
  card.run(180);
  card.lose(1000);
  card.run(640);
  engine->stop();
  const EngineStatus status = engine->status();
  EXPECT_EQ(status.frames, 430U);
  EXPECT_EQ(status.driver->xruns, 1U);
  EXPECT_EQ(status.driver->gaps, 1U);
  EXPECT_EQ(status.driver->lost_frames, 50U);
  EXPECT_EQ(status.missing_frames, 0U);
}

// Asked for 480 frames: 300 come, and of the next 1000, which are lost, 180 were asked for.
TEST(EngineOnADevice, LosesNoMoreThanWasAskedForWhereTheEndLiesInAGap) {
  VirtualDriver card({.real_time = true});
  auto engine = engine_on(card, kCapture, 0.01);
  auto receiver = engine->subscribe("gain", 1000);
  ASSERT_TRUE(engine->start());
  card.run(300);
  card.lose(1000);
  card.run(640);
  engine->stop();
  std::uint64_t frames = 0;
  std::uint64_t missing = 0;
  while (const auto block = receiver->receive()) {
    frames += block->frame_count();
    missing += block->header().gap_frames;
  }
  EXPECT_EQ(frames, 300U);
  EXPECT_EQ(missing, 180U);
  const EngineStatus status = engine->status();
  EXPECT_EQ(status.frames, 300U);
  EXPECT_EQ(status.gap_frames, 180U);
  EXPECT_EQ(status.driver->lost_frames, 180U);
}

// What the card loses while it plays does not shorten what is played.
TEST(EngineOnADevice, CountsTheFramesThatItPlays) {
  VirtualDriver card({.period_frames = 50, .inputs = 0, .outputs = 1, .real_time = true});
  auto engine = engine_on(card, R"({"pipeline_config": {"sample_rate": 48000},
      "nodes": [{"id": "sine", "type": "SineGenerator", "config": {"frame_size": 50}}, {"id": "out", "type": "AudioOutput"}],
      "connections": [{"from": "sine", "to": "out", "capacity": 4}]})",
                          0.01);
  ASSERT_TRUE(engine->start());
  card.run(100);
  card.lose(400);
  card.run(300);
  engine->stop();
  EXPECT_EQ(engine->status().frames, 400U);
}

TEST(EngineOnADevice, EndsTheDeviceWhenTakeHasWhatItNeeds) {
  VirtualDriver card;
  auto engine = engine_on(card, R"({"version": 1,
      "nodes": [{"id": "mic", "type": "AudioInput"}, {"id": "take", "type": "Take", "config": {"frames": 100}}],
      "connections": [{"from": "mic", "to": "take", "capacity": 1000}]})");
  auto receiver = engine->subscribe("take", 1000);
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(engine->start());
  while (!engine->wait_for(std::chrono::milliseconds(1))) {
    card.tick(64);
  }  // in vain, once the engine has stopped it
  engine->stop();
  std::uint64_t frames = 0;
  while (const auto block = receiver->receive()) { frames += block->frame_count(); }
  EXPECT_EQ(frames, 100U);
  EXPECT_FALSE(engine->status().data_lost());
}

TEST(EngineOnADevice, SaysInTheNextBlockWhatASubscriberMissed) {
  VirtualDriver card({.real_time = true});
  auto engine = engine_on(card, R"({"version": 1, "nodes": [{"id": "mic", "type": "AudioInput"}]})");
  auto oldest = engine->subscribe("mic", 2, OverflowPolicy::drop_oldest);
  auto newest = engine->subscribe("mic", 2, OverflowPolicy::drop_newest);
  ASSERT_TRUE(oldest && newest);
  ASSERT_TRUE(engine->start());
  for (int i = 0; i < 10; ++i) { card.tick(64); }
  auto block = oldest->receive();
  ASSERT_TRUE(block);
  EXPECT_EQ(block->position(), 8 * 64);
  EXPECT_TRUE(block->header().has(FrameFlag::gap));
  EXPECT_EQ(block->header().gap_frames, 8U * 64);
  EXPECT_EQ(oldest->receive()->header().flags, 0U);
  EXPECT_EQ(newest->receive()->header().flags, 0U);
  EXPECT_EQ(newest->receive()->header().flags, 0U);
  card.tick(64);
  block = newest->receive();
  EXPECT_EQ(block->position(), 10 * 64);
  EXPECT_EQ(block->header().gap_frames, 8U * 64);
  EXPECT_EQ(oldest->receive()->header().flags, 0U);
  engine->stop();
}

// Results have no positions that follow each other: there the edge itself knows.
TEST(EngineOnADevice, SaysInTheNextResultWhatASubscriberMissed) {
  VirtualDriver card;
  auto engine = engine_on(card, R"({"version": 1, "nodes": [{"id": "mic", "type": "AudioInput"},
      {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.002}}],
      "connections": [{"from": "mic", "to": "level"}]})");  // 96 frames
  auto receiver = engine->subscribe("level", 2, OverflowPolicy::drop_oldest);
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(engine->start());
  for (int i = 0; i < 15; ++i) { card.tick(64); }  // 10 results
  engine->stop();
  auto result = receiver->receive();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->position(), 8 * 96);
  EXPECT_TRUE(result->header().has(FrameFlag::gap));
  EXPECT_EQ(result->header().gap_frames, 8U * 96);
  EXPECT_FALSE(receiver->receive()->header().has(FrameFlag::gap));
  EXPECT_FALSE(receiver->receive());
}

TEST(EngineOnADevice, PlaysWhatItCapturesInTheSamePeriod) {
  VirtualDriver card({.inputs = 2, .outputs = 2});
  auto engine = engine_on(card, R"({"version": 1,
      "nodes": [{"id": "in", "type": "AudioInput"}, {"id": "gain", "type": "Gain", "config": {"gain": 0.5}},
                {"id": "out", "type": "AudioOutput"}],
      "connections": [{"from": "in", "to": "gain"}, {"from": "gain", "to": "out"}]})");
  ASSERT_TRUE(engine->start());
  card.set_input([](std::int64_t n, std::uint32_t c) { return static_cast<double>(n + c) / 1024.0; });
  for (int i = 0; i < 5; ++i) { card.tick(64); }
  engine->stop();
  ASSERT_EQ(card.played().size(), 2U);
  for (std::uint32_t c = 0; c < 2; ++c) {
    ASSERT_EQ(card.played()[c].size(), 320U);
    for (std::size_t n = 0; n < 320; ++n) {
      EXPECT_EQ(card.played()[c][n], static_cast<double>(n + c) / 2048.0);  // no frame of delay
    }
  }
}

// The last block may be shorter than the period: what the card plays after it is silence, not what the memory holds.
TEST(EngineOnADevice, IsSilentAfterTheEndOfAStreamThatEndsWithinAPeriod) {
  for (const char* const between : {R"({"id": "x", "type": "Gain", "config": {"gain": 0.5}})",
                                    R"({"id": "x", "type": "Take", "config": {"frames": 100}})"}) {
    const bool is_taken = std::string_view(between).find("Take") != std::string_view::npos;
    VirtualDriver card({.inputs = 1, .outputs = 1});
    card.set_input([](std::int64_t /*n*/, std::uint32_t /*c*/) { return 0.25; });
    auto engine = engine_on(card,
                            fmt::format(R"({{"version": 1,
        "nodes": [{{"id": "in", "type": "AudioInput"}}, {}, {{"id": "out", "type": "AudioOutput"}}],
        "connections": [{{"from": "in", "to": "x"}}, {{"from": "x", "to": "out"}}]}})",
                                        between),
                            is_taken ? 0.0 : 100 / 48000.0);
    ASSERT_TRUE(engine->start());
    for (int i = 0; i < 4; ++i) { card.tick(64); }
    engine->stop();
    const auto& played = card.played()[0];
    ASSERT_EQ(played.size(), 256U);
    for (std::size_t n = 0; n < played.size(); ++n) {
      EXPECT_EQ(played[n], n >= 100 ? 0.0 : is_taken ? 0.25 : 0.125) << n;
    }
  }
}

// What a node leaves out is silence at its place.
TEST(EngineOnADevice, PlaysEachFrameAtItsPlace) {
  VirtualDriver card({.inputs = 1, .outputs = 1, .real_time = true});
  card.set_input([](std::int64_t n, std::uint32_t /*c*/) { return static_cast<double>(n + 1) / 1024.0; });
  auto engine = engine_on(card, R"({"version": 1,
      "nodes": [{"id": "in", "type": "AudioInput"}, {"id": "x", "type": "Skip", "config": {"frames": 100}},
                {"id": "out", "type": "AudioOutput"}],
      "connections": [{"from": "in", "to": "x"}, {"from": "x", "to": "out"}]})");
  ASSERT_TRUE(engine->start());
  RtGuardScope::take_violations();
  for (int i = 0; i < 4; ++i) { card.tick(64); }
  engine->stop();
  if (RtGuardScope::available()) { EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty()); }
  const auto& played = card.played()[0];
  ASSERT_EQ(played.size(), 256U);
  for (std::size_t n = 0; n < played.size(); ++n) {
    EXPECT_EQ(played[n], n < 100 ? 0.0 : static_cast<double>(n + 1) / 1024.0) << n;
  }
  EXPECT_EQ(engine->status().underrun_frames, 0U);
}

// A window is full when its last frame has come: its first frames should have been played by then.
TEST(EngineOnADevice, RefusesWhatCannotBePlayedInTheTickInWhichItComes) {
  for (const char* const late :
       {R"("type": "Window", "config": {"size": 64})", R"("type": "Window", "config": {"size": 300})",
        R"("type": "Batch", "config": {"blocks": 2})"}) {
    VirtualDriver card({.inputs = 1, .outputs = 1});
    const auto graph = load_graph(fmt::format(R"({{"version": 1,
        "nodes": [{{"id": "in", "type": "AudioInput"}}, {{"id": "x", {}}}, {{"id": "out", "type": "AudioOutput"}}],
        "connections": [{{"from": "in", "to": "x"}}, {{"from": "x", "to": "out"}}]}})",
                                              late));
    ASSERT_TRUE(graph) << to_string(graph.error(), "");
    EngineOptions options;
    options.open_device = card.opener();
    const auto engine = Engine::create(*graph, std::move(options));
    ASSERT_FALSE(engine);
    EXPECT_THAT(to_string(engine.error(), ""),
                testing::HasSubstr("cannot run before \"out\" on the device's thread: it gathers frames"));
  }
}

// Nothing is late where no device plays.
TEST(EngineOnADevice, CountsNoUnderrunWhereTheCallerTriggers) {
  const auto graph = load_graph(R"({"version": 1, "pipeline_config": {"sample_rate": 48000, "block_size": 64},
      "nodes": [{"id": "in", "type": "AudioInput", "config": {"channels": [1]}}, {"id": "out", "type": "AudioOutput"}],
      "connections": [{"from": "in", "to": "out"}]})");
  ASSERT_TRUE(graph) << to_string(graph.error(), "");
  EngineOptions options;
  options.triggered = true;
  auto engine = Engine::create(*graph, std::move(options));
  ASSERT_TRUE(engine) << to_string(engine.error(), "");
  ASSERT_TRUE((*engine)->start());
  DataFrame frame(0, 0);
  ASSERT_TRUE(frame.set_channel("main_channel", std::vector<double>(64, 0.5)));
  for (const std::int64_t position : {64, 128, 192}) {
    frame.header().position = position;
    ASSERT_TRUE((*engine)->trigger(frame));
  }
  (*engine)->stop();
  EXPECT_EQ((*engine)->status().underrun_frames, 0U);
  EXPECT_FALSE((*engine)->status().data_lost());
}

TEST(EngineOnADevice, IsSilentAfterTheEndOfAFile) {
  VirtualDriver card({.period_frames = 64, .inputs = 0, .outputs = 1});
  auto engine = engine_on(card, R"({"version": 1, "pipeline_config": {"sample_rate": 48000},
      "nodes": [{"id": "tone", "type": "SineGenerator", "config": {"frequency": 1000, "phase_deg": 90, "amplitude": 0.5}},
                {"id": "x", "type": "Take", "config": {"frames": 100}}, {"id": "out", "type": "AudioOutput"}],
      "connections": [{"from": "tone", "to": "x"}, {"from": "x", "to": "out"}]})");
  ASSERT_TRUE(engine->start());
  for (int i = 0; i < 4; ++i) { card.tick(64); }
  engine->stop();
  const auto& played = card.played()[0];
  for (std::size_t n = 0; n < played.size(); ++n) {
    const double tone = 0.5 * std::cos(2.0 * std::numbers::pi * static_cast<double>(n % 48) / 48.0);
    EXPECT_NEAR(played[n], n < 100 ? tone : 0.0, 1e-14) << n;
  }
}

TEST(EngineOnADevice, PlaysAGeneratorThroughAWorkerWithoutLosingASample) {
  VirtualDriver card({.period_frames = 50, .inputs = 0, .outputs = 2});
  auto engine = engine_on(card, R"({"version": 1, "pipeline_config": {"sample_rate": 48000},
      "nodes": [{"id": "sine", "type": "SineGenerator", "config": {"frequency": 1000, "frame_size": 48}},
                {"id": "out", "type": "AudioOutput"}],
      "connections": [{"from": "sine", "to": "out", "capacity": 4}]})");
  ASSERT_TRUE(engine->start());
  for (int i = 0; i < 100; ++i) { card.tick(50); }
  engine->stop();
  ASSERT_EQ(card.played()[0].size(), 5000U);
  for (std::size_t n = 0; n < 5000; ++n) {
    EXPECT_NEAR(card.played()[0][n], std::sin(2.0 * std::numbers::pi * static_cast<double>(n % 48) / 48.0),
                1e-14);
    EXPECT_EQ(card.played()[1][n], card.played()[0][n]);
  }
  EXPECT_EQ(engine->status().underrun_frames, 0U);
}

TEST(EngineOnADevice, EndsAfterTheTimeAskedForToTheFrame) {
  VirtualDriver card;
  auto engine = engine_on(card, kCapture, 0.01);  // 480 frames
  auto receiver = engine->subscribe("gain", 1000);
  ASSERT_TRUE(engine->start());
  card.run(1000);
  EXPECT_TRUE(engine->wait_for(std::chrono::seconds(10)));
  engine->stop();
  std::uint64_t frames = 0;
  while (const auto block = receiver->receive()) { frames += block->frame_count(); }
  EXPECT_EQ(frames, 480U);
}

TEST(EngineOnADevice, ARealTimeTickMakesNoForbiddenCall) {
  if (!RtGuardScope::available()) { GTEST_SKIP() << "the sanitizer stands where the guard would"; }
  VirtualDriver card({.inputs = 2, .outputs = 2, .real_time = true});
  auto engine = engine_on(card, R"({"version": 1,
      "nodes": [{"id": "in", "type": "AudioInput"},
                {"id": "eq", "type": "Biquad", "config": {"sections": [{"type": "peaking", "frequency": 1000, "q": 1, "gain_db": 6}]}},
                {"id": "delay", "type": "Delay", "config": {"frames": 10}},
                {"id": "out", "type": "AudioOutput"}, {"id": "meter", "type": "LevelMeter", "config": {"interval_s": 0.01}},
                {"id": "end", "type": "NullSink"}],
      "connections": [{"from": "in", "to": "eq"}, {"from": "eq", "to": "delay"}, {"from": "delay", "to": "out"},
                      {"from": "eq", "to": "meter", "capacity": 2}, {"from": "meter", "to": "end"}]})");
  auto receiver = engine->subscribe("eq", 1);
  ASSERT_TRUE(receiver) << to_string(receiver.error());
  ASSERT_TRUE(engine->start());
  RtGuardScope::take_violations();
  for (int i = 0; i < 200; ++i) { card.tick(64); }  // the domain's tick is a guarded section of its own
  engine->stop();
  EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty());
}

TEST(EngineOnADevice, SaysWhatTheDeviceSaidWhenItFails) {
  VirtualDriver card;
  auto engine = engine_on(card, kCapture);
  ASSERT_TRUE(engine->start());
  card.tick(64);
  card.fail({ErrorCode::failed, "card", "the card caught fire", "", ""});
  EXPECT_TRUE(engine->wait_for(std::chrono::seconds(10)));
  engine->stop();
  const EngineStatus status = engine->status();
  ASSERT_EQ(status.failures.size(), 1U);
  EXPECT_EQ(to_string(status.failures[0]), "card: the card caught fire");
}

TEST(Engine, RefusesAGraphThatWouldNeverEnd) {
  auto graph = load_graph(R"({"version": 1, "nodes": [{"id": "sine", "type": "SineGenerator",
      "config": {"sample_rate": 48000}}], "connections": []})");
  ASSERT_TRUE(graph);
  const auto engine = Engine::create(*graph, {});
  EXPECT_EQ(engine ? "" : to_string(engine.error(), ""),
            "/pipeline_config: the graph's sources never end, and no device ends the run; expected "
            "\"duration_s\" above 0 here, or --seconds or --frames on the command line\n");
}

}  // namespace
}  // namespace streamlab
