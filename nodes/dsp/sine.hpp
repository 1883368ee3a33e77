// nodes/dsp/sine.hpp
//
// Sine: amplitude · sin(2π f n / fs + φ) at any sample number n, without drift.
//
// The phase is an integer: f / fs as a fraction of a turn in 128 bits, times n, modulo one turn. It is the
// same after a day as at the start (one hour at 192 kHz moves it by less than 2^-98 turn), and a sample
// depends on its number alone, so the stream is the same, bit for bit, however it is cut into blocks.
//
// A sample's phase is that of the last sample whose number is a multiple of 64, plus up to 63 steps. The sines
// and cosines of both are known to about 2^-62, in two parts of which the first has 26 bits behind the point.
// The sum of the products of first parts is exact, so that the sine is rounded once, and once more by the
// product with the amplitude.
//
// No fused operations are used, so every vector path gives the same bits.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "nodes/dsp/cpu_path.hpp"

namespace streamlab::dsp {

// A fraction of a turn, hi + lo · 2^-64, in units of 2^-64 turn; arithmetic wraps at one turn.
struct Turns {
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;

  friend bool operator==(const Turns&, const Turns&) = default;
};

// (numerator / denominator) modulo 1, rounded to 2^-128. Exact division of the two doubles; the denominator
// is positive and not below 1e-200, the numerator finite.
Turns turns_of_ratio(double numerator, double denominator) noexcept;

// The sine and cosine of an angle, each in two parts: top is a multiple of 2^-26.
struct Phasor {
  double sin_top = 0.0;
  double sin_rest = 0.0;
  double cos_top = 1.0;
  double cos_rest = 0.0;
};

// The phasors of 0 … kCount - 1 steps, and their sums top + rest.
struct SineLanes {
  static constexpr std::size_t kCount = 64;
  using Numbers = std::array<double, kCount>;
  Numbers cos_top, cos_rest, cosine, sin_top, sin_rest, sine;
};

class Sine {
 public:
  // `frequency_hz` finite, of any sign; `sample_rate_hz` > 0; `amplitude` is the peak; `phase_deg` finite,
  // the phase at sample 0. `path`: vector unit to use, at most cpu_path().
  Sine(double frequency_hz, double sample_rate_hz, double amplitude = 1.0, double phase_deg = 0.0,
       CpuPath path = cpu_path()) noexcept;

  // Samples first_sample … first_sample + out.size() - 1. Any thread; no allocation.
  void fill(std::uint64_t first_sample, std::span<double> out) const noexcept;

  // The same with an amplitude of 1, and the cosine of the same phase.
  void fill_both(std::uint64_t first_sample, std::span<double> sine, std::span<double> cosine) const noexcept;

  // Goes on where `before` is at `sample`: the phase there is that of `before`, plus what phase_deg differs by. Returns
  // that difference in turns, -0.5 … 0.5. Making a sine takes about a microsecond; this takes a few nanoseconds.
  double continue_from(const Sine& before, std::uint64_t sample) noexcept;
  double amplitude() const noexcept { return amplitude_; }

 private:
  void set_step(Turns step) noexcept;
  Turns phase_at(std::uint64_t sample) const noexcept;
  void fill_ahead(Turns ahead, double amplitude, std::uint64_t first_sample,
                  std::span<double> out) const noexcept;

  CpuPath path_;
  double amplitude_;
  Turns phase_;   // phase_deg
  Turns origin_;  // phase of sample 0; another one than phase_ behind a change of the frequency
  Turns step_;    // phase from one sample to the next
  SineLanes lanes_;
};

}  // namespace streamlab::dsp
