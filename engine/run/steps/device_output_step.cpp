// engine/run/steps/device_output_step.cpp
#include "engine/run/steps/device_output_step.hpp"

#include <algorithm>

namespace streamlab {

DeviceOutputStep::DeviceOutputStep(std::size_t index, Node* its_node, std::size_t connectors,
                                   std::uint32_t max_frames, bool by_position)
    : DomainStep(index, its_node),
      by_position_(by_position),
      channels_(connectors),
      silence_(max_frames, 0.0),
      parts_(connectors, std::vector<double>(max_frames, 0.0)) {
  begin_tick(0, 0);
}

bool DeviceOutputStep::run(Loop& loop) noexcept {
  if (finished) { return false; }
  const BlockStream& stream = *in[0];
  const bool is_played = frames_ > 0 && stream.count > 0;
  if (is_played && stream.count == 1 && stream.frames[0]->frame_count() == frames_) {
    play(*stream.frames[0]);
  } else if (is_played) {
    put_together(loop, stream);
  }
  finished = stream.ended;
  return stream.count > 0 || stream.ended;
}

// A single channel plays on every connector; otherwise prepare() has checked that the numbers match.
void DeviceOutputStep::play(const DataFrame& block) noexcept {
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    channels_[c] = block.channel_data(block.channel_count() == 1 ? 0U : static_cast<std::uint32_t>(c));
  }
}

void DeviceOutputStep::put_together(Loop& loop, const BlockStream& stream) noexcept {
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    std::fill_n(parts_[c].begin(), frames_, 0.0);
    channels_[c] = parts_[c].data();
  }
  for (std::uint32_t b = 0; b < stream.count; ++b) {
    const DataFrame& block = *stream.frames[b];
    const std::int64_t at = by_position_ ? block.position() - position_ : 0;
    if (at < 0 || at > frames_) {  // its time is over
      loop.count_underrun(block.frame_count());
      continue;
    }
    const auto frames = std::min<std::int64_t>(block.frame_count(), frames_ - at);
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      const double* const from =
          block.channel_data(block.channel_count() == 1 ? 0U : static_cast<std::uint32_t>(c));
      std::copy_n(from, frames, parts_[c].begin() + at);
    }
  }
}

}  // namespace streamlab
