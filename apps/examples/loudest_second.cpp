// apps/examples/loudest_second.cpp
//
// Windows by time: the loudest second of a recording, looked for every 50 ms, in constant memory. What is in
// a window are the levels of short pieces, not samples: 100 numbers a second instead of 48 000.
//
//   loudest_second [FILE]
#include <cmath>
#include <cstdio>
#include <numeric>

#include <fmt/format.h>

#include "engine/stream/stream.hpp"
#include "nodes/sources/frames_of.hpp"

using namespace streamlab;

namespace {

struct Piece {
  std::int64_t time_us = 0;  // of its first frame
  double squares = 0.0;      // sum over all samples of all channels
  double samples = 0.0;
};

Piece piece_of(const DataFrame& frame) {
  Piece piece{frame.timestamp_us()};
  for (std::uint32_t c = 0; c < frame.channel_count(); ++c) {
    const auto x = frame.channel(c);
    piece.squares = std::inner_product(x.begin(), x.end(), x.begin(), piece.squares);
    piece.samples += static_cast<double>(x.size());
  }
  return piece;
}

struct Second {
  std::int64_t begin_us = 0;
  double power = -1.0;  // mean square; none yet
};

Second second_of(const Window<Piece>& window) {
  Piece sum;
  for (const Piece& piece : window.items) {
    sum.squares += piece.squares;
    sum.samples += piece.samples;
  }
  return {window.begin, sum.squares / sum.samples};
}

}  // namespace

int main(int argc, char** argv) {
  const char* const path = argc > 1 ? argv[1] : "/usr/share/sounds/alsa/Front_Center.wav";
  const auto loudest =
      frames_of(path, 480)
          .map(piece_of)
          .window_by([](const Piece& piece) { return piece.time_us; }, 1'000'000, 50'000)
          .filter([](const Window<Piece>& window) { return window.complete; })
          .map(second_of)
          .reduce(Second{}, [](const Second& a, const Second& b) { return b.power > a.power ? b : a; });
  if (!loudest) {
    fmt::print(stderr, "{}", to_string(loudest.report));
    return 1;
  }
  if (loudest->power < 0.0) {
    fmt::print(stderr, "the recording is shorter than a second\n");
    return 1;
  }
  fmt::print("the loudest second begins at {:.2f} s: {:.2f} dB re 1 FS\n",
             static_cast<double>(loudest->begin_us) * 1e-6, 10.0 * std::log10(loudest->power));
}
