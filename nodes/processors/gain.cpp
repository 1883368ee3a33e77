// nodes/processors/gain.cpp
//
// Gain: multiplies every channel by one factor.
//
//   in   audio, float64 [channels x frames], any rate
//   out  as `in`; latency 0 frames
//
//   y[c][n] = g[n] x[c][n]
//
// A new gain is reached along a straight line over ramp_ms, so that it does not click. The line comes
// from a frame counter, not a running sum: the output is the same, bit for bit, however the stream is
// cut into blocks.
#include <algorithm>
#include <cmath>

#include "engine/core/node.hpp"
#include "nodes/dsp/scale_chain.hpp"

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

class Gain final : public Node {
 public:
  explicit Gain(const ParamValues& params)
      : ramp_ms_(params[kRampMs]), initial_(factor_of(params)), target_(initial_), from_(initial_) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    chain();
    ramp_frames_ = static_cast<std::uint32_t>(std::lround(ramp_ms_ * 1e-3 * in.sample_rate_hz));
    reset();
    return std::vector{OutputFormat{with_new_values(in)}};
  }
  void reset() noexcept override {
    from_ = target_ = initial_;
    ramp_done_ = ramp_frames_;
  }
  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    return make_change(factor_of(now));
  }
  void apply(NodeChange& change) noexcept override {
    from_ = gain_after(ramp_done_);  // a ramp may still be under way
    target_ = value_of<double>(change);
    ramp_done_ = 0;
  }
  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    DataFrame& y = out[0].emit();
    const std::uint32_t ramped = std::min(ramp_frames_ - ramp_done_, x.frame_count());
    for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
      const auto from = x.channel(c);
      const auto to = y.channel(c);
      for (std::uint32_t n = 0; n < ramped; ++n) { to[n] = from[n] * gain_after(ramp_done_ + n + 1); }
      chain().apply(from.subspan(ramped), to.subspan(ramped), {&target_, 1});
    }
    ramp_done_ += ramped;
    return Status::ok;
  }
  std::optional<ConstantFactor> constant_factor() const noexcept override {
    if (ramp_done_ < ramp_frames_) { return std::nullopt; }
    return ConstantFactor{target_, scale};
  }

 private:
  double gain_after(std::uint32_t done) const noexcept {  // `done`: frames of the ramp gone by
    if (done >= ramp_frames_) { return target_; }
    return from_ + (target_ - from_) * static_cast<double>(done) / ramp_frames_;
  }

  const double ramp_ms_;
  const double initial_;
  std::uint32_t ramp_frames_ = 0;  // fixed by prepare()
  std::uint32_t ramp_done_ = 0;    // 0 .. ramp_frames_
  double target_;                  // factor asked for
  double from_;                    // factor where the ramp began
};

}  // namespace
}  // namespace gain_node

extern const NodeEntry kGainEntry{gain_node::kInfo, make_node<gain_node::Gain>};

}  // namespace streamlab
