// hal/sim/sim_driver.hpp
//
// SimDriver: runs a simulated card. Its own thread handles the events of the timeline one by one.
//
//   virtual clock  No real time: each block follows as soon as the client has taken the previous one. Nothing
//                  depends on the machine; two runs of one script are bit-identical.
//   real time      A block comes when its last frame would have been captured, by an absolute deadline, so
//                  that late wake-ups do not add up. A wake-up that is late by more than the card's buffer
//                  (buffer_frames) is an xrun, and all whole periods missed are lost. A shorter delay is
//                  made up for and loses nothing.
//
// The timestamp of position p is epoch + p / (rate (1 + ppm 1e-6)), to the nearest microsecond, plus the
// jitter of the period that contains p; it never goes back.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/rt/thread.hpp"
#include "engine/run/driver.hpp"
#include "hal/sim/loopback_cable.hpp"
#include "hal/sim/playback_file.hpp"
#include "hal/sim/sim_script.hpp"
#include "hal/sim/sim_source.hpp"
#include "hal/sim/sim_timeline.hpp"
#include "hal/xrun_count.hpp"

namespace streamlab {

// A simulated card, ready to run.
struct SimCard {
  DeviceFormat format;
  SimClock clock = SimClock::real_time;
  SimTimeline timeline;
  std::unique_ptr<SimSource> source;          // of the inputs; null: a cable or no inputs
  std::unique_ptr<LoopbackCable> cable;       // null: none
  std::unique_ptr<PlaybackFile> playback_to;  // null: none
  // Makes playback_to when the card starts: a dry run writes nothing. Empty: none.
  std::function<Result<std::unique_ptr<PlaybackFile>>()> open_playback;
  // The card's channels that the client sees, from 0, in its order.
  std::vector<std::uint32_t> input_channels;
  std::vector<std::uint32_t> output_channels;
  std::int64_t buffer_frames = 0;
  double ppm = 0.0;
  double jitter_us = 0.0;
  std::uint64_t seed = 1;
  std::optional<std::int64_t> epoch_us;
  OnDeviceLoss on_device_loss = OnDeviceLoss::wait;
};

class SimDriver final : public Driver {
 public:
  explicit SimDriver(SimCard card);
  ~SimDriver() override;
  SimDriver(const SimDriver&) = delete;
  SimDriver& operator=(const SimDriver&) = delete;

  const DeviceFormat& format() const noexcept override { return card_.format; }
  // Only once: a card cannot be started again.
  Result<void> start(DeviceClient& client) override;
  // Waits for the current tick, if any: it returns as soon as the client does.
  void stop() noexcept override;
  DriverStatus status() const override;

 private:
  enum class Exchange { done, late, source_failed, playback_failed };
  void run() noexcept;  // the thread
  // One event of the timeline; false ends the run.
  bool handle(const SimEvent& event) noexcept;
  bool deliver(const SimEvent& block) noexcept;
  bool wait_for(const SimEvent& block, bool& missed) noexcept;
  Exchange exchange(const SimEvent& block) noexcept;
  void lose(std::int64_t position, std::int64_t frames) noexcept;
  bool has_passed(const SimEvent& event) noexcept;
  bool unplug(const SimEvent& event) noexcept;
  void fail(Error error) noexcept;

  double true_rate_hz() const noexcept;
  double jitter_of(std::int64_t due) const noexcept;  // µs
  std::int64_t timestamp_of(const SimEvent& block) noexcept;
  std::int64_t deadline_of(std::int64_t position) const noexcept;  // monotonic ns
  bool sleep_until(std::int64_t deadline_ns) const noexcept;       // false: stop() came first

  SimCard card_;
  DeviceClient* client_ = nullptr;
  Thread thread_;
  std::atomic<bool> stop_{false};

  // The driver's thread only.
  std::int64_t start_ns_ = 0;  // monotonic time of position 0
  std::int64_t epoch_us_ = 0;  // the Unix epoch's time of position 0
  std::int64_t held_until_ns_ = 0;
  std::int64_t last_timestamp_us_ = 0;
  std::int64_t reached_ = 0;            // position after the last frame delivered or lost
  std::optional<DriverState> outcome_;  // ended or failed; reported when the playback file is closed
  std::uint32_t xruns_before_ = 0;      // reported by the next tick
  bool gap_open_ = false;               // frames were lost since the last tick

  // Written by the driver's thread, read by any. Each is independent: relaxed order is enough. state_ is
  // written after failure_ (release), so a thread that sees `failed` (acquire) sees the reason. real_time_ is
  // written before start() returns.
  std::atomic<DriverState> state_{DriverState::idle};
  std::atomic<std::uint64_t> ticks_{0};
  std::atomic<std::uint64_t> frames_{0};
  XrunCount xruns_;
  std::atomic<std::uint64_t> gaps_{0};
  std::atomic<std::uint64_t> lost_frames_{0};
  std::atomic<std::uint64_t> reopened_{0};
  std::string real_time_;
  Error failure_;
};

}  // namespace streamlab
