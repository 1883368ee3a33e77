// nodes/dsp/real_fft.cpp
//
// FFTW plans and their buffers.
#include "nodes/dsp/real_fft.hpp"

#include <algorithm>
#include <mutex>
#include <new>
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
  explicit Plans(std::size_t size)
      : samples(checked(fftw_alloc_real(size))), bins(checked(fftw_alloc_complex(size / 2 + 1))) {
    const int n = static_cast<int>(size);
    const bool is_direct = takes_complex_directly(size);
    if (!is_direct) { half_complex.reset(checked(fftw_alloc_real(size))); }
    const std::lock_guard lock(planner_mutex());
    forward = is_direct
                  ? fftw_plan_dft_r2c_1d(n, samples.get(), bins.get(), FFTW_ESTIMATE | FFTW_PRESERVE_INPUT)
                  : fftw_plan_r2r_1d(n, samples.get(), half_complex.get(), FFTW_R2HC,
                                     FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
    inverse = fftw_plan_dft_c2r_1d(n, bins.get(), samples.get(), FFTW_ESTIMATE);
  }
  ~Plans() {
    const std::lock_guard lock(planner_mutex());
    fftw_destroy_plan(forward);
    fftw_destroy_plan(inverse);
  }
  Plans(const Plans&) = delete;
  Plans& operator=(const Plans&) = delete;

  // FFTW's allocators give null where memory ran out.
  template <class T>
  static T* checked(T* block) {
    if (block == nullptr) { throw std::bad_alloc(); }
    return block;
  }
  struct Free {
    void operator()(void* block) const noexcept { fftw_free(block); }
  };

  const std::unique_ptr<double[], Free> samples;     // NOLINT(modernize-avoid-c-arrays): FFTW's own
  const std::unique_ptr<fftw_complex[], Free> bins;  // NOLINT(modernize-avoid-c-arrays)
  // r0 r1 … r(N/2) i((N-1)/2) … i1; null where it is not needed
  std::unique_ptr<double[], Free> half_complex;  // NOLINT(modernize-avoid-c-arrays)
  fftw_plan forward = nullptr;
  fftw_plan inverse = nullptr;
};

RealFft::RealFft(std::size_t size) : size_(size), plans_(std::make_unique<Plans>(size)) {
  samples_ = plans_->samples.get();
  bins_ = reinterpret_cast<std::complex<double>*>(plans_->bins.get());  // FFTW documents the layouts as equal
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
  const double* half_complex = plans_->half_complex.get();
  if (half_complex == nullptr) { return; }
  bins_[0] = half_complex[0];
  for (std::size_t k = 1; 2 * k < size_; ++k) { bins_[k] = {half_complex[k], half_complex[size_ - k]}; }
  if (size_ % 2 == 0) { bins_[size_ / 2] = half_complex[size_ / 2]; }
}

void RealFft::inverse() noexcept { fftw_execute(plans_->inverse); }

}  // namespace streamlab::dsp
