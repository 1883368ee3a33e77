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

}  // namespace

struct RealFft::Plans {
  explicit Plans(std::size_t size) : samples(fftw_alloc_real(size)), bins(fftw_alloc_complex(size / 2 + 1)) {
    const std::lock_guard lock(planner_mutex());
    const int n = static_cast<int>(size);
    forward = fftw_plan_dft_r2c_1d(n, samples, bins, FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
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
  }
  Plans(const Plans&) = delete;
  Plans& operator=(const Plans&) = delete;

  double* samples;
  fftw_complex* bins;
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

void RealFft::forward() noexcept { fftw_execute(plans_->forward); }

void RealFft::inverse() noexcept { fftw_execute(plans_->inverse); }

}  // namespace streamlab::dsp
