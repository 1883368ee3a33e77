// bench/engine/job_bench.cpp
//
// The job that the peers are measured by, from file to file through the whole engine: stereo float32 at 48
// kHz through ten peaking biquads, and the same without the filters. `x_real_time` is seconds of sound per
// second; `frames` the block size. The 64 files a minute long go through one job and through two.
#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <sndfile.h>
#include <stdlib.h>

#include "engine/run/engine.hpp"

namespace streamlab {
namespace {

constexpr int kRateHz = 48000;

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "streamlab_bench_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) { throw std::runtime_error("no temporary folder"); }
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Stereo float32, `seconds` long; made once.
const std::string& input(int seconds) {
  static const Folder kFolder;
  static std::map<int, std::string> made;
  std::string& path = made[seconds];
  if (!path.empty()) { return path; }
  path = kFolder.file(std::to_string(seconds) + ".wav");
  SF_INFO info{};
  info.samplerate = kRateHz;
  info.channels = 2;
  info.format = SF_FORMAT_WAV | SF_FORMAT_FLOAT;
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  std::vector<float> second(2 * kRateHz);
  for (std::size_t n = 0; n < second.size(); ++n) {
    second[n] = 0.1F * std::sin(0.01F * static_cast<float>(n));
  }
  for (int s = 0; s < seconds; ++s) { sf_writef_float(file, second.data(), kRateHz); }
  sf_close(file);
  return path;
}

ValidGraph job(const std::string& from, const std::string& to, bool filtered, std::int64_t block) {
  std::string sections;
  for (int s = 0; s < 10; ++s) {
    sections += (s == 0 ? "" : ", ") + (R"({"type": "peaking", "q": 1.4, "gain_db": 3, "frequency": )" +
                                        std::to_string(31.25 * std::exp2(s)) + "}");
  }
  const std::string eq =
      filtered ? R"({"id": "eq", "type": "Biquad", "config": {"sections": [)" + sections + "]}}, " : "";
  auto graph = load_graph(
      R"({"version": 1, "pipeline_config": {"block_size": )" + std::to_string(block) +
      R"(}, "nodes": [{"id": "in", "type": "FileSource", "config": {"path": ")" + from + "\"}}, " + eq +
      R"({"id": "out", "type": "FileSink", "config": {"subtype": "float", "overwrite": true, "path": ")" +
      to + R"("}}], "connections": [)" +
      (filtered ? R"({"from": "in", "to": "eq"}, {"from": "eq", "to": "out"}]})"
                : R"({"from": "in", "to": "out"}]})"));
  if (!graph) { throw std::runtime_error(to_string(graph.error(), "")); }
  return *graph;
}

void run(const ValidGraph& graph) {
  EngineOptions options;
  options.threads = ThreadPolicy{ThreadPolicy::Kind::count, 1};
  auto engine = Engine::create(graph, std::move(options));
  if (!engine || !(*engine)->start()) { throw std::runtime_error("the engine does not start"); }
  (*engine)->wait_for(std::chrono::minutes(10));
  (*engine)->stop();
  if (!(*engine)->status().failures.empty()) { throw std::runtime_error("the run failed"); }
}

void set_real_time(benchmark::State& state, double seconds) {
  state.counters["x_real_time"] = benchmark::Counter(seconds, benchmark::Counter::kIsIterationInvariantRate);
}

void file_to_file(benchmark::State& state, bool filtered) {
  constexpr int kSeconds = 600;
  const Folder folder;
  const ValidGraph graph = job(input(kSeconds), folder.file("out.wav"), filtered, state.range(0));
  for (auto _ : state) { run(graph); }
  set_real_time(state, kSeconds);
}
void ten_biquads(benchmark::State& state) { file_to_file(state, true); }
void copy(benchmark::State& state) { file_to_file(state, false); }
BENCHMARK(ten_biquads)->Arg(256)->Arg(1024)->Arg(4096)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(copy)->Arg(256)->Arg(1024)->Arg(4096)->UseRealTime()->Unit(benchmark::kMillisecond);

void batch_of_64(benchmark::State& state) {
  constexpr int kFiles = 64;
  const Folder folder;
  std::vector<ValidGraph> graphs;
  for (int f = 0; f < kFiles; ++f) {
    graphs.push_back(job(input(60), folder.file(std::to_string(f) + ".wav"), true, 1024));
  }
  for (auto _ : state) {
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> jobs;
    for (std::int64_t j = 0; j < state.range(0); ++j) {
      jobs.emplace_back([&] {
        for (std::size_t f = next++; f < graphs.size(); f = next++) { run(graphs[f]); }
      });
    }
    for (std::thread& thread : jobs) { thread.join(); }
  }
  set_real_time(state, 60.0 * kFiles);
}
BENCHMARK(batch_of_64)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace streamlab

BENCHMARK_MAIN();
