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
//
// A new delay has a line of its own, which is filled beside the old one, and takes over when it is full, along a cross-fade
// of N = 10 ms (nodes/processors/cross_fade.hpp). No second difference of a sine of amplitude 1 on the way is above
//
//   4 sin²(w/2) + max(1, 2 sin w) · 2 |sin(w (D' - D) / 2)| / N,   w = 2π f / rate
//
// 2 |sin(w (D' - D) / 2)| being the distance of the two sines. D + N frames after the change the output is that of a Delay
// that began so, bit for bit.
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "nodes/dsp/delay_line.hpp"
#include "nodes/dsp/ramp.hpp"
#include "nodes/processors/channelwise_processor.hpp"
#include "nodes/processors/cross_fade.hpp"

namespace streamlab {
namespace delay_node {
namespace {

constexpr double kMaxFrames = 1U << 25U;         // 256 MiB a channel; three minutes at 192 kHz
constexpr double kMaxSamples = 16 * kMaxFrames;  // 4 GiB over all channels

constexpr ParamInfo kParams[] = {
    param::live(
        param::integer("frames", "frames", {0.0, kMaxFrames}, Need::optional, "The delay in frames.")),
    param::live(param::number("ms", "ms", {0.0, 1e7}, Need::optional,
                              "The delay in milliseconds, rounded to a whole frame.")),
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
        "output. A new delay is heard once it has passed, when its own line is full, and takes over along a cross-fade of "
        "N = 10 ms. On the way no second difference of a tone of amplitude 1 is above 4 sin²(w/2) + max(1, 2 sin w) · "
        "2 |sin(w d / 2)| / N, w = 2π f / rate, d: frames between the delays. The latency that a plan shows "
        "stays that of the beginning.",
    .example = R"({"id": "later", "type": "Delay", "config": {"ms": 2.5}})",
    .cost_ns_per_frame = 0.5,
};

class Delay final : public ChannelwiseProcessor<Delay> {
 public:
  static constexpr std::string_view kWhyNoOverlap = "a delay keeps state between blocks";
  static constexpr AtGap kAtGap = AtGap::restart;

  explicit Delay(const ParamValues& params) : params_(params) {}

  Result<OutputFormat> set_up(const StreamFormat& in) {
    sample_rate_hz_ = in.sample_rate_hz;
    channel_count_ = in.channel_count();
    max_frames_ = in.max_frames;
    auto line = make_line(params_);
    if (!line) { return tl::unexpected(line.error()); }
    OutputFormat out{in};
    out.latency_frames = static_cast<std::uint32_t>((*line)->audio.delay_frames());
    lines_.prepare(std::move(*line), dsp::change_frames(sample_rate_hz_));
    mixed_.resize(channel_count_ * max_frames_);
    in_.resize(channel_count_);
    out_.resize(channel_count_);
    for (std::size_t c = 0; c < channel_count_; ++c) { next_out_.push_back(mixed_.data() + c * max_frames_); }
    return out;
  }
  void reset_channels() noexcept {
    lines_.reset();
    lines_.now().reset();
  }
  void restart_channels() noexcept {
    lines_.settle();
    lines_.now().reset();
  }
  std::uint64_t frames_inside() const noexcept { return lines_.now().flags.frames_inside(); }

  // Before process_channels(), of the same frames: the old line is heard up to the end of the cross-fade, the new one from
  // its beginning on.
  void move_flags(const DataFrame& x, DataFrame& y) noexcept {
    Line& now = lines_.now();
    Line* const next = lines_.next();
    if (next == nullptr) {
      now.flags.process(x, y);
      return;
    }
    now.flags.take(x);
    next->flags.take(x);
    y.header().flags &= ~kFlagsOfFrames;
    const std::uint32_t frames = y.frame_count();
    const auto begin = static_cast<std::uint32_t>(std::min<std::size_t>(frames, next->frames_to_fill()));
    now.flags.put(y, 0, std::min(frames, begin + lines_.mixed_frames()));
    next->flags.put(y, begin, frames - begin);
  }
  void process_channels(std::span<const double* const> in, std::span<double* const> out,
                        std::uint32_t frames) noexcept {
    if (lines_.next() == nullptr) {
      lines_.now().audio.process(in, out, frames);
      return;
    }
    std::copy(in.begin(), in.end(), in_.begin());
    std::copy(out.begin(), out.end(), out_.begin());
    Line* const next = lines_.next();
    for (std::uint32_t done = 0; done < frames;) {
      // One that waited for its turn begins with the next block, as its flags do.
      const std::uint32_t part = process_part(lines_.next() == next ? next : nullptr, frames - done);
      for (const double*& x : in_) { x += part; }
      for (double*& y : out_) { y += part; }
      done += part;
    }
  }

  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    auto line = make_line(now);
    if (!line) { return tl::unexpected(line.error()); }
    return make_change(std::move(*line));
  }
  void apply(NodeChange& change) noexcept override { lines_.take(value_of<std::unique_ptr<Line>>(change)); }

 private:
  struct Line {
    Line(std::size_t channel_count, std::size_t delay_frames, std::uint32_t max_frames)
        : audio(channel_count, delay_frames) {
      flags.prepare(static_cast<std::uint32_t>(delay_frames), max_frames);
    }
    void reset() noexcept {
      audio.reset();
      flags.reset();
    }
    std::size_t frames_to_fill() const noexcept { return audio.delay_frames() - filled; }

    dsp::DelayLine audio;
    FlagDelay flags;
    std::size_t filled = 0;  // frames that came in, at most the delay; of one that takes over
  };

  Result<std::unique_ptr<Line>> make_line(const ParamValues& params) const {
    const bool in_ms = params.given(kMs);
    const double frames = in_ms ? std::round(params[kMs] * 1e-3 * sample_rate_hz_) : params[kFrames];
    const char* where = in_ms ? "/config/ms" : "/config/frames";
    if (frames > kMaxFrames) {
      return refused(where, fmt::format("{} ms are {} frames at {} Hz", params[kMs], frames, sample_rate_hz_),
                     fmt::format("at most {} frames", kMaxFrames));
    }
    const auto channels = static_cast<double>(channel_count_);
    if (frames * channels > kMaxSamples) {
      return refused(
          where,
          fmt::format("{} frames of {} channels need {:.1f} GiB", frames, channel_count_,
                      frames * channels * 0x1p-27),
          fmt::format("at most {} frames for that many channels", std::floor(kMaxSamples / channels)));
    }
    return std::make_unique<Line>(channel_count_, static_cast<std::size_t>(frames), max_frames_);
  }

  // At most `frames` from in_ to out_, as many as can be treated alike; `next` takes over. Returns how many.
  std::uint32_t process_part(Line* next, std::uint32_t frames) noexcept {
    if (next == nullptr) {
      lines_.now().audio.process(in_, out_, frames);
      return frames;
    }
    const std::size_t to_fill = next->frames_to_fill();
    if (to_fill > 0) {
      const auto part = static_cast<std::uint32_t>(std::min<std::size_t>(frames, to_fill));
      next->audio.process(in_, next_out_, part);  // silence; before now() writes, which may be in place
      lines_.now().audio.process(in_, out_, part);
      next->filled += part;
      return part;
    }
    const std::uint32_t part = std::min(frames, lines_.mixed_frames());
    next->audio.process(in_, next_out_, part);
    lines_.now().audio.process(in_, out_, part);
    for (std::size_t c = 0; c < channel_count_; ++c) {
      for (std::uint32_t n = 0; n < part; ++n) {
        out_[c][n] += (next_out_[c][n] - out_[c][n]) * lines_.weight(n);
      }
    }
    lines_.advance(part);
    return part;
  }

  const ParamValues params_;
  double sample_rate_hz_ = 1.0;  // fixed by set_up(), as are the next two
  std::size_t channel_count_ = 0;
  std::uint32_t max_frames_ = 0;
  CrossFade<Line> lines_;
  std::vector<double> mixed_;      // [channels][max_frames], of the line that takes over
  std::vector<double*> next_out_;  // into mixed_, by channel
  std::vector<const double*> in_;  // what is left of the block
  std::vector<double*> out_;
};

}  // namespace
}  // namespace delay_node

extern const NodeEntry kDelayEntry{delay_node::kInfo, make_node<delay_node::Delay>};

}  // namespace streamlab
