// nodes/dsp/kernels.cpp
#include "nodes/dsp/kernels.hpp"

namespace streamlab::dsp {

const Kernels& kernels(CpuPath path) noexcept {
#if defined(__x86_64__)
  if (path == CpuPath::avx512) { return kAvx512Kernels; }
  if (path == CpuPath::avx2) { return kAvx2Kernels; }
#else
  static_cast<void>(path);
#endif
  return kBaselineKernels;
}

}  // namespace streamlab::dsp
