// tests/run/reload_gaps_test.cpp
//
// What was under way in a node that a reload makes again is missing behind it, and told.
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

// A new Window begins with the next block: frames that the old one had gathered are in none.
TEST(Reload, LeavesTheTimesInAFileRightWhereFramesWereUnderWay) {
  const test::TempDir folder;
  const auto graph_of = [&](const char* same) {
    return load_graph(fmt::format(R"({{"version": 1, "pipeline_config": {{"threads": 1}}, "nodes": [
        {{"id": "tone", "type": "SineGenerator",
          "config": {{"sample_rate": 8000, "frequency": 1000, "phase_deg": 10, "frame_size": 64}}}},
        {{"id": "slow", "type": "Throttle", "config": {{"speed": 100}}}},
        {{"id": "cut", "type": "Window", "config": {{"size": 100{}}}}},
        {{"id": "file", "type": "FileSink", "config": {{"path": "{}", "subtype": "float"}}}}],
        "connections": [{{"from": "tone", "to": "slow"}}, {{"from": "slow", "to": "cut"}}, {{"from": "cut", "to": "file"}}]}})",
                                  same, folder.file("out.wav")));
  };
  const auto first = graph_of("");
  ASSERT_TRUE(first) << to_string(first.error(), "");
  EngineOptions options;
  options.duration_s = 1e6;
  auto engine = Engine::create(*first, std::move(options));
  ASSERT_TRUE(engine) << to_string(engine.error(), "");
  ASSERT_TRUE((*engine)->start());
  constexpr int kReloads = 5;
  for (int reload = 1; reload <= kReloads; ++reload) {
    const std::uint64_t before = (*engine)->status().frames;
    while ((*engine)->status().frames < before + 1000) { std::this_thread::yield(); }
    const auto plan = (*engine)->reload(*graph_of(reload % 2 == 0 ? "" : R"(, "hop": 100)"));
    ASSERT_TRUE(plan) << to_string(plan.error(), "");
    EXPECT_THAT(plan->restarted, testing::ElementsAre("cut"));
  }
  (*engine)->stop();
  const std::vector<float> samples = samples_of(folder.file("out.wav"));
  ASSERT_GT(samples.size(), 5000U);
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
  EXPECT_LT(silent, 100U * kReloads);
  EXPECT_LE(runs, kReloads);
}

}  // namespace
}  // namespace streamlab
