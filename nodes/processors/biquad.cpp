// nodes/processors/biquad.cpp
//
// Biquad: a cascade of second-order filters on every channel.
//
//   in   audio, float64 [channels x frames], any rate
//   out  as `in`; latency 0 frames
//
// One filter is described by the node's own parameters, several by a list of `sections`; a filter of higher
// order (butterworth_…, linkwitz_riley_…) alone is several sections. nodes/processors/filter_params.hpp has the
// parameters, nodes/dsp/biquad_design.hpp the definitions, nodes/dsp/biquad.hpp the arithmetic, and
// nodes/dsp/biquad_morph.hpp how it goes from one filter to another.
#include <algorithm>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "engine/core/in_force.hpp"
#include "nodes/dsp/biquad.hpp"
#include "nodes/dsp/biquad_morph.hpp"
#include "nodes/dsp/ramp.hpp"
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
    param::live(param::object("sections", ParamType::objects, filter_param::kSectionFields, Need::optional,
                              "Several filters in series, each with these parameters.")),
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
        "block flagged not_finite. Everything may change while the graph runs, also the number of sections. For "
        "10 ms each section is then a state-variable filter whose coefficients move along straight lines: its state is "
        "kept, the change alone never makes it grow, and its gains at 0 Hz and at half the rate lie between the old and "
        "the new. The output has no jump. Where the poles stay (another type with the same frequency and q), a tone goes "
        "from its old complex amplitude A to the new one B along a straight line of N = 10 ms: no second difference is above "
        "4 sin²(w/2) max(|A|, |B|) + max(1, 2 sin w) |B - A| / N, w = 2π f / rate. Where the poles move, a resonance takes its ringing along. Behind the 10 ms the difference to a filter "
        "that began so fades as fast as the filter rings.",
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
    sample_rate_hz_ = in.sample_rate_hz;
    channel_count_ = in.channel_count();
    auto filter = make_filter(params_);
    if (!filter) { return tl::unexpected(filter.error()); }
    filter_.prepare(std::move(*filter));
    morph_ = dsp::BiquadMorph(in.channel_count(), dsp::change_frames(in.sample_rate_hz));
    rest_in_.resize(in.channel_count());
    rest_out_.resize(in.channel_count());
    return OutputFormat{with_new_values(in)};
  }
  void reset_channels() noexcept {
    filter_.reset();
    filter_->cascade.reset();
    morph_.reset();
  }
  std::size_t process_channels(std::span<const double* const> in, std::span<double* const> out,
                               std::uint32_t frames) noexcept {
    const std::uint32_t on_the_way = std::min(morph_.frames_left(), frames);
    if (on_the_way == 0) { return filter_->cascade.process(in, out, frames); }
    std::size_t silenced = morph_.process(in, out, on_the_way);
    if (morph_.frames_left() > 0) { return silenced; }
    morph_.arrive(filter_->cascade, filter_->sections);
    for (std::size_t c = 0; c < in.size(); ++c) {
      rest_in_[c] = in[c] + on_the_way;
      rest_out_[c] = out[c] + on_the_way;
    }
    silenced += filter_->cascade.process(rest_in_, rest_out_, frames - on_the_way);
    return silenced;
  }

  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    auto filter = make_filter(now);
    if (!filter) { return tl::unexpected(filter.error()); }
    return make_change(std::move(*filter));
  }
  void apply(NodeChange& change) noexcept override {
    auto& brought = value_of<std::unique_ptr<Filter>>(change);
    morph_.go_to(filter_->cascade, filter_->sections, brought->sections);
    filter_.take(brought);
  }

 private:
  struct Filter {
    Filter(std::span<const dsp::BiquadSection> list, std::size_t channel_count)
        : cascade(list, channel_count) {
      for (const dsp::BiquadSection& section : list) { sections.emplace_back(section); }
    }
    dsp::BiquadCascade cascade;
    std::vector<dsp::MorphSection> sections;  // the same
  };

  Result<std::unique_ptr<Filter>> make_filter(const ParamValues& params) const {
    std::vector<dsp::BiquadSection> sections;
    if (!params.given(kSections)) {
      auto made = design_sections(params, "/config", sample_rate_hz_);
      if (!made) { return tl::unexpected(made.error()); }
      sections = std::move(*made);
    } else {
      const std::vector<ParamValues>& list = params.objects(kSections);
      for (std::size_t i = 0; i < list.size(); ++i) {
        auto made = design_sections(list[i], fmt::format("/config/sections/{}", i), sample_rate_hz_);
        if (!made) { return tl::unexpected(made.error()); }
        sections.insert(sections.end(), made->begin(), made->end());
      }
    }
    if (sections.size() > dsp::BiquadCascade::kMaxSections) {
      return refused("/config/sections", fmt::format("{} second-order sections", sections.size()),
                     fmt::format("at most {}", dsp::BiquadCascade::kMaxSections),
                     "put the rest into a second Biquad");
    }
    return std::make_unique<Filter>(sections, channel_count_);
  }

  const ParamValues params_;
  double sample_rate_hz_ = 1.0;  // fixed by set_up(), as is the next
  std::size_t channel_count_ = 0;
  InForce<Filter> filter_;
  dsp::BiquadMorph morph_;
  std::vector<const double*> rest_in_;  // of a block, behind the frames on the way
  std::vector<double*> rest_out_;
};

}  // namespace
}  // namespace biquad_node

extern const NodeEntry kBiquadEntry{biquad_node::kInfo, make_node<biquad_node::Biquad>};

}  // namespace streamlab
