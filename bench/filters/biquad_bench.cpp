// bench/filters/biquad_bench.cpp
//
// A cascade of peaking filters, frames per second and times real time at 48 kHz, one core:
//
//   plain_loop  transposed direct form II, section after section, sample after sample, as written in every
//   textbook cascade     nodes/dsp/biquad on each CPU path
//
// Arguments: sections, channels, block size.
#include "nodes/dsp/biquad.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "nodes/dsp/biquad_design.hpp"
#include "nodes/dsp/flush_denormals.hpp"

namespace streamlab::dsp {
namespace {

constexpr double kSampleRateHz = 48000.0;

std::vector<BiquadSection> equaliser(std::size_t count) {
  std::vector<BiquadSection> sections;
  for (std::size_t k = 0; k < count; ++k) {
    FilterSpec spec;
    spec.frequency_hz = 60.0 * std::pow(1.8, static_cast<double>(k % 10));
    spec.q = 1.0;
    spec.gain_db = k % 2 == 0 ? 3.0 : -3.0;
    sections.push_back(std::get<std::vector<BiquadSection>>(design_filter(spec, kSampleRateHz)).front());
  }
  return sections;
}

std::vector<std::vector<double>> sines(std::size_t channels, std::size_t frames) {
  std::vector<std::vector<double>> list(channels, std::vector<double>(frames));
  for (auto& channel : list) {
    for (std::size_t n = 0; n < frames; ++n) { channel[n] = std::sin(0.1 * static_cast<double>(n)); }
  }
  return list;
}

void report(benchmark::State& state) {
  const auto frames = static_cast<double>(state.range(2));
  state.counters["frames"] = benchmark::Counter(frames, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["x_real_time"] =
      benchmark::Counter(frames / kSampleRateHz, benchmark::Counter::kIsIterationInvariantRate);
}

void plain_loop(benchmark::State& state) {
  struct Section {
    double b0, b1, b2, a1, a2, s1, s2;
  };
  const auto channels = static_cast<std::size_t>(state.range(1));
  const auto in = sines(channels, static_cast<std::size_t>(state.range(2)));
  auto out = in;
  std::vector<std::vector<Section>> cascade(channels);
  for (const BiquadSection& s :
       equaliser(static_cast<std::size_t>(state.range(0)))) {  // back from delta form
    const Section section{s.n0, s.n1 - 2.0 * s.n0, s.n0 - s.n1 + s.n2, s.d1 - 2.0, 1.0 - s.d1 + s.d2, 0.0,
                          0.0};
    for (auto& channel : cascade) { channel.push_back(section); }
  }
  const FlushDenormals flush;
  for (auto _ : state) {
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t n = 0; n < in[c].size(); ++n) {
        double x = in[c][n];
        for (Section& s : cascade[c]) {
          const double y = s.b0 * x + s.s1;
          s.s1 = s.b1 * x - s.a1 * y + s.s2;
          s.s2 = s.b2 * x - s.a2 * y;
          x = y;
        }
        out[c][n] = x;
      }
    }
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  report(state);
}

void cascade(benchmark::State& state, CpuPath path) {
  const auto channels = static_cast<std::size_t>(state.range(1));
  const auto in = sines(channels, static_cast<std::size_t>(state.range(2)));
  auto out = in;
  BiquadCascade filter(equaliser(static_cast<std::size_t>(state.range(0))), channels, path);
  std::vector<const double*> from;
  std::vector<double*> to;
  for (std::size_t c = 0; c < channels; ++c) {
    from.push_back(in[c].data());
    to.push_back(out[c].data());
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(filter.process(from, to, in[0].size()));
    benchmark::ClobberMemory();
  }
  report(state);
}

}  // namespace
}  // namespace streamlab::dsp

int main(int argc, char** argv) {
  using namespace streamlab::dsp;
  const auto sized = [](benchmark::internal::Benchmark* bench) {
    bench->ArgsProduct({{10}, {2}, {64, 256, 1024}})->MinTime(0.05);
    for (const std::int64_t sections : {1, 4, 20, 64}) { bench->Args({sections, 2, 256}); }
    for (const std::int64_t channels : {1, 6, 8}) { bench->Args({10, channels, 256}); }
  };
  sized(benchmark::RegisterBenchmark("plain_loop", plain_loop));
  for (const CpuPath path : supported_cpu_paths()) {
    sized(benchmark::RegisterBenchmark(("cascade/" + std::string(name(path))).c_str(), cascade, path));
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
