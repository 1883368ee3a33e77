// tests/nodes/dsp/planar.hpp
//
// Planar: channels of samples and the pointers to them, for tests of arithmetic that takes pointers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace streamlab::dsp {

struct Planar {
  Planar(std::size_t channels, std::size_t frames) : channel(channels, std::vector<double>(frames)) {}

  std::vector<const double*> in(std::size_t offset = 0) const {
    std::vector<const double*> pointers;
    for (const auto& samples : channel) { pointers.push_back(samples.data() + offset); }
    return pointers;
  }
  std::vector<double*> out(std::size_t offset = 0) {
    std::vector<double*> pointers;
    for (auto& samples : channel) { pointers.push_back(samples.data() + offset); }
    return pointers;
  }
  std::size_t frames() const { return channel.front().size(); }

  friend bool operator==(const Planar&, const Planar&) = default;

  std::vector<std::vector<double>> channel;
};

// Uniform noise in [-1, 1), the same on every machine: 53 bits of the generator, scaled by powers of two.
inline Planar noise(std::size_t channels, std::size_t frames, std::uint64_t seed = 1) {
  std::mt19937_64 generator(seed);
  Planar planar(channels, frames);
  for (auto& samples : planar.channel) {
    for (double& x : samples) { x = static_cast<double>(generator() >> 11U) * 0x1p-52 - 1.0; }
  }
  return planar;
}

// Runs `processor` over all of `in`, `block` frames at a time.
template <class Processor>
Planar run_in_blocks(Processor& processor, const Planar& in, std::size_t out_channels, std::size_t block) {
  Planar out(out_channels, in.frames());
  for (std::size_t n = 0; n < in.frames(); n += block) {
    processor.process(in.in(n), out.out(n), std::min(block, in.frames() - n));
  }
  return out;
}

}  // namespace streamlab::dsp
