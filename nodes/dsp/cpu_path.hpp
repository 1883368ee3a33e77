// nodes/dsp/cpu_path.hpp
//
// Which vector unit the arithmetic uses. The library is built for the baseline x86-64; a few kernels are
// compiled three times, and the best one supported by this processor is chosen when an object is created.
//
// On one path the results are bit-identical for every block size; two paths agree to 1e-13 of the result's
// peak (the wider ones have fused multiply-add, which rounds once where the baseline rounds twice).
//
// The environment variable STREAMLAB_CPU_PATH (baseline, avx2, avx512) overrides the choice.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace streamlab::dsp {

enum class CpuPath { baseline, avx2, avx512 };  // avx2 includes FMA; avx512 means F, DQ and VL

// The path that everything here uses unless told otherwise: chosen_cpu_path().path. Any thread; asks once.
CpuPath cpu_path() noexcept;

std::string_view name(CpuPath path) noexcept;

// Whether this processor, under this operating system, can run `path`. Any thread.
bool cpu_supports(CpuPath path) noexcept;

// Every path that can run here, slowest first; never empty.
std::vector<CpuPath> supported_cpu_paths();

// A choice and, if it is not the requested one, the reason (a sentence without a full stop).
struct CpuPathChoice {
  CpuPath path = CpuPath::baseline;
  std::string error = {};  // empty: as requested
};

// The path named `wish`; the best supported one when `wish` is null or empty. An unknown name, or a path that
// this processor lacks, gives the best supported one together with an error.
CpuPathChoice choose_cpu_path(const char* wish);

// choose_cpu_path(STREAMLAB_CPU_PATH), looked up once, when first asked for. Any thread. A program should
// refuse to start when `error` is not empty.
const CpuPathChoice& chosen_cpu_path() noexcept;

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
