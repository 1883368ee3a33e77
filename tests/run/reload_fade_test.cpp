// tests/run/reload_fade_test.cpp
//
// A reload of a graph that plays: what is played goes over to the new graph by a cross-fade.
#include <cmath>
#include <numbers>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "engine/run/engine.hpp"
#include "tests/run/live_engine.hpp"
#include "tests/run/random_graph.hpp"
#include "tests/support/node_harness.hpp"

namespace streamlab {
namespace {

using test::graph_of;
using test::link;
using test::Listener;
using test::Live;
using test::node;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using FadeJson = test::Json;

constexpr std::size_t kFade = 480;  // 10 ms at 48 kHz
constexpr VirtualDriver::Card kDuplex{.inputs = 1, .outputs = 1};

// A tone with its harmonics, whatever the position.
double sawtooth(std::int64_t n, std::uint32_t /*c*/) { return static_cast<double>(n % 96 - 48) / 100.0; }

FadeJson settings(double fade_ms) { return {{"block_size", 64}, {"reload_fade_ms", fade_ms}}; }

// mic -> the nodes one after another -> out
ValidGraph through(const std::vector<FadeJson>& chain, double fade_ms = 10.0) {
  std::vector<FadeJson> nodes{node("mic", "AudioInput")};
  std::vector<FadeJson> links;
  for (const FadeJson& one : chain) {
    links.push_back(link(nodes.back()["id"], one["id"]));
    nodes.push_back(one);
  }
  links.push_back(link(nodes.back()["id"], "out"));
  nodes.push_back(node("out", "AudioOutput"));
  return graph_of(nodes, links, settings(fade_ms));
}

struct Played {
  std::vector<double> samples;
  ReloadPlan plan;
};
// What is played while the graph `before` becomes `after`.
Played play(const ValidGraph& before, const ValidGraph& after) {
  Live live(before, kDuplex, sawtooth);
  live.start();
  live.pass(20);
  Played played;
  played.plan = live.reload(after);
  live.pass(20);
  live.stop();
  EXPECT_EQ(live.engine->status().underrun_frames, 0U);
  EXPECT_FALSE(live.engine->status().data_lost());
  EXPECT_THAT(live.engine->status().failures, IsEmpty());
  played.samples = live.card().played()[0];
  return played;
}

std::size_t first_other(const std::vector<double>& a, const std::vector<double>& b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin()).first - a.begin());
}

TEST(ReloadFade, GoesOverAlongAStraightLineAndIsTheNewGraphBitForBit) {
  const FadeJson quiet = node("quiet", "Gain", {{"gain", 0.25}});
  const Played played = play(through({}), through({quiet}));
  EXPECT_EQ(to_string(played.plan), "kept 2 nodes, added quiet, faded out.in");
  std::vector<double> x(played.samples.size());
  for (std::size_t n = 0; n < x.size(); ++n) { x[n] = sawtooth(static_cast<std::int64_t>(n), 0); }
  const std::size_t begin = first_other(played.samples, x);
  EXPECT_EQ(begin % 64, 0U);
  ASSERT_LT(begin + kFade, x.size());
  for (std::size_t n = begin; n < x.size(); ++n) {
    const double y = 0.25 * x[n];
    const double expected =
        n < begin + kFade ? x[n] + (y - x[n]) * static_cast<double>(n - begin + 1) / kFade : y;
    ASSERT_EQ(played.samples[n], expected) << n - begin;
  }
}

// The old filter goes on with its state until it is not heard any more; the new one begins with the fade.
TEST(ReloadFade, LetsBothGraphsPlay) {
  const FadeJson low{{"type", "lowpass"}, {"frequency", 1000}};
  const FadeJson high{{"type", "highpass"}, {"frequency", 3000}};
  const Played played = play(through({node("low", "Biquad", low)}), through({node("high", "Biquad", high)}));
  EXPECT_EQ(to_string(played.plan), "kept 2 nodes, added high, removed low, faded out.in");
  test::Signal x(1);
  for (std::size_t n = 0; n < played.samples.size(); ++n) {
    x[0].push_back(sawtooth(static_cast<std::int64_t>(n), 0));
  }
  const auto filtered = [](const FadeJson& filter, const test::Signal& signal) {
    return test::NodeHarness("Biquad", filter.dump(), {48000.0, 1, 64}).run(signal, 64);
  };
  const std::vector<double> old = filtered(low, x);
  const std::size_t begin = first_other(played.samples, old);
  EXPECT_EQ(begin % 64, 0U);
  ASSERT_LT(begin + kFade, old.size());
  const std::vector<double> fresh =
      filtered(high, {{x[0].begin() + static_cast<std::ptrdiff_t>(begin), x[0].end()}});
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    const double from = old[begin + i];
    const double expected =
        i < kFade ? from + (fresh[i] - from) * static_cast<double>(i + 1) / kFade : fresh[i];
    ASSERT_EQ(played.samples[begin + i], expected) << i;
  }
}

// A tone on a thread of its own, far ahead of the card: another tone takes its place, and nothing is lost or late.
TEST(ReloadFade, GoesOverBetweenSourcesOnAnotherThread) {
  const auto tone = [](const char* id, double frequency) {
    return graph_of({node(id, "SineGenerator", {{"frequency", frequency}, {"amplitude", 0.5}}),
                     node("out", "AudioOutput")},
                    {link(id, "out")}, settings(10.0));
  };
  Live live(tone("low", 440), {.inputs = 0, .outputs = 1});
  live.start();
  for (int i = 0; i < 10; ++i) {
    live.pass(20);
    EXPECT_THAT(live.reload(tone("high", 1000)).faded, ElementsAre("out.in"));
    live.pass(20);
    EXPECT_THAT(live.reload(tone("low", 440)).faded, ElementsAre("out.in"));
  }
  live.stop();
  EXPECT_EQ(live.engine->status().underrun_frames, 0U);
  EXPECT_FALSE(live.engine->status().data_lost());
  const std::vector<double> played = live.card().played()[0];
  // The steepest tone, and the line from one to the other: at most 1 apart.
  const double steepest = 0.5 * 2.0 * std::numbers::pi * 1000.0 / 48000.0 + 1.0 / kFade;
  for (std::size_t n = 1; n < played.size(); ++n) {
    ASSERT_LE(std::abs(played[n] - played[n - 1]), steepest) << n;
  }
}

TEST(ReloadFade, IsLeftOutWhereItIsToTakeNoTime) {
  const Played played = play(through({}, 0.0), through({node("quiet", "Gain", {{"gain", 0.25}})}, 0.0));
  EXPECT_EQ(to_string(played.plan), "kept 2 nodes, added quiet");
  std::vector<double> x(played.samples.size());
  for (std::size_t n = 0; n < x.size(); ++n) { x[n] = sawtooth(static_cast<std::int64_t>(n), 0); }
  const std::size_t begin = first_other(played.samples, x);
  ASSERT_LT(begin, x.size());
  EXPECT_EQ(begin % 64, 0U);
  for (std::size_t n = begin; n < x.size(); ++n) { ASSERT_EQ(played.samples[n], 0.25 * x[n]) << n; }
}

// A tone comes from another thread, and is not there yet when the mixer needs it.
TEST(ReloadFade, NeedsLeaveWhereWhatIsPlayedWouldJump) {
  const auto direct = through({});
  const auto mixed =
      graph_of({node("mic", "AudioInput"), node("tone", "SineGenerator", {{"frequency", 440}}),
                node("sum", "Mixer"), node("out", "AudioOutput")},
               {link("mic", "sum.in1"), link("tone", "sum.in2"), link("sum", "out")}, settings(10.0));
  Live live(direct, kDuplex, sawtooth);
  live.start();
  live.pass(5);
  const auto refused = live.engine->reload(mixed);
  ASSERT_FALSE(refused);
  EXPECT_THAT(to_string(refused.error(), ""), HasSubstr("what is played would jump at \"out.in\""));
  EXPECT_EQ(to_string(live.reload(direct)), "nothing changes");
  const auto planned = live.engine->plan_reload(mixed);
  ASSERT_TRUE(planned);
  EXPECT_THAT(planned->jumps, ElementsAre("out.in"));
  const auto done = live.engine->reload(mixed, {.allow_gap = true});
  ASSERT_TRUE(done) << to_string(done.error(), "");
  EXPECT_EQ(to_string(*done), "kept 2 nodes, added tone sum, not faded: out.in");
}

TEST(ReloadFade, LeavesNoTraceOfItsOwnNodes) {
  Live live(through({}), kDuplex, sawtooth);
  live.start();
  EXPECT_THAT(live.engine->plan_reload(through({node("a", "Gain")}))->faded, ElementsAre("out.in"));
  for (const char* id : {"a", "b", "a"}) { live.reload(through({node(id, "Gain", {{"gain", 0.5}})})); }
  const auto status = live.engine->status();
  std::vector<std::string> ids;
  for (const NodeReport& one : status.nodes) { ids.push_back(one.id); }
  EXPECT_THAT(ids, ElementsAre("mic", "a", "out"));
  EXPECT_THAT(live.engine->param_values(),
              testing::AllOf(testing::Not(HasSubstr("fade-")), testing::Not(HasSubstr("leaving"))));
  EXPECT_EQ(to_string(live.reload(through({node("a", "Gain", {{"gain", 0.5}})}))), "nothing changes");
}

// Whoever stops the engine does not wait for the fade.
TEST(ReloadFade, EndsWithTheRun) {
  Live live(through({}, 1000.0), kDuplex, sawtooth);
  live.start();
  live.pass(5);
  std::jthread other([&] {
    const auto done = live.engine->reload(through({node("a", "Gain", {{"gain", 0.5}})}, 1000.0));
    if (!done) {
      EXPECT_THAT(to_string(done.error(), ""), testing::AnyOf(HasSubstr("ended"), HasSubstr("stopped")));
    }
  });
  live.pass(5);
  live.stop();
  EXPECT_THAT(live.engine->status().failures, IsEmpty());
}

// Gains in all places between 0.5 at the input and the output: however often it is reloaded, each step is one of a fade.
TEST(ReloadFade, OftenAtRandomHasNoStepAndLeavesOtherBranchesAlone) {
  constexpr double kInput = 0.5;
  constexpr int kFades = 60;
  std::mt19937_64 random(1);
  const auto pick = [&](int count) { return static_cast<int>(random() % static_cast<std::uint64_t>(count)); };
  const auto next = [&] {
    std::vector<FadeJson> nodes{node("mic", "AudioInput"), node("kept", "Delay", {{"frames", 7}})};
    std::vector<FadeJson> links{link("mic", "kept")};
    std::vector<std::string> outputs{"mic"};
    for (int i = pick(5); i > 0; --i) {
      const std::string id = "n" + std::to_string(pick(1000));
      const std::string& from = outputs[static_cast<std::size_t>(pick(static_cast<int>(outputs.size())))];
      if (pick(3) == 0) {
        nodes.push_back(node(id.c_str(), "Mixer", {{"matrix", {{0.5, 0.5}}}}));
        links.push_back(link(from, id + ".in1"));
        links.push_back(link(outputs.back(), id + ".in2"));
      } else {
        nodes.push_back(node(id.c_str(), "Gain", {{"gain", 0.25 * pick(8)}}));
        links.push_back(link(from, id));
      }
      outputs.push_back(id);
    }
    nodes.push_back(node("out", "AudioOutput"));
    links.push_back(link(outputs.back(), "out"));
    return graph_of(nodes, links, settings(10.0));
  };
  Live live(next(), kDuplex, [](std::int64_t /*n*/, std::uint32_t /*c*/) { return kInput; });
  Listener kept(live, "kept");
  live.start();
  int faded = 0;
  for (int i = 0; i < kFades; ++i) { faded += live.reload(next()).faded.empty() ? 0 : 1; }
  live.stop();
  EXPECT_GT(faded, kFades / 2);
  EXPECT_EQ(live.engine->status().underrun_frames, 0U);
  EXPECT_THAT(live.engine->status().failures,
              IsEmpty());  // (A branch on another thread may be late, and drop.)
  const std::vector<double>& samples = kept.samples();
  for (std::size_t n = 0; n < samples.size(); ++n) { ASSERT_EQ(samples[n], n < 7 ? 0.0 : kInput) << n; }
  const std::vector<double> played = live.card().played()[0];
  double largest = kInput;
  for (const double y : played) { largest = std::max(largest, y); }
  for (std::size_t n = 1; n < played.size(); ++n) {
    ASSERT_LE(std::abs(played[n] - played[n - 1]), 1.001 * largest / kFade) << n;  // rounding
  }
}

}  // namespace
}  // namespace streamlab
