// nodes/dsp/spectrum_estimator.cpp
//
// Framing, transform, averaging and scaling.
#include "nodes/dsp/spectrum_estimator.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace streamlab::dsp {
namespace {

// Sum by halves: error grows with the logarithm of the length.
double pairwise_sum(std::span<const double> x) noexcept {
  if (x.size() <= 64) {
    double sum = 0.0;
    for (const double v : x) { sum += v; }
    return sum;
  }
  const std::size_t half = x.size() / 2;
  return pairwise_sum(x.first(half)) + pairwise_sum(x.subspan(half));
}

bool all_finite(std::span<const double> x) noexcept {
  double zero = 0.0;  // becomes NaN at the first NaN or infinity
  for (const double v : x) { zero += v * 0.0; }
  return zero == 0.0;
}

std::vector<double> periodic_window(const SpectrumSettings& settings) {
  std::vector<double> window(settings.fft_size);
  fill_window(settings.window, WindowSymmetry::periodic, window);
  return window;
}

// Groups that end on their own; the others are one group since the start.
bool has_groups(const SpectrumSettings& settings) noexcept {
  return settings.averaging == Averaging::none ||
         (settings.averaging != Averaging::exponential && settings.averages > 0);
}

std::uint64_t group_length(const SpectrumSettings& settings) noexcept {
  return settings.averaging == Averaging::none ? 1 : settings.averages;
}

}  // namespace

double exponential_alpha(double tau_s, std::size_t hop, double sample_rate_hz) noexcept {
  return -std::expm1(-static_cast<double>(hop) / (sample_rate_hz * tau_s));
}

SpectrumEstimator::SpectrumEstimator(const SpectrumSettings& settings)
    : initial_(settings),
      settings_(settings),
      fft_(settings.fft_size),
      window_(periodic_window(settings)),
      coherent_gain_(coherent_gain(window_)),
      noise_bandwidth_bins_(dsp::noise_bandwidth_bins(window_)),
      frame_(settings.fft_size),
      power_(bin_count()),
      average_(bin_count()),
      correction_(bin_count()),
      spectrum_(bin_count()) {
  const double sum = coherent_gain_ * static_cast<double>(settings.fft_size);
  const double sum_of_squares = noise_bandwidth_bins_ * coherent_gain_ * sum;  // Σw² = ENBW (Σw)² / N
  switch (settings.scaling) {
    case SpectrumScaling::amplitude:
      edge_scale_ = 1.0 / (sum * sum);
      scale_ = 4.0 * edge_scale_;
      break;
    case SpectrumScaling::rms_amplitude:
    case SpectrumScaling::power:
      edge_scale_ = 1.0 / (sum * sum);
      scale_ = 2.0 * edge_scale_;
      break;
    case SpectrumScaling::psd:
      edge_scale_ = 1.0 / (settings.sample_rate_hz * sum_of_squares);
      scale_ = 2.0 * edge_scale_;
      break;
  }
  reset();
}

double SpectrumEstimator::bin_hz() const noexcept {
  return settings_.sample_rate_hz / static_cast<double>(settings_.fft_size);
}

void SpectrumEstimator::reset() noexcept {
  settings_ = initial_;
  ends_group_ = cut_short_ = false;
  filled_ = 0;
  position_ = 0;
  in_a_frame_ = 0;
  unused_ = 0;
  ready_ = false;
  origin_ = news_ = since_last_ = {};
  begin_group();
}

void SpectrumEstimator::begin_group() noexcept {
  group_ = {};
  group_frames_ = 0;
  ++group_number_;
  const double start = settings_.averaging == Averaging::min ? std::numeric_limits<double>::infinity() : 0.0;
  std::fill(average_.begin(), average_.end(), start);
  std::fill(correction_.begin(), correction_.end(), 0.0);
}

void SpectrumEstimator::gap(std::uint64_t missing) noexcept {
  position_ += missing;
  cut_off();
  for (Origin* origin : {&group_, &since_last_}) {
    ++origin->gaps;
    origin->missing += missing;
  }
}

void SpectrumEstimator::cut_off() noexcept {
  unused_ += filled_ - in_a_frame_;
  filled_ = in_a_frame_ = 0;
}

void SpectrumEstimator::end() noexcept {
  ready_ = false;
  cut_off();
  if (!has_groups(settings_) || group_frames_ == 0) { return; }
  publish();
  begin_group();
}

void SpectrumEstimator::change(const SpectrumSettings& settings) noexcept {
  next_ = settings_;
  next_.averaging = settings.averaging;
  next_.averages = settings.averages;
  next_.alpha = settings.alpha;
  next_.detrend = settings.detrend;
  ends_group_ = next_.averaging != settings_.averaging || next_.detrend != settings_.detrend;
  if (ends_group_ && group_frames_ > 0) { return; }
  const Origin before = group_;  // gaps before its first frame
  take_over();
  if (group_frames_ == 0) { group_ = before; }
}

void SpectrumEstimator::take_over() noexcept {
  const bool another = ends_group_;
  settings_ = next_;
  ends_group_ = false;
  if (another) { begin_group(); }
}

std::size_t SpectrumEstimator::push(std::span<const double> samples) noexcept {
  ready_ = false;
  std::size_t taken = 0;
  while (taken < samples.size() && !ready_) {
    const std::size_t part = std::min(samples.size() - taken, settings_.fft_size - filled_);
    std::copy_n(samples.begin() + static_cast<std::ptrdiff_t>(taken), part,
                frame_.begin() + static_cast<std::ptrdiff_t>(filled_));
    filled_ += part;
    taken += part;
    position_ += part;
    if (filled_ < settings_.fft_size) { break; }
    ++group_frames_;
    if (all_finite(frame_)) {
      transform();
      accumulate();
      ++group_.frames;
      ++since_last_.frames;
    } else {
      ++group_.left_out;
      ++since_last_.left_out;
    }
    const std::uint64_t first_sample = position_ - settings_.fft_size;
    if (group_frames_ == 1 || settings_.averaging == Averaging::exponential) {
      group_.first_sample = first_sample;
    }
    group_.length = position_ - group_.first_sample;
    if (since_last_.length == 0) { since_last_.first_sample = first_sample; }
    since_last_.length = position_ - since_last_.first_sample;
    filled_ = in_a_frame_ = settings_.fft_size - settings_.hop;
    std::copy(frame_.begin() + static_cast<std::ptrdiff_t>(settings_.hop), frame_.end(), frame_.begin());
    const bool complete = has_groups(settings_) && group_frames_ >= group_length(settings_);
    cut_short_ = ends_group_ && has_groups(settings_) && !complete;
    if (complete || ends_group_ || !has_groups(settings_)) { publish(); }
    if (ends_group_) {
      take_over();
    } else if (complete) {
      begin_group();
    }
  }
  return taken;
}

void SpectrumEstimator::transform() noexcept {
  const auto x = fft_.samples();
  double mean = 0.0;
  if (settings_.detrend == Detrend::constant) {
    mean = pairwise_sum(frame_) / static_cast<double>(frame_.size());
  }
  for (std::size_t n = 0; n < x.size(); ++n) { x[n] = (frame_[n] - mean) * window_[n]; }
  fft_.forward();
  const auto bins = fft_.bins();
  for (std::size_t k = 0; k < bins.size(); ++k) {
    power_[k] = bins[k].real() * bins[k].real() + bins[k].imag() * bins[k].imag();
  }
}

void SpectrumEstimator::accumulate() noexcept {
  const std::size_t bins = bin_count();
  const double weight = group_.frames == 0 ? 1.0 : settings_.alpha;  // the first frame sets the average
  switch (settings_.averaging) {
    case Averaging::none:
    case Averaging::linear:
      for (std::size_t k = 0; k < bins; ++k) {  // Kahan's sum
        const double term = power_[k] - correction_[k];
        const double sum = average_[k] + term;
        correction_[k] = (sum - average_[k]) - term;
        average_[k] = sum;
      }
      return;
    case Averaging::exponential:
      for (std::size_t k = 0; k < bins; ++k) { average_[k] += weight * (power_[k] - average_[k]); }
      return;
    case Averaging::max:
      for (std::size_t k = 0; k < bins; ++k) { average_[k] = std::max(average_[k], power_[k]); }
      return;
    case Averaging::min:
      for (std::size_t k = 0; k < bins; ++k) { average_[k] = std::min(average_[k], power_[k]); }
      return;
  }
}

void SpectrumEstimator::publish() noexcept {
  origin_ = group_;
  news_ = std::exchange(since_last_, {});
  ready_ = true;
  if (group_.frames == 0) {
    std::fill(spectrum_.begin(), spectrum_.end(), std::numeric_limits<double>::quiet_NaN());
    return;
  }
  const bool summed = settings_.averaging == Averaging::none || settings_.averaging == Averaging::linear;
  const double count = summed ? static_cast<double>(group_.frames) : 1.0;
  const std::size_t last = bin_count() - 1;
  const bool has_nyquist = settings_.fft_size % 2 == 0;
  for (std::size_t k = 0; k <= last; ++k) {
    const bool edge = k == 0 || (k == last && has_nyquist);
    spectrum_[k] = average_[k] / count * (edge ? edge_scale_ : scale_);
  }
  if (settings_.scaling == SpectrumScaling::amplitude ||
      settings_.scaling == SpectrumScaling::rms_amplitude) {
    for (double& v : spectrum_) { v = std::sqrt(v); }
  }
}

}  // namespace streamlab::dsp
