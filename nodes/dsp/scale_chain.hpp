// nodes/dsp/scale_chain.hpp
//
// A run of constant factors on one block, as a row of gain stages applies them, for the memory traffic of
// one.
//
//   x[n] = (((x[n] factors[0]) factors[1]) …) factors[N - 1]
//
// The order of the multiplications is kept, so the result is the same, bit for bit, as applying the stages
// one after the other, on every CPU path and for every block size.
#pragma once

#include <span>

#include "nodes/dsp/cpu_path.hpp"

namespace streamlab::dsp {

// In place; no factors leave the block as it is. Any thread; wait-free, does not allocate. The time is that
// of block.size() factors.size() multiplications; the block is read and written once.
class ScaleChain {
 public:
  // `path` must be supported by this CPU.
  explicit ScaleChain(CpuPath path = cpu_path()) noexcept;
  void apply(std::span<double> block, std::span<const double> factors) const noexcept;

 private:
  void (*kernel_)(double*, std::size_t, const double*, std::size_t) noexcept;
};

}  // namespace streamlab::dsp
