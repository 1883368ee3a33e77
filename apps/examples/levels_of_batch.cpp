// apps/examples/levels_of_batch.cpp
//
// Batch: one graph over many sound files, several at a time. The loudest tenth of a second of each, one line a file in the
// order of the arguments. A file that cannot be read is an error at its place, and the others go on.
//
//   levels_of_batch FILE…
#include <algorithm>
#include <cmath>
#include <thread>

#include <fmt/format.h>

#include "engine/batch/batch.hpp"

using namespace streamlab;

namespace {

// "${input}" stands for the file.
constexpr const char* kGraph = R"({
  "nodes": [
    { "id": "file",  "type": "FileSource", "config": { "path": "${input}" } },
    { "id": "level", "type": "LevelMeter", "config": { "interval_s": 0.1 } }
  ],
  "connections": [ { "from": "file", "to": "level" } ]
})";

// Of all channels and intervals.
double loudest(const std::vector<DataFrame>& levels) {
  double rms = 0.0;
  for (const DataFrame& level : levels) {
    for (std::uint32_t c = 0; c < level.channel_count(); ++c) {
      if (level.format().channels[c].name.ends_with(".rms")) { rms = std::max(rms, level.channel(c)[0]); }
    }
  }
  return rms;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t jobs = std::max(1U, std::thread::hardware_concurrency());
  const auto batch = Batch::from_json(kGraph, {.jobs = jobs, .outputs = {"level"}});
  if (!batch) {
    fmt::print(stderr, "{}", to_string(batch.error(), "the graph"));
    return 2;
  }
  const auto totals = batch->run({argv + 1, argv + argc}, [](const FileResult& file) {
    for (const Error& error : file.errors) { fmt::print(stderr, "{}: {}\n", file.path, to_string(error)); }
    if (file.is_failed()) { return; }
    fmt::print("{:8.2f} dB re 1 FS  {}\n", 20.0 * std::log10(loudest(file.blocks[0])), file.path);
  });
  return totals.failed == 0 ? 0 : 1;
}
