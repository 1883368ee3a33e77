// nodes/dsp/tone_peaks.hpp
//
// TonePeaks: the largest peaks of an amplitude spectrum, with the frequency and the amplitude of the tone that
// makes each of them, also where it lies between two bins.
//
// A tone at a distance of d bins from bin k gives |X[k]| = A W(d) and |X[k + 1]| = A W(1 - d), where W is the
// transform of the window, 1 at 0. The ratio of the two gives d, and |X[k]| / W(d) the amplitude A. This is exact for
// a single tone, and for tones that are further apart than the window's main lobe is wide.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "nodes/dsp/window.hpp"

namespace streamlab::dsp {

struct TonePeak {
  double bin = 0.0;  // where it lies, between the bins too
  double amplitude = 0.0;
};

class TonePeaks {
 public:
  // Allocates; not for the real-time thread. `fft_size`: samples in a transform; the window is as long.
  TonePeaks(const Window& window, std::size_t fft_size);
  // Of a window that is not known: a peak lies on its bin.
  TonePeaks() { lobe_.fill(1.0); }

  // The largest `most` peaks of `amplitudes` (one per bin; NaN where there is none), the largest first. A peak is
  // larger than both its neighbours, and no more than `range` times smaller than the largest. The first and the last
  // bin (DC, Nyquist) are taken as they are.
  std::vector<TonePeak> find(std::span<const double> amplitudes, std::size_t most, double range) const;

 private:
  static constexpr std::size_t kSteps = 128;  // a bin
  // W(distance), of 0 … 1 bins.
  double lobe(double distance) const noexcept;
  TonePeak between_bins(std::span<const double> amplitudes, std::size_t bin) const noexcept;

  std::array<double, kSteps + 1> lobe_{};  // W(i / kSteps)
};

}  // namespace streamlab::dsp
