// tests/run/reload_test.cpp
//
// Another graph takes the place of a running one: what goes on loses no frame and no bit. SL_RELOADS=N in the environment: N
// random reloads instead of 1000.
#include <cstdlib>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/run/engine.hpp"
#include "engine/run/pipeline.hpp"
#include "tests/run/live_engine.hpp"
#include "tests/run/random_graph.hpp"
#include "tests/support/rt_guard.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

using test::counting_input;
using test::graph_of;
using test::Json;
using test::link;
using test::Listener;
using test::Live;
using test::node;
using test::RandomGraph;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Reload, LeavesWhatGoesOnAloneWhileOthersComeAndGo) {
  const Json mic = node("mic", "AudioInput");
  const Json kept = node("kept", "Delay", {{"frames", 10}});
  const Json roomy{{"block_size", 64}, {"channel_capacity", 4096}};  // "out" may be late
  const auto alone = graph_of({mic, kept}, {link("mic", "kept")}, roomy);
  const auto with = graph_of({mic, node("extra", "Gain", {{"gain", 3}}), kept, node("out", "NullSink")},
                             {link("mic", "kept"), link("mic", "extra"), link("extra", "out")}, roomy);
  Live live(alone);
  Listener listener(live, "kept");
  live.start();
  for (int i = 0; i < 20; ++i) {
    live.pass(5);
    const ReloadPlan added = live.reload(with);
    EXPECT_THAT(added.kept, ElementsAre("mic", "kept"));
    EXPECT_THAT(added.added, ElementsAre("extra", "out"));
    live.pass(5);
    EXPECT_THAT(live.reload(alone).removed, ElementsAre("extra", "out"));
  }
  live.stop();
  const auto& samples = listener.samples();
  EXPECT_GT(samples.size(), 64U * 200U);
  for (std::size_t n = 10; n < samples.size(); ++n) {
    ASSERT_EQ(samples[n], counting_input(static_cast<std::int64_t>(n) - 10, 0)) << n;
  }
  EXPECT_FALSE(live.engine->status().data_lost());
  EXPECT_THAT(live.engine->status().failures, IsEmpty());
}

TEST(Reload, PutsANodeInBetweenAtABlockEdge) {
  const Json mic = node("mic", "AudioInput");
  const Json tail = node("tail", "Gain", {{"gain", 1}});
  Live live(graph_of({mic, tail}, {link("mic", "tail")}));
  Listener listener(live, "tail");
  live.start();
  live.pass(10);
  const ReloadPlan plan = live.reload(graph_of({mic, node("half", "Gain", {{"gain", 0.5}}), tail},
                                               {link("mic", "half"), link("half", "tail")}));
  EXPECT_EQ(to_string(plan), "kept 2 nodes, added half");
  live.pass(10);
  live.stop();
  const auto& samples = listener.samples();
  std::size_t changed = 1;
  while (changed < samples.size() &&
         samples[changed] == counting_input(static_cast<std::int64_t>(changed), 0)) {
    ++changed;
  }
  EXPECT_EQ(changed % 64, 0U);
  ASSERT_LT(changed, samples.size());
  for (std::size_t n = changed; n < samples.size(); ++n) {
    ASSERT_EQ(samples[n], 0.5 * counting_input(static_cast<std::int64_t>(n), 0)) << n;
  }
}

// What a Mixer holds back for its other input is not lost when it gets a third one.
TEST(Reload, AJoinWithMoreInputsGoesOnWhereItWas) {
  const Json mic = node("mic", "AudioInput");
  const Json late = node("late", "Delay", {{"frames", 100}});
  const auto mix = [](const Json& row) { return node("mix", "Mixer", {{"matrix", Json::array({row})}}); };
  Live live(graph_of(
      {mic, node("left", "ChannelSelect", {{"channels", {1}}}), late, mix({1, 0})},
      {link("mic", "left"), link("left", "late"), link("left", "mix.in1"), link("late", "mix.in2")}));
  Listener listener(live, "mix");
  live.start();
  live.pass(10);
  const ReloadPlan plan =
      live.reload(graph_of({mic, node("left", "ChannelSelect", {{"channels", {1}}}), late,
                            node("same", "Gain", {{"gain", 1}}), mix({0.5, 0, 0.5})},
                           {link("mic", "left"), link("left", "late"), link("left", "mix.in1"),
                            link("late", "mix.in2"), link("left", "same"), link("same", "mix.in3")}));
  EXPECT_THAT(plan.restarted, ElementsAre("mix"));
  live.pass(10);
  live.stop();
  const auto& samples = listener.samples();
  for (std::size_t n = 0; n < samples.size(); ++n) {
    ASSERT_EQ(samples[n], counting_input(static_cast<std::int64_t>(n), 0)) << n;
  }
}

TEST(Reload, WhatIsPlayedGoesOnWithoutAGap) {
  const Json tone = node("tone", "SineGenerator", {{"frequency", 440}, {"amplitude", 0.5}});
  const Json out = node("out", "AudioOutput");
  const auto direct = graph_of({tone, out}, {link("tone", "out")});
  const auto through =
      graph_of({tone, node("same", "Gain", {{"gain", 1}}), out}, {link("tone", "same"), link("same", "out")});
  Live live(direct, {.inputs = 0, .outputs = 1});
  live.start();
  for (int i = 0; i < 10; ++i) {
    live.pass(20);
    live.reload(through);
    live.pass(20);
    live.reload(direct);
  }
  live.stop();
  EXPECT_EQ(live.engine->status().underrun_frames, 0U);
  auto alone = Pipeline::create(graph_of({tone}, {}));
  ASSERT_TRUE(alone);
  const auto played = live.card().played()[0];
  EXPECT_GT(played.size(), 64U * 400U);
  std::size_t n = 0;
  while (n < played.size()) {
    const auto blocks = alone->process(DataFrame(0, 0));
    ASSERT_TRUE(blocks);
    for (const double x : (*blocks)[0].channel(0U)) {
      if (n < played.size()) { ASSERT_EQ(played[n], x) << n; }
      ++n;
    }
  }
}

TEST(Reload, ANewSourceBeginsWhereTheStreamIs) {
  const Json one = node("one", "SineGenerator", {{"frequency", 440}});
  const Json two = node("two", "SineGenerator", {{"frequency", 1000}});
  const Json keep = node("end", "NullSink");
  EngineOptions options;
  options.threads = ThreadPolicy{ThreadPolicy::Kind::count, 1};
  options.frame_limit = 64 * 20000;
  auto engine = Engine::create(graph_of({one, keep}, {link("one", "end")}), options);
  ASSERT_TRUE(engine);
  auto first = (*engine)->subscribe("one", 4, OverflowPolicy::block);
  ASSERT_TRUE(first && (*engine)->start());
  for (int i = 0; i < 10; ++i) { ASSERT_TRUE(first->receive()); }
  std::jthread reader([&] {
    while (first->receive()) {}
  });
  auto plan = (*engine)->reload(
      graph_of({one, two, keep, node("end2", "NullSink")}, {link("one", "end"), link("two", "end2")}));
  ASSERT_TRUE(plan) << to_string(plan.error(), "");
  auto second = (*engine)->subscribe("two", 4, OverflowPolicy::block);
  ASSERT_TRUE(second);
  std::int64_t last = 0;
  if (const auto block = second->receive()) {
    EXPECT_GE(block->position(), 64 * 10);
    last = block->position() + block->frame_count();
  }
  while (const auto block = second->receive()) {
    EXPECT_EQ(block->position(), last);
    last = block->position() + block->frame_count();
  }
  EXPECT_EQ(last, 64 * 20000);  // the end that was asked for is one of the stream, not of the source
  (*engine)->stop();
}

TEST(Reload, ChangesLiveParametersAndKeepsThoseThatWereSet) {
  const Json mic = node("mic", "AudioInput");
  const auto with = [&](double a, double b) {
    return graph_of({mic, node("a", "Gain", {{"gain", a}}), node("b", "Gain", {{"gain", b}})},
                    {link("mic", "a"), link("a", "b")});
  };
  Live live(with(1, 1));
  live.start();
  ASSERT_TRUE(live.engine->set_param("b", "gain", 0.25));
  live.pass(2);
  EXPECT_EQ(to_string(live.reload(with(0.5, 1))), "kept 3 nodes, changed a");
  const Json values = Json::parse(live.engine->param_values());
  EXPECT_EQ(values["a"]["gain"], 0.5);
  EXPECT_EQ(values["b"]["gain"], 0.25);
  EXPECT_EQ(to_string(live.reload(with(0.5, 1))), "nothing changes");
}

// What is part of a format is no live parameter, and a live one may be left out again.
TEST(Reload, MakesANodeAgainWhereItsFormatChangesAndLeavesOutWhatIsLeftOut) {
  const Json mic = node("mic", "AudioInput");
  const auto with = [&](const char* scaling, Json config) {
    config["scaling"] = scaling;
    config["fft_size"] = 64;
    return graph_of({mic, node("spec", "Spectrum", std::move(config))}, {link("mic", "spec")});
  };
  Live live(with("amplitude", {{"averaging", "linear"}, {"averages", 4}}));
  live.start();
  EXPECT_EQ(to_string(live.reload(with("amplitude", {{"averaging", "linear"}, {"averages", 16}}))),
            "kept 2 nodes, changed spec");
  EXPECT_EQ(to_string(live.reload(with("amplitude", {{"averaging", "linear"}}))),
            "kept 2 nodes, changed spec");
  EXPECT_EQ(Json::parse(live.engine->param_values())["spec"].count("averages"), 0U);
  // More spectra than there is room for while it runs.
  EXPECT_EQ(to_string(live.reload(with("amplitude", {{"averaging", "none"}}))),
            "kept 1 node, restarted spec");
  EXPECT_EQ(to_string(live.reload(with("psd", {{"averaging", "none"}}))), "kept 1 node, restarted spec");
}

TEST(Reload, EndsTheStreamsOfAnOutputThatIsGone) {
  const Json mic = node("mic", "AudioInput");
  Live live(graph_of({mic, node("a", "Gain"), node("b", "Gain")}, {link("mic", "a"), link("mic", "b")}));
  Listener gone(live, "b");
  live.start();
  live.pass(5);
  live.reload(graph_of({mic, node("a", "Gain")}, {link("mic", "a")}));
  EXPECT_GE(gone.samples().size(), 64U * 4U);
  EXPECT_FALSE(live.engine->subscribe("b"));
}

// A card that stands still would hold up its domain for good.
TEST(Reload, EndsTheDeviceWhereItIsGivenUp) {
  const Json mic = node("mic", "AudioInput");
  Live live(graph_of({mic, node("a", "Gain")}, {link("mic", "a")}));
  Listener listener(live, "a");
  live.start();
  live.pass(5);
  live.stand_still();
  int asked = 0;
  const auto done = live.engine->reload(graph_of({mic, node("b", "Gain", {{"gain", 2}}), node("a", "Gain")},
                                                 {link("mic", "b"), link("b", "a")}),
                                        {.gives_up = [&] { return ++asked > 3; }});
  EXPECT_TRUE(done) << to_string(done.error(), "");
  EXPECT_TRUE(live.engine->wait_for(std::chrono::minutes(1)));
  live.stop();
  EXPECT_GE(listener.samples().size(), 64U * 5U);
}

// A tick in which the device's domain goes over makes no call that a real-time thread must not make.
TEST(Reload, KeepsTheDeviceThreadClean) {
  if (!RtGuardScope::available()) { GTEST_SKIP() << "the sanitizer stands where the guard would"; }
  const Json mic = node("mic", "AudioInput");
  const Json out = node("out", "AudioOutput");
  const auto direct = graph_of({mic, out}, {link("mic", "out")});
  const auto through =
      graph_of({mic, node("late", "Delay", {{"frames", 3}}), node("half", "Gain", {{"gain", 0.5}}),
                node("level", "LevelMeter"), out},
               {link("mic", "late"), link("late", "half"), link("half", "out"), link("half", "level")});
  Live live(direct, {.inputs = 1, .outputs = 1, .real_time = true});
  live.start();
  live.pass(2);
  RtGuardScope::take_violations();
  for (int i = 0; i < 20; ++i) {
    live.reload(i % 2 == 0 ? through : direct);
    live.pass(2);
  }
  live.stop();
  EXPECT_THAT(RtGuardScope::take_violations(), IsEmpty());
}

TEST(Reload, IsHeardByThoseWhoListen) {
  const auto graph_with = [](double gain) {
    return graph_of({node("mic", "AudioInput"), node("eq", "Gain", {{"gain", gain}})}, {link("mic", "eq")});
  };
  Live live(graph_with(1.0));
  auto listener = live.engine->events();
  live.start();
  live.reload(graph_with(0.5));
  live.stop();
  std::string heard;
  while (const auto event = listener.try_receive()) { heard += to_string(event->kind) + event->what + " "; }
  EXPECT_EQ(heard, R"(change{"eq":{"gain":0.5}} reloadkept 2 nodes, changed eq end )");
}

std::string refusal(Live& live, const ValidGraph& graph) {
  const auto done = live.engine->reload(graph);
  return done ? "" : to_string(done.error(), "");
}

TEST(Reload, RefusesWhatWouldBreakTheRun) {
  const Json mic = node("mic", "AudioInput");
  const Json gain = node("a", "Gain");
  const std::vector<Json> links{link("mic", "a")};
  Live live(graph_of({mic, gain}, links));
  EXPECT_THAT(refusal(live, graph_of({mic, gain}, links)), testing::HasSubstr("does not run"));
  live.start();
  EXPECT_THAT(refusal(live, graph_of({mic, gain}, links, {{"block_size", 128}})),
              testing::HasSubstr("/pipeline_config/block_size: cannot change while the graph runs"));
  EXPECT_THAT(refusal(live, graph_of({node("mic", "AudioInput", {{"channels", {2}}}), gain}, links)),
              testing::HasSubstr("\"mic\" would open the device again"));
  EXPECT_THAT(refusal(live, graph_of({node("s", "SineGenerator"), gain}, {link("s", "a")})),
              testing::HasSubstr("without \"mic\" the device would be closed"));
  EXPECT_THAT(refusal(live, graph_of({mic, gain, node("f", "FileSink", {{"path", "/no/such/folder/x.wav"}})},
                                     {link("mic", "a"), link("a", "f")})),
              testing::HasSubstr("/no/such/folder/x.wav"));
  const test::TempDir dir;  // the same file by another name
  const auto with_file = [&](const char* id, const std::string& path) {
    return graph_of({mic, gain, node(id, "FileSink", {{"path", path}})}, {link("mic", "a"), link("a", id)});
  };
  live.reload(with_file("f", dir.file("a.wav")));
  EXPECT_THAT(refusal(live, with_file("g", dir.file("./a.wav"))),
              testing::HasSubstr("is being written; expected another file"));
  live.reload(graph_of({mic, gain}, links));
  // Nothing has changed.
  EXPECT_EQ(to_string(live.reload(graph_of({mic, gain}, links))), "nothing changes");
  live.pass(3);
  live.stop();
  EXPECT_THAT(refusal(live, graph_of({mic, gain}, links)), testing::HasSubstr("was stopped"));
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int kReloads = 60;
#else
constexpr int kReloads = 1000;
#endif

constexpr int kOfOneEngine = 50;

int reloads() {
  const char* const asked = std::getenv("SL_RELOADS");
  return asked != nullptr ? std::atoi(asked) : kReloads;
}

TEST(Reload, AThousandRandomOnesAreNotNoticedByABranchThatStays) {
  const int count = reloads();
  int done = 0;
  for (int round = 0; round * kOfOneEngine < count; ++round) {
    SCOPED_TRACE(round);
    RandomGraph graphs(static_cast<std::uint64_t>(round), node("mic", "AudioInput"));
    Live live(graphs.next());
    Listener listener(live, "kept");
    live.start();
    for (int i = 0; i < kOfOneEngine; ++i) {
      live.pass(2);
      const auto reloaded = live.engine->reload(graphs.next());
      if (reloaded) {
        ++done;
      } else {
        EXPECT_THAT(
            to_string(reloaded.error(), ""),
            testing::AnyOf(testing::HasSubstr("another thread"), testing::HasSubstr("wait for each other")));
      }
    }
    live.stop();
    const auto& samples = listener.samples();
    for (std::size_t n = 7; n < samples.size(); ++n) {
      ASSERT_EQ(samples[n], counting_input(static_cast<std::int64_t>(n) - 7, 0)) << n;
    }
    EXPECT_THAT(live.engine->status().failures, IsEmpty());
    if (testing::Test::HasFailure()) { return; }
  }
  EXPECT_GT(done, count / 2);
  RecordProperty("reloads", done);
}

// What "kept" gives of a graph without a device, which ends after as many frames or when `meanwhile` returns.
std::vector<double> heard_of(const ValidGraph& graph, std::int64_t frames,
                             const std::function<void(Engine&)>& meanwhile) {
  EngineOptions options;
  options.frame_limit = frames;
  auto engine = Engine::create(graph, std::move(options));
  if (!engine) { throw std::runtime_error(to_string(engine.error(), "")); }
  auto receiver = (*engine)->subscribe("kept", 16, OverflowPolicy::block);
  std::vector<double> samples;
  std::jthread listener([&] {
    while (const auto block = receiver->receive()) {
      EXPECT_EQ(block->position(), static_cast<std::int64_t>(samples.size()));
      EXPECT_FALSE(block->header().has(FrameFlag::gap));
      const auto x = block->channel(0U);
      samples.insert(samples.end(), x.begin(), x.end());
    }
  });
  EXPECT_TRUE((*engine)->start());
  meanwhile(**engine);
  (*engine)->stop();
  listener.join();
  EXPECT_THAT((*engine)->status().failures, IsEmpty());
  return samples;
}

TEST(Reload, RandomOnesWithoutADeviceChangeNoBitOfABranchThatStays) {
  constexpr std::int64_t kLong = std::int64_t{1} << 40;
  const int count = reloads() / 5;
  int done = 0;
  for (int round = 0; round * kOfOneEngine < count; ++round) {
    SCOPED_TRACE(round);
    RandomGraph graphs(static_cast<std::uint64_t>(round),
                       node("mic", "SineGenerator", {{"frequency", 997}, {"amplitude", 0.7}}));
    const ValidGraph first = graphs.next();
    const auto samples = heard_of(first, kLong, [&](Engine& engine) {
      for (int i = 0; i < kOfOneEngine; ++i) { done += engine.reload(graphs.next()) ? 1 : 0; }
    });
    EXPECT_FALSE(samples.empty());
    const auto undisturbed = heard_of(first, static_cast<std::int64_t>(samples.size()), [](Engine& engine) {
      while (!engine.wait_for(std::chrono::seconds(1))) {}
    });
    EXPECT_TRUE(samples == undisturbed);
  }
  EXPECT_GT(done, count / 2);
}

}  // namespace
}  // namespace streamlab
