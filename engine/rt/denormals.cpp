// engine/rt/denormals.cpp
#include "engine/rt/denormals.hpp"

#include <cstdint>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace streamlab {

#if defined(__SSE2__)

namespace {
// Intel 64 and IA-32 Architectures Software Developer's Manual, Volume 1, 10.2.3: MXCSR bit 15 makes
// denormal results zero, bit 6 denormal operands.
constexpr unsigned kFlushToZero = 1U << 15;
constexpr unsigned kDenormalsAreZero = 1U << 6;
}  // namespace

bool flush_denormals() noexcept {
  _mm_setcsr(_mm_getcsr() | kFlushToZero | kDenormalsAreZero);
  return denormals_flushed();
}

bool denormals_flushed() noexcept {
  constexpr unsigned kBoth = kFlushToZero | kDenormalsAreZero;
  return (_mm_getcsr() & kBoth) == kBoth;
}

#elif defined(__aarch64__)

namespace {
// Arm Architecture Reference Manual, FPCR: bit 24 (FZ) makes denormal operands and results zero.
constexpr std::uint64_t kFlushToZero = 1ULL << 24;

std::uint64_t control() noexcept {
  std::uint64_t value = 0;
  asm volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}
}  // namespace

bool flush_denormals() noexcept {
  asm volatile("msr fpcr, %0" : : "r"(control() | kFlushToZero));
  return denormals_flushed();
}

bool denormals_flushed() noexcept { return (control() & kFlushToZero) != 0; }

#else

bool flush_denormals() noexcept { return false; }
bool denormals_flushed() noexcept { return false; }

#endif

}  // namespace streamlab
