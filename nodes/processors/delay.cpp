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
// The flags of a frame (clipped, not_finite, incomplete) are delayed with it. The output is as long as the
// input: the last D frames are not output.
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "engine/core/overlap.hpp"
#include "nodes/dsp/delay_line.hpp"

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

class Delay final : public Node {
 public:
  explicit Delay(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    if (auto fits = refuse_overlap(in, "a delay keeps state between blocks"); !fits) {
      return tl::unexpected(fits.error());
    }
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
    flags_inside_.assign(static_cast<std::size_t>(frames), 0);
    flags_out_.assign(in.max_frames, 0);
    reset();
    OutputFormat out{in};
    out.latency_frames = static_cast<std::uint32_t>(frames);
    return std::vector{std::move(out)};
  }
  void reset() noexcept override {
    empty();
    cut_off_ = 0;
  }
  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    if (x.header().has(FrameFlag::gap)) {
      cut_off_ += inside_;
      empty();
    }
    inside_ = std::min<std::uint64_t>(inside_ + x.frame_count(), flags_inside_.size());
    DataFrame& y = out[0].emit();
    delay_flags(x, y);
    line_->process(x.channel_pointers(), y.channel_pointers(), x.frame_count());
    return Status::ok;
  }

  std::vector<NodeNote> notes() const override {
    const std::uint64_t left = cut_off_ + inside_;
    if (left == 0) { return {}; }
    return {{fmt::format("{} frames were not output: those inside at the end, or before a gap", left), left}};
  }

 private:
  void empty() noexcept {
    line_->reset();
    std::fill(flags_inside_.begin(), flags_inside_.end(), std::uint8_t{0});
    flagged_inside_ = 0;
    inside_ = 0;
  }

  // Delays the flags with their frames. `x` and `y` may be the same.
  void delay_flags(const DataFrame& x, DataFrame& y) noexcept {
    const std::size_t delay = flags_inside_.size();
    if (delay == 0) { return; }
    const bool comes_in = (x.header().flags & kFlagsOfFrames) != 0;
    if (!comes_in && flagged_inside_ == 0) { return; }  // the ring is empty: it may begin anywhere
    for (std::uint32_t n = 0; n < x.frame_count(); ++n) {
      std::uint8_t& place = flags_inside_[next_];
      next_ = next_ + 1 == delay ? 0 : next_ + 1;
      flags_out_[n] = place;
      flagged_inside_ -= place != 0 ? 1 : 0;
      place = static_cast<std::uint8_t>(x.flags_of(n, 1) & kFlagsOfFrames);
      flagged_inside_ += place != 0 ? 1 : 0;
    }
    y.header().flags &= ~kFlagsOfFrames;
    for (std::uint32_t n = 0; n < y.frame_count(); ++n) {
      for (const FrameFlag flag : {FrameFlag::clipped, FrameFlag::not_finite, FrameFlag::incomplete}) {
        if ((flags_out_[n] & flag_bit(flag)) != 0) { y.flag_frames(flag, n, 1); }
      }
    }
  }

  const ParamValues params_;
  std::optional<dsp::DelayLine> line_;      // set by prepare()
  std::vector<std::uint8_t> flags_inside_;  // of the frames inside, a ring
  std::size_t next_ = 0;                    // the oldest
  std::size_t flagged_inside_ = 0;          // frames inside that have a flag
  std::uint64_t inside_ = 0;                // frames
  std::uint64_t cut_off_ = 0;               // frames that a gap kept inside
  std::vector<std::uint8_t> flags_out_;     // of the current block
};

}  // namespace
}  // namespace delay_node

extern const NodeEntry kDelayEntry{delay_node::kInfo, make_node<delay_node::Delay>};

}  // namespace streamlab
