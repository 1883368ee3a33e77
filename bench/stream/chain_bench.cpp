// bench/stream/chain_bench.cpp
//
// map | filter | take over a million small items and over blocks of 256 samples, beside the loop that a
// person would write. Time per item and stage of the small items: (chain - loop) / (items x 3).
#include <cstdint>
#include <ranges>
#include <vector>

#include <benchmark/benchmark.h>

#include "engine/stream/sources.hpp"
#include "engine/stream/stream.hpp"

namespace streamlab {
namespace {

constexpr int kItems = 1000000;
constexpr int kBlocks = 4096;

void small_items_chain(benchmark::State& state) {
  for (auto _ : state) {
    const auto sum = from_range(std::views::iota(0, kItems))
                         .map([](int x) { return x * 3; })
                         .filter([](int x) { return x >= 0; })
                         .take(kItems)
                         .reduce(std::int64_t{0}, [](std::int64_t s, int x) { return s + x; });
    benchmark::DoNotOptimize(sum.value);
  }
  // Source and end counted in.
  state.counters["time_per_item_and_stage"] = benchmark::Counter(
      3.0 * kItems, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
void small_items_loop(benchmark::State& state) {
  for (auto _ : state) {
    std::int64_t sum = 0;
    int taken = 0;
    for (int x = 0; x < kItems; ++x) {
      int y = x * 3;
      benchmark::DoNotOptimize(y);  // one item after the other, as a stream has it
      if (y < 0) { continue; }
      if (taken++ == kItems) { break; }
      sum += y;
    }
    benchmark::DoNotOptimize(sum);
  }
  state.counters["time_per_item_and_stage"] = benchmark::Counter(
      3.0 * kItems, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

struct Block {
  std::vector<double> samples = std::vector<double>(256, 0.25);
};
double energy(const Block& block) {
  double sum = 0.0;
  for (const double x : block.samples) { sum += x * x; }
  return sum;
}
void scale(Block& block) {
  for (double& x : block.samples) { x *= 0.999; }
}

void blocks_chain(benchmark::State& state) {
  std::vector<Block> blocks(kBlocks);
  for (auto _ : state) {
    std::vector<Block*> all;
    for (Block& block : blocks) { all.push_back(&block); }
    const auto sum = from_range(std::move(all))
                         .map([](Block* b) {
                           scale(*b);
                           return b;
                         })
                         .filter([](const Block* b) { return b->samples[3] > -1.0; })
                         .take(kBlocks)
                         .reduce(0.0, [](double s, const Block* b) { return s + energy(*b); });
    benchmark::DoNotOptimize(sum.value);
  }
  state.SetItemsProcessed(state.iterations() * kBlocks);
}
void blocks_loop(benchmark::State& state) {
  std::vector<Block> blocks(kBlocks);
  for (auto _ : state) {
    double sum = 0.0;
    int taken = 0;
    for (Block& block : blocks) {
      scale(block);
      if (block.samples[3] <= -1.0) { continue; }
      if (taken++ == kBlocks) { break; }
      sum += energy(block);
    }
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * kBlocks);
}

BENCHMARK(small_items_chain)->Unit(benchmark::kMillisecond);
BENCHMARK(small_items_loop)->Unit(benchmark::kMillisecond);
BENCHMARK(blocks_chain)->Unit(benchmark::kMicrosecond);
BENCHMARK(blocks_loop)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace streamlab

BENCHMARK_MAIN();
