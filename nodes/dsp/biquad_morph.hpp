// nodes/dsp/biquad_morph.hpp
//
// BiquadMorph: a cascade of second-order sections on its way from one set of coefficients to another.
//
// On the way every section is a state-variable filter with trapezoidal integrators (A. Simper, "Solving the continuous SVF
// equations using trapezoidal integration and equivalent currents", Cytomic 2013; V. Zavalishin, "The Art of VA Filter
// Design", section 4):
//
//   v1 = (s1 + g (x - s2)) / (1 + g (g + k))      s1 <- 2 v1 - s1
//   v2 = s2 + g v1                                s2 <- 2 v2 - s2
//   y  = m0 x + m1 v1 + m2 v2
//
// Any stable section is one, with g > 0 and k > 0 (svf_of()). g, k, m0, m1 and m2 move along straight lines. What that
// does cannot grow, whatever the lines are: without input s1² + s2² changes in a frame by -4 g k v1², which is never
// above 0, for any g and k of that frame. So the state keeps its meaning, and there is neither a jump nor a new transient.
// (In a direct form, coefficients on the way may make it ring or grow; J. Laroche, "On the stability of time-varying
// recursive filters", J. Audio Eng. Soc. 55(6), 2007.)
//
// The gains of a section on the way, at 0 Hz (m0 + m2), at half the rate (m0) and at the frequency of g (m0 + m1 / k, as
// far as m0 is the same), lie between those of both ends.
//
// The state is taken over from a BiquadCascade and handed to another one exactly: the same filter has, in both forms,
// states of which each is a linear function of the other.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "nodes/dsp/biquad.hpp"

namespace streamlab::dsp {

struct SvfSection {
  double g = 1.0;
  double k = 2.0;
  double m0 = 1.0;
  double m1 = 0.0;
  double m2 = 0.0;
};

// The same filter. `section` must be stable.
SvfSection svf_of(const BiquadSection& section) noexcept;

struct SvfState {
  double s1 = 0.0;
  double s2 = 0.0;
};

// A section as BiquadMorph needs it. Made on the control thread, which has the time for divisions.
struct MorphSection {
  explicit MorphSection(const BiquadSection& section);

  // States from which both forms give the same output for any input to come.
  SvfState svf_state(BiquadCascade::State w) const noexcept {
    return {to_svf[0] * w.w1 + to_svf[1] * w.w2, to_svf[2] * w.w1 + to_svf[3] * w.w2};
  }
  BiquadCascade::State cascade_state(SvfState s) const noexcept {
    return {to_cascade[0] * s.s1 + to_cascade[1] * s.s2, to_cascade[2] * s.s1 + to_cascade[3] * s.s2};
  }

  SvfSection svf;
  std::array<double, 4> to_svf{};      // two rows of two
  std::array<double, 4> to_cascade{};  // likewise
};

class BiquadMorph {
 public:
  BiquadMorph() = default;
  // Allocates for BiquadCascade::kMaxSections sections. Every change takes `length_frames` >= 1.
  BiquadMorph(std::size_t channel_count, std::uint32_t length_frames);

  // --- real-time safe
  void reset() noexcept { done_ = length_; }
  std::uint32_t frames_left() const noexcept { return length_ - done_; }
  // From where the sections are now, in `from` with the coefficients `now` or on a way that is not over, to `target`. What
  // one side has more of passes its input through on the other.
  void go_to(BiquadCascade& from, std::span<const MorphSection> now,
             std::span<const MorphSection> target) noexcept;
  // As BiquadCascade::process(), of at most frames_left() frames.
  std::size_t process(std::span<const double* const> in, std::span<double* const> out,
                      std::uint32_t frames) noexcept;
  // Where no frames are left: hands the state to `to`, which has the sections `target`.
  void arrive(BiquadCascade& to, std::span<const MorphSection> target) noexcept;

 private:
  SvfSection at(std::size_t section, std::uint32_t done) const noexcept;

  std::size_t channel_count_ = 0;
  std::uint32_t length_ = 0;
  std::uint32_t done_ = 0;
  std::size_t count_ = 0;           // sections under way
  std::vector<SvfSection> from_;    // [kMaxSections]
  std::vector<SvfSection> target_;  // likewise
  std::vector<SvfState> states_;    // [kMaxSections][channels]
};

}  // namespace streamlab::dsp
