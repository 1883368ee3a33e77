// hal/alsa/alsa_clock.hpp
//
// AlsaClock: the clock of the ALSA driver. The system's, or one that a test advances.
#pragma once

#include <cstdint>
#include <memory>

namespace streamlab {

// Any thread.
class AlsaClock {
 public:
  virtual ~AlsaClock() = default;
  virtual std::int64_t now_ns() const noexcept = 0;  // monotonic
  // Lets `ns` pass, or returns as soon as `stop_fd` is readable.
  virtual void pause_ns(std::int64_t ns, int stop_fd) noexcept = 0;
  // The Unix epoch's clock minus this one.
  virtual std::int64_t epoch_offset_ns() const noexcept = 0;
  virtual bool real_time() const noexcept = 0;
};

std::shared_ptr<AlsaClock> system_alsa_clock();

}  // namespace streamlab
