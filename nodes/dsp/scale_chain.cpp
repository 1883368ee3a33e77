// nodes/dsp/scale_chain.cpp
#include "nodes/dsp/scale_chain.hpp"

#include "nodes/dsp/kernels.hpp"

namespace streamlab::dsp {

ScaleChain::ScaleChain(CpuPath path) noexcept : kernel_(kernels(path).scale_chain) {}

void ScaleChain::apply(std::span<const double> x, std::span<double> y,
                       std::span<const double> factors) const noexcept {
  kernel_(x.data(), y.data(), x.size(), factors.data(), factors.size());
}

}  // namespace streamlab::dsp
