// apps/async_demo/main.cpp
//
// async_demo: the two ways to run a graph beside one's own work.
//
//   1  AsyncPipeline   every node on a thread of its own: a tone is made, amplified and shown, block after
//                      block, while the caller goes on
//   2  PipelinePool    ten frames through a pool of three instances of one graph
//
// Each waits for completion, never for time, and is measured against the same work done one after another.
// (A graph as small as this gains nothing from threads: what is to be seen is that the caller goes on.)
#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "engine/run/pipeline.hpp"

namespace streamlab {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kAsyncGraph = R"({
  "version": 1,
  "pipeline_config": { "channel_capacity": 10, "threads": "per_node" },
  "nodes": [
    { "id": "tone",  "type": "SineGenerator", "config": { "frequency": 440, "sample_rate": 48000, "frame_size": 1024 } },
    { "id": "gain",  "type": "Gain",          "config": { "gain": 2.5 } },
    { "id": "print", "type": "Print",         "config": { "label": "Async Output", "format": "full" } }
  ],
  "connections": [ { "from": "tone", "to": "gain" }, { "from": "gain", "to": "print" } ]
})";

constexpr std::string_view kPoolGraph = R"({
  "version": 1,
  "nodes": [
    { "id": "tone",  "type": "SineGenerator", "config": { "frequency": 880, "sample_rate": 48000, "frame_size": 1024 } },
    { "id": "print", "type": "Print",         "config": { "label": "Pool" } }
  ],
  "connections": [ { "from": "tone", "to": "print" } ]
})";

constexpr int kTriggers = 5;
constexpr int kInstances = 10;
constexpr std::size_t kAtATime = 3;
constexpr std::int64_t kBlockUs = 21333;  // 1024 frames at 48 kHz

DataFrame trigger_frame(int number) {
  return DataFrame(number * kBlockUs, static_cast<std::uint64_t>(number));
}

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

void say(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

enum class Instances : std::uint8_t { same, fresh };

// The measure of comparison: one Pipeline made, then the same frames through it one after another; `fresh`
// makes it as new before each. What its Print shows goes nowhere, for it has been shown before.
Result<double> one_after_another_ms(std::string_view json, int count, Instances instances) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> nowhere(std::fopen("/dev/null", "w"), &std::fclose);
  if (nowhere == nullptr) { return failed("/dev/null", "cannot be opened"); }
  const Clock::time_point begin = Clock::now();
  const auto graph = load_graph(json);
  if (!graph) { return tl::unexpected(graph.error().front()); }
  EngineOptions options;
  options.host.console_file = nowhere.get();
  auto pipeline = Pipeline::create(*graph, options);
  if (!pipeline) { return tl::unexpected(pipeline.error().front()); }
  for (int i = 0; i < count; ++i) {
    if (instances == Instances::fresh) { pipeline->reset(); }
    if (auto made = pipeline->process(trigger_frame(i)); !made) { return tl::unexpected(made.error()); }
  }
  return ms_since(begin);
}

Result<void> show_async() {
  say("1. AsyncPipeline: 440 Hz, gain 2.5, five triggers\n");
  const Clock::time_point begin = Clock::now();
  auto pipeline = AsyncPipeline::from_json(kAsyncGraph);
  if (!pipeline) { return tl::unexpected(pipeline.error().front()); }
  auto outputs = pipeline->subscribe("gain");
  if (!outputs) { return tl::unexpected(outputs.error()); }
  if (auto started = pipeline->start(); !started) { return started; }
  const Clock::time_point first = Clock::now();
  for (int i = 0; i < kTriggers; ++i) {
    if (auto taken = pipeline->trigger(trigger_frame(i)); !taken) { return taken; }
  }
  const double triggered_ms = ms_since(first);
  for (int i = 0; i < kTriggers; ++i) {
    const auto block = outputs->receive();
    if (!block) { return failed("gain", "the pipeline ended before its last block"); }
  }
  pipeline->stop();  // waits until everything has been printed
  const double all_ms = ms_since(begin);
  const EngineStatus status = pipeline->status();
  if (!status.failures.empty()) { return tl::unexpected(status.failures.front()); }
  const auto serial_ms = one_after_another_ms(kAsyncGraph, kTriggers, Instances::same);
  if (!serial_ms) { return tl::unexpected(serial_ms.error()); }
  say(
      fmt::format("five triggers given in {:.3f} ms; from configuration to last block {:.3f} ms, one after "
                  "another {:.3f} ms\n\n",
                  triggered_ms, all_ms, *serial_ms));
  return {};
}

Result<void> show_pool() {
  say(fmt::format("2. PipelinePool: 880 Hz, {} instances, {} at a time\n", kInstances, kAtATime));
  const Clock::time_point begin = Clock::now();
  auto pool = PipelinePool::from_json(kPoolGraph, kAtATime);
  if (!pool) { return tl::unexpected(pool.error().front()); }
  std::vector<std::future<Result<std::vector<DataFrame>>>> results;
  for (int i = 0; i < kInstances; ++i) { results.push_back(pool->execute(trigger_frame(i))); }
  for (int i = 0; i < kInstances; ++i) {
    const auto blocks = results[static_cast<std::size_t>(i)].get();
    if (!blocks) { return tl::unexpected(blocks.error()); }
    for (const DataFrame& block : *blocks) {
      say(fmt::format("instance {}: frame #{}, {} samples\n", i + 1, block.sequence_id(),
                      block.frame_count()));
    }
  }
  const double all_ms = ms_since(begin);
  const std::size_t high_water = pool->high_water();
  const auto serial_ms = one_after_another_ms(kPoolGraph, kInstances, Instances::fresh);
  if (!serial_ms) { return tl::unexpected(serial_ms.error()); }
  say(
      fmt::format("from configuration to last result {:.3f} ms, at most {} at the same time; one after "
                  "another {:.3f} ms\n",
                  all_ms, high_water, *serial_ms));
  return {};
}

}  // namespace
}  // namespace streamlab

int main() {
  for (const auto show : {streamlab::show_async, streamlab::show_pool}) {
    if (const auto shown = show(); !shown) {
      fmt::print(stderr, "async_demo: {}\n", streamlab::to_string(shown.error()));
      return 1;
    }
  }
  return 0;
}
