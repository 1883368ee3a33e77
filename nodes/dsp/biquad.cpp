// nodes/dsp/biquad.cpp
#include "nodes/dsp/biquad.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>

#include "nodes/dsp/flush_denormals.hpp"
#include "nodes/dsp/kernels.hpp"

namespace streamlab::dsp {
namespace {

constexpr std::size_t kStripDoubles =
    1024;                             // 8 KiB: fits in the first-level cache together with the channels
constexpr std::size_t kLaneRows = 7;  // n0 n1 n2 d1 d2 w1 w2

// Two doubles in a register of any CPU; the compiler turns the shuffles into one instruction each.
using Pair [[gnu::vector_size(16)]] = double;
using UnalignedPair [[gnu::vector_size(16), gnu::aligned(8), gnu::may_alias]] = double;

Pair load(const double* p) noexcept { return *reinterpret_cast<const UnalignedPair*>(p); }
void store(double* p, Pair v) noexcept { *reinterpret_cast<UnalignedPair*>(p) = v; }
Pair firsts(Pair a, Pair b) noexcept { return __builtin_shufflevector(a, b, 0, 2); }
Pair seconds(Pair a, Pair b) noexcept { return __builtin_shufflevector(a, b, 1, 3); }

// Channels [first, first + used) of `in`, from sample `offset` on, as frames of `Width` samples; the rest of
// a frame is silent.
template <std::size_t Width>
void interleave(std::span<const double* const> in, std::size_t first, std::size_t used, std::size_t offset,
                std::size_t frame_count, double* frames) noexcept {
  std::size_t c = 0;
  for (; c + 2 <= used; c += 2) {
    const double* a = in[first + c] + offset;
    const double* b = in[first + c + 1] + offset;
    double* to = frames + c;
    std::size_t n = 0;
    for (; n + 2 <= frame_count; n += 2) {
      store(to + n * Width, firsts(load(a + n), load(b + n)));
      store(to + (n + 1) * Width, seconds(load(a + n), load(b + n)));
    }
    if (n < frame_count) {
      to[n * Width] = a[n];
      to[n * Width + 1] = b[n];
    }
  }
  for (; c < Width; ++c) {
    const double* a = c < used ? in[first + c] + offset : nullptr;
    for (std::size_t n = 0; n < frame_count; ++n) { frames[n * Width + c] = a == nullptr ? 0.0 : a[n]; }
  }
}

template <std::size_t Width>
void deinterleave(const double* frames, std::span<double* const> out, std::size_t first, std::size_t used,
                  std::size_t offset, std::size_t frame_count) noexcept {
  std::size_t c = 0;
  for (; c + 2 <= used; c += 2) {
    double* a = out[first + c] + offset;
    double* b = out[first + c + 1] + offset;
    const double* from = frames + c;
    std::size_t n = 0;
    for (; n + 2 <= frame_count; n += 2) {
      const Pair even = load(from + n * Width);
      const Pair odd = load(from + (n + 1) * Width);
      store(a + n, firsts(even, odd));
      store(b + n, seconds(even, odd));
    }
    if (n < frame_count) {
      a[n] = from[n * Width];
      b[n] = from[n * Width + 1];
    }
  }
  for (; c < used; ++c) {
    double* to = out[first + c] + offset;
    for (std::size_t n = 0; n < frame_count; ++n) { to[n] = frames[n * Width + c]; }
  }
}

// How many of `samples` (an even number) are NaN or infinite; those become 0.
std::size_t silence_what_is_not_finite(std::span<double> samples) noexcept {
  Pair sum{0.0, 0.0};
  for (std::size_t i = 0; i < samples.size(); i += 2) { sum += load(samples.data() + i) * 0.0; }
  if (sum[0] + sum[1] == 0.0) { return 0; }  // 0 x is NaN if x is not finite, and a NaN stays in the sum
  std::size_t count = 0;
  for (double& x : samples) {
    if (std::isfinite(x)) { continue; }
    x = 0.0;
    ++count;
  }
  return count;
}

using Interleave = void (*)(std::span<const double* const>, std::size_t, std::size_t, std::size_t,
                            std::size_t, double*) noexcept;
using Deinterleave = void (*)(const double*, std::span<double* const>, std::size_t, std::size_t, std::size_t,
                              std::size_t) noexcept;
constexpr std::array<Interleave, kBiquadWidths> kInterleave{interleave<1>, interleave<2>, interleave<4>,
                                                            interleave<8>};
constexpr std::array<Deinterleave, kBiquadWidths> kDeinterleave{deinterleave<1>, deinterleave<2>,
                                                                deinterleave<4>, deinterleave<8>};

std::size_t log2_of(std::size_t power_of_two) noexcept {
  return static_cast<std::size_t>(std::countr_zero(power_of_two));
}

}  // namespace

BiquadSection section_from_transfer_function(double b0, double b1, double b2, double a0, double a1,
                                             double a2) noexcept {
  if (a0 != 1.0) {
    b0 /= a0;
    b1 /= a0;
    b2 /= a0;
    a1 /= a0;
    a2 /= a0;
  }
  // z = 1 + d. The order of the additions is the one that is exact when poles and zeros are near z = 1.
  return {b0, 2.0 * b0 + b1, (b0 + b1) + b2, 2.0 + a1, (1.0 + a1) + a2};
}

std::complex<double> response(const BiquadSection& section, double frequency_hz,
                              double sample_rate_hz) noexcept {
  const double half_angle = std::numbers::pi * (frequency_hz / sample_rate_hz);
  // exp(2 i h) - 1 = 2 i sin(h) exp(i h), without the cancellation at low frequencies.
  const std::complex<double> d = std::polar(2.0 * std::sin(half_angle), half_angle) * std::complex(0.0, 1.0);
  return ((section.n0 * d + section.n1) * d + section.n2) / ((d + section.d1) * d + section.d2);
}

std::complex<double> response(std::span<const BiquadSection> sections, double frequency_hz,
                              double sample_rate_hz) noexcept {
  std::complex<double> product = 1.0;
  for (const BiquadSection& section : sections) {
    product *= response(section, frequency_hz, sample_rate_hz);
  }
  return product;
}

bool is_stable(const BiquadSection& section) noexcept {
  const bool finite = std::isfinite(section.n0) && std::isfinite(section.n1) && std::isfinite(section.n2) &&
                      std::isfinite(section.d1) && std::isfinite(section.d2);
  // The triangle of z^2 + a1 z + a2 with a1 = d1 - 2, a2 = 1 - d1 + d2: no cancellation is left in it.
  return finite && section.d2 > 0.0 && section.d2 < section.d1 && 4.0 - 2.0 * section.d1 + section.d2 > 0.0;
}

BiquadCascade::BiquadCascade(std::span<const BiquadSection> sections, std::size_t channel_count, CpuPath path)
    : channel_count_(channel_count), section_count_(sections.size()), lane_count_(kernels(path).lane_count) {
  const Kernels& table = kernels(path);
  std::size_t offset = 0;
  for (std::size_t channel = 0; channel < channel_count;) {
    Group group;
    group.first_channel = channel;
    group.width = std::min(std::bit_ceil(channel_count - channel), lane_count_);
    group.used_channels = std::min(group.width, channel_count - channel);
    channel += group.used_channels;

    const std::size_t slots_per_row = lane_count_ / group.width;
    const std::size_t max_rows = table.max_rows[log2_of(group.width)];
    const std::size_t rows = (section_count_ + slots_per_row - 1) / slots_per_row;
    const std::size_t pass_count = (rows + max_rows - 1) / max_rows;
    std::size_t section = 0;
    for (std::size_t p = 0; p < pass_count; ++p) {
      Pass pass;
      pass.rows = rows / pass_count + (p < rows % pass_count ? 1 : 0);
      pass.kernel = table.biquad[log2_of(group.width)][pass.rows - 1];
      pass.first_section = section;
      pass.pad_slots = p == 0 ? rows * slots_per_row - section_count_ : 0;
      pass.section_count = pass.rows * slots_per_row - pass.pad_slots;
      pass.lanes_offset = offset;
      section += pass.section_count;
      offset += (pass.rows * kLaneRows * lane_count_ + 7) / 8 * 8;
      group.passes.push_back(pass);
    }
    groups_.push_back(std::move(group));
  }
  strip_offset_ = offset;
  storage_.resize((offset + kStripDoubles) / 8);
  set_sections(sections);
}

double* BiquadCascade::lane(const Group& group, const Pass& pass, std::size_t section,
                            std::size_t c) noexcept {
  const std::size_t lane = (pass.pad_slots + section - pass.first_section) * group.width + c;
  const std::size_t row = lane / lane_count_;
  return lanes() + pass.lanes_offset + row * kLaneRows * lane_count_ + lane % lane_count_;
}

double* BiquadCascade::lane(std::size_t section, std::size_t channel) noexcept {
  std::size_t g = 0;
  while (channel >= groups_[g].first_channel + groups_[g].used_channels) { ++g; }
  std::size_t p = 0;
  while (section >= groups_[g].passes[p].first_section + groups_[g].passes[p].section_count) { ++p; }
  return lane(groups_[g], groups_[g].passes[p], section, channel - groups_[g].first_channel);
}

BiquadCascade::State BiquadCascade::state(std::size_t section, std::size_t channel) noexcept {
  const double* from = lane(section, channel) + 5 * lane_count_;
  return {from[0], from[lane_count_]};
}

void BiquadCascade::set_state(std::size_t section, std::size_t channel, State state) noexcept {
  double* to = lane(section, channel) + 5 * lane_count_;
  to[0] = state.w1;
  to[lane_count_] = state.w2;
}

void BiquadCascade::set_sections(std::span<const BiquadSection> sections) noexcept {
  for (const Group& group : groups_) {
    for (const Pass& pass : group.passes) {
      for (std::size_t s = 0; s < pass.section_count; ++s) {
        const BiquadSection& section = sections[pass.first_section + s];
        const std::array<double, 5> values{section.n0, section.n1, section.n2, section.d1, section.d2};
        for (std::size_t c = 0; c < group.width; ++c) {
          double* to = lane(group, pass, pass.first_section + s, c);
          for (std::size_t v = 0; v < values.size(); ++v) { to[v * lane_count_] = values[v]; }
        }
      }
    }
  }
}

void BiquadCascade::reset() noexcept {
  for (const Group& group : groups_) {
    for (const Pass& pass : group.passes) {
      for (std::size_t row = 0; row < pass.rows; ++row) {
        double* state = lanes() + pass.lanes_offset + (row * kLaneRows + 5) * lane_count_;
        std::fill_n(state, 2 * lane_count_, 0.0);
      }
    }
  }
}

std::size_t BiquadCascade::process(std::span<const double* const> in, std::span<double* const> out,
                                   std::size_t frame_count) noexcept {
  const FlushDenormals flush;
  std::size_t silenced = 0;
  for (const Group& group : groups_) {
    const std::size_t index = log2_of(group.width);
    const std::size_t strip_frames = kStripDoubles / group.width;
    for (std::size_t offset = 0; offset < frame_count; offset += strip_frames) {
      const std::size_t frames = std::min(strip_frames, frame_count - offset);
      kInterleave[index](in, group.first_channel, group.used_channels, offset, frames, strip());
      const std::size_t samples = frames * group.width;
      if (samples % 2 != 0) { strip()[samples] = 0.0; }  // the strip holds an even number, so there is room
      silenced += silence_what_is_not_finite({strip(), (samples + 1) / 2 * 2});
      for (const Pass& pass : group.passes) {
        pass.kernel(lanes() + pass.lanes_offset, strip(), frames, pass.pad_slots);
      }
      kDeinterleave[index](strip(), out, group.first_channel, group.used_channels, offset, frames);
    }
  }
  return silenced;
}

}  // namespace streamlab::dsp
