// apps/examples/resume_levels.cpp
//
// A checkpoint: the level of every 10 ms of a recording, one line each. Kill it at any moment and start it
// again: it goes on, and the lines are those of a run that was never killed.
//
//   resume_levels FILE OUTPUT STATE [BLOCKS]     BLOCKS: kills itself after so many, to try it out
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include <fmt/format.h>

#include "engine/stream/stream.hpp"
#include "nodes/sources/frames_of.hpp"

using namespace streamlab;

int main(int argc, char** argv) {
  if (argc < 4) {
    fmt::print(stderr, "usage: resume_levels FILE OUTPUT STATE [BLOCKS]\n");
    return 2;
  }
  const long killed_after = argc > 4 ? std::atol(argv[4]) : -1;
  long given = 0;
  const auto report =
      frames_of(argv[1], 480)
          // Exponential averaging: a state that a run without its past could not have.
          .scan(1e-10,
                [](const double& mean, const DataFrame& frame) {
                  const auto x = frame.channel(0U);
                  const double power =
                      std::inner_product(x.begin(), x.end(), x.begin(), 0.0) / frame.frame_count();
                  return mean + 0.1 * (power - mean);
                })
          .checkpoint({.path = argv[3], .every = 20})
          .map([&](double power) {
            if (given++ == killed_after) { std::raise(SIGKILL); }
            return 10.0 * std::log10(power);
          })
          // A file of a run that was killed before its first checkpoint is started over.
          .write_lines(argv[2],
                       [](double level_db) { return fmt::format("{{\"level_db\": {:.3f}}}", level_db); },
                       {.overwrite = true});
  fmt::print("{}", to_string(report));
  return report.ok() ? 0 : 1;
}
