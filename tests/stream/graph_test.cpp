// tests/stream/graph_test.cpp
//
// Streams and graphs on each other's ground: the same samples, bit for bit, whichever runs a node.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "engine/core/frame_codec.hpp"
#include "engine/graph/make_node.hpp"
#include "engine/graph/validate.hpp"
#include "engine/run/pipeline.hpp"
#include "engine/run/streaming_engine.hpp"
#include "engine/stream/node_stage.hpp"
#include "engine/stream/sources.hpp"
#include "hal/backends.hpp"
#include "nodes/sources/frames_of.hpp"
#include "tests/apps/voice.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/virtual_driver.hpp"

namespace streamlab {
namespace {

using test::kVoice;
using test::TempDir;

ValidGraph graph_of(const std::string& json) {
  auto graph = load_graph(json);
  EXPECT_TRUE(graph) << to_string(graph.error(), "");
  return std::move(*graph);
}

std::unique_ptr<Node> node(std::string_view type, std::string_view config = "{}") {
  auto made = make_node_by_name(type, config);
  if (!made) { throw std::runtime_error(to_string(made.error(), "")); }
  return std::move(*made);
}
// Why there can be no such node; empty if there can.
std::string refusal(std::string_view type, std::string_view config = "{}") {
  auto made = make_node_by_name(type, config);
  return made ? std::string() : to_string(made.error(), "");
}

void expect_equal(const DataFrame& a, const DataFrame& b) {
  EXPECT_EQ(a.header(), b.header());
  ASSERT_EQ(a.channel_count(), b.channel_count());
  ASSERT_EQ(a.frame_count(), b.frame_count());
  for (std::uint32_t c = 0; c < a.channel_count(); ++c) {
    EXPECT_EQ(a.format().channels[c], b.format().channels[c]);
    EXPECT_EQ(std::memcmp(a.channel(c).data(), b.channel(c).data(), a.frame_count() * sizeof(double)), 0);
  }
}

TEST(FramesOf, OfManyFilesComeOneAfterTheOther) {
  const auto keep = [](const DataFrame& frame) { return frame; };
  const auto one = frames_of(kVoice).map(keep).collect();
  const auto result = from_range(std::vector<std::string>{kVoice, "/nonexistent.wav", kVoice})
                          .flat_map(frames_of, collect_errors())
                          .map(keep)
                          .collect();
  ASSERT_TRUE(result) << to_string(result.report);
  ASSERT_EQ(result->size(), 2 * one->size());
  for (std::size_t i = 0; i < result->size(); ++i) { expect_equal((*result)[i], (*one)[i % one->size()]); }
  ASSERT_EQ(result.report.collected.size(), 1U);
  EXPECT_EQ(to_string(result.report.collected[0]),
            "stage \"flat_map\", item 1: stage \"frames_of\", item 0: /nonexistent.wav: does not exist");
  EXPECT_EQ(result.report.stage("in flat_map: frames_of")->out, result->size());
}

// A run that was broken off must not go on in another file that has taken the place of the first.
TEST(FramesOf, ACheckpointFitsOnlyTheSameFile) {
  namespace fs = std::filesystem;
  TempDir folder;
  const fs::path file = folder.path() / "in.wav";
  fs::copy_file(kVoice, file);
  const auto run = [&](int fail_at) {
    int asked = 0;
    return frames_of(file.string(), 480)
        .checkpoint({folder.path() / "state", 10})
        .for_each([&](const DataFrame&) -> Result<void> {
          if (asked++ == fail_at) { return failed("", "broken off"); }
          return {};
        });
  };
  const auto written = fs::last_write_time(file);
  ASSERT_FALSE(run(25).ok());
  const auto expect_refusal = [&] {
    const StreamReport report = run(-1);
    ASSERT_TRUE(report.error);
    EXPECT_THAT(report.error->error.what,
                testing::HasSubstr("the checkpoint is of another stream: frames_of("));
    EXPECT_EQ(report.items, 0U);
  };
  fs::last_write_time(file, written + std::chrono::milliseconds(1));
  expect_refusal();
  fs::resize_file(file, fs::file_size(file) - 4);
  fs::last_write_time(file, written);
  expect_refusal();
  fs::copy_file(kVoice, file, fs::copy_options::overwrite_existing);
  fs::last_write_time(file, written);
  EXPECT_TRUE(run(-1).ok());
}

std::vector<DataFrame> all_of(const std::string& json, std::string_view output) {
  auto engine = StreamingEngine::create(graph_of(json), {});
  EXPECT_TRUE(engine) << to_string(engine.error(), "");
  auto stream = (*engine)->output(output);
  EXPECT_TRUE(stream) << to_string(stream.error());
  auto result = std::move(*stream).map([](const DataFrame& frame) { return frame; }).collect();
  EXPECT_TRUE(result) << to_string(result.report);
  return std::move(result.value);
}

std::string voice_graph(const std::string& rest) {
  return R"({"version": 1, "nodes": [{"id": "voice", "type": "FileSource", "config": {"frame_size": 500, "path": ")" +
         std::string(kVoice) + R"("}})" + rest;
}

TEST(FramesOf, GivesTheBlocksThatFileSourceGives) {
  const auto from_graph = all_of(voice_graph(R"(], "connections": []})"), "voice");
  const auto from_stream = frames_of(kVoice, 500).map([](const DataFrame& frame) { return frame; }).collect();
  ASSERT_TRUE(from_stream) << to_string(from_stream.report);
  ASSERT_EQ(from_stream.value.size(), from_graph.size());
  ASSERT_GT(from_graph.size(), 100U);
  for (std::size_t i = 0; i < from_graph.size(); ++i) { expect_equal(from_stream.value[i], from_graph[i]); }
}
TEST(FramesOf, SaysWhyAFileCannotBeRead) {
  const auto result = frames_of("/nonexistent/voice.wav").count();
  ASSERT_TRUE(result.report.error);
  EXPECT_EQ(result.report.error->error.where, "/nonexistent/voice.wav");
  EXPECT_EQ(to_string(frames_of(kVoice, 0).count().report.error->error),
            "blocks of 0 frames; expected 1 .. 65536");
}

TEST(FromNode, GivesWhatTheGraphGives) {
  const auto from_graph = all_of(voice_graph(R"(,
      {"id": "eq", "type": "Biquad", "config": {"type": "peaking", "frequency": 1000, "q": 2, "gain_db": 6}},
      {"id": "meter", "type": "LevelMeter", "config": {"interval_s": 0.1}}],
      "connections": [{"from": "voice", "to": "eq"}, {"from": "eq", "to": "meter"}]})"),
                                 "meter");
  const auto from_stream =
      (frames_of(kVoice, 333) |
       from_node(node("Biquad", R"({"type": "peaking", "frequency": 1000, "q": 2, "gain_db": 6})")) |
       from_node(node("LevelMeter", R"({"interval_s": 0.1})")))
          .map([](const DataFrame& frame) { return frame; })
          .collect();
  ASSERT_TRUE(from_stream) << to_string(from_stream.report);
  ASSERT_EQ(from_stream.value.size(), from_graph.size());
  for (std::size_t i = 0; i < from_graph.size(); ++i) { expect_equal(from_stream.value[i], from_graph[i]); }
}
TEST(FromNode, FromFileToFileIsTheGraphsFile) {
  TempDir folder;
  const std::string sink = R"("format": "wav", "subtype": "double", "path": ")";
  const auto graph = graph_of(voice_graph(R"(, {"id": "gain", "type": "Gain", "config": {"gain": 0.3}},
      {"id": "out", "type": "FileSink", "config": {)" +
                                          sink + folder.file("graph.wav") + R"("}}],
      "connections": [{"from": "voice", "to": "gain"}, {"from": "gain", "to": "out"}]})"));
  auto engine = Engine::create(graph, {});
  ASSERT_TRUE(engine) << to_string(engine.error(), "");
  ASSERT_TRUE((*engine)->start());
  ASSERT_TRUE((*engine)->wait_for(std::chrono::minutes(1)));
  (*engine)->stop();
  const auto report = (frames_of(kVoice, 500) | from_node(node("Gain", R"({"gain": 0.3})")) |
                       from_node(node("FileSink", "{" + sink + folder.file("stream.wav") + "\"}")))
                          .execute();
  ASSERT_TRUE(report.ok()) << to_string(report);
  const std::string expected = test::content_of(folder.file("graph.wav"));
  ASSERT_GT(expected.size(), 500000U);
  EXPECT_EQ(test::content_of(folder.file("stream.wav")), expected);
}
TEST(FromNode, ReadsNoMoreThanTakeNeeds) {
  const auto result = (frames_of(kVoice, 500) | from_node(node("Take", R"({"frames": 1200})")))
                          .map([](const DataFrame& frame) { return frame.frame_count(); })
                          .collect();
  ASSERT_TRUE(result) << to_string(result.report);
  EXPECT_THAT(result.value, testing::ElementsAre(500U, 500U, 200U));
  EXPECT_EQ(result.report.stages[0].out, 3U);
}
TEST(FromNode, SaysWhatANodeRefuses) {
  const auto result = (frames_of(kVoice) |
                       from_node(node("LevelMeter", R"({"pa_per_full_scale": [1, 2]})"), {.name = "meter"}) |
                       from_node(node("Gain")))
                          .execute();
  ASSERT_TRUE(result.error);
  EXPECT_EQ(to_string(*result.error),
            "stage \"meter\", item 0: /config/pa_per_full_scale: 2 numbers for 1 channels; "
            "expected one number, or one per channel");
  EXPECT_EQ(refusal("Gian"), "/type: there is no node type \"Gian\"; did you mean \"Gain\"?\n");
  EXPECT_THAT(refusal("Gain", R"({"gain": "loud"})"), testing::StartsWith("/config/gain: "));
}

TEST(FromNode, SaysThatAStreamWasUsedUp) {
  auto stream = frames_of(kVoice);
  (void)std::move(stream).count();
  const auto again = (std::move(stream) | from_node(node("Gain"))).execute();  // used up: that is the test
  ASSERT_TRUE(again.error);
  EXPECT_EQ(again.error->error.what, "this stream was used already");
}

// It would give its own blocks, and those of the stream would be lost.
TEST(FromNode, RefusesASource) {
  for (const char* config : {R"({"frequency": 440})", R"({"frequency": 440, "frame_size": 3})"}) {
    const auto report = (frames_of(kVoice, 500) | from_node(node("SineGenerator", config))).execute();
    EXPECT_EQ(report.ended, StreamEnd::failed);
    ASSERT_TRUE(report.error);
    EXPECT_EQ(
        to_string(*report.error),
        "stage \"node\", item 0: the node is a source: it takes no blocks; expected a node with an input; a "
        "stream begins with frames_of() or StreamingEngine");
    EXPECT_EQ(report.items, 0U);
  }
  const auto of_file =
      (frames_of(kVoice, 500) | from_node(node("FileSource", R"({"path": ")" + std::string(kVoice) + "\"}")))
          .execute();
  ASSERT_TRUE(of_file.error);
  EXPECT_EQ(of_file.error->error.what, "the node is a source: it takes no blocks");
}
TEST(FromNode, RefusesNoNode) {
  const auto report = (frames_of(kVoice, 500) | from_node(nullptr)).execute();
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->error.what, "from_node() of no node");
}

TEST(ToNode, RunsAChainAsANode) {
  auto halves = to_node([](Stream<DataFrame> in) {
    return std::move(in)
        .filter([](const DataFrame& frame) { return frame.sequence_id() % 2 == 0; })
        .map([](DataFrame& frame) {
          for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
            for (double& x : frame.channel(c)) { x *= 0.5; }
          }
        });
  });
  const auto result = (frames_of(kVoice, 500) | from_node(std::move(halves)))
                          .map([](const DataFrame& frame) { return frame; })
                          .collect();
  ASSERT_TRUE(result) << to_string(result.report);
  const auto whole = frames_of(kVoice, 500).map([](const DataFrame& frame) { return frame; }).collect().value;
  ASSERT_EQ(result.value.size(), (whole.size() + 1) / 2);
  for (std::size_t i = 0; i < result.value.size(); ++i) {
    const DataFrame& in = whole[2 * i];
    EXPECT_EQ(result.value[i].header(), in.header());
    for (std::uint32_t n = 0; n < in.frame_count(); ++n) {
      EXPECT_EQ(result.value[i].channel(0U)[n], in.channel(0U)[n] * 0.5);
    }
  }
}

TEST(ToNode, RefusesAChainThatMayGiveNothing) {
  auto none = to_node([](Stream<DataFrame> in) { return in; }, {.max_blocks = 0});
  const auto report = (frames_of(kVoice, 500) | from_node(std::move(none))).execute();
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->error.what, "a chain that gives at most 0 blocks");
}

TEST(StreamingEngine, StartsWhenSomebodyAsksAndStopsWhenNobodyIsLeft) {
  auto engine = StreamingEngine::create(graph_of(voice_graph(R"(], "connections": []})")), {});
  ASSERT_TRUE(engine);
  auto stream = (*engine)->output("voice");
  ASSERT_TRUE(stream);
  EXPECT_FALSE((*engine)->engine().status().running);
  const auto five = std::move(*stream).take(5).count();
  EXPECT_TRUE(five);
  EXPECT_EQ(five.value, 5U);
  EXPECT_FALSE((*engine)->engine().status().running);
  const auto unknown = (*engine)->output("voise");
  ASSERT_FALSE(unknown);
}
TEST(StreamingEngine, EndlessGraphsEndWhenTheStreamIsDrained) {
  const auto graph =
      graph_of(R"({"version": 1, "pipeline_config": {"sample_rate": 8000, "block_size": 64}, "nodes": [
      {"id": "in", "type": "AudioInput", "config": {"channels": [1]}}], "connections": []})");
  // Blocks come from a card whose time stands still unless it is told.
  VirtualDriver card({.sample_rate_hz = 8000, .inputs = 1});
  EngineOptions options;
  options.open_device = card.opener();
  auto engine = StreamingEngine::create(graph, options);
  ASSERT_TRUE(engine) << to_string(engine.error(), "");
  auto stream = (*engine)->output("in");
  ASSERT_TRUE(stream) << to_string(stream.error());
  std::stop_source drain;
  std::vector<std::int64_t> positions;
  // The card's three blocks; the stream then is told to drain, and gets nothing more.
  StreamReport report;
  std::jthread reader([&] {
    report = std::move(*stream).for_each(
        [&](const DataFrame& frame) {
          positions.push_back(frame.position());
          if (positions.size() == 3) { drain.request_stop(); }
        },
        {.drain = drain.get_token()});
  });
  for (int ticks = 0; ticks < 3;) {  // the graph runs from the reader's first question on
    if (card.tick(64)) {
      ++ticks;
    } else {
      std::this_thread::yield();
    }
  }
  reader.join();
  EXPECT_EQ(report.ended, StreamEnd::drained) << to_string(report);
  EXPECT_EQ(positions, (std::vector<std::int64_t>{0, 64, 128}));
}
TEST(StreamingEngine, LiveGraphsEndWhenTheirTimeIsUp) {
  const auto graph = graph_of(R"({"version": 1, "pipeline_config": {"block_size": 480}, "nodes": [
      {"id": "in", "type": "AudioInput", "config": {"device": "file:)" +
                              std::string(kVoice) + R"("}}], "connections": []})");
  EngineOptions options;
  options.open_device = open_device;
  options.frame_limit = 4800;
  auto engine = StreamingEngine::create(graph, options);
  ASSERT_TRUE(engine) << to_string(engine.error(), "");
  auto stream = (*engine)->output("in");
  ASSERT_TRUE(stream) << to_string(stream.error());
  const auto frames = std::move(*stream).reduce(
      std::uint64_t{0}, [](std::uint64_t sum, const DataFrame& block) { return sum + block.frame_count(); });
  EXPECT_EQ(frames.report.ended, StreamEnd::complete) << to_string(frames.report);
  EXPECT_EQ(frames.value, 4800U);
}
TEST(StreamingEngine, ReportsWhatTheGraphDroppedOnTheWay) {
  const auto graph =
      graph_of(R"({"version": 1, "pipeline_config": {"sample_rate": 8000, "block_size": 64}, "nodes": [
      {"id": "in", "type": "AudioInput", "config": {"channels": [1]}}, {"id": "gain", "type": "Gain"}],
      "connections": [{"from": "in", "to": "gain", "capacity": 1, "policy": "drop_oldest"}]})");
  VirtualDriver card({.sample_rate_hz = 8000, .inputs = 1, .real_time = true});
  EngineOptions options;
  options.open_device = card.opener();
  auto engine = StreamingEngine::create(graph, options);
  ASSERT_TRUE(engine) << to_string(engine.error(), "");
  auto stream = (*engine)->output("gain", 1, OverflowPolicy::block);
  ASSERT_TRUE(stream) << to_string(stream.error());
  std::stop_source drain;
  std::uint64_t there = 0;
  std::uint64_t missing = 0;
  StreamReport report;
  std::jthread reader([&] {
    report = std::move(*stream).named("heard").for_each(
        [&](const DataFrame& frame) {
          // While the reader is busy the card goes on: what the edges have no room for is lost.
          for (int tick = 0; there == 0 && tick < 100; ++tick) { card.tick(64); }
          there += frame.frame_count();
          missing += frame.header().gap_frames;
          drain.request_stop();
        },
        {.drain = drain.get_token()});
  });
  while (!card.tick(64)) { std::this_thread::yield(); }  // the graph runs from the reader's first question on
  reader.join();
  const auto edges = (*engine)->engine().status().edges;
  const auto lost = edges.at(0).counters.dropped;
  EXPECT_EQ(edges.at(0).name, "in -> gain");
  EXPECT_GT(lost, 80U);  // all but what two edges and three pairs of hands hold
  ASSERT_NE(report.stage("heard"), nullptr) << to_string(report);
  EXPECT_EQ(report.stage("heard")->dropped, lost);
  EXPECT_EQ(missing, lost * 64);
  EXPECT_EQ(there + missing, 101U * 64);
}
TEST(Into, FeedsAGraph) {
  const auto graph = graph_of(
      R"({"version": 1, "pipeline_config": {"sample_rate": 48000, "block_size": 500, "channel_capacity": 1000},
      "nodes": [{"id": "in", "type": "AudioInput", "config": {"channels": ["main_channel"]}},
                {"id": "gain", "type": "Gain", "config": {"gain": 2}}], "connections": [{"from": "in", "to": "gain"}]})");
  EngineOptions options;  // triggers do not wait for a worker: its edge, too, has room for all
  options.triggered = true;
  auto engine = Engine::create(graph, options);
  ASSERT_TRUE(engine) << to_string(engine.error(), "");
  auto receiver = (*engine)->subscribe("gain", 1000);
  ASSERT_TRUE(receiver);
  ASSERT_TRUE((*engine)->start());
  const auto report = frames_of(kVoice, 500).into(**engine);
  EXPECT_TRUE(report.ok()) << to_string(report);
  (*engine)->stop();
  std::uint64_t blocks = 0;
  const auto whole = frames_of(kVoice, 500).map([](const DataFrame& frame) { return frame; }).collect().value;
  while (const auto block = receiver->receive()) {
    ASSERT_LT(blocks, whole.size());
    EXPECT_EQ(block->channel(0U)[7], 2.0 * whole[blocks].channel(0U)[7]);
    ++blocks;
  }
  EXPECT_EQ(blocks, whole.size());
}

TEST(FrameCodec, GivesBackEveryBit) {
  auto whole =
      frames_of(kVoice, 100).take(3).map([](const DataFrame& frame) { return frame; }).collect().value;
  DataFrame& frame = whole.back();
  frame.header().set(FrameFlag::gap);
  frame.header().gap_frames = 7;
  ASSERT_TRUE(frame.metadata().set("interval_frames", 0.1));
  frame.channel(0U)[5] = -0.0;
  frame.flag_frames(FrameFlag::clipped, 3, 1);
  frame.header().length_frames = 100;
  ByteWriter writer;
  writer.put(frame);
  ByteReader reader(writer.bytes());
  const auto back = reader.get<DataFrame>();
  ASSERT_TRUE(back);
  EXPECT_EQ(reader.left(), 0U);
  expect_equal(*back, frame);
  EXPECT_EQ(back->metadata().get("interval_frames"), 0.1);
  EXPECT_EQ(back->max_frames(), frame.max_frames());
  EXPECT_EQ(back->flags_of(3, 1), flag_bit(FrameFlag::clipped));
  EXPECT_EQ(back->flags_of(4, 90), 0U);
  // However short the bytes are cut, that is told.
  for (std::size_t length = 0; length < writer.bytes().size(); ++length) {
    ByteReader cut(writer.bytes().first(length));
    ASSERT_FALSE(cut.get<DataFrame>()) << length;
  }
}

}  // namespace
}  // namespace streamlab
