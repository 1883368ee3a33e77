// nodes/dsp/scale_chain.hpp
//
// Applies several constant factors to one block, like a chain of gain stages, with the memory traffic of one.
//
//   y[n] = (((x[n] factors[0]) factors[1]) …) factors[N - 1]
//
// The order of the multiplications is kept, so the result is bit-identical to applying the stages in
// sequence, on every CPU path and for every block size.
#pragma once

#include <cstddef>
#include <span>

#include "nodes/dsp/cpu_path.hpp"

namespace streamlab::dsp {

class ScaleChain {
 public:
  // `path` must be supported by this CPU.
  explicit ScaleChain(CpuPath path = cpu_path()) noexcept;

  // x and y have equal length, and are the same or do not overlap; without factors y is a copy of x. Any
  // thread; wait-free, does not allocate. x is read and y written once.
  void apply(std::span<const double> x, std::span<double> y, std::span<const double> factors) const noexcept;

 private:
  void (*kernel_)(const double*, double*, std::size_t, const double*, std::size_t) noexcept;
};

}  // namespace streamlab::dsp
