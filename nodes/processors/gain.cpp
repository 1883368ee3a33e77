// nodes/processors/gain.cpp
//
// Gain: multiplies every channel by one factor.
//
//   in   audio, float64 [channels x frames], any rate
//   out  as `in`; latency 0 frames
//
//   y[c][n] = g[n] x[c][n]
//
// A new gain is reached along a straight line over ramp_ms, so that it does not click (nodes/dsp/ramp.hpp).
#include <algorithm>
#include <cmath>

#include "nodes/dsp/ramp.hpp"
#include "nodes/dsp/scale_chain.hpp"
#include "nodes/processors/channelwise_processor.hpp"

namespace streamlab {
namespace gain_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::number("gain", "ratio", {-1e6, 1e6}, 1.0, Live::yes,
                  "Factor on every sample; 1 leaves the signal as it is."),
    param::number("ramp_ms", "ms", {0.0, 1000.0}, 10.0, Live::no, "Time taken to reach a new gain."),
    {.name = "gain_db",
     .unit = "dB",
     .range = {-400.0, 120.0},
     .need = Need::optional,
     .live = Live::yes,
     .description = "The factor in decibels, 20 lg: -6.0206 is half. Instead of gain."},
};
constexpr auto kGain = param::at(kParams, "gain");
constexpr auto kRampMs = param::at(kParams, "ramp_ms");
constexpr auto kGainDb = param::at(kParams, "gain_db");
constexpr std::string_view kGains[] = {"gain", "gain_db"};
constexpr ParamRule kRules[] = {{ParamRule::Kind::at_most_one, kGains}};
constexpr NodeInfo kInfo{
    .name = "Gain",
    .description = "Scales every channel by one factor.",
    .inputs = kAudioInPort,
    .outputs = kAudioOutPort,
    .params = kParams,
    .rules = kRules,
    .rt_safe = RtSafe::yes,
    .in_place = InPlace::yes,
    .at_gap = "Carries on; a ramp under way counts only the frames that are there.",
    .example = R"({"id": "louder", "type": "Gain", "config": {"gain_db": 6}})",
    .cost_ns_per_frame = 0.1,
};

double factor_of(const ParamValues& params) {
  return params.given(kGainDb) ? std::pow(10.0, params[kGainDb] / 20.0) : params[kGain];
}

// Looked up once, by the first prepare(): the real-time thread finds it made.
const dsp::ScaleChain& chain() noexcept {
  static const dsp::ScaleChain kChain;
  return kChain;
}

void scale(double* samples, std::size_t count, std::span<const double> factors) noexcept {
  chain().apply({samples, count}, {samples, count}, factors);
}

class Gain final : public ChannelwiseProcessor<Gain> {
 public:
  explicit Gain(const ParamValues& params) : ramp_ms_(params[kRampMs]), initial_(factor_of(params)) {}

  Result<OutputFormat> set_up(const StreamFormat& in) {
    chain();
    ramp_ = dsp::Ramp(initial_, static_cast<std::uint32_t>(std::lround(ramp_ms_ * 1e-3 * in.sample_rate_hz)));
    return OutputFormat{with_new_values(in)};
  }
  void reset_channels() noexcept { ramp_.reset(initial_); }
  void process_channels(std::span<const double* const> in, std::span<double* const> out,
                        std::uint32_t frames) noexcept {
    const std::uint32_t ramped = std::min(ramp_.frames_left(), frames);
    if (ramped > 0) {
      const dsp::Ramp ramp = ramp_;  // a copy, which the samples cannot alias
      for (std::size_t c = 0; c < in.size(); ++c) {
        for (std::uint32_t n = 0; n < ramped; ++n) { out[c][n] = in[c][n] * ramp.at(n + 1); }
      }
    }
    const double target = ramp_.target();
    const dsp::ScaleChain& multiply = chain();
    for (std::size_t c = 0; c < in.size(); ++c) {
      multiply.apply({in[c] + ramped, frames - ramped}, {out[c] + ramped, frames - ramped}, {&target, 1});
    }
    ramp_.advance(ramped);
  }

  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    return make_change(factor_of(now));
  }
  void apply(NodeChange& change) noexcept override { ramp_.go_to(value_of<double>(change)); }
  std::optional<ConstantFactor> constant_factor() const noexcept override {
    if (ramp_.frames_left() > 0) { return std::nullopt; }
    return ConstantFactor{ramp_.target(), scale};
  }

 private:
  const double ramp_ms_;
  const double initial_;
  dsp::Ramp ramp_{initial_};
};

}  // namespace
}  // namespace gain_node

extern const NodeEntry kGainEntry{gain_node::kInfo, make_node<gain_node::Gain>};

}  // namespace streamlab
