// nodes/dsp/real_fft.cpp
//
// FFTW plans and their buffers.
#include "nodes/dsp/real_fft.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include <fftw3.h>

namespace streamlab::dsp {
namespace {

// FFTW's planner, unlike its transforms, may be used by one thread at a time.
std::mutex& planner_mutex() {
  static std::mutex mutex;
  return mutex;
}

std::size_t largest_prime_factor(std::size_t n) noexcept {
  std::size_t largest = 1;
  for (std::size_t factor = 2; factor * factor <= n; ++factor) {
    while (n % factor == 0) {
      n /= factor;
      largest = factor;
    }
  }
  return std::max(largest, n);
}

// Sizes for which FFTW's real-to-complex transform allocates nothing. For the others its real-to-halfcomplex
// transform is used, whose result needs sorting.
bool takes_complex_directly(std::size_t size) noexcept {
  return size == 1 || (size % 2 == 0 && largest_prime_factor(size) < 17);
}

}  // namespace

struct RealFft::Plans {
  explicit Plans(std::size_t size) : samples(fftw_alloc_real(size)), bins(fftw_alloc_complex(size / 2 + 1)) {
    const std::lock_guard lock(planner_mutex());
    const int n = static_cast<int>(size);
    if (takes_complex_directly(size)) {
      forward = fftw_plan_dft_r2c_1d(n, samples, bins, FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
    } else {
      half_complex = fftw_alloc_real(size);
      forward = fftw_plan_r2r_1d(n, samples, half_complex, FFTW_R2HC, FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
    }
    inverse = fftw_plan_dft_c2r_1d(n, bins, samples, FFTW_ESTIMATE);
  }
  ~Plans() {
    {
      const std::lock_guard lock(planner_mutex());
      fftw_destroy_plan(forward);
      fftw_destroy_plan(inverse);
    }
    fftw_free(samples);
    fftw_free(bins);
    fftw_free(half_complex);
  }
  Plans(const Plans&) = delete;
  Plans& operator=(const Plans&) = delete;

  double* samples;
  fftw_complex* bins;
  double* half_complex = nullptr;  // r0 r1 … r(N/2) i((N-1)/2) … i1; null where it is not needed
  fftw_plan forward = nullptr;
  fftw_plan inverse = nullptr;
};

RealFft::RealFft(std::size_t size) : size_(size), plans_(std::make_unique<Plans>(size)) {
  samples_ = plans_->samples;
  bins_ = reinterpret_cast<std::complex<double>*>(plans_->bins);  // FFTW documents the layouts as equal
  std::fill_n(samples_, size_, 0.0);
  std::fill_n(bins_, bin_count(), std::complex<double>{});
}

RealFft::~RealFft() = default;
RealFft::RealFft(RealFft&& other) noexcept = default;
RealFft& RealFft::operator=(RealFft&& other) noexcept = default;

bool RealFft::is_forward_real_time_safe(std::size_t size) noexcept {
  return largest_prime_factor(size) < 170;
}

void RealFft::forward() noexcept {
  fftw_execute(plans_->forward);
  const double* half_complex = plans_->half_complex;
  if (half_complex == nullptr) { return; }
  bins_[0] = half_complex[0];
  for (std::size_t k = 1; 2 * k < size_; ++k) { bins_[k] = {half_complex[k], half_complex[size_ - k]}; }
  if (size_ % 2 == 0) { bins_[size_ / 2] = half_complex[size_ / 2]; }
}

void RealFft::inverse() noexcept { fftw_execute(plans_->inverse); }

}  // namespace streamlab::dsp
