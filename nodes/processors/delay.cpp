// nodes/processors/delay.cpp
//
// Delay: delays every channel by a whole number of frames.
//
//   in   audio, float64 [channels x frames], any rate
//   out  as `in`; latency: the delay
//
//   y[c][n] = x[c][n - D], silence before the first frame; D = frames, or ms · rate / 1000 to the
//   nearest frame
//
// The output is as long as the input: the last D frames are not output.
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "nodes/dsp/delay_line.hpp"
#include "nodes/processors/channelwise_processor.hpp"

namespace streamlab {
namespace delay_node {
namespace {

constexpr double kMaxFrames = 1U << 25U;         // 256 MiB a channel; three minutes at 192 kHz
constexpr double kMaxSamples = 16 * kMaxFrames;  // 4 GiB over all channels

constexpr ParamInfo kParams[] = {
    param::integer("frames", "frames", {0.0, kMaxFrames}, Need::optional, "The delay in frames."),
    param::number("ms", "ms", {0.0, 1e7}, Need::optional,
                  "The delay in milliseconds, rounded to a whole frame."),
};
constexpr auto kFrames = param::at(kParams, "frames");
constexpr auto kMs = param::at(kParams, "ms");
constexpr std::string_view kDelays[] = {"frames", "ms"};
constexpr ParamRule kRules[] = {{ParamRule::Kind::at_least_one, kDelays},
                                {ParamRule::Kind::at_most_one, kDelays}};
constexpr NodeInfo kInfo{
    .name = "Delay",
    .description = "Delays every channel by a whole number of frames.",
    .inputs = kAudioInPort,
    .outputs = kAudioOutPort,
    .params = kParams,
    .rules = kRules,
    .rt_safe = RtSafe::yes,
    .in_place = InPlace::yes,
    .at_gap = "Restarts with silence: frames from before the gap are not output after it.",
    .details =
        "Exactly one of \"frames\" and \"ms\". The output is as long as the input; the last frames are not "
        "output.",
    .example = R"({"id": "later", "type": "Delay", "config": {"ms": 2.5}})",
    .cost_ns_per_frame = 0.5,
};

class Delay final : public ChannelwiseProcessor<Delay> {
 public:
  static constexpr std::string_view kWhyNoOverlap = "a delay keeps state between blocks";
  static constexpr AtGap kAtGap = AtGap::restart;

  explicit Delay(const ParamValues& params) : params_(params) {}

  Result<OutputFormat> set_up(const StreamFormat& in) {
    const bool in_ms = params_.given(kMs);
    const double frames = in_ms ? std::round(params_[kMs] * 1e-3 * in.sample_rate_hz) : params_[kFrames];
    const char* where = in_ms ? "/config/ms" : "/config/frames";
    if (frames > kMaxFrames) {
      return refused(where,
                     fmt::format("{} ms are {} frames at {} Hz", params_[kMs], frames, in.sample_rate_hz),
                     fmt::format("at most {} frames", kMaxFrames));
    }
    if (frames * in.channel_count() > kMaxSamples) {
      return refused(where,
                     fmt::format("{} frames of {} channels need {:.1f} GiB", frames, in.channel_count(),
                                 frames * in.channel_count() * 0x1p-27),
                     fmt::format("at most {} frames for that many channels",
                                 std::floor(kMaxSamples / in.channel_count())));
    }
    line_.emplace(in.channel_count(), static_cast<std::size_t>(frames));
    OutputFormat out{in};
    out.latency_frames = static_cast<std::uint32_t>(frames);
    return out;
  }
  void reset_channels() noexcept { line_->reset(); }
  void process_channels(std::span<const double* const> in, std::span<double* const> out,
                        std::uint32_t frames) noexcept {
    line_->process(in, out, frames);
  }

 private:
  const ParamValues params_;
  std::optional<dsp::DelayLine> line_;  // set by set_up()
};

}  // namespace
}  // namespace delay_node

extern const NodeEntry kDelayEntry{delay_node::kInfo, make_node<delay_node::Delay>};

}  // namespace streamlab
