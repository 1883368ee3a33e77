// tests/run/reload_gaps_test.cpp
//
// What was under way in a node that a reload makes again is missing behind it, and told.
#include <array>
#include <cmath>
#include <numbers>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>

#include "engine/run/engine.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

std::vector<float> samples_of(const std::string& path) {
  SF_INFO info{};
  SNDFILE* const file = sf_open(path.c_str(), SFM_READ, &info);
  EXPECT_NE(file, nullptr);
  std::vector<float> samples(static_cast<std::size_t>(info.frames));
  EXPECT_EQ(sf_readf_float(file, samples.data(), info.frames), info.frames);
  sf_close(file);
  return samples;
}

// Nodes and connections between "slow", which gives a tone in blocks of 64, and "file".
struct Middle {
  std::string nodes;
  std::string connections;
};
Middle chain(const std::vector<std::pair<std::string, std::string>>& nodes) {
  Middle middle;
  std::string from = "slow";
  for (const auto& [id, rest] : nodes) {
    middle.nodes += fmt::format(R"({{"id": "{}", {}}},)", id, rest);
    middle.connections += fmt::format(R"({{"from": "{}", "to": "{}"}},)", from, id);
    from = id;
  }
  middle.connections += fmt::format(R"({{"from": "{}", "to": "file"}})", from);
  return middle;
}

// Runs a graph that is reloaded from one to the other again and again: every sample in the file is at its place, what is
// missing is silence there, and told.
void expect_right_times(const std::array<Middle, 2>& middles, const char* threads,
                        std::uint64_t most_missing) {
  SCOPED_TRACE(middles[0].nodes + " | " + middles[1].nodes);
  const test::TempDir folder;
  const auto graph_of = [&](const Middle& middle) {
    return load_graph(fmt::format(R"({{"version": 1, "pipeline_config": {{"threads": {}}}, "nodes": [
        {{"id": "tone", "type": "SineGenerator",
          "config": {{"sample_rate": 8000, "frequency": 1000, "phase_deg": 10, "frame_size": 64}}}},
        {{"id": "slow", "type": "Throttle", "config": {{"speed": 100}}}}, {}
        {{"id": "file", "type": "FileSink", "config": {{"path": "{}", "subtype": "float"}}}}],
        "connections": [{{"from": "tone", "to": "slow"}}, {}]}})",
                                  threads, middle.nodes, folder.file("out.wav"), middle.connections));
  };
  const auto first = graph_of(middles[0]);
  ASSERT_TRUE(first) << to_string(first.error(), "");
  EngineOptions options;
  options.duration_s = 1e6;
  auto engine = Engine::create(*first, std::move(options));
  ASSERT_TRUE(engine) << to_string(engine.error(), "");
  ASSERT_TRUE((*engine)->start());
  constexpr int kReloads = 5;
  for (std::size_t reload = 1; reload <= kReloads; ++reload) {
    const std::uint64_t before = (*engine)->status().frames;
    while ((*engine)->status().frames < before + 1000) { std::this_thread::yield(); }
    const auto plan = (*engine)->reload(*graph_of(middles[reload % 2]));
    ASSERT_TRUE(plan) << to_string(plan.error(), "");
    EXPECT_THAT(plan->kept, testing::ElementsAre("tone", "slow", "file"));
  }
  (*engine)->stop();
  const std::vector<float> samples = samples_of(folder.file("out.wav"));
  ASSERT_GT(samples.size(), 4000U);
  std::uint64_t silent = 0;
  int runs = 0;
  for (std::size_t n = 0; n < samples.size(); ++n) {
    const bool is_silent = samples[n] == 0.0F;
    const double phase = 2.0 * std::numbers::pi * (static_cast<double>(n % 8) / 8.0 + 10.0 / 360.0);
    if (!is_silent) { ASSERT_NEAR(samples[n], std::sin(phase), 1e-6) << n; }  // floats, and rounding of sin
    if (is_silent && (n == 0 || samples[n - 1] != 0.0F)) { ++runs; }
    silent += is_silent ? 1 : 0;
  }
  std::uint64_t told = 0;
  for (const auto& [node, note] : (*engine)->status().notes) {
    if (note.text.find("written as silence") != std::string::npos) { told += note.count; }
  }
  EXPECT_EQ(told, silent);
  EXPECT_GT(silent, 0U);  // blocks of 64 fill a window of 100 only now and then
  EXPECT_LT(silent, most_missing * kReloads);
  EXPECT_LE(runs, kReloads);
}

constexpr const char* kWindow = R"("type": "Window", "config": {"size": 100})";
constexpr const char* kOtherWindow = R"("type": "Window", "config": {"size": 100, "hop": 100})";
constexpr const char* kGain = R"("type": "Gain", "config": {"gain": 1})";
constexpr const char* kMixer = R"("type": "Mixer", "config": {"matrix": [[1]]})";

// A new Window begins with the next block: frames that the old one had gathered are in none.
TEST(Reload, LeavesTheTimesInAFileRightWhereFramesWereUnderWay) {
  for (const char* threads : {"1", R"("per_node")"}) {
    SCOPED_TRACE(threads);
    expect_right_times({chain({{"cut", kWindow}}), chain({{"cut", kOtherWindow}})}, threads, 100);
  }
}

TEST(Reload, LeavesTheTimesInAFileRightWhereNodesChangePlaces) {
  for (const char* threads : {"1", "2", R"("per_node")"}) {
    SCOPED_TRACE(threads);
    expect_right_times({chain({{"a", kWindow}}), chain({{"b", kWindow}, {"a", kMixer}})}, threads, 200);
    expect_right_times({chain({{"a", kWindow}, {"b", kGain}}), chain({{"a", kGain}, {"b", kWindow}})},
                       threads, 100);
    expect_right_times({chain({{"a", kWindow}, {"b", kGain}}), chain({{"c", kWindow}})}, threads, 100);
  }
}

}  // namespace
}  // namespace streamlab
