// nodes/dsp/cpu_path.cpp
//
// Asks the processor which vector units it has.
#include "nodes/dsp/cpu_path.hpp"

namespace streamlab::dsp {
namespace {

CpuPath detect() noexcept {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  const bool avx512 = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0;
  if (avx2 && avx512) { return CpuPath::avx512; }
  if (avx2) { return CpuPath::avx2; }
#endif
  return CpuPath::baseline;
}

}  // namespace

CpuPath cpu_path() noexcept {
  static const CpuPath path = detect();
  return path;
}

std::string_view name(CpuPath path) noexcept {
  switch (path) {
    case CpuPath::avx512:
      return "avx512";
    case CpuPath::avx2:
      return "avx2";
    case CpuPath::baseline:
      return "baseline";
  }
  return "baseline";
}

}  // namespace streamlab::dsp
