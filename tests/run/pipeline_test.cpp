// tests/run/pipeline_test.cpp
#include "engine/run/pipeline.hpp"

#include <cmath>
#include <numbers>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/rt/rt_section.hpp"
#include "tests/support/rt_guard.hpp"
#include "tests/support/temp_dir.hpp"

namespace streamlab {
namespace {

constexpr const char* kTone = R"({"version": 1,
  "nodes": [{"id": "sine", "type": "SineGenerator",
             "config": {"frequency": 1000, "sample_rate": 48000, "frame_size": 48}},
            {"id": "gain", "type": "Gain", "config": {"gain": 0.5}}],
  "connections": [{"from": "sine", "to": "gain"}]})";

TEST(Pipeline, PutsOneFrameThroughTheGraph) {
  auto pipeline = Pipeline::from_json(kTone);
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  for (std::uint64_t call = 0; call < 3; ++call) {
    const auto blocks = pipeline->process(DataFrame(1000 * static_cast<std::int64_t>(call), call));
    ASSERT_TRUE(blocks);
    ASSERT_EQ(blocks->size(), 1U);
    const DataFrame& block = blocks->front();
    EXPECT_EQ(block.sequence_id(), call);
    EXPECT_EQ(block.timestamp_us(), 1000 * static_cast<std::int64_t>(call));
    EXPECT_EQ(block.position(), 48 * static_cast<std::int64_t>(call));
    ASSERT_EQ(block.frame_count(), 48U);
    for (std::uint32_t n = 0; n < 48; ++n) {  // 48 frames are one period of 1 kHz; 1e-15: rounding of sin
      EXPECT_NEAR(block.channel("main_channel")[n], 0.5 * std::sin(2.0 * std::numbers::pi * n / 48.0), 1e-15);
    }
  }
}

constexpr const char* kVariable = R"(
version: 1
variables: { gain: 0.25 }
pipeline_config: { sample_rate: 48000, block_size: 4 }
nodes:
  - { id: in, type: AudioInput }
  - { id: gain, type: Gain, config: { gain: "${gain}", ramp_ms: 0 } }
connections:
  - { from: in, to: gain }
)";

// The first sample that each kind of pipeline makes of 1.0.
double first_of(Checked<Pipeline> pipeline, const DataFrame& one) {
  EXPECT_TRUE(pipeline) << to_string(pipeline.error(), "");
  return pipeline ? pipeline->process(one)->front().channel(0U)[0] : 0.0;
}

TEST(Pipelines, TakeYamlVariablesAndOptions) {
  DataFrame one(0, 0);
  ASSERT_TRUE(one.set_channel("main_channel", std::vector<double>(4, 1.0)));
  EXPECT_EQ(first_of(Pipeline::from_yaml(kVariable), one), 0.25);
  const PipelineOptions options{.variables = {{"gain", "3"}}};
  EXPECT_EQ(first_of(Pipeline::from_yaml(kVariable, options), one), 3.0);

  auto pool = PipelinePool::from_yaml(kVariable, 1, options);
  ASSERT_TRUE(pool) << to_string(pool.error(), "");
  EXPECT_EQ(pool->execute(one).get()->front().channel(0U)[0], 3.0);

  auto pipeline = AsyncPipeline::from_yaml(kVariable, options);
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  auto out = pipeline->subscribe("gain");
  ASSERT_TRUE(out && pipeline->start() && pipeline->trigger(one));
  EXPECT_EQ(out->receive()->channel(0U)[0], 3.0);
  pipeline->stop();

  EXPECT_EQ(to_string(Pipeline::from_yaml(kVariable, {.variables = {{"gian", "3"}}}).error(), ""),
            to_string(load_graph(kVariable, ConfigLanguage::yaml, {{"gian", "3"}}).error(), ""));
}

TEST(Pipelines, RefuseOptionsThatTheyHaveNoUseFor) {
  const EngineOptions threads{.threads = ThreadPolicy{ThreadPolicy::Kind::per_node}};
  EXPECT_EQ(
      to_string(Pipeline::from_json(kTone, {.engine = threads}).error(), ""),
      "EngineOptions::threads: a Pipeline runs on the thread of its caller; AsyncPipeline and RealtimePipeline "
      "have threads\n");
  EXPECT_TRUE(AsyncPipeline::from_json(kTone, {.engine = threads}));
  EXPECT_FALSE(PipelinePool::from_json(kTone, 2, {.engine = threads}));
  const auto no_device = [](const DeviceRequest&) -> Result<std::unique_ptr<Driver>> {
    return failed("", "there is none");
  };
  EXPECT_FALSE(Pipeline::from_json(kTone, {.engine = {.open_device = no_device}}));
}

TEST(Pipeline, SaysEverythingThatIsWrongAtOnce) {
  const auto refused = Pipeline::from_json(R"({"version": 1, "nodes": [
      {"id": "a", "type": "Gian"}, {"id": "b", "type": "Gain", "config": {"gain": 1e9}}],
      "connections": [{"from": "a", "to": "c"}]})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(to_string(refused.error(), ""),
            "/nodes/0/type (\"a\"): there is no node type \"Gian\"; did you mean \"Gain\"?\n"
            "/nodes/1/config/gain (\"b\"): 1000000000.0 is outside -1000000 .. 1000000\n"
            "/connections/0/to: there is no node \"c\"; did you mean \"a\"?\n");
}

TEST(Pipeline, FeedsTheDeviceInputWithTheFramesSamples) {
  auto pipeline =
      Pipeline::from_json(R"({"version": 1, "pipeline_config": {"sample_rate": 8000, "block_size": 4},
      "nodes": [{"id": "in", "type": "AudioInput", "config": {"channels": ["voice"]}},
                {"id": "gain", "type": "Gain", "config": {"gain": 3}}, {"id": "end", "type": "NullSink"}],
      "connections": [{"from": "in", "to": "gain"}, {"from": "gain", "to": "end"}]})");
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  DataFrame frame(5, 9);
  ASSERT_TRUE(frame.set_channel("voice", {1.0, 2.0, -0.5}));
  const auto blocks = pipeline->process(frame);
  ASSERT_TRUE(blocks);
  ASSERT_EQ(blocks->size(), 1U);
  EXPECT_THAT(blocks->front().channel("voice"), testing::ElementsAre(3.0, 6.0, -1.5));

  DataFrame too_long(0, 0);
  ASSERT_TRUE(too_long.set_channel("voice", {1.0, 2.0, 3.0, 4.0, 5.0}));
  const auto refused = pipeline->process(too_long);
  ASSERT_FALSE(refused);
  EXPECT_EQ(to_string(refused.error()),
            "frame: a block of 1 channels and 5 frames; expected 1 channels and at most 4 frames");
}

TEST(Pipeline, JoinsPathsOfTheSameSource) {
  auto pipeline =
      Pipeline::from_json(R"({"version": 1, "pipeline_config": {"sample_rate": 8000, "block_size": 8},
      "nodes": [{"id": "in", "type": "AudioInput"}, {"id": "half", "type": "Gain", "config": {"gain": 0.5}},
                {"id": "sum", "type": "Mixer"}],
      "connections": [{"from": "in", "to": "half"}, {"from": "in", "to": "sum.in1"}, {"from": "half", "to": "sum.in2"}]})");
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  DataFrame frame(0, 0);
  ASSERT_TRUE(frame.set_channel("main_channel", {1.0, -2.0}));
  const auto blocks = pipeline->process(frame);
  ASSERT_TRUE(blocks);
  ASSERT_EQ(blocks->size(), 1U);
  EXPECT_THAT(blocks->front().channel(0), testing::ElementsAre(1.5, -3.0));
}

TEST(Pipeline, IsAsNewAfterReset) {
  auto pipeline = Pipeline::from_json(kTone);
  ASSERT_TRUE(pipeline);
  const auto first = pipeline->process(DataFrame(0, 0));
  ASSERT_TRUE(pipeline->process(DataFrame(0, 1)));
  pipeline->reset();
  const auto again = pipeline->process(DataFrame(0, 0));
  ASSERT_TRUE(first && again);
  EXPECT_TRUE(std::equal(first->front().channel(0).begin(), first->front().channel(0).end(),
                         again->front().channel(0).begin()));
}

TEST(Pipeline, SaysThatItsStreamHasEndedUntilItIsReset) {
  auto pipeline = Pipeline::from_json(kTone);
  ASSERT_TRUE(pipeline);
  ASSERT_TRUE(pipeline->process(DataFrame(0, 0)));
  ASSERT_TRUE(pipeline->finish());
  const char* const ended = "the pipeline's stream has ended; expected reset(), which begins a new one";
  const auto processed = pipeline->process(DataFrame(0, 1));
  ASSERT_FALSE(processed);
  EXPECT_EQ(to_string(processed.error()), ended);
  const auto ran = pipeline->run();
  ASSERT_FALSE(ran);
  EXPECT_EQ(to_string(ran.error()), ended);
  pipeline->reset();
  const auto again = pipeline->process(DataFrame(0, 0));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->size(), 1U);
  EXPECT_EQ(again->front().position(), 0);
}

TEST(Pipeline, ProcessInPlaceMakesNoForbiddenCall) {
  if (!RtGuardScope::available()) { GTEST_SKIP() << "the sanitizer stands where the guard would"; }
  auto pipeline = Pipeline::from_json(kTone);
  ASSERT_TRUE(pipeline);
  const DataFrame trigger(0, 0);
  ASSERT_TRUE(pipeline->process_in_place(trigger));  // the first call opens files, if there are any
  RtGuardScope::take_violations();
  {
    const RtGuardScope guard;
    for (int i = 0; i < 10; ++i) { static_cast<void>(pipeline->process_in_place(trigger)); }
  }
  EXPECT_THAT(RtGuardScope::take_violations(), testing::IsEmpty());
}

TEST(Pipeline, FusedGainsGiveTheBitsOfSingleOnes) {
  std::string nodes = R"({"id": "in", "type": "AudioInput"})";
  std::string connections;
  std::string before = "in";
  const double gains[] = {1.1, 0.3, -2.7, 0.9, 1.7};
  for (int i = 0; i < 5; ++i) {
    const std::string id = "g" + std::to_string(i);
    nodes +=
        R"(,{"id": ")" + id + R"(", "type": "Gain", "config": {"gain": )" + std::to_string(gains[i]) + "}}";
    connections += std::string(i == 0 ? "" : ",") + R"({"from": ")" + before + R"(", "to": ")" + id + "\"}";
    before = id;
  }
  auto pipeline =
      Pipeline::from_json(R"({"version": 1, "pipeline_config": {"sample_rate": 8000, "block_size": 64},
      "nodes": [)" + nodes +
                          R"(], "connections": [)" + connections + "]}");
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  DataFrame frame(0, 0);
  std::vector<double> x(64);
  for (std::size_t n = 0; n < x.size(); ++n) { x[n] = std::sin(static_cast<double>(n * n)); }
  ASSERT_TRUE(frame.set_channel("main_channel", x));
  const auto blocks = pipeline->process(frame);
  ASSERT_TRUE(blocks);
  for (std::size_t n = 0; n < x.size(); ++n) {
    double y = x[n];
    for (const double gain : gains) { y *= gain; }
    EXPECT_EQ(blocks->front().channel(0)[n], y) << n;
  }
}

// In another order they would be taken for each other.
TEST(Pipelines, TakeChannelsByTheirNames) {
  const std::string config = R"({"version": 1, "pipeline_config": {"sample_rate": 8000, "block_size": 4},
      "nodes": [{"id": "in", "type": "AudioInput", "config": {"channels": ["left", "right"]}},
                {"id": "gain", "type": "Gain"}], "connections": [{"from": "in", "to": "gain"}]})";
  const std::string expected =
      "frame: a frame of the channels \"right\", \"left\"; expected \"left\", \"right\", in this order";
  DataFrame right;
  ASSERT_TRUE(right.set_channel("left", {1.0}) && right.set_channel("right", {2.0}));
  DataFrame wrong;
  ASSERT_TRUE(wrong.set_channel("right", {2.0}) && wrong.set_channel("left", {1.0}));

  auto pipeline = Pipeline::from_json(config);
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  ASSERT_TRUE(pipeline->process(right));
  EXPECT_EQ(to_string(pipeline->process(wrong).error()), expected);
  EXPECT_EQ(to_string(pipeline->process_in_place(wrong).error()), expected);

  auto async = AsyncPipeline::from_json(config);
  ASSERT_TRUE(async) << to_string(async.error(), "");
  ASSERT_TRUE(async->start());
  ASSERT_TRUE(async->trigger(right));
  EXPECT_EQ(to_string(async->trigger(wrong).error()), expected);
  EXPECT_EQ(to_string(async->try_trigger(wrong).error()), expected);
  EXPECT_EQ(to_string(async->trigger_for(wrong, std::chrono::seconds(1)).error()), expected);

  auto pool = PipelinePool::from_json(config, 1);
  ASSERT_TRUE(pool);
  ASSERT_TRUE(pool->execute(right).get());
  EXPECT_EQ(to_string(pool->execute(wrong).get().error()), expected);
}

// A file of 32-bit floats does not hold 1e39.
// A position behind which a sum of two no longer fits into 64 bits made LevelMeter loop for ever.
TEST(Pipelines, RefuseAPlaceBeyondTwoToThe62) {
  auto pipeline = Pipeline::from_json(R"({"pipeline_config": {"sample_rate": 8000, "block_size": 4},
      "nodes": [{"id": "in", "type": "AudioInput"}, {"id": "level", "type": "LevelMeter", "config": {"interval_s": 0.001}}],
      "connections": [{"from": "in", "to": "level"}]})");
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  DataFrame frame(0, 0);
  ASSERT_TRUE(frame.set_channel("main_channel", std::vector<double>(4, 0.5)));
  const auto answer = [&] {
    const auto done = pipeline->process(frame);
    return done ? "" : to_string(done.error());
  };
  frame.header().position = INT64_MAX - 8;
  EXPECT_EQ(answer(), "frame: the position 9223372036854775799; expected -2^62 to 2^62");
  frame.header().position = 0;
  frame.header().timestamp_us = INT64_MIN;
  EXPECT_EQ(answer(), "frame: the time -9223372036854775808 µs; expected -2^62 to 2^62");
  frame.header().timestamp_us = 0;
  frame.header().gap_frames = UINT64_MAX;
  EXPECT_EQ(answer(), "frame: a gap of 18446744073709551615 frames; expected at most 2^62");
  frame.header().gap_frames = 0;
  frame.header().position = std::int64_t{1} << 62U;
  EXPECT_EQ(answer(), "");
}

TEST(Pipelines, SayWhatWasLost) {
  test::TempDir folder;
  auto pipeline =
      Pipeline::from_json(R"({"version": 1, "pipeline_config": {"sample_rate": 8000, "block_size": 4},
      "nodes": [{"id": "in", "type": "AudioInput"},
                {"id": "out", "type": "FileSink", "config": {"subtype": "float", "path": ")" +
                          folder.file("a.wav") + R"("}}],
      "connections": [{"from": "in", "to": "out"}]})");
  ASSERT_TRUE(pipeline) << to_string(pipeline.error(), "");
  DataFrame loud;
  ASSERT_TRUE(loud.set_channel("main_channel", {1e39, 0.5}));
  EXPECT_FALSE(pipeline->status().data_lost());
  ASSERT_TRUE(pipeline->process(loud));
  EXPECT_TRUE(pipeline->status().running);
  ASSERT_TRUE(pipeline->finish());
  const EngineStatus status = pipeline->status();
  EXPECT_FALSE(status.running);
  EXPECT_TRUE(status.data_lost());
  EXPECT_TRUE(status.failures.empty());
  ASSERT_EQ(status.notes.size(), 1U);
  EXPECT_EQ(status.notes[0].first, "out");
  EXPECT_EQ(status.notes[0].second.count, 1U);
  pipeline->reset();
  EXPECT_FALSE(pipeline->status().data_lost());
  EXPECT_TRUE(pipeline->status().notes.empty());
}

TEST(Pipelines, AreMadeFromAFile) {
  test::TempDir folder;
  const std::string yaml = folder.write("gain.yaml", kVariable);
  DataFrame one(0, 0);
  ASSERT_TRUE(one.set_channel("main_channel", std::vector<double>(4, 1.0)));
  EXPECT_EQ(first_of(Pipeline::from_file(yaml, {.variables = {{"gain", "0.5"}}}), one), 0.5);
  EXPECT_EQ(PipelinePool::from_file(yaml, 1)->execute(one).get()->front().channel(0U)[0], 0.25);
  EXPECT_TRUE(AsyncPipeline::from_file(yaml));
  const auto missing = Pipeline::from_file(folder.file("none.json"));
  ASSERT_FALSE(missing);
  EXPECT_THAT(to_string(missing.error(), ""), testing::HasSubstr("none.json"));
}

TEST(Pipelines, ThatWereMovedFromSaySo) {
  const auto told = [](const auto& result) { return to_string(result.error()); };
  const DataFrame frame;
  auto pipeline = Pipeline::from_json(kTone);
  ASSERT_TRUE(pipeline);
  const Pipeline kept = *std::move(pipeline);
  // NOLINTBEGIN(bugprone-use-after-move): that is the test
  EXPECT_EQ(told(pipeline->process(frame)),
            "this Pipeline was moved from; expected the one that it was moved to");
  EXPECT_FALSE(pipeline->process_in_place(frame) || pipeline->run() || pipeline->drain() ||
               pipeline->finish());
  pipeline->reset();
  EXPECT_FALSE(pipeline->status().running);
  auto async = AsyncPipeline::from_json(kTone);
  ASSERT_TRUE(async);
  auto receiver = async->subscribe("gain");
  ASSERT_TRUE(receiver);
  const Receiver kept_receiver = *std::move(receiver);
  EXPECT_EQ(receiver->receive().why(), Why::closed);
  EXPECT_EQ(receiver->borrow(), nullptr);
  const AsyncPipeline kept_async = *std::move(async);
  EXPECT_EQ(told(async->start()), "this AsyncPipeline was moved from; expected the one that it was moved to");
  EXPECT_FALSE(async->trigger(frame) || async->try_trigger(frame) || async->subscribe("gain"));
  EXPECT_FALSE(async->set_param("gain", "gain", 1.0));
  async->stop();
  EXPECT_FALSE(async->status().running);
  auto pool = PipelinePool::from_json(kTone, 1);
  ASSERT_TRUE(pool);
  const PipelinePool kept_pool = *std::move(pool);
  EXPECT_EQ(told(pool->execute(frame).get()),
            "this PipelinePool was moved from; expected the one that it was moved to");
  EXPECT_EQ(pool->max_concurrent() + pool->high_water() + pool->status().jobs, 0U);
  // NOLINTEND(bugprone-use-after-move)
}

}  // namespace
}  // namespace streamlab
