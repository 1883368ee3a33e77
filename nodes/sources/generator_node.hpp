// nodes/sources/generator_node.hpp
//
// GeneratorNode: a source of audio that is calculated. It finds the sample rate and the block size, counts
// positions, flags what clips or is not finite, and ends after a duration, if one is given.
//
// A node has the parameters of generator_param in its table and fills blocks. A sample should depend on its
// position alone: then the stream is the same for every block size.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/node.hpp"

namespace streamlab {

namespace generator_param {
inline constexpr ParamInfo kSampleRate = param::of_format(
    param::number("sample_rate", "Hz", {1.0, 1e7}, Need::optional,
                  "Sample rate; left out: that of pipeline_config, else of the device, else 48000."));
inline constexpr ParamInfo kFrameSize = param::of_format(param::integer(
    "frame_size", "frames", {1.0, 65536.0}, Need::optional,
    "Frames per block; left out: block_size of pipeline_config, else the device's block, else 1024."));
inline constexpr ParamInfo kDurationS =
    param::number("duration_s", "s", {0.0, 1e9}, Need::optional,
                  "Length of the stream, rounded to a whole frame; left out: endless.");
}  // namespace generator_param

class GeneratorNode : public Node {
 public:
  void reset() noexcept final;
  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept final;
  bool is_endless() const final;

 protected:
  explicit GeneratorNode(const ParamValues& params) : params_(params) {}

  // Part of prepare(). Refused: a rate that contradicts that of the graph. reset() must follow.
  Result<OutputFormat> prepare_generator(const PrepareContext& context,
                                         const std::vector<std::string>& channels);

  // --- real-time safe
  // Back to the initial state, at position 0.
  virtual void restart() noexcept = 0;
  // Fills the frames of `y`, which begins at position().
  virtual void fill(DataFrame& y) noexcept = 0;

  const ParamValues& params() const noexcept { return params_; }
  double sample_rate_hz() const noexcept { return sample_rate_hz_; }
  std::int64_t position() const noexcept { return position_; }  // of the next frame

 private:
  const ParamValues params_;
  double sample_rate_hz_ = 48000.0;  // fixed by prepare_generator(), as are the next two
  std::uint32_t frame_size_ = 0;
  std::int64_t end_ = 0;  // first position after the end
  std::int64_t position_ = 0;
};

}  // namespace streamlab
