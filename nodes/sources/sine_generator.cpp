// nodes/sources/sine_generator.cpp
//
// SineGenerator: a sine on one channel, without drift.
//
//   out  audio, float64 [1 x frame_size], channel "main_channel"
//
//   y[n] = amplitude · sin(2π frequency n / sample_rate + phase)
//
// A sample depends only on its position (nodes/dsp/sine.hpp): the stream is the same for every frame size. A
// new frequency continues from the phase reached by the old one. New amplitude and phase are one complex amplitude, which
// goes to its new value along a straight line of N = 10 ms (nodes/dsp/ramp.hpp): with a step of amplitude and phase from
// A to B, both complex, no second difference of the output is above
//
//   4 sin²(w/2) max(|A|, |B|) + max(1, 2 sin w) |B - A| / N,   w = 2π frequency / sample_rate
//
// of which the first is that of the sine itself.
#include <algorithm>
#include <cmath>
#include <complex>
#include <memory>
#include <numbers>
#include <vector>

#include <fmt/format.h>

#include "engine/core/in_force.hpp"
#include "nodes/dsp/ramp.hpp"
#include "nodes/dsp/sine.hpp"
#include "nodes/sources/generator_node.hpp"

namespace streamlab {
namespace sine_generator_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::number("frequency", "Hz", {0.0, 1e7}, 1000.0, Live::yes,
                  "Frequency, at most half the sample rate. A change keeps the phase continuous."),
    param::number("amplitude", "FS", {-1e6, 1e6}, 1.0, Live::yes,
                  "Peak amplitude; full scale is 1. A new one is reached over 10 ms."),
    param::number("phase_deg", "deg", {-1e6, 1e6}, 0.0, Live::yes,
                  "Phase at sample 0. A new one moves the phase by the difference, over 10 ms."),
    generator_param::kSampleRate,
    generator_param::kFrameSize,
    generator_param::kDurationS,
};
constexpr auto kFrequency = param::at(kParams, "frequency");
constexpr auto kAmplitude = param::at(kParams, "amplitude");
constexpr auto kPhaseDeg = param::at(kParams, "phase_deg");
constexpr NodeInfo kInfo{
    .name = "SineGenerator",
    .description = "Generates a sine without drift.",
    .inputs = {},
    .outputs = kAudioOutPort,
    .params = kParams,
    .rt_safe = RtSafe::yes,
    .at_gap = "Has no input.",
    .details =
        "sin, with phase_deg at sample 0; amplitude is the peak. Phase in 128-bit integers: no drift, and "
        "the same samples for every frame size. Harmonics and spurs are below -320 dB. A change of frequency has no jump "
        "and takes no time. Amplitude and phase, as one complex amplitude, go from A to B along a straight line of "
        "N = 10 ms: no second difference of the output is above 4 sin²(w/2) max(|A|, |B|), that of the sine itself, plus "
        "max(1, 2 sin w) |B - A| / N; w = 2π frequency / sample_rate.",
    .example = R"({"id": "tone", "type": "SineGenerator", "config": {"frequency": 440, "amplitude": 0.5}})",
    .cost_ns_per_frame = 2.0,
};

class SineGenerator final : public GeneratorNode {
 public:
  explicit SineGenerator(const ParamValues& params) : GeneratorNode(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    auto out = prepare_generator(context, {"main_channel"});
    if (!out) { return tl::unexpected(out.error()); }
    if (auto fine = check_frequency(params()); !fine) { return tl::unexpected(fine.error()); }
    sine_.prepare(make_sine(params()));
    const std::uint32_t frames = dsp::change_frames(sample_rate_hz());
    in_phase_ = dsp::Ramp(0.0, frames);
    quadrature_ = dsp::Ramp(0.0, frames);
    cosine_.resize(out->format.max_frames);
    reset();
    return std::vector{std::move(*out)};
  }

  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    if (auto fine = check_frequency(now); !fine) { return tl::unexpected(fine.error()); }
    return make_change(make_sine(now));
  }
  void apply(NodeChange& change) noexcept override {
    auto& brought = value_of<std::unique_ptr<dsp::Sine>>(change);
    const double turns = brought->continue_from(*sine_, static_cast<std::uint64_t>(position()));
    std::complex<double> now(in_phase_.at(0), quadrature_.at(0));
    if (turns != 0.0) { now *= std::polar(1.0, -2.0 * std::numbers::pi * turns); }
    sine_.take(brought);
    in_phase_.reset(now.real());
    quadrature_.reset(now.imag());
    if (now == sine_->amplitude()) { return; }
    in_phase_.go_to(sine_->amplitude());
    quadrature_.go_to(0.0);
  }

 private:
  std::unique_ptr<dsp::Sine> make_sine(const ParamValues& params) const {
    return std::make_unique<dsp::Sine>(params[kFrequency], sample_rate_hz(), params[kAmplitude],
                                       params[kPhaseDeg]);
  }
  void restart() noexcept override {
    sine_.reset();
    in_phase_.reset(sine_->amplitude());
    quadrature_.reset(0.0);
  }
  void fill(DataFrame& y) noexcept override {
    const auto first = static_cast<std::uint64_t>(position());
    const auto out = y.channel(0U);
    const std::uint32_t ramped = std::min(in_phase_.frames_left(), y.frame_count());
    if (ramped > 0) {
      sine_->fill_both(first, out.first(ramped), std::span(cosine_).first(ramped));
      for (std::uint32_t n = 0; n < ramped; ++n) {
        out[n] = in_phase_.at(n + 1) * out[n] + quadrature_.at(n + 1) * cosine_[n];
      }
      in_phase_.advance(ramped);
      quadrature_.advance(ramped);
    }
    sine_->fill(first + ramped, out.subspan(ramped));
  }

  Result<void> check_frequency(const ParamValues& params) const {
    if (params[kFrequency] <= sample_rate_hz() / 2.0) { return {}; }
    return refused(
        "/config/frequency",
        fmt::format("{} Hz is above half the sample rate of {} Hz", params[kFrequency], sample_rate_hz()),
        fmt::format("0 .. {} Hz", sample_rate_hz() / 2.0));
  }

  InForce<dsp::Sine> sine_;
  // The complex amplitude, relative to the phase of the sine; while a line is under way it is not the sine's own.
  dsp::Ramp in_phase_{0.0};
  dsp::Ramp quadrature_{0.0};
  std::vector<double> cosine_;  // of the frames of a line
};

}  // namespace
}  // namespace sine_generator_node

extern const NodeEntry kSineGeneratorEntry{sine_generator_node::kInfo,
                                           make_node<sine_generator_node::SineGenerator>};

}  // namespace streamlab
