// nodes/dsp/biquad_morph.cpp
#include "nodes/dsp/biquad_morph.hpp"

#include <algorithm>
#include <cmath>

#include "nodes/dsp/flush_denormals.hpp"

namespace streamlab::dsp {

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

// The outputs of a section without input: w1 is the first of them, c1 s1 + c2 s2, and w2 is scale (e1 s1 + e2 s2).
MorphSection::MorphSection(const BiquadSection& section) : svf(svf_of(section)) {
  const double a = 1.0 / (1.0 + svf.g * (svf.g + svf.k));
  const double c1 = a * (svf.m1 + svf.m2 * svf.g);
  const double c2 = a * (svf.m2 * (1.0 + svf.g * svf.k) - svf.m1 * svf.g);
  const double e1 = c1 * svf.g + c2;
  const double e2 = c2 * (svf.g + svf.k) - c1;
  const double scale = 2.0 * a * svf.g;
  to_cascade = {c1, c2, scale * e1, scale * e2};

  const double c = c1 * c1 + c2 * c2;
  if (c == 0.0) { return; }  // the section passes its input through: nothing of the state is heard
  const double determinant = c1 * e2 - c2 * e1;
  const double size = std::sqrt(c * (e1 * e1 + e2 * e2));
  // Where a zero lies on a pole, only a part of the state is heard, and both equations are the same one: the smallest
  // state of those that fit. 1e-10: closer than that, rounding would decide.
  if (std::abs(determinant) <= 1e-10 * size) {
    to_svf = {c1 / c, 0.0, c2 / c, 0.0};
  } else {
    to_svf = {e2 / determinant, -c2 / (scale * determinant), -e1 / determinant, c1 / (scale * determinant)};
  }
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

void BiquadMorph::go_to(BiquadCascade& from, std::span<const MorphSection> now,
                        std::span<const MorphSection> target) noexcept {
  const auto passes = [](const SvfSection& like) { return SvfSection{like.g, like.k, 1.0, 0.0, 0.0}; };
  if (frames_left() > 0) {
    for (std::size_t s = 0; s < count_; ++s) { from_[s] = at(s, done_); }
  } else {
    count_ = now.size();
    for (std::size_t s = 0; s < count_; ++s) {
      from_[s] = now[s].svf;
      for (std::size_t c = 0; c < channel_count_; ++c) {
        states_[s * channel_count_ + c] = now[s].svf_state(from.state(s, c));
      }
    }
  }
  for (; count_ < target.size(); ++count_) {
    from_[count_] = passes(target[count_].svf);
    std::fill_n(states_.begin() + static_cast<std::ptrdiff_t>(count_ * channel_count_), channel_count_,
                SvfState{});
  }
  for (std::size_t s = 0; s < count_; ++s) {
    target_[s] = s < target.size() ? target[s].svf : passes(from_[s]);
  }
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

void BiquadMorph::arrive(BiquadCascade& to, std::span<const MorphSection> target) noexcept {
  for (std::size_t s = 0; s < to.section_count(); ++s) {
    for (std::size_t c = 0; c < channel_count_; ++c) {
      to.set_state(s, c, target[s].cascade_state(states_[s * channel_count_ + c]));
    }
  }
}

}  // namespace streamlab::dsp
