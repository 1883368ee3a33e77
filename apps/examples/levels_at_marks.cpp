// apps/examples/levels_at_marks.cpp
//
// A join by time: somebody noted moments by hand, a meter gave a level every 50 ms; which level was it then?
// Both are in order of time; a mark further than 30 ms from every level is left out and counted.
//
//   levels_at_marks [FILE]
#include <cmath>
#include <cstdio>
#include <vector>

#include <fmt/format.h>

#include "engine/graph/make_node.hpp"
#include "engine/stream/node_stage.hpp"
#include "engine/stream/sources.hpp"
#include "nodes/sources/frames_of.hpp"

using namespace streamlab;

namespace {

struct Mark {
  std::int64_t time_us = 0;
  const char* text = "";
};
struct Level {
  std::int64_t time_us = 0;
  double rms_db = 0.0;
};

}  // namespace

int main(int argc, char** argv) {
  const char* const path = argc > 1 ? argv[1] : "/usr/share/sounds/alsa/Front_Center.wav";
  auto meter = make_node_by_name("LevelMeter", R"({"interval_s": 0.05})");
  if (!meter) {
    fmt::print(stderr, "{}", to_string(meter.error(), ""));
    return 2;
  }
  auto levels = (frames_of(path) | from_node(std::move(*meter))).map([](const DataFrame& block) {
    return Level{block.timestamp_us(), block.channel("main_channel.rms_db")[0]};
  });
  const std::vector<Mark> marks{{110'000, "front"},
                                {660'000, "pause"},
                                {860'000, "center"},
                                {1'210'000, "the end"},
                                {9'000'000, "too late"}};
  std::size_t found_count = 0;

  const auto report =
      from_range(marks)
          .join_by_time(
              std::move(levels), [](const Mark& m) { return m.time_us; },
              [](const Level& l) { return l.time_us; }, 30'000, 16)
          .for_each([&found_count](const std::pair<Mark, Level>& found) {
            const auto& [mark, level] = found;
            ++found_count;
            fmt::print("{:<8} {:.2f} s  {}\n", mark.text, static_cast<double>(level.time_us) * 1e-6,
                       std::isinf(level.rms_db) ? "silence" : fmt::format("{:6.1f} dB", level.rms_db));
          });
  if (!report.ok()) {
    fmt::print(stderr, "{}", to_string(report));
    return 1;
  }
  if (found_count < marks.size()) {
    fmt::print(stderr, "marks too far from every level: {}\n", marks.size() - found_count);
  }
}
