// nodes/dsp/tone_peaks.cpp
#include "nodes/dsp/tone_peaks.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace streamlab::dsp {
namespace {

// |Σ w[n] exp(-2πi n distance / N)| / Σ w[n].
double transform_at(std::span<const double> window, double distance) noexcept {
  double real = 0.0;
  double imaginary = 0.0;
  double sum = 0.0;
  const double step = 2.0 * std::numbers::pi * distance / static_cast<double>(window.size());
  for (std::size_t n = 0; n < window.size(); ++n) {
    real += window[n] * std::cos(step * static_cast<double>(n));
    imaginary += window[n] * std::sin(step * static_cast<double>(n));
    sum += window[n];
  }
  return std::hypot(real, imaginary) / sum;
}

}  // namespace

TonePeaks::TonePeaks(const Window& window, std::size_t fft_size) {
  // The lobe of a long window has the same shape as that of a shorter one, which takes less time.
  constexpr std::size_t kLongest = 512;
  std::vector<double> coefficients(std::clamp<std::size_t>(fft_size, 2, kLongest));
  Window scaled = window;
  if (window.type == WindowType::gaussian) {  // its parameter is in samples
    scaled.parameter *= static_cast<double>(coefficients.size()) / static_cast<double>(fft_size);
  }
  fill_window(scaled, WindowSymmetry::periodic, coefficients);
  for (std::size_t i = 0; i <= kSteps; ++i) {
    lobe_[i] = transform_at(coefficients, static_cast<double>(i) / kSteps);
  }
}

double TonePeaks::lobe(double distance) const noexcept {
  const double at = distance * kSteps;
  const std::size_t i = std::min(static_cast<std::size_t>(at), kSteps - 1);
  return lobe_[i] + (lobe_[i + 1] - lobe_[i]) * (at - static_cast<double>(i));
}

TonePeak TonePeaks::between_bins(std::span<const double> amplitudes, std::size_t bin) const noexcept {
  const double here = amplitudes[bin];
  const bool is_above = amplitudes[bin + 1] > amplitudes[bin - 1];
  const double ratio = amplitudes[is_above ? bin + 1 : bin - 1] / here;
  // lobe(1 - d) / lobe(d) grows with d, from lobe(1) at 0 to 1 at a half.
  double low = 0.0;
  double high = 0.5;
  if (!(ratio > lobe(1.0) / lobe(0.0))) { high = 0.0; }
  constexpr int kHalvings = 30;
  for (int i = 0; i < kHalvings && high > 0.0; ++i) {
    const double middle = (low + high) / 2.0;
    (lobe(1.0 - middle) / lobe(middle) < ratio ? low : high) = middle;
  }
  const double distance = (low + high) / 2.0;
  return {static_cast<double>(bin) + (is_above ? distance : -distance), here / lobe(distance)};
}

std::vector<TonePeak> TonePeaks::find(std::span<const double> amplitudes, std::size_t most,
                                      double range) const {
  std::vector<TonePeak> peaks;
  const std::size_t count = amplitudes.size();
  for (std::size_t k = 0; k < count; ++k) {
    // (A comparison with NaN is false: beside it, a bin is taken as it is.)
    const bool above_left = k == 0 || !(amplitudes[k - 1] >= amplitudes[k]);
    const bool above_right = k + 1 == count || !(amplitudes[k + 1] > amplitudes[k]);
    if (!(amplitudes[k] > 0.0) || !std::isfinite(amplitudes[k]) || !above_left || !above_right) { continue; }
    const bool has_neighbours =
        k > 0 && k + 1 < count && std::isfinite(amplitudes[k - 1]) && std::isfinite(amplitudes[k + 1]);
    peaks.push_back(has_neighbours ? between_bins(amplitudes, k)
                                   : TonePeak{static_cast<double>(k), amplitudes[k]});
  }
  const auto larger = [](const TonePeak& a, const TonePeak& b) { return a.amplitude > b.amplitude; };
  const auto end = peaks.begin() + static_cast<std::ptrdiff_t>(std::min(most, peaks.size()));
  std::partial_sort(peaks.begin(), end, peaks.end(), larger);
  peaks.erase(end, peaks.end());
  while (!peaks.empty() && peaks.back().amplitude * range < peaks.front().amplitude) { peaks.pop_back(); }
  return peaks;
}

}  // namespace streamlab::dsp
