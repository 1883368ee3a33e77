// bench/stream/long_file_bench.cpp
//
// Hours of stereo (16 bit, 48 kHz) through a short-time Fourier transform and an average over all spectra:
//
//   stream/H   frames_of() | Spectrum | reduce: one block and one spectrum in memory
//   batch/H    the whole file in memory, then all spectra, then the average: how a script does it
//
// Each runs in a process of its own and tells its peak of resident memory (kernel's VmHWM), the time to the
// first result, and how many times faster than real time it was. The file is sparse: its samples are zeros
// that lie on no disk, read like any others; the arithmetic does not depend on their values.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/graph/make_node.hpp"
#include "engine/stream/node_stage.hpp"
#include "engine/stream/sources.hpp"
#include "nodes/sources/frames_of.hpp"

namespace streamlab {
namespace {

constexpr std::uint32_t kRateHz = 48000;
constexpr std::uint32_t kBlock = 2048;

// An AU file, whose header may leave the length open: 24 bytes, big-endian.
std::string make_file(int hours) {
  const auto path =
      std::filesystem::temp_directory_path() / ("streamlab_bench_" + std::to_string(::getpid()) + ".au");
  const auto put = [](std::ofstream& out, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) { out.put(static_cast<char>(value >> shift)); }
  };
  {
    std::ofstream out(path, std::ios::binary);
    out << ".snd";
    for (const std::uint32_t value : {24U, 0xFFFFFFFFU, 3U, kRateHz, 2U}) { put(out, value); }
  }
  std::filesystem::resize_file(path,
                               24 + std::uintmax_t{4} * kRateHz * 3600 * static_cast<std::uintmax_t>(hours));
  return path;
}

struct Outcome {
  double seconds = 0.0;
  double first_result_ms = 0.0;
  double peak_mib = 0.0;
};

Stream<DataFrame> spectra(Stream<DataFrame> frames) {
  return std::move(frames) | from_node(std::move(*make_node_by_name("Spectrum", R"({"fft_size": 4096})")));
}
struct Average {
  std::vector<double> sum;
  double count = 0.0;
  void add(const DataFrame& spectrum) {
    const std::size_t bins = spectrum.frame_count();
    sum.resize(bins * spectrum.channel_count());
    for (std::uint32_t c = 0; c < spectrum.channel_count(); ++c) {
      const auto x = spectrum.channel(c);
      for (std::size_t k = 0; k < bins; ++k) { sum[c * bins + k] += x[k] * x[k]; }
    }
    count += 1.0;
  }
};

double since_ms(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

void stream(const std::string& path, Outcome& outcome) {
  Average average;
  const auto report = spectra(frames_of(path, kBlock)).for_each([&](const DataFrame& s) { average.add(s); });
  if (!report.ok()) { std::fputs(to_string(report).c_str(), stderr); }
  outcome.first_result_ms =
      std::chrono::duration<double, std::milli>(report.to_first_item.value_or(report.total)).count();
  benchmark::DoNotOptimize(average.sum.data());
}
void batch(const std::string& path, Outcome& outcome) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<DataFrame> file;
  (void)frames_of(path, kBlock).for_each([&](const DataFrame& frame) { file.push_back(frame); });
  std::vector<DataFrame> all;
  (void)spectra(from_range(file)).for_each([&](const DataFrame& s) { all.push_back(s); });
  Average average;
  for (const DataFrame& s : all) { average.add(s); }
  outcome.first_result_ms = since_ms(begin);
  benchmark::DoNotOptimize(average.sum.data());
}

double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) { return std::atof(line.c_str() + 6) / 1024.0; }
  }
  return 0.0;
}

// Runs `work` in a child, so that its memory is its own.
Outcome in_a_process(const std::function<void(Outcome&)>& work) {
  int ends[2];
  if (::pipe(ends) != 0) { return {}; }
  const pid_t child = ::fork();
  if (child == 0) {
    Outcome outcome;
    const auto begin = std::chrono::steady_clock::now();
    work(outcome);
    outcome.seconds = since_ms(begin) * 1e-3;
    outcome.peak_mib = peak_mib();
    const bool told = ::write(ends[1], &outcome, sizeof outcome) == sizeof outcome;
    ::_exit(told ? 0 : 1);
  }
  ::close(ends[1]);
  Outcome outcome;
  if (::read(ends[0], &outcome, sizeof outcome) != sizeof outcome) { outcome = {}; }
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return outcome;
}

void run(benchmark::State& state, void (*form)(const std::string&, Outcome&)) {
  const auto hours = static_cast<int>(state.range(0));
  const std::string path = make_file(hours);
  for (auto _ : state) {
    const Outcome outcome = in_a_process([&](Outcome& o) { form(path, o); });
    state.SetIterationTime(outcome.seconds);
    state.counters["peak_MiB"] = outcome.peak_mib;
    state.counters["first_result_ms"] = outcome.first_result_ms;
    state.counters["x_real_time"] = hours * 3600.0 / outcome.seconds;
  }
  std::filesystem::remove(path);
}

BENCHMARK_CAPTURE(run, stream, stream)
    ->Arg(1)
    ->Arg(10)
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(run, batch, batch)->Arg(1)->Iterations(1)->UseManualTime()->Unit(benchmark::kSecond);

}  // namespace
}  // namespace streamlab

BENCHMARK_MAIN();
