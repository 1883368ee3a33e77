// apps/examples/levels_of_files.cpp
//
// Parallel: the level of each of many sound files, several at a time, one line a file in the order of the arguments.
// A file that cannot be read is an error at its place, and the others go on.
//
//   levels_of_files FILE…
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "engine/stream/sources.hpp"
#include "engine/stream/stream.hpp"
#include "nodes/sources/frames_of.hpp"

using namespace streamlab;

namespace {

struct Sum {
  double squares = 0.0;  // over all samples of all channels
  double samples = 0.0;
};

Sum add(const Sum& sum, const DataFrame& frame) {
  Sum next = sum;
  for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
    const auto x = frame.channel(c);
    next.squares = std::inner_product(x.begin(), x.end(), x.begin(), next.squares);
    next.samples += static_cast<double>(x.size());
  }
  return next;
}

struct Level {
  std::string path;
  double level_db = 0.0;
};

// A stream of its own for each file, on whichever thread is free.
Result<Level> level_of(const std::string& path) {
  const auto sum = frames_of(path, 4096).reduce(Sum{}, add);
  if (!sum) { return tl::unexpected(sum.report.error->error); }
  if (sum->samples == 0.0) { return failed(path, "the file has no samples"); }
  return Level{path, 10.0 * std::log10(sum->squares / sum->samples)};
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> paths(argv + 1, argv + argc);
  const std::size_t threads = std::max(1U, std::thread::hardware_concurrency());
  const auto report = from_range(paths)
                          .parallel_map(threads, level_of, Order::ordered, collect_errors())
                          .for_each([](const Level& level) {
                            fmt::print("{:8.2f} dB re 1 FS  {}\n", level.level_db, level.path);
                          });
  for (const StreamError& error : report.collected) { fmt::print(stderr, "{}\n", to_string(error.error)); }
  if (!report.ok()) { fmt::print(stderr, "{}", to_string(report)); }
  return report.ok() && report.collected_count == 0 ? 0 : 1;
}
