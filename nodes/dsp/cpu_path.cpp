// nodes/dsp/cpu_path.cpp
//
// Asks the processor which vector units it has, and the environment which one to use.
#include "nodes/dsp/cpu_path.hpp"

#include <array>
#include <cstdlib>

namespace streamlab::dsp {
namespace {

constexpr std::array kAllPaths{CpuPath::baseline, CpuPath::avx2, CpuPath::avx512};

}  // namespace

CpuPath cpu_path() noexcept { return chosen_cpu_path().path; }

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

bool cpu_supports([[maybe_unused]] CpuPath path) noexcept {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  const bool avx512 = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
                      __builtin_cpu_supports("avx512vl") != 0;
  if (path == CpuPath::avx512) { return avx2 && avx512; }
  if (path == CpuPath::avx2) { return avx2; }
#endif
  return path == CpuPath::baseline;
}

std::vector<CpuPath> supported_cpu_paths() {
  std::vector<CpuPath> paths;
  for (const CpuPath path : kAllPaths) {
    if (cpu_supports(path)) { paths.push_back(path); }
  }
  return paths;
}

CpuPathChoice choose_cpu_path(const char* wish) {
  CpuPathChoice choice{supported_cpu_paths().back()};
  const std::string wanted = wish == nullptr ? "" : wish;
  if (wanted.empty()) { return choice; }
  for (const CpuPath path : kAllPaths) {
    if (wanted != name(path)) { continue; }
    if (cpu_supports(path)) {
      choice.path = path;
    } else {
      choice.error = "this processor does not support the CPU path \"" + wanted +
                     "\"; the best supported "
                     "one is \"" +
                     std::string(name(choice.path)) + "\"";
    }
    return choice;
  }
  choice.error =
      "there is no CPU path \"" + wanted + "\"; expected \"baseline\", \"avx2\" or \"avx512\", or nothing";
  return choice;
}

const CpuPathChoice& chosen_cpu_path() noexcept {
  static const CpuPathChoice choice = choose_cpu_path(std::getenv("STREAMLAB_CPU_PATH"));
  return choice;
}

}  // namespace streamlab::dsp
