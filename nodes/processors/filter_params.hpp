// nodes/processors/filter_params.hpp
//
// The parameters that describe one filter, and the second-order sections that they mean. The definitions are in
// nodes/dsp/biquad_design.hpp.
#pragma once

#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/core/param.hpp"
#include "nodes/dsp/biquad.hpp"

namespace streamlab {
namespace filter_param {

// The designs by name, in the order of dsp::FilterType, and the coefficients themselves.
inline constexpr std::string_view kTypes[] = {"peaking",
                                              "lowpass",
                                              "highpass",
                                              "bandpass",
                                              "notch",
                                              "allpass",
                                              "lowshelf",
                                              "highshelf",
                                              "butterworth_lowpass",
                                              "butterworth_highpass",
                                              "linkwitz_riley_lowpass",
                                              "linkwitz_riley_highpass",
                                              "coefficients"};
constexpr ParamInfo type_of(Need need) {
  return {.name = "type",
          .type = ParamType::choice,
          .need = need,
          .live = Live::yes,
          .choices = kTypes,
          .description = "Type of filter.",
          .role = ParamRole::kind};
}
inline constexpr ParamInfo kFrequencyInfo =
    param::live(param::number("frequency", "Hz", {0.0, 1e9}, Need::optional,
                              "Centre or corner frequency: above 0, below half the sample rate."));
inline constexpr ParamInfo kQInfo =
    param::live(param::number("q", "ratio", {0.0, 1e6}, Need::optional, "Quality factor; default 0.7071."));
inline constexpr ParamInfo kBandwidthInfo =
    param::live(param::number("bandwidth", "octaves", {0.0, 100.0}, Need::optional,
                              "Instead of q: the bandwidth in octaves. Not for shelves."));
inline constexpr ParamInfo kSlopeInfo =
    param::live(param::number("slope", "ratio", {0.0, 1e3}, Need::optional,
                              "Instead of q: the slope of a shelf; 1 is the steepest without a hump."));
inline constexpr ParamInfo kGainInfo = param::live(
    param::number("gain_db", "dB", {-200.0, 200.0}, Need::optional, "Gain of a peaking filter or shelf."));
inline constexpr ParamInfo kOrderInfo = param::live(
    param::integer("order", "", {1.0, 64.0}, Need::optional,
                   "Order of a Butterworth or (even) Linkwitz-Riley filter: 6 dB per octave per order."));
inline constexpr ParamInfo kCoefficientsInfo = param::live(
    param::list("coefficients", ParamType::numbers, "", {-1e300, 1e300}, Need::optional,
                "With type \"coefficients\": b0, b1, b2, a0, a1, a2, like a row of SciPy's `sos`."));
inline constexpr ParamInfo kSectionFields[] = {
    type_of(Need::required), kFrequencyInfo, kQInfo, kBandwidthInfo, kSlopeInfo, kGainInfo, kOrderInfo,
    kCoefficientsInfo};
// Indices in kSectionFields, and in any table that begins with the same names.
inline constexpr auto kType = param::at(kSectionFields, "type");
inline constexpr auto kFrequency = param::at(kSectionFields, "frequency");
inline constexpr auto kQ = param::at(kSectionFields, "q");
inline constexpr auto kBandwidth = param::at(kSectionFields, "bandwidth");
inline constexpr auto kSlope = param::at(kSectionFields, "slope");
inline constexpr auto kGainDb = param::at(kSectionFields, "gain_db");
inline constexpr auto kOrder = param::at(kSectionFields, "order");
inline constexpr auto kCoefficients = param::at(kSectionFields, "coefficients");

}  // namespace filter_param

// The sections of a filter, whose parameters begin with those of kSectionFields. Refused, at `where` or below:
// what the design does not allow, and parameters that do not belong to its type.
Result<std::vector<dsp::BiquadSection>> design_sections(const ParamValues& filter, const std::string& where,
                                                        double sample_rate_hz);

}  // namespace streamlab
