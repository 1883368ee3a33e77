// nodes/dsp/biquad_design.hpp
//
// Filters by name, as cascades of second-order sections.
//
//   peaking lowpass highpass bandpass notch allpass lowshelf highshelf
//       R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients" (W3C Note, 2021).
//       bandpass: 0 dB at the centre. bandwidth: in octaves, with the cookbook's w0/sin(w0) correction,
//       between the -3 dB points of bandpass and notch and between the half-gain points (in dB) of peaking.
//       slope: the cookbook's S, 1 for the steepest shelf without a hump.
//   butterworth_lowpass butterworth_highpass
//       order N, 6 N dB per octave, -3.01 dB at the frequency; poles by the bilinear transform warped to it.
//   linkwitz_riley_lowpass linkwitz_riley_highpass
//       two equal Butterworth filters of half the order in series, -6.02 dB at the frequency. Low and high
//       sum to an all-pass; where half the order is odd (2, 6, 10 …) the high output is inverted for that.
//
// Coefficients are computed in delta form directly from sin and 1 - cos, so that nothing cancels at low
// frequencies.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "nodes/dsp/biquad.hpp"

namespace streamlab::dsp {

enum class FilterType {
  peaking,
  lowpass,
  highpass,
  bandpass,
  notch,
  allpass,
  lowshelf,
  highshelf,
  butterworth_lowpass,
  butterworth_highpass,
  linkwitz_riley_lowpass,
  linkwitz_riley_highpass,
};

// The names of the types, in the order of the enumeration.
std::span<const std::string_view> filter_type_names() noexcept;

inline constexpr int kMaxFilterOrder = 64;

// Empty values are not given. At most one of q, bandwidth_octaves and slope; without any, q is 1/sqrt(2).
struct FilterSpec {
  FilterType type = FilterType::peaking;
  double frequency_hz = 0.0;                     // above 0, below half the sample rate
  std::optional<double> q = {};                  // above 0; not for butterworth and linkwitz_riley
  std::optional<double> bandwidth_octaves = {};  // above 0; not for shelves, butterworth and linkwitz_riley
  std::optional<double> slope = {};              // above 0; shelves only
  std::optional<double> gain_db = {};            // required by peaking and shelves; only for them
  std::optional<int> order = {};  // required by butterworth (1 .. 64) and linkwitz_riley (2, 4 .. 64)
};

// Why a filter cannot be made: the wrong field, by its name in a configuration ("frequency", "q",
// "bandwidth", "slope", "gain_db", "order"), a sentence without a full stop, and what would have been valid.
struct DesignError {
  std::string field;
  std::string what;
  std::string expected;
};

// The sections in processing order, each of them stable; or the first error. Control thread.
std::variant<std::vector<BiquadSection>, DesignError> design_filter(const FilterSpec& spec,
                                                                    double sample_rate_hz);

}  // namespace streamlab::dsp
