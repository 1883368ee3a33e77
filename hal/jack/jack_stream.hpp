// hal/jack/jack_stream.hpp
//
// JackStream: what happens inside one JACK cycle, without JACK. It turns float buffers into doubles, ticks
// the graph in blocks of at most max_block_frames, turns its doubles into float buffers in the same cycle,
// and keeps the stream's position and time. It takes and returns plain values, so tests need no server.
//
// Position. JACK's frame time counts the frames of its cycles; when this process misses cycles it jumps, and
// the jump is the number of frames lost, exactly. Frames that the server itself lost (an xrun of the card, a
// change of period, a restart) are not included: the clock model says how many frames the device made
// meanwhile. A frame time that contradicts the clock by more than kTrustedSeconds (a server that switched to
// another card's clock) is not trusted either.
//
// Time. A block's timestamp is that of its first frame at the connector: start of the cycle minus the capture
// latency that JACK reports. While JACK freewheels, time follows the frames; afterwards it continues from
// there, ahead of the wall clock by the time gained, so that timestamps never run backwards.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "engine/run/driver.hpp"
#include "hal/clock_model.hpp"
#include "hal/xrun_count.hpp"

namespace streamlab {

// JACK's data about one cycle.
struct JackCycle {
  std::uint32_t frame_count = 0;
  std::uint32_t frame_time = 0;            // of its first frame; wraps at 2^32
  std::int64_t start_ns = 0;               // monotonic time of its start
  std::uint32_t input_latency_frames = 0;  // from the connector to this cycle
  bool freewheel = false;
  bool xrun = false;  // reported since the last cycle
  // Of each port, inputs before outputs: whether anything is connected to it.
  std::span<const std::uint8_t> connected = {};
};

class JackStream {
 public:
  static constexpr double kTrustedSeconds = 0.1;
  static constexpr std::uint32_t kSuspectCycles = 4;  // after an xrun, because its notice may come early

  // `epoch_offset_ns`: Unix epoch's clock minus monotonic clock.
  JackStream(double sample_rate_hz, std::uint32_t max_block_frames, std::int64_t epoch_offset_ns) noexcept;

  // Control thread, before the first cycle: the stream begins at this time, if the server is lost before that cycle.
  void begin(std::int64_t monotonic_ns) noexcept { begun_ns_ = monotonic_ns; }
  // Control thread, while no cycle runs: the next cycle is the first of a new connection to a server.
  void reconnect() noexcept {
    fresh_ = true;
    if (!clock_.started()) { clock_.restart(0, begun_ns_); }
  }
  // Control thread, when no more cycles come.
  void end() noexcept { xruns_.end(); }

  // JACK's thread. `inputs` and `outputs`: one buffer of frame_count floats per channel of the client.
  void process(const JackCycle& cycle, DeviceClient& client, std::span<const float* const> inputs,
               std::span<float* const> outputs) noexcept;

  // Any thread.
  std::uint64_t ticks() const noexcept { return ticks_.load(std::memory_order_relaxed); }
  std::uint64_t frames() const noexcept { return frames_.load(std::memory_order_relaxed); }
  std::uint64_t gaps() const noexcept { return gaps_.load(std::memory_order_relaxed); }
  std::uint64_t lost_frames() const noexcept { return lost_frames_.load(std::memory_order_relaxed); }
  const XrunCount& xruns() const noexcept { return xruns_; }

 private:
  std::int64_t lost_before(const JackCycle& cycle, std::int64_t measured_ns) const noexcept;
  void follow_time(const JackCycle& cycle, std::int64_t measured_ns) noexcept;

  const double sample_rate_hz_;
  const std::uint32_t max_block_frames_;

  // JACK's thread only.
  ClockModel clock_;
  bool fresh_ = true;
  std::int64_t begun_ns_ = 0;
  bool freewheel_ = false;
  std::uint32_t suspect_cycles_ = 0;    // this many more cycles may show frames that the server lost
  std::uint32_t last_frame_time_ = 0;   // of the cycle before
  std::uint32_t last_frame_count_ = 0;  // likewise
  std::int64_t position_ = 0;           // of the next frame
  std::int64_t ahead_ns_ = 0;           // of the wall clock, due to freewheeling

  // Counters: written by JACK's thread, read by any. Each is independent, hence relaxed.
  XrunCount xruns_{kSuspectCycles};
  std::atomic<std::uint64_t> ticks_{0};
  std::atomic<std::uint64_t> frames_{0};
  std::atomic<std::uint64_t> gaps_{0};
  std::atomic<std::uint64_t> lost_frames_{0};
};

}  // namespace streamlab
