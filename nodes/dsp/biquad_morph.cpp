// nodes/dsp/biquad_morph.cpp
#include "nodes/dsp/biquad_morph.hpp"

#include <algorithm>
#include <cmath>

#include "nodes/dsp/flush_denormals.hpp"

namespace streamlab::dsp {
namespace {

// The outputs of a section without input, of which w1 is the first: y[0] = c1 s1 + c2 s2, and w2 = 2 a g (e1 s1 + e2 s2).
struct StateMap {
  double c1, c2, e1, e2, scale;
};
StateMap map_of(const SvfSection& s) noexcept {
  const double a = 1.0 / (1.0 + s.g * (s.g + s.k));
  StateMap map;
  map.c1 = a * (s.m1 + s.m2 * s.g);
  map.c2 = a * (s.m2 * (1.0 + s.g * s.k) - s.m1 * s.g);
  map.e1 = map.c1 * s.g + map.c2;
  map.e2 = map.c2 * (s.g + s.k) - map.c1;
  map.scale = 2.0 * a * s.g;
  return map;
}

}  // namespace

// With z = (1 + s) / (1 - s), d = z - 1 = 2 s / (1 - s):
//   d^2 + d1 d + d2      is, up to (1 - s)^2,   (4 - 2 d1 + d2) s^2 + 2 (d1 - d2) s + d2,   which is s^2 + g k s + g^2,
//   n0 d^2 + n1 d + n2   likewise, which is m0 (s^2 + g k s + g^2) + m1 g s + m2 g^2.
SvfSection svf_of(const BiquadSection& section) noexcept {
  const double square = 4.0 - 2.0 * section.d1 + section.d2;
  SvfSection svf;
  svf.g = std::sqrt(section.d2 / square);
  svf.k = 2.0 * (section.d1 - section.d2) / (square * svf.g);
  svf.m0 = (4.0 * section.n0 - 2.0 * section.n1 + section.n2) / square;
  svf.m1 = 2.0 * (section.n1 - section.n2) / (square * svf.g) - svf.m0 * svf.k;
  svf.m2 = section.n2 / section.d2 - svf.m0;
  return svf;
}

BiquadCascade::State cascade_state(const SvfSection& section, SvfState state) noexcept {
  const StateMap map = map_of(section);
  return {map.c1 * state.s1 + map.c2 * state.s2, map.scale * (map.e1 * state.s1 + map.e2 * state.s2)};
}

SvfState svf_state(const SvfSection& section, BiquadCascade::State state) noexcept {
  const StateMap map = map_of(section);
  const double w2 = state.w2 / map.scale;
  const double c = map.c1 * map.c1 + map.c2 * map.c2;
  if (c == 0.0) { return {}; }  // the section passes its input through: nothing of the state is heard
  const double determinant = map.c1 * map.e2 - map.c2 * map.e1;
  const double size = std::sqrt(c * (map.e1 * map.e1 + map.e2 * map.e2));
  // Where a zero lies on a pole, only a part of the state is heard, and both equations are the same one: the smallest
  // state of those that fit. 1e-10: closer than that, rounding would decide.
  if (std::abs(determinant) <= 1e-10 * size) { return {map.c1 * state.w1 / c, map.c2 * state.w1 / c}; }
  return {(state.w1 * map.e2 - map.c2 * w2) / determinant, (map.c1 * w2 - map.e1 * state.w1) / determinant};
}

BiquadMorph::BiquadMorph(std::size_t channel_count, std::uint32_t length_frames)
    : channel_count_(channel_count),
      length_(length_frames),
      done_(length_frames),
      from_(BiquadCascade::kMaxSections),
      target_(BiquadCascade::kMaxSections),
      states_(BiquadCascade::kMaxSections * channel_count) {}

SvfSection BiquadMorph::at(std::size_t section, std::uint32_t done) const noexcept {
  const SvfSection& a = from_[section];
  const SvfSection& b = target_[section];
  if (done >= length_) { return b; }
  const double part = static_cast<double>(done) / length_;
  return {a.g + (b.g - a.g) * part, a.k + (b.k - a.k) * part, a.m0 + (b.m0 - a.m0) * part,
          a.m1 + (b.m1 - a.m1) * part, a.m2 + (b.m2 - a.m2) * part};
}

void BiquadMorph::go_to(BiquadCascade& from, std::span<const SvfSection> now,
                        std::span<const SvfSection> target) noexcept {
  const auto passes = [](const SvfSection& like) { return SvfSection{like.g, like.k, 1.0, 0.0, 0.0}; };
  if (frames_left() > 0) {
    for (std::size_t s = 0; s < count_; ++s) { from_[s] = at(s, done_); }
  } else {
    count_ = now.size();
    for (std::size_t s = 0; s < count_; ++s) {
      from_[s] = now[s];
      for (std::size_t c = 0; c < channel_count_; ++c) {
        states_[s * channel_count_ + c] = svf_state(now[s], from.state(s, c));
      }
    }
  }
  for (; count_ < target.size(); ++count_) {
    from_[count_] = passes(target[count_]);
    std::fill_n(states_.begin() + static_cast<std::ptrdiff_t>(count_ * channel_count_), channel_count_,
                SvfState{});
  }
  for (std::size_t s = 0; s < count_; ++s) { target_[s] = s < target.size() ? target[s] : passes(from_[s]); }
  done_ = 0;
}

std::size_t BiquadMorph::process(std::span<const double* const> in, std::span<double* const> out,
                                 std::uint32_t frames) noexcept {
  const FlushDenormals flush;
  std::size_t silenced = 0;
  for (std::size_t c = 0; c < channel_count_; ++c) {
    for (std::uint32_t n = 0; n < frames; ++n) {
      const bool is_number = std::isfinite(in[c][n]);
      silenced += is_number ? 0 : 1;
      out[c][n] = is_number ? in[c][n] : 0.0;
    }
  }
  for (std::size_t s = 0; s < count_; ++s) {
    SvfState* const states = states_.data() + s * channel_count_;
    for (std::uint32_t n = 0; n < frames; ++n) {
      const SvfSection svf = at(s, done_ + n + 1);
      const double a = 1.0 / (1.0 + svf.g * (svf.g + svf.k));
      for (std::size_t c = 0; c < channel_count_; ++c) {
        SvfState& state = states[c];
        const double x = out[c][n];
        const double v1 = a * (state.s1 + svf.g * (x - state.s2));
        const double v2 = state.s2 + svf.g * v1;
        state.s1 = 2.0 * v1 - state.s1;
        state.s2 = 2.0 * v2 - state.s2;
        out[c][n] = svf.m0 * x + svf.m1 * v1 + svf.m2 * v2;
      }
    }
  }
  done_ += frames;
  return silenced;
}

void BiquadMorph::arrive(BiquadCascade& to) noexcept {
  for (std::size_t s = 0; s < to.section_count(); ++s) {
    for (std::size_t c = 0; c < channel_count_; ++c) {
      to.set_state(s, c, cascade_state(target_[s], states_[s * channel_count_ + c]));
    }
  }
}

}  // namespace streamlab::dsp
