// bench/engine/reload_bench.cpp
//
// What a reload costs the device's thread.
//
//   reload/40    a graph of 40 nodes between input and output, half of it Biquad; one node more or less, again and again, while
//                the device ticks 64 frames every 1.3 ms. Time: of a reload without a fade, from the call to its return.
//
//   worst_us     the median, over reloads, of the longest tick of the 50 in which the graph goes over
//   usual_us     the same of 50 ticks in which nothing happens
//
// The difference is what the swap costs a tick.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "engine/run/engine.hpp"
#include "tests/support/virtual_driver.hpp"

namespace streamlab {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint32_t kFrames = 64;
constexpr int kTicks = 50;

ValidGraph graph(std::int64_t count, bool with_one_more) {
  std::string nodes = R"({"id": "in", "type": "AudioInput"}, {"id": "out", "type": "AudioOutput"})";
  std::string connections;
  std::string before = "in";
  const auto add = [&](const std::string& id, const std::string& rest) {
    nodes += R"(, {"id": ")" + id + "\", " + rest + "}";
    connections += R"({"from": ")" + before + R"(", "to": ")" + id + "\"}, ";
    before = id;
  };
  for (std::int64_t i = 0; i < count - 2; ++i) {
    add("n" + std::to_string(i),
        i % 2 == 0
            ? R"("type": "Biquad", "config": {"type": "peaking", "frequency": 1000, "q": 1, "gain_db": 1})"
            : R"("type": "Gain", "config": {"gain": 0.9})");
  }
  if (with_one_more) { add("more", R"("type": "Gain", "config": {"gain": 0.5})"); }
  auto made =
      load_graph(R"({"version": 1, "pipeline_config": {"reload_fade_ms": 0}, "nodes": [)" + nodes +
                 R"(], "connections": [)" + connections + R"({"from": ")" + before + R"(", "to": "out"}]})");
  if (!made) { throw std::runtime_error(to_string(made.error(), "")); }
  return *std::move(made);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Ticks on a thread of its own; the longest tick since it was asked last.
class Ticking {
 public:
  explicit Ticking(VirtualDriver& card)
      : thread_([this, &card](const std::stop_token& stop) {
          auto next = Clock::now();
          while (!stop.stop_requested()) {
            std::this_thread::sleep_until(next += std::chrono::microseconds(1333));
            const auto begin = Clock::now();
            card.tick(kFrames);
            const std::int64_t ns = std::chrono::nanoseconds(Clock::now() - begin).count();
            longest_ns_.store(std::max(longest_ns_.load(), ns));
            ticks_.fetch_add(1);
            ticks_.notify_all();
          }
        }) {}
  void wait_for(int ticks) {
    const int until = ticks_.load() + ticks;
    for (int now = ticks_.load(); now < until; now = ticks_.load()) { ticks_.wait(now); }
  }
  double take_longest_us() { return static_cast<double>(longest_ns_.exchange(0)) * 1e-3; }

 private:
  std::atomic<std::int64_t> longest_ns_{0};
  std::atomic<int> ticks_{0};
  std::jthread thread_;
};

void reload(benchmark::State& state) {
  const ValidGraph graphs[] = {graph(state.range(0), false), graph(state.range(0), true)};
  VirtualDriver card({.period_frames = kFrames, .inputs = 2, .outputs = 2, .real_time = true});
  EngineOptions options;
  options.open_device = card.opener();
  auto engine = Engine::create(graphs[0], std::move(options));
  if (!engine || !(*engine)->start()) { throw std::runtime_error("the engine does not start"); }
  std::vector<double> worst;
  std::vector<double> usual;
  {
    Ticking ticking(card);
    std::size_t next = 1;
    for (auto _ : state) {
      ticking.wait_for(1);
      ticking.take_longest_us();
      ticking.wait_for(kTicks);
      usual.push_back(ticking.take_longest_us());
      const auto begin = Clock::now();
      const auto done = (*engine)->reload(graphs[next]);
      state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
      if (!done) { throw std::runtime_error(to_string(done.error(), "")); }
      ticking.wait_for(kTicks);
      worst.push_back(ticking.take_longest_us());
      next = 1 - next;
    }
  }
  (*engine)->stop();
  state.counters["worst_us"] = median(worst);
  state.counters["usual_us"] = median(usual);
}
BENCHMARK(reload)->Arg(40)->UseManualTime()->Iterations(41)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace streamlab

BENCHMARK_MAIN();
