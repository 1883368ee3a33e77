// nodes/dsp/cpu_path.hpp
//
// Which vector unit the arithmetic uses. The library is built for the baseline x86-64; a few kernels are
// compiled three times and the best one that this processor has is chosen when an object is made.
#pragma once

#include <string_view>

namespace streamlab::dsp {

enum class CpuPath { baseline, avx2, avx512 };

// The best path of this processor (AVX-512 means F and DQ; AVX2 includes FMA). Any thread; asks once.
CpuPath cpu_path() noexcept;

std::string_view name(CpuPath path) noexcept;

}  // namespace streamlab::dsp

// A kernel is a function marked SL_KERNEL_BODY, inlined into one wrapper for each path.
#define SL_KERNEL_BODY inline __attribute__((always_inline))
#if defined(__x86_64__)
#define SL_TARGET_AVX2 __attribute__((target("avx2,fma")))
#define SL_TARGET_AVX512 __attribute__((target("avx512f,avx512dq,avx2,fma,prefer-vector-width=512")))
#else
#define SL_TARGET_AVX2
#define SL_TARGET_AVX512
#endif
