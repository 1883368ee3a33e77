// nodes/processors/biquad.cpp
//
// Biquad: a cascade of second-order filters on every channel.
//
//   in   audio, float64 [channels x frames], any rate
//   out  as `in`; latency 0 frames
//
// One filter is described by the node's own parameters, several by a list of `sections`; a filter of higher
// order (butterworth_…, linkwitz_riley_…) alone is several sections. The definitions are in
// nodes/dsp/biquad_design.hpp, the arithmetic in nodes/dsp/biquad.hpp.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "nodes/dsp/biquad.hpp"
#include "nodes/dsp/biquad_design.hpp"
#include "nodes/processors/channelwise_processor.hpp"

namespace streamlab {
namespace biquad_node {
namespace {

// The designs by name, in the order of dsp::FilterType, and the coefficients themselves.
constexpr std::string_view kTypes[] = {"peaking",
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
constexpr std::size_t kCoefficientsType = std::size(kTypes) - 1;

constexpr ParamInfo filter_type(Need need) {
  return {.name = "type",
          .type = ParamType::choice,
          .need = need,
          .choices = kTypes,
          .description = "Type of filter.",
          .role = ParamRole::kind};
}
constexpr ParamInfo kFrequencyInfo =
    param::number("frequency", "Hz", {0.0, 1e9}, Need::optional,
                  "Centre or corner frequency: above 0, below half the sample rate.");
constexpr ParamInfo kQInfo =
    param::number("q", "ratio", {0.0, 1e6}, Need::optional, "Quality factor; default 0.7071.");
constexpr ParamInfo kBandwidthInfo =
    param::number("bandwidth", "octaves", {0.0, 100.0}, Need::optional,
                  "Instead of q: the bandwidth in octaves. Not for shelves.");
constexpr ParamInfo kSlopeInfo =
    param::number("slope", "ratio", {0.0, 1e3}, Need::optional,
                  "Instead of q: the slope of a shelf; 1 is the steepest without a hump.");
constexpr ParamInfo kGainInfo =
    param::number("gain_db", "dB", {-200.0, 200.0}, Need::optional, "Gain of a peaking filter or shelf.");
constexpr ParamInfo kOrderInfo =
    param::integer("order", "", {1.0, 64.0}, Need::optional,
                   "Order of a Butterworth or (even) Linkwitz-Riley filter: 6 dB per octave per order.");
constexpr ParamInfo kCoefficientsInfo =
    param::list("coefficients", ParamType::numbers, "", {-1e300, 1e300}, Need::optional,
                "With type \"coefficients\": b0, b1, b2, a0, a1, a2, like a row of SciPy's `sos`.");
constexpr ParamInfo kSectionFields[] = {filter_type(Need::required),
                                        kFrequencyInfo,
                                        kQInfo,
                                        kBandwidthInfo,
                                        kSlopeInfo,
                                        kGainInfo,
                                        kOrderInfo,
                                        kCoefficientsInfo};
constexpr ParamInfo kParams[] = {filter_type(Need::optional),
                                 kFrequencyInfo,
                                 kQInfo,
                                 kBandwidthInfo,
                                 kSlopeInfo,
                                 kGainInfo,
                                 kOrderInfo,
                                 kCoefficientsInfo,
                                 param::object("sections", ParamType::objects, kSectionFields, Need::optional,
                                               "Several filters in series, each with these parameters.")};
// Of a section; the node's own parameters have the same indices, and one more.
constexpr auto kType = param::at(kSectionFields, "type");
constexpr auto kFrequency = param::at(kSectionFields, "frequency");
constexpr auto kQ = param::at(kSectionFields, "q");
constexpr auto kBandwidth = param::at(kSectionFields, "bandwidth");
constexpr auto kSlope = param::at(kSectionFields, "slope");
constexpr auto kGainDb = param::at(kSectionFields, "gain_db");
constexpr auto kOrder = param::at(kSectionFields, "order");
constexpr auto kCoefficients = param::at(kSectionFields, "coefficients");
constexpr auto kSections = param::at(kParams, "sections");
static_assert(std::equal(std::begin(kSectionFields), std::end(kSectionFields), std::begin(kParams),
                         [](const ParamInfo& a, const ParamInfo& b) { return a.name == b.name; }));
constexpr std::string_view kFilters[] = {"type", "sections"};
constexpr std::string_view kOfOneFilter[] = {"frequency", "q",     "bandwidth",   "slope",
                                             "gain_db",   "order", "coefficients"};
constexpr std::string_view kTypeName[] = {"type"};
constexpr ParamRule kRules[] = {{ParamRule::Kind::at_least_one, kFilters},
                                {ParamRule::Kind::at_most_one, kFilters},
                                {ParamRule::Kind::only_with, kOfOneFilter, kTypeName}};
constexpr NodeInfo kInfo{
    .name = "Biquad",
    .description =
        "Filters every channel: equaliser, high-pass, low-pass, shelves, crossovers, or given coefficients.",
    .inputs = kAudioInPort,
    .outputs = kAudioOutPort,
    .params = kParams,
    .rules = kRules,
    .rt_safe = RtSafe::yes,
    .in_place = InPlace::yes,
    .at_gap = "Continues with its state: the signal before and after the gap is spliced.",
    .details =
        "Up to 64 second-order sections. peaking … highshelf are those of R. Bristow-Johnson's Audio EQ "
        "Cookbook (bandpass with 0 dB at the centre; bandwidth with the w0/sin(w0) correction). "
        "butterworth_* of order N falls by 6 N dB per octave and is at -3.01 dB at its frequency; "
        "linkwitz_riley_* is two Butterworth filters of half the order in series (-6.02 dB), with the high "
        "output inverted for orders 2, 6, 10 … so that low and high sum to an all-pass. Computed in float64 "
        "and delta form: exact at low frequencies too. A NaN or infinite sample is replaced by 0 and its "
        "block flagged not_finite. No parameter can change while the graph runs.",
    .example = R"({"id": "eq", "type": "Biquad", "config": {"sections": [)"
               R"({"type": "highpass", "frequency": 20}, )"
               R"({"type": "peaking", "frequency": 1000, "q": 2, "gain_db": -3}]}})",
    .cost_ns_per_frame = 3.0,
};

class Biquad final : public ChannelwiseProcessor<Biquad> {
 public:
  static constexpr std::string_view kWhyNoOverlap = "a filter keeps state between blocks";

  explicit Biquad(const ParamValues& params) : params_(params) {}

  Result<OutputFormat> set_up(const StreamFormat& in) {
    std::vector<dsp::BiquadSection> sections;
    if (!params_.given(kSections)) {
      auto made = design(params_, "/config", in.sample_rate_hz);
      if (!made) { return tl::unexpected(made.error()); }
      sections = std::move(*made);
    } else {
      const std::vector<ParamValues>& list = params_.objects(kSections);
      for (std::size_t i = 0; i < list.size(); ++i) {
        auto made = design(list[i], fmt::format("/config/sections/{}", i), in.sample_rate_hz);
        if (!made) { return tl::unexpected(made.error()); }
        sections.insert(sections.end(), made->begin(), made->end());
      }
    }
    if (sections.size() > dsp::BiquadCascade::kMaxSections) {
      return refused("/config/sections", fmt::format("{} second-order sections", sections.size()),
                     fmt::format("at most {}", dsp::BiquadCascade::kMaxSections),
                     "put the rest into a second Biquad");
    }
    cascade_.emplace(sections, in.channel_count());
    return OutputFormat{with_new_values(in)};
  }
  void reset_channels() noexcept { cascade_->reset(); }
  std::size_t process_channels(std::span<const double* const> in, std::span<double* const> out,
                               std::uint32_t frames) noexcept {
    return cascade_->process(in, out, frames);
  }

 private:
  static Result<std::vector<dsp::BiquadSection>> design(const ParamValues& filter, const std::string& where,
                                                        double sample_rate_hz) {
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
  static Result<std::vector<dsp::BiquadSection>> from_coefficients(const ParamValues& filter,
                                                                   const std::string& where) {
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
    const dsp::BiquadSection section =
        dsp::section_from_transfer_function(c[0], c[1], c[2], c[3], c[4], c[5]);
    if (!dsp::is_stable(section)) {
      return refused(place, "the filter is not stable", "both poles inside the unit circle");
    }
    return std::vector{section};
  }

  const ParamValues params_;
  std::optional<dsp::BiquadCascade> cascade_;  // set by set_up()
};

}  // namespace
}  // namespace biquad_node

extern const NodeEntry kBiquadEntry{biquad_node::kInfo, make_node<biquad_node::Biquad>};

}  // namespace streamlab
