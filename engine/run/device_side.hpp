// engine/run/device_side.hpp
//
// DeviceSide: the graph as its driver sees it: it ticks the device's domain, counts what the device gives, and knows when the
// graph has had enough of it, and when the device is away.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "engine/run/domain.hpp"
#include "engine/run/driver.hpp"
#include "engine/run/engine.hpp"
#include "engine/run/event_finder.hpp"
#include "engine/run/tick_times.hpp"

namespace streamlab {

class DeviceSide final : public DeviceClient {
 public:
  // `limit_frames`: how much of its signal was asked for; 0: no limit. Both must outlive it.
  DeviceSide(Domain& domain, Driver& driver, std::uint64_t limit_frames)
      : domain_(domain), driver_(driver), limit_frames_(limit_frames) {}

  // --- the driver's thread
  std::span<double* const> inputs() noexcept override { return domain_.device_inputs(); }
  std::span<const double* const> outputs() noexcept override { return domain_.device_outputs(); }
  void tick(const TickInfo& info) noexcept override;
  bool is_through() const noexcept override { return over_.load(std::memory_order_relaxed); }

  // --- any thread
  // The driver is about to start.
  void begin() noexcept { begun_.store(WakeSignal::Clock::now(), std::memory_order_relaxed); }
  // The graph needs the device no more, or has failed.
  bool is_over() const noexcept { return over_.load(std::memory_order_acquire); }
  // Is the device's own input over, or has it failed for good; or is it away while the time that was asked for has passed?
  bool has_ended() const;
  // Does it give no blocks now?
  bool is_away() const { return is_away(driver_.status().state, kSilence); }
  // Frames that it has given or taken.
  std::uint64_t frames() const noexcept { return frames_.load(std::memory_order_relaxed); }
  // Frames that it would have given or taken between its loss and now, up to the limit. Before it is stopped.
  std::uint64_t count_missing() const;
  // `status`: what the driver says; what came after the end of the graph is not counted.
  void report(EngineStatus& status) const;
  // `view`: the gaps since the last time, and where the last xrun was. One at a time.
  void report(EngineView& view);

 private:
  using Clock = WakeSignal::Clock;
  // A device that gave no block for this long, and for eight of its periods, counts as away, even while its driver tries to
  // reopen it.
  static constexpr std::chrono::milliseconds kSilence{500};

  void count(const TickInfo& info) noexcept;
  bool is_away(DriverState state, std::chrono::milliseconds patience) const;
  Clock::time_point last_tick() const;
  bool limit_has_passed() const;
  double frames_since(Clock::time_point begin) const;

  Domain& domain_;
  Driver& driver_;
  const std::uint64_t limit_frames_;
  std::atomic<Clock::time_point> begun_{};
  // The driver's thread writes.
  TickTimes tick_times_;
  std::int64_t next_position_ = 0;
  std::atomic<std::int64_t> xrun_position_{0};
  GapMarks gap_marks_;
  std::uint64_t tail_frames_ = 0;  // ticked since the graph ended
  std::atomic<std::uint64_t> frames_{0};
  std::atomic<std::uint64_t> xruns_{0};
  std::atomic<std::uint64_t> gaps_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<bool> domain_is_over_{false};
  std::atomic<bool> over_{false};
  std::atomic<Clock::time_point> last_tick_{};
};

}  // namespace streamlab
