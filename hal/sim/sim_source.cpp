// hal/sim/sim_source.cpp
#include "hal/sim/sim_source.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "engine/base/assert.hpp"
#include "hal/sim/counting.hpp"

namespace streamlab {
namespace {

class SilentSource final : public SimSource {
 public:
  Status read(std::int64_t, std::uint32_t frame_count, std::span<double* const> channels) noexcept override {
    for (double* const x : channels) { std::fill_n(x, frame_count, 0.0); }
    return Status::ok;
  }
};

class CountingSource final : public SimSource {
 public:
  explicit CountingSource(std::vector<std::uint32_t> channels) : channels_(std::move(channels)) {}
  Status read(std::int64_t position, std::uint32_t frame_count,
              std::span<double* const> channels) noexcept override {
    for (std::size_t c = 0; c < channels.size(); ++c) {
      for (std::uint32_t n = 0; n < frame_count; ++n) {
        channels[c][n] = counting_sample(position + n, channels_[c]);
      }
    }
    return Status::ok;
  }

 private:
  const std::vector<std::uint32_t> channels_;
};

class SineSource final : public SimSource {
 public:
  SineSource(double frequency_hz, double amplitude, double sample_rate_hz)
      : frequency_hz_(frequency_hz), amplitude_(amplitude), sample_rate_hz_(sample_rate_hz) {}
  Status read(std::int64_t position, std::uint32_t frame_count,
              std::span<double* const> channels) noexcept override {
    for (std::uint32_t n = 0; n < frame_count; ++n) {
      // f p modulo fs is exact as long as f p fits 64 bits of mantissa
      const auto frame = static_cast<long double>(position + n);
      const long double cycles = std::fmod(frequency_hz_ * frame, sample_rate_hz_) / sample_rate_hz_;
      const double x = amplitude_ * std::sin(2.0 * std::numbers::pi * static_cast<double>(cycles));
      for (double* const channel : channels) { channel[n] = x; }
    }
    return Status::ok;
  }

 private:
  const long double frequency_hz_;
  const double amplitude_;
  const long double sample_rate_hz_;
};

class MemorySource final : public SimSource {
 public:
  MemorySource(std::vector<std::vector<double>> samples, bool loop)
      : samples_(std::move(samples)),
        length_(samples_.empty() ? 0 : static_cast<std::int64_t>(samples_.front().size())),
        loop_(loop) {
    SL_ASSERT(length_ > 0, "a memory source holds at least one frame");
  }
  std::optional<std::int64_t> length() const noexcept override {
    return loop_ ? std::nullopt : std::optional(length_);
  }
  Status read(std::int64_t position, std::uint32_t frame_count,
              std::span<double* const> channels) noexcept override {
    std::int64_t from = position % length_;
    for (std::int64_t done = 0; done < frame_count;) {
      const std::int64_t count = std::min(frame_count - done, length_ - from);
      for (std::size_t c = 0; c < channels.size(); ++c) {
        std::copy_n(samples_[c].begin() + from, count, channels[c] + done);
      }
      done += count;
      from = 0;
    }
    return Status::ok;
  }

 private:
  const std::vector<std::vector<double>> samples_;
  const std::int64_t length_;
  const bool loop_;
};

}  // namespace

std::unique_ptr<SimSource> make_silent_source() { return std::make_unique<SilentSource>(); }

std::unique_ptr<SimSource> make_counting_source(std::vector<std::uint32_t> channels) {
  return std::make_unique<CountingSource>(std::move(channels));
}

std::unique_ptr<SimSource> make_sine_source(double frequency_hz, double amplitude, double sample_rate_hz) {
  return std::make_unique<SineSource>(frequency_hz, amplitude, sample_rate_hz);
}

std::unique_ptr<SimSource> make_memory_source(std::vector<std::vector<double>> samples, bool loop) {
  return std::make_unique<MemorySource>(std::move(samples), loop);
}

}  // namespace streamlab
