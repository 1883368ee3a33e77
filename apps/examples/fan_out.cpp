// apps/examples/fan_out.cpp
//
// One stream to two chains on threads of their own: the recording is read once, its peak is looked for here
// and its power there. Neither can run ahead of the other by more than 8 blocks.
//
//   fan_out [FILE]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <future>
#include <numeric>

#include <fmt/format.h>

#include "engine/stream/stream.hpp"
#include "nodes/sources/frames_of.hpp"

using namespace streamlab;

int main(int argc, char** argv) {
  const char* const path = argc > 1 ? argv[1] : "/usr/share/sounds/alsa/Front_Center.wav";
  auto [for_peak, for_power] = frames_of(path, 512).tee<2>(8);

  auto peak = std::async(std::launch::async, [stream = std::move(for_peak)]() mutable {
    return std::move(stream).reduce(0.0, [](double highest, const DataFrame& frame) {
      for (const double x : frame.channel(0U)) { highest = std::max(highest, std::abs(x)); }
      return highest;
    });
  });
  struct Sum {
    double squares = 0.0;
    std::uint64_t frames = 0;
  };
  const auto power = std::move(for_power).reduce(Sum{}, [](const Sum& sum, const DataFrame& frame) {
    const auto x = frame.channel(0U);
    return Sum{std::inner_product(x.begin(), x.end(), x.begin(), sum.squares),
               sum.frames + frame.frame_count()};
  });
  const auto highest = peak.get();
  if (!highest || !power) {
    fmt::print(stderr, "{}{}", to_string(highest.report), to_string(power.report));
    return 1;
  }
  fmt::print("peak {:.2f} dBFS, rms {:.2f} dB re 1 FS over {} frames\n", 20.0 * std::log10(*highest),
             10.0 * std::log10(power->squares / static_cast<double>(power->frames)), power->frames);
}
