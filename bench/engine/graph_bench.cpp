// bench/engine/graph_bench.cpp
//
// What the engine itself costs.
//
//   gain_chain   N Gain nodes on one channel, one block of B frames a call, from Pipeline::process_in_place to
//                the result; time per node. filters/scale_chain_bench has the same arithmetic by hand.
//   mixed_chain  the same with a Delay of 0 frames between the gains, so that nothing can be fused: the cost of
//                a step
//   mixed_calls  the limit of that: a chain of N virtual calls, which multiply a block, or leave it as it is, in turns
//   live_tick    our part of a device's callback: a block of B frames of two channels comes in and is copied
//                into one edge, as a sound card's thread would do it
//
// Arguments: block size B, number of nodes N.
#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "engine/run/pipeline.hpp"
#include "tests/support/virtual_driver.hpp"

namespace streamlab {
namespace {

std::string chain(std::int64_t block, std::int64_t count, bool mixed) {
  std::string nodes = R"({"id": "in", "type": "AudioInput"})";
  std::string connections;
  std::string before = "in";
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string id = "n" + std::to_string(i);
    const bool is_gain = !mixed || i % 2 == 0;
    nodes += R"(, {"id": ")" + id + R"(", "type": ")" +
             (is_gain ? R"(Gain", "config": {"gain": )" + std::string(i / 2 % 2 == 0 ? "1.25" : "0.8")
                      : R"(Delay", "config": {"frames": 0)") +
             "}}";
    connections += (i == 0 ? "" : ", ") + (R"({"from": ")" + before) + R"(", "to": ")" + id + "\"}";
    before = id;
  }
  return R"({"version": 1, "pipeline_config": {"sample_rate": 48000, "block_size": )" +
         std::to_string(block) + R"(}, "nodes": [)" + nodes + R"(], "connections": [)" + connections + "]}";
}

void count_nodes(benchmark::State& state) {
  state.counters["per_node"] =
      benchmark::Counter(static_cast<double>(state.range(1)),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void run_chain(benchmark::State& state, bool mixed) {
  auto pipeline = Pipeline::from_json(chain(state.range(0), state.range(1), mixed));
  if (!pipeline) { throw std::runtime_error(to_string(pipeline.error(), "")); }
  DataFrame frame(0, 0);
  if (!frame.set_channel("main_channel",
                         std::vector<double>(static_cast<std::size_t>(state.range(0)), 0.5))) {
    throw std::runtime_error("no channel");
  }
  for (auto _ : state) { benchmark::DoNotOptimize(pipeline->process_in_place(frame)); }
  count_nodes(state);
}

void gain_chain(benchmark::State& state) { run_chain(state, false); }
void mixed_chain(benchmark::State& state) { run_chain(state, true); }
BENCHMARK(gain_chain)->ArgsProduct({{64, 256, 1024}, {10, 100, 1000}});
BENCHMARK(mixed_chain)->ArgsProduct({{64, 256}, {10, 100}});

class Call {
 public:
  virtual ~Call() = default;
  virtual void process(double* samples, std::size_t count) noexcept = 0;
};
class Multiply final : public Call {
 public:
  explicit Multiply(double factor) : factor_(factor) {}
  void process(double* samples, std::size_t count) noexcept override {
    for (std::size_t n = 0; n < count; ++n) { samples[n] *= factor_; }
  }

 private:
  const double factor_;
};
class PassOn final : public Call {
 public:
  void process(double* samples, std::size_t /*count*/) noexcept override {
    benchmark::DoNotOptimize(samples);
  }
};

void mixed_calls(benchmark::State& state) {
  const auto frames = static_cast<std::size_t>(state.range(0));
  std::vector<std::unique_ptr<Call>> calls;
  for (std::int64_t i = 0; i < state.range(1); ++i) {
    if (i % 2 == 0) {
      calls.push_back(std::make_unique<Multiply>(i / 2 % 2 == 0 ? 1.25 : 0.8));
    } else {
      calls.push_back(std::make_unique<PassOn>());
    }
  }
  std::vector<double> samples(frames, 0.5);
  for (auto _ : state) {
    for (const auto& call : calls) { call->process(samples.data(), frames); }
    benchmark::DoNotOptimize(samples.data());
    benchmark::ClobberMemory();
  }
  count_nodes(state);
}
BENCHMARK(mixed_calls)->ArgsProduct({{64, 256}, {10, 100}});

void live_tick(benchmark::State& state) {
  const auto frames = static_cast<std::uint32_t>(state.range(0));
  VirtualDriver card({.period_frames = frames, .inputs = 2, .real_time = true});
  auto graph = load_graph(R"({"version": 1, "nodes": [{"id": "mic", "type": "AudioInput"},
      {"id": "end", "type": "NullSink"}], "connections": [{"from": "mic", "to": "end", "capacity": 16}]})");
  EngineOptions options;
  options.open_device = card.opener();
  auto engine = Engine::create(*graph, std::move(options));
  if (!engine || !(*engine)->start()) { throw std::runtime_error("the engine does not start"); }
  for (auto _ : state) { card.tick(frames); }
  const TickReport tick = *(*engine)->status().tick;
  state.counters["p50_us"] = tick.p50_us;
  state.counters["p99_us"] = tick.p99_us;
  (*engine)->stop();
}
BENCHMARK(live_tick)->Arg(64)->Arg(256);

}  // namespace
}  // namespace streamlab

BENCHMARK_MAIN();
