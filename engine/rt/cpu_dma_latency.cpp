// engine/rt/cpu_dma_latency.cpp
#include "engine/rt/cpu_dma_latency.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace streamlab {
namespace {

constexpr const char* kDevice = "/dev/cpu_dma_latency";

}  // namespace

Result<CpuDmaLatency> CpuDmaLatency::hold() {
  const int file = open(kDevice, O_WRONLY | O_CLOEXEC);
  if (file < 0) {
    return failed(kDevice, std::strerror(errno), {},
                  "give this user write permission for it, or run as root");
  }
  // The kernel holds the request until the file is closed.
  const std::int32_t microseconds = 0;
  if (write(file, &microseconds, sizeof microseconds) != static_cast<ssize_t>(sizeof microseconds)) {
    const int error = errno;
    close(file);
    return failed(kDevice, std::strerror(error));
  }
  return CpuDmaLatency(file);
}

CpuDmaLatency::CpuDmaLatency(CpuDmaLatency&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

CpuDmaLatency::~CpuDmaLatency() {
  if (file_ >= 0) { close(file_); }
}

}  // namespace streamlab
