// apps/examples/live_levels.cpp
//
// Live: a graph takes a microphone and puts what it hears into a channel; a stream behind the channel makes a
// level of every tenth of a second and writes it as JSON Lines. A sound card never waits for the stream: what
// that is too slow for is lost at the edge to the channel, counted and said. A file as the device does wait.
//
//   live_levels OUTPUT [DEVICE [SECONDS]]     DEVICE: "sim" without another
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <numeric>
#include <string>

#include <fmt/format.h>

#include "engine/channel/registry.hpp"
#include "engine/run/engine.hpp"
#include "engine/stream/sources.hpp"
#include "hal/backends.hpp"

using namespace streamlab;

namespace {

struct Piece {
  std::int64_t position = 0;
  std::uint32_t frames = 0;
  double energy = 0.0;
};

Piece piece_of(const DataFrame& block) {
  const auto x = block.channel(0U);
  return {block.position(), block.frame_count(), std::inner_product(x.begin(), x.end(), x.begin(), 0.0)};
}

std::string line_of(const Window<Piece>& window, double rate_hz) {
  Piece sum;
  for (const Piece& piece : window.items) {
    sum.frames += piece.frames;
    sum.energy += piece.energy;
  }
  return fmt::format(R"({{"time_s": {:.3f}, "frames": {}, "level_db": {:.4f}}})",
                     static_cast<double>(window.items.front().position) / rate_hz, sum.frames,
                     10.0 * std::log10(sum.energy / sum.frames));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: live_levels OUTPUT [DEVICE [SECONDS]]\n");
    return 2;
  }
  const auto graph = load_graph(fmt::format(
      R"({{"version": 1, "pipeline_config": {{"sample_rate": 48000, "block_size": 480}},
           "nodes": [{{"id": "mic", "type": "AudioInput", "config": {{"device": "{}"}}}}],
           "connections": [{{"from": "mic", "channel": "raw", "capacity": 64}}]}})",
      argc > 2 ? argv[2] : "sim"));
  EngineOptions options;
  options.duration_s = argc > 3 ? std::atof(argv[3]) : 1.0;
  options.open_device = open_device;
  auto engine = graph ? Engine::create(*graph, options) : tl::unexpected(graph.error());
  if (!engine) {
    fmt::print(stderr, "{}", to_string(engine.error(), ""));
    return 2;
  }
  auto raw = (*engine)->channels().subscribe<DataFrame>("raw", OnLag::wait);
  if (!raw) {
    fmt::print(stderr, "{}\n", to_string(raw.error()));
    return 2;
  }
  if (auto started = (*engine)->start(); !started) {
    fmt::print(stderr, "{}\n", to_string(started.error()));
    return 1;
  }
  const double rate_hz = (*engine)->device()->sample_rate_hz;
  const auto position = [](const Piece& piece) { return piece.position; };
  const auto tenth = static_cast<std::int64_t>(rate_hz / 10);
  // The stream runs on a thread of its own; this one is the graph's.
  auto writing = std::async(std::launch::async, [&] {
    return from_receiver(std::move(*raw))
        .map(piece_of)
        .window_by(position, tenth, tenth)
        .write_lines(argv[1], [&](const Window<Piece>& w) { return line_of(w, rate_hz); });
  });
  while (!(*engine)->wait_for(std::chrono::hours(1))) {}
  (*engine)->stop();  // the channel ends, and with it the stream
  const StreamReport report = writing.get();
  const EngineStatus status = (*engine)->status();
  fmt::print("{}", to_string(report));
  for (const EdgeReport& edge : status.edges) {
    if (edge.counters.dropped > 0) { fmt::print("{}: {} blocks lost\n", edge.name, edge.counters.dropped); }
  }
  return report.ok() && status.failures.empty() ? 0 : 1;
}
