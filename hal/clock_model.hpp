// hal/clock_model.hpp
//
// ClockModel: maps a device's frame counter to time. It converts positions (frames) to the system's monotonic
// clock (ns) and Unix time (µs) and back, and measures the device's true rate. It never reads a clock,
// allocates or locks; the driver feeds it one (position, time) pair per period.
//
// A second-order delay-locked loop after F. Adriaensen, "Using a DLL to filter time" (2005), eq. 9 ff.:
//
//   e  = measured time − predicted time
//   t' = t + n p + b e        the next prediction, n frames later    b = sqrt(2) w      w = 2 pi B n / rate
//   p' = p + c e / n          the duration of one frame              c = w^2
//
// At first the gains are those of a least-squares line through all updates so far (growing-memory alpha-beta
// filter: b = 2(2k−1)/(k(k+1)), c = 6/(k(k+1)) at the k-th period), as if kAssumedSeconds had been seen at
// the nominal rate; once these fall below the loop's own, the loop takes over. The correction b e is spread
// over the n frames to the next update, so time is continuous and rises with the position.
//
// With white jitter of s seconds rms on updates every T seconds, the settled loop's period has a relative
// standard deviation of s sqrt(W^3 T / (2 sqrt(2))), W = 2 pi B: 0.4 ppm for 100 µs at 64 frames, 48 kHz.
#pragma once

#include <cmath>
#include <cstdint>

namespace streamlab {

enum class ClockEvent {
  locked,    // the time fitted
  early,     // earlier than kOutlier times the jitter. No wake-up is early: the line was late and catches up
  late,      // an outlier: later than kOutlier times the jitter; counted only as far as that
  relocked,  // late for so long that time has shifted against the frames: the model restarts here
};

class ClockModel {
 public:
  static constexpr double kBandwidthHz = 0.05;       // B: follows slower drifts, smooths faster jitter
  static constexpr double kAssumedSeconds = 0.1;     // the weight of the nominal rate at the start
  static constexpr double kOutlier = 4.0;            // times the jitter
  static constexpr double kLeastJitterNs = 20'000;   // below this, size alone makes no outlier
  static constexpr double kFirstJitterNs = 500'000;  // assumed until measured
  static constexpr double kRelockSeconds = 0.1;  // late for this long and kRelockUpdates in a row: relocked
  static constexpr std::uint32_t kRelockUpdates = 4;

  // nominal_rate_hz > 0. `epoch_offset_ns`: Unix time minus monotonic time, read once when the driver opens;
  // later steps of the system's time of day do not affect the stream.
  explicit ClockModel(double nominal_rate_hz, std::int64_t epoch_offset_ns = 0) noexcept;

  // The first update, or the first after a gap: `position` is at `monotonic_ns`, without smoothing. The
  // measured rate and jitter are kept.
  void restart(std::int64_t position, std::int64_t monotonic_ns) noexcept;

  // The first update after a gap whose length was taken from the line, with gap_frames(): `position` is where the line
  // has it. (That is less than a frame from where it was measured. A restart() would forget the rest of the rounding,
  // and from gap to gap it would add up.)
  void carry_on(std::int64_t position) noexcept {
    restart(position, anchor_ns_ + std::llround(ahead_ns(position)));
  }

  // One more period: frame `position` was measured to be at `monotonic_ns`. Before the first restart(), or
  // when `position` is not beyond the last one, this is a restart().
  ClockEvent update(std::int64_t position, std::int64_t monotonic_ns) noexcept;

  bool started() const noexcept { return started_; }

  // Any position, past or future. Valid once started.
  std::int64_t time_of(std::int64_t position) const noexcept;          // monotonic ns
  std::int64_t unix_us_of(std::int64_t position) const noexcept;       // µs since the Unix epoch
  std::int64_t position_at(std::int64_t monotonic_ns) const noexcept;  // nearest frame

  // Frames lost between `expected_position`, the next one due, and a block that begins at `monotonic_ns`
  // after the device was away: as many as it would have made in that time at its measured rate. Never
  // negative.
  std::int64_t gap_frames(std::int64_t expected_position, std::int64_t monotonic_ns) const noexcept;

  double nominal_rate_hz() const noexcept { return nominal_rate_hz_; }
  double rate_hz() const noexcept { return 1e9 / frame_ns_; }  // frames per second of the system's clock
  double ppm() const noexcept { return (1e9 / (frame_ns_ * nominal_rate_hz_) - 1.0) * 1e6; }
  double jitter_ns() const noexcept;  // rms of e over about the last second, outliers cut
  double measured_s() const noexcept { return measured_s_; }  // duration of the rate measurement
  std::int64_t epoch_offset_ns() const noexcept { return epoch_offset_ns_; }

 private:
  double ahead_ns(std::int64_t position) const noexcept;  // from anchor_ns_

  double nominal_rate_hz_;
  std::int64_t epoch_offset_ns_;
  bool started_ = false;
  // The line: time is anchor_ns_ + anchor_fraction_ns_ at anchor_position_ and rises by frame_ns_ a frame,
  // with correction_ns_ more spread over the next correction_frames_.
  std::int64_t anchor_position_ = 0;
  std::int64_t anchor_ns_ = 0;
  double anchor_fraction_ns_ = 0.0;  // 0 .. 1: an int64 of ns holds 292 years, a double's 53 bits 104 days
  double frame_ns_;                  // p: duration of one frame
  double correction_ns_ = 0.0;       // b e
  double correction_frames_ = 0.0;   // n
  bool catching_up_ = false;         // the line was late and has not caught up yet
  double jitter_square_ns2_;
  double measured_s_ = 0.0;
  double late_s_ = 0.0;             // how long every update has been late
  std::uint32_t late_updates_ = 0;  // in a row
};

}  // namespace streamlab
