// nodes/processors/filter_params.cpp
#include "nodes/processors/filter_params.hpp"

#include <optional>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "nodes/dsp/biquad_design.hpp"

namespace streamlab {

namespace {

constexpr std::size_t kCoefficientsType = std::size(filter_param::kTypes) - 1;

Result<std::vector<dsp::BiquadSection>> from_coefficients(const ParamValues& filter,
                                                          const std::string& where) {
  using namespace filter_param;
  for (std::size_t i = kFrequency; i < kCoefficients; ++i) {
    if (filter.given(i)) {
      return refused(fmt::format("{}/{}", where, kSectionFields[i].name),
                     fmt::format("a filter of type \"coefficients\" has no {}", kSectionFields[i].name),
                     "\"coefficients\" alone");
    }
  }
  const std::vector<double>& c = filter.numbers(kCoefficients);
  const std::string place = filter.given(kCoefficients) ? where + "/coefficients" : where;
  if (c.size() != 6) {
    return refused(place, fmt::format("{} coefficients", c.size()), "six: b0, b1, b2, a0, a1, a2");
  }
  if (c[3] == 0.0) { return refused(place, "a0 is 0", "a number other than 0, usually 1"); }
  const dsp::BiquadSection section = dsp::section_from_transfer_function(c[0], c[1], c[2], c[3], c[4], c[5]);
  if (!dsp::is_stable(section)) {
    return refused(place, "the filter is not stable", "both poles inside the unit circle");
  }
  return std::vector{section};
}

}  // namespace

Result<std::vector<dsp::BiquadSection>> design_sections(const ParamValues& filter, const std::string& where,
                                                        double sample_rate_hz) {
  using namespace filter_param;
  if (filter.choice(kType) == kCoefficientsType) { return from_coefficients(filter, where); }
  if (filter.given(kCoefficients)) {
    return refused(where + "/coefficients",
                   fmt::format("a filter of type \"{}\" calculates them itself", filter.text(kType)),
                   "no coefficients, or type \"coefficients\"");
  }
  if (!filter.given(kFrequency)) {
    return refused(where,
                   fmt::format("\"frequency\" is missing for a filter of type \"{}\"", filter.text(kType)),
                   std::string(kFrequencyInfo.description));
  }
  const auto optional = [&filter](std::size_t index) {
    return filter.given(index) ? std::optional(filter[index]) : std::nullopt;
  };
  dsp::FilterSpec spec;
  spec.type = static_cast<dsp::FilterType>(filter.choice(kType));
  spec.frequency_hz = filter[kFrequency];
  spec.q = optional(kQ);
  spec.bandwidth_octaves = optional(kBandwidth);
  spec.slope = optional(kSlope);
  spec.gain_db = optional(kGainDb);
  if (filter.given(kOrder)) { spec.order = static_cast<int>(filter.integer(kOrder)); }
  auto designed = dsp::design_filter(spec, sample_rate_hz);
  if (const auto* error = std::get_if<dsp::DesignError>(&designed)) {
    const bool missing = !filter.given(*filter.find(error->field));
    return refused(missing ? where : where + "/" + error->field, error->what, error->expected);
  }
  return std::get<std::vector<dsp::BiquadSection>>(std::move(designed));
}

}  // namespace streamlab
