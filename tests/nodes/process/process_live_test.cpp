// tests/nodes/process/process_live_test.cpp
//
// A card that ticks in real time, and programs behind it: no frame is lost because of them.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/run/engine.hpp"
#include "hal/backends.hpp"
#include "tests/nodes/process/pipe_ends.hpp"

namespace streamlab {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): a test of one thing
using testing::IsEmpty;

constexpr std::chrono::seconds kLivePatience{60};  // a bound for what hangs

// Every reason why it does not run; none if `engine` does.
Errors start(const std::string& json, std::unique_ptr<Engine>& engine) {
  const auto graph = load_graph(json, ConfigLanguage::json);
  if (!graph) { return graph.error(); }
  EngineOptions options;
  options.open_device = open_device;
  auto made = Engine::create(*graph, std::move(options));
  if (!made) { return made.error(); }
  engine = std::move(*made);
  const auto running = engine->start();
  return running ? Errors{} : Errors{running.error()};
}

std::unique_ptr<Engine> started_live(const std::string& json) {
  std::unique_ptr<Engine> engine;
  const Errors errors = start(json, engine);
  if (!errors.empty()) { throw std::runtime_error(to_string(errors, "")); }
  return engine;
}

// One second of a counting card, 48 kHz, that forgives a machine that is busy.
const std::string kMic = R"({"id": "mic", "type": "AudioInput", "config": {"device": "sim", "sim": {
    "clock": "real_time", "input": {"counting": true}, "input_channels": 1, "frames": 48000,
    "buffer_frames": 2880000}}})";

TEST(ProcessLive, LosesNoFrameToSoxNorToPython) {
  const TempDir dir;
  const auto file = [&](const std::string& id) {
    return R"({"id": ")" + id + R"(_file", "type": "FileSink", "config": {"subtype": "double", "path": ")" +
           dir.file(id + ".wav") + R"("}})";
  };
  const auto engine = started_live(
      R"json({"version": 1, "pipeline_config": {"sample_rate": 48000, "block_size": 256}, "nodes": [)json" +
      kMic + R"json(,
      {"id": "sox", "type": "Process", "config": {"command":
        ["sox", "-V1", "-D", "-t", "f64", "-r", "48000", "-c", "1", "-", "-t", "f64", "-"]}},
      {"id": "python", "type": "Process", "config": {"run":
        "import sys\nwhile block := sys.stdin.buffer.read1(65536): sys.stdout.buffer.write(block)"}},)json" +
      file("card") + "," + file("sox") + "," + file("python") + R"json(],
      "connections": [
        {"from": "mic", "to": "card_file", "capacity": 10000}, {"from": "mic", "to": "sox", "capacity": 10000},
        {"from": "mic", "to": "python", "capacity": 10000}, {"from": "sox", "to": "sox_file"},
        {"from": "python", "to": "python_file"}]})json");
  EXPECT_TRUE(engine->wait_for(kLivePatience));
  engine->stop();
  const EngineStatus status = engine->status();
  EXPECT_THAT(to_string(status.failures, ""), IsEmpty());
  EXPECT_FALSE(status.data_lost());
  for (const EdgeReport& edge : status.edges) { EXPECT_EQ(edge.counters.dropped, 0U) << edge.name; }
  const std::string card = content_of(dir.file("card.wav"));
  EXPECT_GT(card.size(), 48'000U * 8U);
  EXPECT_EQ(content_of(dir.file("sox.wav")) == card, true);
  EXPECT_EQ(content_of(dir.file("python.wav")) == card, true);
  for (const std::string id : {"sox", "python"}) {
    const auto note = std::find_if(status.notes.begin(), status.notes.end(), [&](const auto& entry) {
      return entry.first == id && entry.second.text.find("ms after it was written") != std::string::npos;
    });
    EXPECT_NE(note, status.notes.end()) << id;
  }
}

// The program takes nothing while the card runs: what it missed is counted on its edge, and the card's own
// recording has every frame.
TEST(ProcessLive, DropsBlocksForAProgramThatTakesNothingAndForNoOneElse) {
  const TempDir dir;
  const std::string gate = new_fifo(dir, "gate");
  const auto engine = started_live(
      R"json({"version": 1, "pipeline_config": {"sample_rate": 48000, "block_size": 256}, "nodes": [)json" +
      kMic +
      R"json(, {"id": "stuck", "type": "Process", "config": {"shell": "sh", "timeout_s": 60, "run": "read x < )json" +
      gate + R"json(; exec cat"}},
      {"id": "file", "type": "FileSink", "config": {"subtype": "double", "path": ")json" +
      dir.file("card.wav") +
      R"json("}}, {"id": "null", "type": "NullSink"}],
      "connections": [{"from": "mic", "to": "file", "capacity": 10000},
                      {"from": "mic", "to": "stuck", "capacity": 2, "policy": "drop_oldest"},
                      {"from": "stuck", "to": "null"}]})json");
  EXPECT_TRUE(engine->wait_for(kLivePatience));  // the card has come to its end
  const Fd writer(::open(gate.c_str(), O_WRONLY | O_CLOEXEC));
  EXPECT_TRUE(write_all(writer.get(), "go\n"));
  engine->stop();
  const EngineStatus status = engine->status();
  EXPECT_THAT(to_string(status.failures, ""), IsEmpty());
  for (const EdgeReport& edge : status.edges) {
    EXPECT_EQ(edge.counters.dropped > 0, edge.name == "mic -> stuck") << edge.name;
  }
  EXPECT_GT(content_of(dir.file("card.wav")).size(), 48'000U * 8U);
}

}  // namespace
}  // namespace streamlab
