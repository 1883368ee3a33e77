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
#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "nodes/dsp/sine.hpp"

namespace streamlab {
namespace sine_generator_node {
namespace {

constexpr double kDefaultRateHz = 48000.0;
constexpr std::uint32_t kDefaultFrameSize = 1024;

constexpr ParamInfo kParams[] = {
    param::number("frequency", "Hz", {0.0, 1e7}, 1000.0, Live::yes,
                  "Frequency, at most half the sample rate. A change keeps the phase continuous."),
    param::number("amplitude", "FS", {-1e6, 1e6}, 1.0, Live::yes, "Peak amplitude; full scale is 1."),
    param::number("phase_deg", "deg", {-1e6, 1e6}, 0.0, Live::no, "Phase at sample 0."),
    param::number("sample_rate", "Hz", {1.0, 1e7}, Need::optional,
                  "Sample rate; left out: that of pipeline_config, else of the device, else 48000."),
    param::integer(
        "frame_size", "frames", {1.0, 65536.0}, Need::optional,
        "Frames per block; left out: block_size of pipeline_config, else the device's block, else 1024."),
    param::number("duration_s", "s", {0.0, 1e9}, Need::optional,
                  "Length of the stream, rounded to a whole frame; left out: endless."),
};
constexpr auto kFrequency = param::at(kParams, "frequency");
constexpr auto kAmplitude = param::at(kParams, "amplitude");
constexpr auto kPhaseDeg = param::at(kParams, "phase_deg");
constexpr auto kSampleRate = param::at(kParams, "sample_rate");
constexpr auto kFrameSize = param::at(kParams, "frame_size");
constexpr auto kDurationS = param::at(kParams, "duration_s");
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

class SineGenerator final : public Node {
 public:
  explicit SineGenerator(const ParamValues& params) : params_(params), sine_(make_sine(kDefaultRateHz)) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const double pipeline_rate = context.sample_rate_hz;
    const double device_rate = context.device != nullptr ? context.device->sample_rate_hz : 0.0;
    sample_rate_hz_ = kDefaultRateHz;
    if (device_rate > 0.0) { sample_rate_hz_ = device_rate; }
    if (pipeline_rate > 0.0) { sample_rate_hz_ = pipeline_rate; }
    if (params_.given(kSampleRate)) {
      sample_rate_hz_ = params_[kSampleRate];
      if (pipeline_rate > 0.0 && pipeline_rate != sample_rate_hz_) {
        return refused("/config/sample_rate",
                       fmt::format("{} Hz contradicts /pipeline_config/sample_rate, which is {} Hz",
                                   sample_rate_hz_, pipeline_rate),
                       "the same rate", "leave one of them out");
      }
    }
    if (auto fine = check_frequency(params_); !fine) { return tl::unexpected(fine.error()); }
    frame_size_ = kDefaultFrameSize;
    if (context.device != nullptr && context.device->max_block_frames > 0) {
      frame_size_ = context.device->max_block_frames;
    }
    if (context.block_size > 0) { frame_size_ = context.block_size; }
    if (params_.given(kFrameSize)) { frame_size_ = static_cast<std::uint32_t>(params_.integer(kFrameSize)); }
    end_ = std::numeric_limits<std::int64_t>::max();
    if (params_.given(kDurationS)) { end_ = std::llround(params_[kDurationS] * sample_rate_hz_); }
    reset();
    return std::vector{OutputFormat{audio_format(sample_rate_hz_, {"main_channel"}, frame_size_)}};
  }

  void reset() noexcept override {
    position_ = 0;
    frequency_hz_ = params_[kFrequency];
    sine_ = make_sine(sample_rate_hz_);
  }

  bool is_endless() const override { return !params_.given(kDurationS); }

  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    if (auto fine = check_frequency(now); !fine) { return tl::unexpected(fine.error()); }
    return make_change(Tone{now[kFrequency], now[kAmplitude]});
  }
  void apply(NodeChange& change) noexcept override {
    const Tone& tone = value_of<Tone>(change);
    sine_.set_amplitude(tone.amplitude);
    if (tone.frequency_hz != frequency_hz_) {
      frequency_hz_ = tone.frequency_hz;
      sine_.set_frequency(frequency_hz_, static_cast<std::uint64_t>(position_));
    }
  }

  Status process([[maybe_unused]] std::span<const DataFrame* const> in,
                 std::span<OutputPort> out) noexcept override {
    if (position_ >= end_) { return Status::done; }
    const auto count = static_cast<std::uint32_t>(std::min<std::int64_t>(frame_size_, end_ - position_));
    DataFrame& y = out[0].emit_at(position_, count, sample_rate_hz_);
    sine_.fill(static_cast<std::uint64_t>(position_), y.channel(0U));
    flag_bad_samples(y);
    position_ += count;
    return Status::ok;
  }

 private:
  struct Tone {
    double frequency_hz = 0.0;
    double amplitude = 0.0;
  };

  Result<void> check_frequency(const ParamValues& params) const {
    if (params[kFrequency] <= sample_rate_hz_ / 2.0) { return {}; }
    return refused(
        "/config/frequency",
        fmt::format("{} Hz is above half the sample rate of {} Hz", params[kFrequency], sample_rate_hz_),
        fmt::format("0 .. {} Hz", sample_rate_hz_ / 2.0));
  }
  dsp::Sine make_sine(double sample_rate_hz) const noexcept {
    return {params_[kFrequency], sample_rate_hz, params_[kAmplitude], params_[kPhaseDeg]};
  }

  const ParamValues params_;
  double sample_rate_hz_ = kDefaultRateHz;  // fixed by prepare(), like the next two
  std::uint32_t frame_size_ = kDefaultFrameSize;
  std::int64_t end_ = 0;       // first position after the end
  std::int64_t position_ = 0;  // of the next block
  dsp::Sine sine_;
  double frequency_hz_ = 0.0;  // in force
};

}  // namespace
}  // namespace sine_generator_node

extern const NodeEntry kSineGeneratorEntry{sine_generator_node::kInfo,
                                           make_node<sine_generator_node::SineGenerator>};

}  // namespace streamlab
