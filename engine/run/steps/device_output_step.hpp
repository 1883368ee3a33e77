// engine/run/steps/device_output_step.hpp
//
// Hands what comes to the driver, which plays it in the same tick: a block of the tick's length as it is; others are put
// together, each at its position, with silence where there is none.
#pragma once

#include "engine/run/steps/step.hpp"

namespace streamlab {

class DeviceOutputStep final : public DomainStep {
 public:
  // `connectors`: how many channels the device plays. `by_position`: the blocks are of the device's own timeline; else, from an
  // edge, there is one a tick.
  DeviceOutputStep(std::size_t index, Node* its_node, std::size_t connectors, std::uint32_t max_frames,
                   bool by_position);

  bool run(Loop& loop) noexcept override;
  // The device plays so many frames from `position` on: silence, unless a block comes.
  void begin_tick(std::int64_t position, std::uint32_t frames) noexcept {
    position_ = position;
    frames_ = frames;
    std::fill(channels_.begin(), channels_.end(), silence_.data());
  }
  // What comes now, nobody plays: the caller triggers the graph, or the device has ended.
  void end_tick() noexcept { frames_ = 0; }
  std::span<const double* const> channels() const noexcept { return channels_; }

 private:
  void play(const DataFrame& block) noexcept;
  void put_together(Loop& loop, const BlockStream& stream) noexcept;

  const bool by_position_;
  std::vector<const double*> channels_;
  std::vector<double> silence_;
  std::vector<std::vector<double>> parts_;  // [connectors x frames]
  std::int64_t position_ = 0;               // of this tick
  std::uint32_t frames_ = 0;                // likewise
};

}  // namespace streamlab
