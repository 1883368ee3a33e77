// nodes/dsp/window.cpp
//
// Coefficients are computed in long double and rounded once.
#include "nodes/dsp/window.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace streamlab::dsp {
namespace {

using Real = long double;
constexpr Real kPi = std::numbers::pi_v<Real>;

// cos(2π turns / period), the argument reduced in integers.
Real cosine(std::size_t turns, std::size_t period) noexcept {
  return std::cos(2.0L * kPi * static_cast<Real>(turns % period) / static_cast<Real>(period));
}

template <std::size_t terms>
void fill_cosines(const std::array<double, terms>& coefficients, std::size_t period,
                  std::span<double> out) noexcept {
  for (std::size_t n = 0; n < out.size(); ++n) {
    Real sum = 0.0L;
    for (std::size_t k = 0; k < terms; ++k) {
      const Real term = static_cast<Real>(coefficients[k]) * cosine(k * n, period);
      sum += k % 2 == 0 ? term : -term;
    }
    out[n] = static_cast<double>(sum);
  }
}

// Modified Bessel function I0 by its power series: all terms positive, so nothing cancels.
Real bessel_i0(Real x) noexcept {
  const Real quarter_square = x * x / 4.0L;
  Real sum = 1.0L;
  Real term = 1.0L;
  for (int k = 1; term > sum * 1e-21L; ++k) {
    term *= quarter_square / (static_cast<Real>(k) * static_cast<Real>(k));
    sum += term;
  }
  return sum;
}

void fill_kaiser(double beta, std::size_t period, std::span<double> out) noexcept {
  const Real scale = bessel_i0(beta);
  for (std::size_t n = 0; n < out.size(); ++n) {
    const Real r = 2.0L * static_cast<Real>(n) / static_cast<Real>(period) - 1.0L;
    const Real root = std::sqrt(std::max(0.0L, (1.0L - r) * (1.0L + r)));
    out[n] = static_cast<double>(bessel_i0(beta * root) / scale);
  }
}

void fill_gaussian(double sigma, std::size_t period, std::span<double> out) noexcept {
  for (std::size_t n = 0; n < out.size(); ++n) {
    const Real d = (static_cast<Real>(n) - static_cast<Real>(period) / 2.0L) / static_cast<Real>(sigma);
    out[n] = static_cast<double>(std::exp(-d * d / 2.0L));
  }
}

void fill_tukey(double alpha, std::size_t period, std::span<double> out) noexcept {
  const auto flank = static_cast<std::size_t>(std::floor(alpha * static_cast<double>(period) / 2.0));
  const Real width = static_cast<Real>(alpha) * static_cast<Real>(period) / 2.0L;
  for (std::size_t n = 0; n < out.size(); ++n) {
    const std::size_t from_edge = std::min(n, period - n);
    const Real t = static_cast<Real>(from_edge) / width;
    out[n] = from_edge > flank || t >= 1.0L ? 1.0 : static_cast<double>(0.5L * (1.0L - std::cos(kPi * t)));
  }
}

}  // namespace

std::string_view name(WindowType type) noexcept { return kWindowNames[static_cast<std::size_t>(type)]; }

std::optional<WindowType> window_type(std::string_view name) noexcept {
  const auto* const found = std::find(kWindowNames.begin(), kWindowNames.end(), name);
  if (found == kWindowNames.end()) { return std::nullopt; }
  return static_cast<WindowType>(found - kWindowNames.begin());
}

void fill_window(const Window& window, WindowSymmetry symmetry, std::span<double> out) noexcept {
  if (out.size() <= 1 || window.type == WindowType::rectangular ||
      (window.type == WindowType::tukey && window.parameter <= 0.0)) {
    std::fill(out.begin(), out.end(), 1.0);
    return;
  }
  const std::size_t period = symmetry == WindowSymmetry::periodic ? out.size() : out.size() - 1;
  switch (window.type) {
    case WindowType::rectangular:
      return;
    case WindowType::hann:
      return fill_cosines<2>({0.5, 0.5}, period, out);
    case WindowType::hamming:
      return fill_cosines<2>({0.54, 0.46}, period, out);
    case WindowType::blackman:
      return fill_cosines<3>({0.42, 0.5, 0.08}, period, out);
    case WindowType::blackman_harris:
      return fill_cosines<4>({0.35875, 0.48829, 0.14128, 0.01168}, period, out);
    case WindowType::nuttall:
      return fill_cosines<4>({0.3635819, 0.4891775, 0.1365995, 0.0106411}, period, out);
    case WindowType::flattop:
      return fill_cosines<5>({0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368}, period, out);
    case WindowType::kaiser:
      return fill_kaiser(window.parameter, period, out);
    case WindowType::gaussian:
      return fill_gaussian(window.parameter, period, out);
    case WindowType::tukey:
      return fill_tukey(window.parameter, period, out);
  }
}

double coherent_gain(std::span<const double> window) noexcept {
  Real sum = 0.0L;
  for (const double w : window) { sum += w; }
  return static_cast<double>(sum / static_cast<Real>(window.size()));
}

double noise_bandwidth_bins(std::span<const double> window) noexcept {
  Real sum = 0.0L;
  Real squares = 0.0L;
  for (const double w : window) {
    sum += w;
    squares += static_cast<Real>(w) * w;
  }
  return static_cast<double>(static_cast<Real>(window.size()) * squares / (sum * sum));
}

}  // namespace streamlab::dsp
