// apps/examples/plugin/soft_clip.cpp
//
// SoftClip: bends what is loud instead of cutting it. A node in a library of its own, which programs load as a plug-in.
//
//   in   audio, float64 [channels x frames], any rate
//   out  as `in`; latency 0 frames
//
//   y[c][n] = tanh(drive x[c][n]) / tanh(drive)
//
// Full scale stays full scale; what lies between gets louder.
#include <cmath>

#include "engine/plugin/plugin.hpp"

namespace streamlab {
namespace soft_clip_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::number("drive", "ratio", {0.01, 100.0}, 2.0, Live::yes, "How early it bends; 0.01 hardly does."),
};
constexpr auto kDrive = param::at(kParams, "drive");
constexpr NodeInfo kInfo{
    .name = "SoftClip",
    .description = "Bends what is loud instead of cutting it.",
    .inputs = kAudioInPort,
    .outputs = kAudioOutPort,
    .params = kParams,
    .rt_safe = RtSafe::yes,
    .in_place = InPlace::yes,
    .at_gap = "Carries on: it keeps nothing from frame to frame.",
    .example = R"({"id": "warm", "type": "SoftClip", "config": {"drive": 3}})",
    .cost_ns_per_frame = 10.0,
};

class SoftClip final : public Node {
 public:
  explicit SoftClip(const ParamValues& params) : initial_drive_(params[kDrive]), drive_(initial_drive_) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    reset();
    return std::vector{OutputFormat{with_new_values(*context.inputs[0])}};
  }
  void reset() noexcept override { drive_ = initial_drive_; }
  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    return make_change(now[kDrive]);
  }
  void apply(NodeChange& change) noexcept override { drive_ = value_of<double>(change); }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    DataFrame& y = out[0].emit();
    const double full_scale = std::tanh(drive_);
    for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
      const auto from = x.channel(c);
      const auto to = y.channel(c);
      for (std::uint32_t n = 0; n < x.frame_count(); ++n) {
        to[n] = std::tanh(drive_ * from[n]) / full_scale;
      }
    }
    return Status::ok;
  }

 private:
  const double initial_drive_;
  double drive_;  // the newest
};

}  // namespace
}  // namespace soft_clip_node

extern const NodeEntry kSoftClipEntry{soft_clip_node::kInfo, make_node<soft_clip_node::SoftClip>};

}  // namespace streamlab

SL_PLUGIN(streamlab::kSoftClipEntry)
