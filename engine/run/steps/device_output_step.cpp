// engine/run/steps/device_output_step.cpp
#include "engine/run/steps/device_output_step.hpp"

namespace streamlab {

DeviceOutputStep::DeviceOutputStep(std::size_t index, Node* its_node, std::size_t connectors,
                                   std::uint32_t max_frames)
    : DomainStep(index, its_node), channels_(connectors), silence_(max_frames, 0.0) {
  be_silent();
}

bool DeviceOutputStep::run(Loop& /*loop*/) noexcept {
  if (finished) { return false; }
  const BlockStream& stream = *in[0];
  if (stream.count > 0) {
    const DataFrame& block = *stream.frames[0];
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      // A single channel plays on every connector; otherwise prepare() has checked that the numbers match.
      const auto from = block.channel_count() == 1 ? 0U : static_cast<std::uint32_t>(c);
      channels_[c] = block.channel_data(from);
    }
  }
  finished = stream.ended;
  return stream.count > 0 || stream.ended;
}

}  // namespace streamlab
