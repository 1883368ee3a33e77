// engine/run/steps/device_output_step.hpp
//
// Hands the last block's channels to the driver, which plays them.
#pragma once

#include "engine/run/steps/step.hpp"

namespace streamlab {

class DeviceOutputStep final : public DomainStep {
 public:
  // `connectors`: how many channels the device plays.
  DeviceOutputStep(std::size_t index, Node* its_node, std::size_t connectors, std::uint32_t max_frames);

  bool run(Loop& loop) noexcept override;
  // Until the next round with a block, silence.
  void be_silent() noexcept { std::fill(channels_.begin(), channels_.end(), silence_.data()); }
  std::span<const double* const> channels() const noexcept { return channels_; }

 private:
  std::vector<const double*> channels_;
  std::vector<double> silence_;
};

}  // namespace streamlab
