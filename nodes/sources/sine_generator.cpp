// nodes/sources/sine_generator.cpp
//
// SineGenerator: a sine on one channel, without drift.
//
//   out  audio, float64 [1 x frame_size], channel "main_channel"
//
//   y[n] = amplitude · sin(2π frequency n / sample_rate + phase)
//
// A sample depends only on its position (nodes/dsp/sine.hpp): the stream is the same for every frame size. A
// new frequency continues from the phase reached by the old one.
#include <fmt/format.h>

#include "nodes/dsp/sine.hpp"
#include "nodes/sources/generator_node.hpp"

namespace streamlab {
namespace sine_generator_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::number("frequency", "Hz", {0.0, 1e7}, 1000.0, Live::yes,
                  "Frequency, at most half the sample rate. A change keeps the phase continuous."),
    param::number("amplitude", "FS", {-1e6, 1e6}, 1.0, Live::yes, "Peak amplitude; full scale is 1."),
    param::number("phase_deg", "deg", {-1e6, 1e6}, 0.0, Live::no, "Phase at sample 0."),
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
        "the same samples for every frame size. Harmonics and spurs are below -320 dB.",
    .example = R"({"id": "tone", "type": "SineGenerator", "config": {"frequency": 440, "amplitude": 0.5}})",
    .cost_ns_per_frame = 2.0,
};

class SineGenerator final : public GeneratorNode {
 public:
  explicit SineGenerator(const ParamValues& params)
      : GeneratorNode(params), sine_(params[kFrequency], sample_rate_hz()) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    auto out = prepare_generator(context, {"main_channel"});
    if (!out) { return tl::unexpected(out.error()); }
    if (auto fine = check_frequency(params()); !fine) { return tl::unexpected(fine.error()); }
    reset();
    return std::vector{std::move(*out)};
  }

  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    if (auto fine = check_frequency(now); !fine) { return tl::unexpected(fine.error()); }
    return make_change(Tone{now[kFrequency], now[kAmplitude]});
  }
  void apply(NodeChange& change) noexcept override {
    const Tone& tone = value_of<Tone>(change);
    sine_.set_amplitude(tone.amplitude);
    if (tone.frequency_hz != frequency_hz_) {
      frequency_hz_ = tone.frequency_hz;
      sine_.set_frequency(frequency_hz_, static_cast<std::uint64_t>(position()));
    }
  }

 private:
  struct Tone {
    double frequency_hz = 0.0;
    double amplitude = 0.0;
  };

  void restart() noexcept override {
    frequency_hz_ = params()[kFrequency];
    sine_ = {frequency_hz_, sample_rate_hz(), params()[kAmplitude], params()[kPhaseDeg]};
  }
  void fill(DataFrame& y) noexcept override {
    sine_.fill(static_cast<std::uint64_t>(position()), y.channel(0U));
  }

  Result<void> check_frequency(const ParamValues& params) const {
    if (params[kFrequency] <= sample_rate_hz() / 2.0) { return {}; }
    return refused(
        "/config/frequency",
        fmt::format("{} Hz is above half the sample rate of {} Hz", params[kFrequency], sample_rate_hz()),
        fmt::format("0 .. {} Hz", sample_rate_hz() / 2.0));
  }

  dsp::Sine sine_;             // made by restart()
  double frequency_hz_ = 0.0;  // in force
};

}  // namespace
}  // namespace sine_generator_node

extern const NodeEntry kSineGeneratorEntry{sine_generator_node::kInfo,
                                           make_node<sine_generator_node::SineGenerator>};

}  // namespace streamlab
