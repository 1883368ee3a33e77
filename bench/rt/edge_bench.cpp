// bench/rt/edge_bench.cpp
//
// What an edge adds to the copy of a block of 2 x 256 samples (4 KiB), in time per block:
//
//   Copy            the limit: the copy alone, from one buffer into another
//   OneThread       copy, commit, pop and release on one thread: our own instructions, everything in cache
//   Overflowing     the same with a consumer that never reads: each block drops another
//   TwoThreads      producer and consumer on processors of their own, under back-pressure
#include <array>
#include <cstdint>
#include <memory>

#include <benchmark/benchmark.h>

#include "bench/rt/two_threads.hpp"
#include "engine/rt/edge.hpp"

namespace streamlab::bench {
namespace {

struct Block {
  std::array<double, 512> samples{};
};
Block empty_block() { return Block{}; }

constexpr std::size_t kCapacity = 16;
constexpr std::uint64_t kBlocks = 1U << 15;

void BM_Copy(benchmark::State& state) {
  const auto from = std::make_unique<Block>();
  const auto to = std::make_unique<Block>();
  for (auto iteration : state) {
    *to = *from;
    benchmark::DoNotOptimize(to->samples.data());
    benchmark::ClobberMemory();
  }
}

void BM_OneThread(benchmark::State& state) {
  const auto from = std::make_unique<Block>();
  Edge<Block> edge(kCapacity, static_cast<OverflowPolicy>(state.range(0)), empty_block);
  for (auto iteration : state) {
    Block* const to = edge.acquire();
    if (to == nullptr) { break; }  // never: somebody makes room for every block
    *to = *from;
    edge.commit(to);
    Block* const got = edge.try_pop();
    if (got == nullptr) { break; }
    benchmark::DoNotOptimize(got->samples.data());
    edge.release(got);
  }
  state.SetLabel(std::string(to_string(edge.policy())));
}

void BM_Overflowing(benchmark::State& state) {
  const auto from = std::make_unique<Block>();
  Edge<Block> edge(kCapacity, OverflowPolicy::drop_oldest, empty_block);
  for (auto iteration : state) {
    Block* const to = edge.acquire();
    if (to == nullptr) { break; }  // never: somebody makes room for every block
    *to = *from;
    edge.commit(to);
    benchmark::ClobberMemory();
  }
}

void BM_TwoThreads(benchmark::State& state) {
  if (usable_processors().size() < 2) {
    state.SkipWithError("needs two processors");
    return;
  }
  const auto from = std::make_unique<Block>();
  for (auto iteration : state) {
    Edge<Block> edge(kCapacity, OverflowPolicy::block, empty_block);
    const TwoThreadsRun run = run_two_threads(
        [&] {
          for (std::uint64_t i = 0; i < kBlocks; ++i) {
            Block* to = edge.acquire();
            while (to == nullptr) { to = edge.acquire(); }
            *to = *from;
            edge.commit(to);
          }
          edge.close();
        },
        [&] {
          double sum = 0.0;
          while (!edge.ended()) {
            if (Block* const got = edge.try_pop(); got != nullptr) {
              for (const double sample : got->samples) { sum += sample; }
              edge.release(got);
            }
          }
          benchmark::DoNotOptimize(sum);
        });
    state.SetIterationTime(run.seconds);
    state.SetLabel(run.scheduling);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kBlocks));
}

BENCHMARK(BM_Copy);
BENCHMARK(BM_OneThread)
    ->Arg(static_cast<int>(OverflowPolicy::block))
    ->Arg(static_cast<int>(OverflowPolicy::drop_oldest));
BENCHMARK(BM_Overflowing);
BENCHMARK(BM_TwoThreads)->UseManualTime();

}  // namespace
}  // namespace streamlab::bench

BENCHMARK_MAIN();
