// hal/alsa/alsa_clock.cpp
#include "hal/alsa/alsa_clock.hpp"

#include <poll.h>

#include <ctime>

namespace streamlab {
namespace {

std::int64_t read_ns(clockid_t clock) noexcept {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

class SystemAlsaClock final : public AlsaClock {
 public:
  std::int64_t now_ns() const noexcept override { return read_ns(CLOCK_MONOTONIC); }
  void pause_ns(std::int64_t ns, int stop_fd) noexcept override {
    pollfd stop{stop_fd, POLLIN, 0};
    const timespec limit{ns / 1'000'000'000, ns % 1'000'000'000};
    ppoll(&stop, 1, &limit, nullptr);
  }
  std::int64_t epoch_offset_ns() const noexcept override {
    return read_ns(CLOCK_REALTIME) - read_ns(CLOCK_MONOTONIC);
  }
  bool real_time() const noexcept override { return true; }
};

}  // namespace

std::shared_ptr<AlsaClock> system_alsa_clock() { return std::make_shared<SystemAlsaClock>(); }

}  // namespace streamlab
