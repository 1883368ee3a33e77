// nodes/sources/audio_input.cpp
//
// AudioInput: records audio from the device.
//
//   out  audio, float64 [channels x frames], full scale 1.0, at the device's rate
//
// A boundary: the domain's driver fills the block. Positions count the device's frames; where they jump,
// frames were lost, and the block says how many.
#include "engine/core/node.hpp"
#include "nodes/device_params.hpp"

namespace streamlab {
namespace audio_input_node {
namespace {

constexpr NodeInfo kInfo{
    .name = "AudioInput",
    .description =
        "Records audio from the device: JACK, ALSA, the simulated card, or a recording in its "
        "place.",
    .outputs = kAudioOutPort,
    .params = kDeviceParams,
    .rt_safe = RtSafe::yes,
    .boundary = Boundary::device_input,
    .at_gap = "Marks the block after it with the number of missing frames.",
    .example = R"({"id": "mic", "type": "AudioInput", "config": {"device": "default", "channels": [1, 2]}})",
    .cost_ns_per_frame = 1.0,
};

class AudioInput final : public Node {
 public:
  explicit AudioInput(const ParamValues& /*params*/) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    if (context.device == nullptr) { return failed("/config/device", "no device was opened for this node"); }
    OutputFormat out{audio_format(context.device->sample_rate_hz, context.device->input_names,
                                  context.device->max_block_frames, context.device->input_clip_level)};
    out.latency_frames = context.device->input_latency_frames;
    return std::vector{out};
  }
  void reset() noexcept override {}
  // The engine passes on the block that the driver filled.
  Status process(std::span<const DataFrame* const> /*in*/, std::span<OutputPort> /*out*/) noexcept override {
    return Status::ok;
  }
};

}  // namespace
}  // namespace audio_input_node

extern const NodeEntry kAudioInputEntry{audio_input_node::kInfo, make_node<audio_input_node::AudioInput>};

}  // namespace streamlab
