// nodes/dsp/mix.cpp
#include "nodes/dsp/mix.hpp"

#include <algorithm>

namespace streamlab::dsp {
namespace {

constexpr std::size_t kStrip = 16;  // samples summed side by side, in registers

// y[0 .. Count) = the sum over `entries` at `offset`.
template <std::size_t Count, class Entries>
void mix_strip(Entries entries, std::span<const double* const> in, std::size_t offset, double* y) noexcept {
  double sum[Count];
  const double* first = in[entries.front().column] + offset;
  for (std::size_t i = 0; i < Count; ++i) { sum[i] = entries.front().factor * first[i]; }
  for (const auto& entry : entries.subspan(1)) {
    const double* x = in[entry.column] + offset;
    for (std::size_t i = 0; i < Count; ++i) { sum[i] += entry.factor * x[i]; }
  }
  for (std::size_t i = 0; i < Count; ++i) { y[i] = sum[i]; }
}

}  // namespace

MatrixMix::MatrixMix(std::size_t rows, std::size_t columns, std::span<const double> values)
    : columns_(columns), values_(values.begin(), values.end()) {
  first_.push_back(0);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      const double factor = values[r * columns + c];
      if (factor != 0.0) { entries_.push_back({c, factor}); }
    }
    first_.push_back(entries_.size());
  }
}

void MatrixMix::process(std::span<const double* const> in, std::span<double* const> out,
                        std::size_t frame_count) const noexcept {
  for (std::size_t r = 0; r < rows(); ++r) {
    const auto entries = std::span(entries_).subspan(first_[r], first_[r + 1] - first_[r]);
    if (entries.empty()) {
      std::fill_n(out[r], frame_count, 0.0);
      continue;
    }
    std::size_t n = 0;
    for (; n + kStrip <= frame_count; n += kStrip) { mix_strip<kStrip>(entries, in, n, out[r] + n); }
    for (; n < frame_count; ++n) { mix_strip<1>(entries, in, n, out[r] + n); }
  }
}

void MixRamp::leave(const MatrixMix& now) noexcept {
  const double part = frames_left() > 0 ? line_.at(0) : 1.0;
  const auto to = now.values();
  for (std::size_t i = 0; i < from_.size(); ++i) {
    from_[i] = part < 1.0 ? from_[i] + (to[i] - from_[i]) * part : to[i];
  }
  line_.reset(0.0);
  line_.go_to(1.0);
}

void MixRamp::process(const MatrixMix& target, std::span<const double* const> in,
                      std::span<double* const> out, std::uint32_t frames) noexcept {
  const auto to = target.values();
  const Ramp line = line_;  // a copy, which the samples cannot alias
  for (std::size_t r = 0; r < target.rows(); ++r) {
    std::fill_n(out[r], frames, 0.0);
    for (std::size_t c = 0; c < target.columns(); ++c) {
      const double a = from_[r * target.columns() + c];
      const double b = to[r * target.columns() + c];
      if (a == 0.0 && b == 0.0) { continue; }
      for (std::uint32_t n = 0; n < frames; ++n) { out[r][n] += (a + (b - a) * line.at(n + 1)) * in[c][n]; }
    }
  }
  line_.advance(frames);
}

}  // namespace streamlab::dsp
