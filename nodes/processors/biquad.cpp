// nodes/processors/biquad.cpp
//
// Biquad: a cascade of second-order filters on every channel.
//
//   in   audio, float64 [channels x frames], any rate
//   out  as `in`; latency 0 frames
//
// One filter is described by the node's own parameters, several by a list of `sections`; a filter of higher
// order (butterworth_…, linkwitz_riley_…) alone is several sections. nodes/processors/filter_params.hpp has the
// parameters, nodes/dsp/biquad_design.hpp the definitions, nodes/dsp/biquad.hpp the arithmetic.
#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "nodes/dsp/biquad.hpp"
#include "nodes/processors/channelwise_processor.hpp"
#include "nodes/processors/filter_params.hpp"

namespace streamlab {
namespace biquad_node {
namespace {

constexpr ParamInfo kParams[] = {
    filter_param::type_of(Need::optional),
    filter_param::kFrequencyInfo,
    filter_param::kQInfo,
    filter_param::kBandwidthInfo,
    filter_param::kSlopeInfo,
    filter_param::kGainInfo,
    filter_param::kOrderInfo,
    filter_param::kCoefficientsInfo,
    param::object("sections", ParamType::objects, filter_param::kSectionFields, Need::optional,
                  "Several filters in series, each with these parameters."),
};
// Those of a section, and one more.
constexpr auto kSections = param::at(kParams, "sections");
static_assert(std::equal(std::begin(filter_param::kSectionFields), std::end(filter_param::kSectionFields),
                         std::begin(kParams),
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
      auto made = design_sections(params_, "/config", in.sample_rate_hz);
      if (!made) { return tl::unexpected(made.error()); }
      sections = std::move(*made);
    } else {
      const std::vector<ParamValues>& list = params_.objects(kSections);
      for (std::size_t i = 0; i < list.size(); ++i) {
        auto made = design_sections(list[i], fmt::format("/config/sections/{}", i), in.sample_rate_hz);
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
  const ParamValues params_;
  std::optional<dsp::BiquadCascade> cascade_;  // set by set_up()
};

}  // namespace
}  // namespace biquad_node

extern const NodeEntry kBiquadEntry{biquad_node::kInfo, make_node<biquad_node::Biquad>};

}  // namespace streamlab
