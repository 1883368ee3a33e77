// bench/sources/sine_bench.cpp
//
// A block of a sine, time per sample:
//
//   std_sin     std::sin of a phase in double: right at first, worse with every hour
//   recurrence  one rotation per sample of eight phasors side by side: the cheapest sine there is, which drifts
//   sine        nodes/dsp/sine on each CPU path: exact to one rounding at every sample
//   generator   the node, called by a pipeline
//
// Argument: block size.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/run/pipeline.hpp"
#include "nodes/dsp/sine.hpp"

namespace streamlab {
namespace {

constexpr double kStep = 2.0 * std::numbers::pi * 997.0 / 48000.0;

void per_sample(benchmark::State& state) {
  state.counters["per_sample"] =
      benchmark::Counter(static_cast<double>(state.range(0)),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void std_sin(benchmark::State& state) {
  std::vector<double> y(static_cast<std::size_t>(state.range(0)));
  double phase = 0.0;
  for (auto _ : state) {
    for (double& sample : y) {
      sample = std::sin(phase);
      phase += kStep;
      if (phase >= 2.0 * std::numbers::pi) { phase -= 2.0 * std::numbers::pi; }
    }
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  per_sample(state);
}

[[gnu::optimize("O3"), gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void rotate(
    double* re, double* im, double step_re, double step_im, double* out, std::size_t count) {
  for (std::size_t n = 0; n < count; n += 8) {
    for (std::size_t k = 0; k < 8; ++k) {
      out[n + k] = im[k];
      const double turned = re[k] * step_re - im[k] * step_im;
      im[k] = re[k] * step_im + im[k] * step_re;
      re[k] = turned;
    }
  }
}

void recurrence(benchmark::State& state) {
  std::vector<double> y(static_cast<std::size_t>(state.range(0)));
  double re[8];
  double im[8];
  for (int k = 0; k < 8; ++k) {
    re[k] = std::cos(kStep * k);
    im[k] = std::sin(kStep * k);
  }
  for (auto _ : state) {
    rotate(re, im, std::cos(8 * kStep), std::sin(8 * kStep), y.data(), y.size());
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  per_sample(state);
}

void sine(benchmark::State& state, dsp::CpuPath path) {
  const dsp::Sine sine(997.0, 48000.0, 0.5, 0.0, path);
  std::vector<double> y(static_cast<std::size_t>(state.range(0)));
  std::uint64_t position = 0;
  for (auto _ : state) {
    sine.fill(position, y);
    position += y.size();
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  per_sample(state);
}

void generator(benchmark::State& state) {
  auto pipeline = Pipeline::from_json(fmt::format(
      R"({{"version": 1, "nodes": [{{"id": "sine", "type": "SineGenerator", "config": {{"frequency": 997, "frame_size": {}}}}},
          {{"id": "null", "type": "NullSink"}}], "connections": [{{"from": "sine", "to": "null"}}]}})",
      state.range(0)));
  if (!pipeline) { return state.SkipWithError(to_string(pipeline.error(), "").c_str()); }
  const DataFrame trigger(0, 0);
  for (auto _ : state) { benchmark::DoNotOptimize(pipeline->process_in_place(trigger)); }
  per_sample(state);
}

}  // namespace
}  // namespace streamlab

int main(int argc, char** argv) {
  using namespace streamlab;  // NOLINT(google-build-using-namespace)
  const auto sizes = [](benchmark::internal::Benchmark* b) { b->Arg(64)->Arg(1024); };
  benchmark::RegisterBenchmark("std_sin", std_sin)->Apply(sizes);
  benchmark::RegisterBenchmark("recurrence", recurrence)->Apply(sizes);
  for (const dsp::CpuPath path : dsp::supported_cpu_paths()) {
    benchmark::RegisterBenchmark(("sine/" + std::string(dsp::name(path))).c_str(), sine, path)->Apply(sizes);
  }
  benchmark::RegisterBenchmark("generator", generator)->Apply(sizes);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
