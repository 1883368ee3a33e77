// engine/rt/cpu_dma_latency.hpp
//
// CpuDmaLatency: while it lives, the kernel uses only processor idle states with no wake-up latency. That
// halves the time a sleeping thread takes to run, and costs power.
#pragma once

#include "engine/base/error.hpp"

namespace streamlab {

class CpuDmaLatency {
 public:
  // Control thread. Opens /dev/cpu_dma_latency and asks for 0 µs; needs write permission for it.
  static Result<CpuDmaLatency> hold();

  CpuDmaLatency(CpuDmaLatency&& other) noexcept;
  CpuDmaLatency& operator=(CpuDmaLatency&&) = delete;
  ~CpuDmaLatency();

 private:
  explicit CpuDmaLatency(int file) : file_(file) {}
  int file_;
};

}  // namespace streamlab
