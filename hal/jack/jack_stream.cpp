// hal/jack/jack_stream.cpp
#include "hal/jack/jack_stream.hpp"

#include <algorithm>
#include <cmath>

namespace streamlab {

JackStream::JackStream(double sample_rate_hz, std::uint32_t max_block_frames,
                       std::int64_t epoch_offset_ns) noexcept
    : sample_rate_hz_(sample_rate_hz),
      max_block_frames_(max_block_frames),
      clock_(sample_rate_hz, epoch_offset_ns) {}

// Frames of the device between the last cycle and this one.
std::int64_t JackStream::lost_before(const JackCycle& cycle, std::int64_t measured_ns) const noexcept {
  if (!clock_.started()) { return 0; }
  const std::int64_t by_time = clock_.gap_frames(position_, measured_ns);
  if (fresh_) { return by_time; }
  // A stalled server continues with the next frame time, later by what it lost. Around a change of period the
  // frame time is meaningless (it counts the new period for a cycle of the old one).
  const bool resized = cycle.frame_count != last_frame_count_;
  const auto unseen = [&](std::int64_t seen) { return 2 * (by_time - seen) > cycle.frame_count; };
  if (resized && !cycle.freewheel) { return unseen(0) ? by_time : 0; }
  // Unsigned arithmetic wraps as the frame time does; a jump of more than 2^31 frames is a jump back.
  const auto by_frames = static_cast<std::int64_t>(
      static_cast<std::int32_t>(cycle.frame_time - last_frame_time_ - last_frame_count_));
  if (cycle.freewheel || freewheel_) { return std::max<std::int64_t>(0, by_frames); }
  const double trusted = kTrustedSeconds * sample_rate_hz_;
  const bool contradicted = static_cast<double>(std::abs(by_frames - by_time)) > trusted && by_frames != 0;
  if (by_frames < 0 || contradicted) { return by_time; }
  return suspect_cycles_ > 0 && unseen(by_frames) ? by_time : by_frames;
}

void JackStream::follow_time(const JackCycle& cycle, std::int64_t measured_ns) noexcept {
  if (cycle.freewheel) { return; }
  if (freewheel_) {
    const std::int64_t continued_ns = clock_.time_of(position_);
    ahead_ns_ += continued_ns - measured_ns;
    clock_.restart(position_, continued_ns);
  } else if (fresh_) {
    clock_.restart(position_, measured_ns);
  } else {
    clock_.update(position_, measured_ns);
  }
}

void JackStream::process(const JackCycle& cycle, DeviceClient& client, std::span<const float* const> inputs,
                         std::span<float* const> outputs) noexcept {
  if (cycle.xrun) { suspect_cycles_ = kSuspectCycles; }
  const auto latency_ns = std::llround(cycle.input_latency_frames * 1e9 / sample_rate_hz_);
  const std::int64_t measured_ns = cycle.start_ns - latency_ns + ahead_ns_;
  const std::int64_t lost = lost_before(cycle, measured_ns);
  if (lost > 0) {
    position_ += lost;
    gaps_.fetch_add(1, std::memory_order_relaxed);
    lost_frames_.fetch_add(static_cast<std::uint64_t>(lost), std::memory_order_relaxed);
  }
  xruns_.tick(cycle.xrun ? 1 : 0, lost > 0);
  follow_time(cycle, measured_ns);
  if (lost > 0) { suspect_cycles_ = 0; }
  if (suspect_cycles_ > 0) { --suspect_cycles_; }
  fresh_ = false;
  freewheel_ = cycle.freewheel;
  last_frame_time_ = cycle.frame_time;
  last_frame_count_ = cycle.frame_count;

  bool xrun = cycle.xrun;
  for (std::uint32_t from = 0; from < cycle.frame_count; from += max_block_frames_) {
    const std::uint32_t count = std::min(max_block_frames_, cycle.frame_count - from);
    const auto blocks_in = client.inputs();
    for (std::size_t c = 0; c < inputs.size(); ++c) { std::copy_n(inputs[c] + from, count, blocks_in[c]); }
    client.tick({position_, clock_.unix_us_of(position_), count, xrun});
    const auto blocks_out = client.outputs();
    for (std::size_t c = 0; c < outputs.size(); ++c) {
      std::transform(blocks_out[c], blocks_out[c] + count, outputs[c] + from,
                     [](double sample) { return static_cast<float>(sample); });
    }
    xrun = false;
    position_ += count;
    ticks_.fetch_add(1, std::memory_order_relaxed);
    frames_.fetch_add(count, std::memory_order_relaxed);
  }
}

}  // namespace streamlab
