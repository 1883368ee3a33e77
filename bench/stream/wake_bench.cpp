// bench/stream/wake_bench.cpp
//
// From a block's arrival to the consumer that slept: the time from just before a block is put into a running
// graph until a stream over the graph's output has it in its function; beside a bare futex wake-up between
// two threads (std::atomic::wait). Median and 99th percentile of 2000 blocks, one every 200 µs.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "engine/graph/validate.hpp"
#include "engine/run/streaming_engine.hpp"

namespace streamlab {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kBlocks = 2000;
constexpr std::chrono::microseconds kPause{200};

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}
void report(benchmark::State& state, std::vector<std::int64_t>& delays) {
  std::sort(delays.begin(), delays.end());
  state.counters["p50_us"] = static_cast<double>(delays[delays.size() / 2]) * 1e-3;
  state.counters["p99_us"] = static_cast<double>(delays[delays.size() * 99 / 100]) * 1e-3;
}

ValidGraph gain_graph() {
  return std::move(*load_graph(R"({"version": 1, "pipeline_config": {"sample_rate": 48000, "block_size": 64},
      "nodes": [{"id": "in", "type": "AudioInput", "config": {"channels": ["x"]}},
                {"id": "gain", "type": "Gain"}], "connections": [{"from": "in", "to": "gain"}]})"));
}
EngineOptions triggered() {
  EngineOptions options;
  options.triggered = true;
  return options;
}
// Puts the blocks into the graph; their time field carries nanoseconds here.
void feed(Engine& engine) {
  DataFrame block;
  (void)block.set_channel("x", std::vector<double>(64, 0.5));
  for (int i = 0; i < kBlocks; ++i) {
    std::this_thread::sleep_for(kPause);
    block.header().timestamp_us = now_ns();
    (void)engine.trigger(block);
  }
}

void graph_to_stream(benchmark::State& state) {
  for (auto _ : state) {
    auto engine = StreamingEngine::create(gain_graph(), triggered());
    auto stream = (*engine)->output("gain");
    std::vector<std::int64_t> delays;
    std::thread consumer([&] {
      (void)std::move(*stream).take(kBlocks).for_each(
          [&](const DataFrame& block) { delays.push_back(now_ns() - block.timestamp_us()); });
    });
    while (!(*engine)->engine().status().running) { std::this_thread::yield(); }
    feed((*engine)->engine());
    consumer.join();
    report(state, delays);
  }
}

void graph_to_receiver(benchmark::State& state) {
  for (auto _ : state) {
    auto engine = Engine::create(gain_graph(), triggered());
    auto receiver = (*engine)->subscribe("gain");
    (void)(*engine)->start();
    std::vector<std::int64_t> delays;
    std::thread consumer([&] {
      for (int i = 0; i < kBlocks; ++i) {
        const auto block = receiver->receive();
        delays.push_back(now_ns() - block->timestamp_us());
      }
    });
    feed(**engine);
    consumer.join();
    (*engine)->stop();
    report(state, delays);
  }
}

void futex(benchmark::State& state) {
  for (auto _ : state) {
    std::atomic<int> turn{0};
    std::atomic<std::int64_t> sent{0};
    std::vector<std::int64_t> delays;
    std::thread consumer([&] {
      for (int i = 0; i < kBlocks; ++i) {
        turn.wait(i);
        delays.push_back(now_ns() - sent.load());
      }
    });
    for (int i = 0; i < kBlocks; ++i) {
      std::this_thread::sleep_for(kPause);
      sent = now_ns();
      turn = i + 1;
      turn.notify_one();
    }
    consumer.join();
    report(state, delays);
  }
}

BENCHMARK(graph_to_stream)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(graph_to_receiver)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(futex)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace streamlab

BENCHMARK_MAIN();
