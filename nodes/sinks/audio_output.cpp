// nodes/sinks/audio_output.cpp
//
// AudioOutput: plays audio on the device.
//
//   in   audio, float64 [channels x frames] at the device's rate; as many channels as connectors, or one for all
//
// A boundary: the domain's driver takes the block. Sources and files that feed it run on their own threads
// and are cut into the device's blocks; what they deliver too late is replaced by silence, and counted.
#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "engine/core/overlap.hpp"
#include "nodes/device_params.hpp"

namespace streamlab {
namespace audio_output_node {
namespace {

constexpr NodeInfo kInfo{
    .name = "AudioOutput",
    .description = "Plays audio on the device: JACK, ALSA or the simulated card.",
    .inputs = kAudioInPort,
    .params = kDeviceParams,
    .rt_safe = RtSafe::yes,
    .boundary = Boundary::device_output,
    .at_gap = "Plays the available frames; silence where nothing came in time.",
    .example =
        R"({"id": "speakers", "type": "AudioOutput", "config": {"device": "default", "channels": [1, 2]}})",
    .cost_ns_per_frame = 1.0,
};

class AudioOutput final : public Node {
 public:
  explicit AudioOutput(const ParamValues& /*params*/) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    if (context.device == nullptr) { return failed("/config/device", "no device was opened for this node"); }
    const StreamFormat& in = *context.inputs[0];
    if (auto fits = refuse_overlap(in, "a device plays a continuous stream"); !fits) {
      return tl::unexpected(fits.error());
    }
    const std::size_t connectors = context.device->output_names.size();
    if (in.channel_count() != 1 && in.channel_count() != connectors) {
      return refused("/config/channels",
                     fmt::format("a stream of {} channels for {} connectors of the device",
                                 in.channel_count(), connectors),
                     "the same number, or one channel for all",
                     "insert a \"ChannelSelect\" or \"Mixer\" to change the number");
    }
    if (in.sample_rate_hz != context.device->sample_rate_hz) {
      return refused("",
                     fmt::format("a stream at {} Hz for a device at {} Hz", in.sample_rate_hz,
                                 context.device->sample_rate_hz),
                     "the same sample rate",
                     "set \"sample_rate\" in \"pipeline_config\" to request another from "
                     "the device");
    }
    return std::vector<OutputFormat>{};
  }
  void reset() noexcept override {}
  // The engine hands the block to the driver.
  Status process(std::span<const DataFrame* const> /*in*/, std::span<OutputPort> /*out*/) noexcept override {
    return Status::ok;
  }
};

}  // namespace
}  // namespace audio_output_node

extern const NodeEntry kAudioOutputEntry{audio_output_node::kInfo, make_node<audio_output_node::AudioOutput>};

}  // namespace streamlab
