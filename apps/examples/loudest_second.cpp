// apps/examples/loudest_second.cpp
//
// Windows: the loudest second of a recording, looked for every 50 ms, in constant memory.
//
//   loudest_second [FILE]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include <fmt/format.h>

#include "engine/stream/stream.hpp"
#include "nodes/sources/frames_of.hpp"

using namespace streamlab;

namespace {

struct Piece {
  std::int64_t position = 0;  // of its first frame
  double power = 0.0;         // mean square over all channels
};

Piece power_of(const DataFrame& frame) {
  double sum = 0.0;
  for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
    const auto x = frame.channel(c);
    sum = std::inner_product(x.begin(), x.end(), x.begin(), sum);
  }
  return {frame.position(), sum / (frame.frame_count() * frame.channel_count())};
}

}  // namespace

int main(int argc, char** argv) {
  const char* const path = argc > 1 ? argv[1] : "/usr/share/sounds/alsa/Front_Center.wav";
  constexpr std::uint32_t kRateHz = 48000;
  const auto loudest =
      frames_of(path, kRateHz / 20)  // pieces of 50 ms
          .map(power_of)
          .window(20, 1)
          .filter([](const Window<Piece>& w) { return w.complete; })
          .map([](const Window<Piece>& w) {
            double power = 0.0;
            for (const Piece& piece : w.items) { power += piece.power / 20.0; }
            return Piece{w.items.front().position, power};
          })
          .reduce(Piece{}, [](const Piece& a, const Piece& b) { return b.power > a.power ? b : a; });
  if (!loudest) {
    fmt::print(stderr, "{}", to_string(loudest.report));
    return 1;
  }
  fmt::print("the loudest second begins at {:.2f} s: {:.2f} dBFS\n",
             static_cast<double>(loudest->position) / kRateHz, 10.0 * std::log10(loudest->power));
}
