// nodes/dsp/real_fft.hpp
//
// RealFft: discrete Fourier transform of a real block, by FFTW.
//
//   forward    X[k] = Σ x[n] exp(-i 2π k n / N),  k = 0 … N/2 (rounded down)
//   inverse    x[n] = Σ X[k] exp(+i 2π k n / N) over all N bins: N times the block that forward() saw
//
// Neither is normalised. The plan is chosen by FFTW's rules, not by timing, and each object has its own
// buffers, so the same block gives the same bits in every run.
#pragma once

#include <complex>
#include <cstddef>
#include <memory>
#include <span>

namespace streamlab::dsp {

class RealFft {
 public:
  static constexpr std::size_t kMaxSize = std::size_t{1} << 26U;  // 1 GiB of buffers

  // `size`: 1 … kMaxSize samples. Allocates and plans: any thread (a mutex guards the planner), but not a
  // real-time one.
  explicit RealFft(std::size_t size);
  ~RealFft();
  RealFft(RealFft&& other) noexcept;
  RealFft& operator=(RealFft&& other) noexcept;

  std::size_t size() const noexcept { return size_; }
  std::size_t bin_count() const noexcept { return size_ / 2 + 1; }

  // The buffers the transforms read and write; [size()] samples and [bin_count()] bins.
  std::span<double> samples() noexcept { return {samples_, size_}; }
  std::span<std::complex<double>> bins() noexcept { return {bins_, bin_count()}; }
  std::span<const std::complex<double>> bins() const noexcept { return {bins_, bin_count()}; }

  // Does forward() of that size allocate nothing?
  static bool is_forward_real_time_safe(std::size_t size) noexcept;

  void forward() noexcept;  // samples() → bins(); samples() are kept
  void inverse() noexcept;  // bins() → samples(); bins() are destroyed

 private:
  struct Plans;

  std::size_t size_;
  double* samples_ = nullptr;  // owned by plans_
  std::complex<double>* bins_ = nullptr;
  std::unique_ptr<Plans> plans_;
};

}  // namespace streamlab::dsp
