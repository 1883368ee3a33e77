// tests/run/run_to_end_test.cpp
#include "engine/run/run_to_end.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

#include "engine/graph/validate.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/virtual_driver.hpp"

namespace streamlab {
namespace {

std::unique_ptr<Engine> engine_to_run(std::string_view json, EngineOptions options = {}) {
  const auto graph = load_graph(json);
  if (!graph) { throw std::runtime_error(to_string(graph.error(), "")); }
  auto engine = Engine::create(*graph, std::move(options));
  if (!engine) { throw std::runtime_error(to_string(engine.error(), "")); }
  return std::move(*engine);
}

std::string tone_into(const std::string& path) {
  return R"({"pipeline_config": {"duration_s": 0.5}, "nodes": [
      {"id": "tone", "type": "SineGenerator", "config": {"frequency": 100, "sample_rate": 8000}},
      {"id": "out", "type": "FileSink", "config": {"path": ")" +
         path + R"("}}], "connections": [{"from": "tone", "to": "out"}]})";
}

TEST(RunToEnd, GivesTheStatusAfterTheSourcesHaveEnded) {
  const test::TempDir dir;
  const auto engine = engine_to_run(tone_into(dir.file("tone.wav")));
  const auto ran = run_to_end(*engine);
  ASSERT_TRUE(ran) << to_string(ran.error());
  EXPECT_FALSE(ran->cut_short);
  EXPECT_FALSE(ran->status.running);
  EXPECT_EQ(ran->status.frames, 4000U);
}

// The configuration says 0.5 s.
TEST(RunToEnd, EndsWhereTheCallerSaysAndNotTheConfiguration) {
  for (const auto& [frames, seconds] :
       {std::pair{std::int64_t{6000}, 0.0}, std::pair{std::int64_t{0}, 0.75}}) {
    const test::TempDir dir;
    EngineOptions options;
    options.frame_limit = frames;
    options.duration_s = seconds;
    const auto ran = run_to_end(*engine_to_run(tone_into(dir.file("tone.wav")), std::move(options)));
    ASSERT_TRUE(ran) << to_string(ran.error());
    EXPECT_EQ(ran->status.frames, 6000U);
  }
}

TEST(RunToEnd, FlagsTheLastBlockWhereALimitEndsTheSource) {
  for (const std::int64_t frames : {1, 63, 64, 65, 128}) {
    EngineOptions options;
    options.frame_limit = frames;
    const auto engine = engine_to_run(R"({"pipeline_config": {"block_size": 64}, "nodes": [
        {"id": "tone", "type": "SineGenerator", "config": {"frequency": 100}}, {"id": "end", "type": "NullSink"}],
        "connections": [{"from": "tone", "to": "end"}]})",
                                      std::move(options));
    auto receiver = engine->subscribe("tone");
    ASSERT_TRUE(receiver) << to_string(receiver.error());
    ASSERT_TRUE(engine->start());
    std::int64_t end = 0;
    while (const auto block = receiver->receive()) {
      end = block->position() + block->frame_count();
      EXPECT_EQ(block->header().has(FrameFlag::end_of_stream), end == frames) << end;
    }
    EXPECT_EQ(end, frames);
    engine->stop();
  }
}

TEST(RunToEnd, FailsWhereTheEngineDoesNotStart) {
  const test::TempDir dir;
  const auto engine = engine_to_run(tone_into(dir.file("tone.wav")));
  dir.write("tone.wav", "came up since");
  const auto ran = run_to_end(*engine);
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().what.find("exists"), std::string::npos) << to_string(ran.error());
}

TEST(RunToEnd, AsksAndLooksBetweenItsWaitsAndStopsWhenItIsAskedTo) {
  VirtualDriver card;  // which never ticks: this run is never over
  EngineOptions options;
  options.open_device = card.opener();
  const auto engine =
      engine_to_run(R"({"nodes": [{"id": "mic", "type": "AudioInput"}, {"id": "end", "type": "NullSink"}],
      "connections": [{"from": "mic", "to": "end"}]})",
                    std::move(options));
  int asked = 0;
  int looked = 0;
  const auto ran = run_to_end(*engine, {.ends = [&] { return ++asked == 3; },
                                        .look = [&] { ++looked; },
                                        .interval = std::chrono::milliseconds(1)});
  ASSERT_TRUE(ran) << to_string(ran.error());
  EXPECT_TRUE(ran->cut_short);
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(looked, 2);
  EXPECT_FALSE(ran->status.running);
  EXPECT_TRUE(ran->status.driver.has_value());
}

}  // namespace
}  // namespace streamlab
