// nodes/dsp/window.hpp
//
// Window functions, and the two numbers needed to correct a spectrum for them.
//
//   periodic   for spectra: N samples of a window of period N
//   symmetric  for filter design: first and last sample equal
//
// Cosine windows are w[n] = Σ (-1)^k a_k cos(2π k n / M), M = N (periodic) or N - 1 (symmetric):
//   hann 0.5 0.5 · hamming 0.54 0.46 · blackman 0.42 0.5 0.08
//   blackman_harris  minimum 4-term, F. J. Harris, Proc. IEEE 66 (1978), table I
//   nuttall          minimum 4-term, A. H. Nuttall, IEEE Trans. ASSP 29 (1981): 0.3635819 …
//   flattop          5-term, D'Antona and Ferrero, Digital Signal Processing for Measurement Systems (2006),
//   p. 70
// kaiser is I0(β √(1 - r²)) / I0(β), gaussian exp(-d² / 2σ²) with d in samples from the middle, tukey a Hann
// flank over the fraction α/2 at each end. These are the definitions of scipy.signal.windows.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

namespace streamlab::dsp {

enum class WindowType {
  rectangular,
  hann,
  hamming,
  blackman,
  blackman_harris,
  nuttall,
  flattop,
  kaiser,    // parameter β, 0 … 1000
  gaussian,  // parameter σ in samples, > 0
  tukey,     // parameter α, 0 (rectangular) … 1 (Hann)
};

enum class WindowSymmetry { periodic, symmetric };

struct Window {
  WindowType type = WindowType::hann;
  double parameter = 0.0;  // of kaiser, gaussian and tukey; others have none
};

// The names as configurations write them, in the order of WindowType.
inline constexpr std::array<std::string_view, 10> kWindowNames{
    "rectangular", "hann",    "hamming", "blackman", "blackman_harris",
    "nuttall",     "flattop", "kaiser",  "gaussian", "tukey"};
std::string_view name(WindowType type) noexcept;
std::optional<WindowType> window_type(std::string_view name) noexcept;

// Fills `out` with its out.size() coefficients. A single coefficient is 1.
void fill_window(const Window& window, WindowSymmetry symmetry, std::span<double> out) noexcept;

// Mean of the coefficients: the factor by which a sine on a bin is reduced.
double coherent_gain(std::span<const double> window) noexcept;

// Equivalent noise bandwidth in bins: N Σw² / (Σw)².
double noise_bandwidth_bins(std::span<const double> window) noexcept;

}  // namespace streamlab::dsp
