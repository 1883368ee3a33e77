// bench/filters/scale_chain_bench.cpp
//
// A chain of N gains on one block of one channel, time per gain:
//
//   virtual_calls  a virtual call per gain, in place, vectorised by the compiler: the least that a graph of
//                  nodes can cost
//   fused_loop     all gains applied to a few registers at a time, by hand: the limit
//   scale_chain    nodes/dsp/scale_chain on each CPU path
//
// Arguments: block size, N.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nodes/dsp/scale_chain.hpp"

namespace streamlab::dsp {
namespace {

// Near 1 and of product 1, so that a block stays normal through any number of passes.
std::vector<double> factors(std::size_t count) {
  std::vector<double> list;
  for (std::size_t k = 0; k < count; ++k) { list.push_back(k % 2 == 0 ? 1.25 : 0.8); }
  return list;
}

void per_gain(benchmark::State& state) {
  state.counters["per_gain"] =
      benchmark::Counter(static_cast<double>(state.range(1)),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

// A block that begins on a cache line, as those of a graph do; a whole number of lines.
class Block {
 public:
  explicit Block(std::int64_t count) : lines_(static_cast<std::size_t>(count) / 8) {}
  std::span<double> samples() { return {lines_.data()->value, lines_.size() * 8}; }

 private:
  struct alignas(64) Line {
    double value[8] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
  };
  std::vector<Line> lines_;
};

class Stage {
 public:
  virtual ~Stage() = default;
  virtual void process(double* x, std::size_t count) noexcept = 0;
};

class BaselineStage final : public Stage {
 public:
  explicit BaselineStage(double factor) : factor_(factor) {}
  [[gnu::optimize("O3")]] void process(double* x, std::size_t count) noexcept override {
    for (std::size_t n = 0; n < count; ++n) { x[n] *= factor_; }
  }

 private:
  double factor_;
};

class Avx512Stage final : public Stage {
 public:
  explicit Avx512Stage(double factor) : factor_(factor) {}
  [[gnu::optimize("O3"), gnu::target("avx512f,prefer-vector-width=512")]] void process(
      double* x, std::size_t count) noexcept override {
    for (std::size_t n = 0; n < count; ++n) { x[n] *= factor_; }
  }

 private:
  double factor_;
};

void virtual_calls(benchmark::State& state) {
  Block block(state.range(0));
  const std::span<double> x = block.samples();
  std::vector<std::unique_ptr<Stage>> stages;
  for (const double factor : factors(static_cast<std::size_t>(state.range(1)))) {
    if (cpu_supports(CpuPath::avx512)) {
      stages.push_back(std::make_unique<Avx512Stage>(factor));
    } else {
      stages.push_back(std::make_unique<BaselineStage>(factor));
    }
  }
  for (auto _ : state) {
    for (const auto& stage : stages) { stage->process(x.data(), x.size()); }
    benchmark::DoNotOptimize(x.data());
    benchmark::ClobberMemory();
  }
  per_gain(state);
}

// Eight registers of eight doubles.
using Register [[gnu::vector_size(64)]] = double;
[[gnu::optimize("O3"), gnu::target_clones("arch=x86-64-v4", "default")]] void fused(
    double* samples, std::size_t count, const double* list, std::size_t factor_count) {
  constexpr std::size_t kRegisters = 8;
  auto* x = reinterpret_cast<Register*>(samples);
  for (std::size_t n = 0; n < count / 8; n += kRegisters) {
    Register v[kRegisters];
    for (std::size_t i = 0; i < kRegisters; ++i) { v[i] = x[n + i]; }
    for (std::size_t k = 0; k < factor_count; ++k) {
      for (std::size_t i = 0; i < kRegisters; ++i) { v[i] *= list[k]; }
    }
    for (std::size_t i = 0; i < kRegisters; ++i) { x[n + i] = v[i]; }
  }
}

void fused_loop(benchmark::State& state) {
  Block block(state.range(0));
  const std::span<double> x = block.samples();
  const auto list = factors(static_cast<std::size_t>(state.range(1)));
  for (auto _ : state) {
    fused(x.data(), x.size(), list.data(), list.size());
    benchmark::DoNotOptimize(x.data());
    benchmark::ClobberMemory();
  }
  per_gain(state);
}

void scale_chain(benchmark::State& state, CpuPath path) {
  const ScaleChain chain(path);
  Block block(state.range(0));
  const std::span<double> x = block.samples();
  const auto list = factors(static_cast<std::size_t>(state.range(1)));
  for (auto _ : state) {
    chain.apply(x, x, list);
    benchmark::DoNotOptimize(x.data());
    benchmark::ClobberMemory();
  }
  per_gain(state);
}

}  // namespace
}  // namespace streamlab::dsp

int main(int argc, char** argv) {
  using namespace streamlab::dsp;
  const auto sized = [](benchmark::internal::Benchmark* bench) {
    bench->ArgsProduct({{64, 256, 1024}, {10, 100, 1000}})->MinTime(0.05);
  };
  sized(benchmark::RegisterBenchmark("virtual_calls", virtual_calls));
  sized(benchmark::RegisterBenchmark("fused_loop", fused_loop));
  for (const CpuPath path : supported_cpu_paths()) {
    sized(
        benchmark::RegisterBenchmark(("scale_chain/" + std::string(name(path))).c_str(), scale_chain, path));
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
