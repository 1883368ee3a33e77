// engine/run/cross_fade.cpp
#include "engine/run/cross_fade.hpp"

#include <algorithm>
#include <cmath>

#include "engine/core/node.hpp"

namespace streamlab {
namespace cross_fade_node {
namespace {

constexpr PortInfo kInputs[] = {{"new", kAudioOnly, "What is played from now on."},
                                {"old", kAudioOnly, "What was played until now."}};
constexpr ParamInfo kParams[] = {
    param::number("fade_ms", "ms", {0.0, 1000.0}, 10.0, Live::no, "How long it takes to go over."),
};
constexpr auto kFadeMs = param::at(kParams, "fade_ms");
constexpr NodeInfo kInfo{
    .name = "reload.CrossFade",  // no configuration can name it
    .description = "Goes over from one stream to another.",
    .inputs = kInputs,
    .outputs = kAudioOutPort,
    .params = kParams,
    .rt_safe = RtSafe::yes,
    .at_gap = "Counts only the frames that are there.",
    .cost_ns_per_frame = 1.0,
};

class CrossFade final : public Node {
 public:
  explicit CrossFade(const ParamValues& params) : fade_ms_(params[kFadeMs]) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& format = *context.inputs[0];
    length_ = static_cast<std::uint32_t>(std::max(1.0, std::round(fade_ms_ * 1e-3 * format.sample_rate_hz)));
    reset();
    return std::vector{OutputFormat{format}};
  }
  void reset() noexcept override { done_ = 0; }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& fresh = *in[0];
    const DataFrame& old = *in[1];
    DataFrame& y = out[0].emit();
    const std::uint32_t frames = fresh.frame_count();
    const std::uint32_t fading = std::min(frames, length_ - done_);
    y.add_flags(fresh, 0, frames);
    if (fading > 0) { y.add_flags(old, 0, fading); }
    for (std::uint32_t c = 0; c < fresh.channel_count(); ++c) {
      const double* const to = fresh.channel_data(c);
      const double* const from = old.channel_data(c);
      double* const into = y.channel_data(c);
      for (std::uint32_t n = 0; n < fading; ++n) {
        into[n] = from[n] + (to[n] - from[n]) * static_cast<double>(done_ + n + 1) / length_;
      }
      std::copy(to + fading, to + frames, into + fading);
    }
    done_ += fading;
    return Status::ok;
  }

 private:
  const double fade_ms_;
  std::uint32_t length_ = 1;  // frames
  std::uint32_t done_ = 0;    // of them
};

}  // namespace
}  // namespace cross_fade_node

const NodeEntry kCrossFadeEntry{cross_fade_node::kInfo, make_node<cross_fade_node::CrossFade>};

}  // namespace streamlab
