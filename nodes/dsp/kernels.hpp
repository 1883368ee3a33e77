// nodes/dsp/kernels.hpp
//
// The inner loops that exist once per CpuPath, as a table of plain functions. Everyone else uses
// scale_chain.hpp and biquad.hpp; only those include this file.
//
// Each table is filled by a separate file (kernels_baseline.cpp, kernels_avx2.cpp, kernels_avx512.cpp), the
// only files compiled with flags for that CPU. They include no header with inline code that another file
// could share: the linker may keep either copy, and the wider one would crash a smaller CPU.
#pragma once

#include <cstddef>

#include "nodes/dsp/cpu_path.hpp"

namespace streamlab::dsp {

// y[n] = ((x[n] factors[0]) factors[1]) …, n < count. x and y may be the same. No alignment needed.
using ScaleChainKernel = void (*)(const double* x, double* y, std::size_t count, const double* factors,
                                  std::size_t factor_count) noexcept;

// One pass of a cascade over interleaved frames, in place: see biquad_kernel.hpp for `lanes` and `pad_slots`.
using BiquadKernel = void (*)(double* lanes, double* frames, std::size_t frame_count,
                              std::size_t pad_slots) noexcept;

inline constexpr std::size_t kMaxBiquadRows = 6;
inline constexpr std::size_t kBiquadWidths = 4;  // 1, 2, 4 and 8 interleaved channels

struct Kernels {
  std::size_t lane_count;  // doubles in one vector register
  // Registers that one pass of a cascade may span, for 1 << index interleaved channels; 0 if the channels do
  // not fit into one register.
  std::size_t max_rows[kBiquadWidths];
  ScaleChainKernel scale_chain;
  BiquadKernel biquad[kBiquadWidths][kMaxBiquadRows];  // [log2 of the interleaved channels][rows - 1]
};

extern const Kernels kBaselineKernels;
#if defined(__x86_64__)
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
#endif

// The kernels of `path`, which must be supported by this CPU.
const Kernels& kernels(CpuPath path) noexcept;

}  // namespace streamlab::dsp
