// nodes/dsp/flush_denormals.hpp
//
// FlushDenormals: for its lifetime, numbers too small for a normal double count as zero on this thread.
//
// The tail of a recursive filter decays into such numbers, and most CPUs need some hundred cycles for each.
// Processing threads flush them anyway; the recursive loops of this folder do not rely on that.
#pragma once

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace streamlab::dsp {

#if defined(__SSE2__)
class FlushDenormals {
 public:
  FlushDenormals() noexcept : before_(_mm_getcsr()) {
    if ((before_ & kFlushBits) != kFlushBits) { _mm_setcsr(before_ | kFlushBits); }
  }
  ~FlushDenormals() {
    if ((before_ & kFlushBits) != kFlushBits) { _mm_setcsr(before_); }
  }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  static constexpr unsigned kFlushBits = 0x8040;  // results (bit 15) and operands (bit 6)
  unsigned before_;
};
#elif defined(__aarch64__)
class FlushDenormals {
 public:
  FlushDenormals() noexcept {
    asm volatile("mrs %0, fpcr" : "=r"(before_));
    asm volatile("msr fpcr, %0" ::"r"(before_ | kFlushBit));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(before_)); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  static constexpr unsigned long kFlushBit = 1UL << 24;
  unsigned long before_;
};
#else
#error "say here how this CPU flushes denormal numbers"
#endif

}  // namespace streamlab::dsp
