// nodes/dsp/scale_chain_kernel.hpp
//
// A run of factors applied to a block strip by strip: a strip is loaded into registers once, takes every
// factor there, and is stored once. Included by the kernels_*.cpp only, with that path's `Simd`.
#pragma once

#include <cstddef>

namespace streamlab::dsp {
namespace {  // one copy per including file, each for its own CPU

// One strip of `Registers` vectors. Enough of them hide the latency of the multiplication.
template <class Simd, int Registers>
[[gnu::always_inline]] inline void scale_strip(const double* x, double* y, const double* factors,
                                               std::size_t factor_count) noexcept {
  typename Simd::Vector v[Registers];
#pragma GCC unroll 16
  for (int i = 0; i < Registers; ++i) { v[i] = Simd::load_unaligned(x + i * Simd::kLanes); }
  for (std::size_t k = 0; k < factor_count; ++k) {
    const typename Simd::Vector factor = Simd::template broadcast<1>(factors + k);
#pragma GCC unroll 16
    for (int i = 0; i < Registers; ++i) { v[i] = v[i] * factor; }
  }
#pragma GCC unroll 16
  for (int i = 0; i < Registers; ++i) { Simd::store_unaligned(y + i * Simd::kLanes, v[i]); }
}

template <class Simd>
void scale_chain_pass(const double* x, double* y, std::size_t count, const double* factors,
                      std::size_t factor_count) noexcept {
  constexpr std::size_t kLanes = Simd::kLanes;
  constexpr int kWide = Simd::kStripRegisters;
  std::size_t n = 0;
  for (; n + kWide * kLanes <= count; n += kWide * kLanes) {
    scale_strip<Simd, kWide>(x + n, y + n, factors, factor_count);
  }
  for (; n + 4 * kLanes <= count; n += 4 * kLanes) {
    scale_strip<Simd, 4>(x + n, y + n, factors, factor_count);
  }
  for (; n + kLanes <= count; n += kLanes) { scale_strip<Simd, 1>(x + n, y + n, factors, factor_count); }
  if (n == count) { return; }
  double rest[kLanes] = {};
  for (std::size_t i = n; i < count; ++i) { rest[i - n] = x[i]; }
  scale_strip<Simd, 1>(rest, rest, factors, factor_count);
  for (std::size_t i = n; i < count; ++i) { y[i] = rest[i - n]; }
}

}  // namespace
}  // namespace streamlab::dsp
