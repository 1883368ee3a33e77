// nodes/sources/generator_node.cpp
#include "nodes/sources/generator_node.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace streamlab {

Result<OutputFormat> GeneratorNode::prepare_generator(const PrepareContext& context,
                                                      const std::vector<std::string>& channels) {
  constexpr double kDefaultRateHz = 48000.0;
  constexpr std::uint32_t kDefaultFrameSize = 1024;
  const auto given = [&](const ParamInfo& info) { return params_.given(*params_.find(info.name)); };
  const auto number = [&](const ParamInfo& info) { return params_[*params_.find(info.name)]; };

  const double pipeline_rate = context.sample_rate_hz;
  const double device_rate = context.device != nullptr ? context.device->sample_rate_hz : 0.0;
  sample_rate_hz_ = kDefaultRateHz;
  if (device_rate > 0.0) { sample_rate_hz_ = device_rate; }
  if (pipeline_rate > 0.0) { sample_rate_hz_ = pipeline_rate; }
  if (given(generator_param::kSampleRate)) {
    sample_rate_hz_ = number(generator_param::kSampleRate);
    if (pipeline_rate > 0.0 && pipeline_rate != sample_rate_hz_) {
      return refused("/config/sample_rate",
                     fmt::format("{} Hz contradicts /pipeline_config/sample_rate, which is {} Hz",
                                 sample_rate_hz_, pipeline_rate),
                     "the same rate", "leave one of them out");
    }
  }
  frame_size_ = kDefaultFrameSize;
  if (context.device != nullptr && context.device->max_block_frames > 0) {
    frame_size_ = context.device->max_block_frames;
  }
  if (context.block_size > 0) { frame_size_ = context.block_size; }
  if (given(generator_param::kFrameSize)) {
    frame_size_ = static_cast<std::uint32_t>(number(generator_param::kFrameSize));
  }
  end_ = is_endless() ? std::numeric_limits<std::int64_t>::max()
                      : std::llround(number(generator_param::kDurationS) * sample_rate_hz_);
  return OutputFormat{audio_format(sample_rate_hz_, channels, frame_size_)};
}

void GeneratorNode::reset() noexcept {
  position_ = 0;
  restart();
}

bool GeneratorNode::is_endless() const {
  return !params_.given(*params_.find(generator_param::kDurationS.name));
}

Status GeneratorNode::process([[maybe_unused]] std::span<const DataFrame* const> in,
                              std::span<OutputPort> out) noexcept {
  if (position_ >= end_) { return Status::done; }
  const auto count = static_cast<std::uint32_t>(std::min<std::int64_t>(frame_size_, end_ - position_));
  DataFrame& y = out[0].emit_at(position_, count, sample_rate_hz_);
  fill(y);
  flag_bad_samples(y);
  position_ += count;
  return Status::ok;
}

}  // namespace streamlab
