// nodes/dsp/delay_line.hpp
//
// DelayLine: delays every channel by a whole number of frames.
//
//   y[c][n] = x[c][n - delay], silence before the first frame
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace streamlab::dsp {

class DelayLine {
 public:
  // Allocates channel_count x delay_frames doubles; never later.
  DelayLine(std::size_t channel_count, std::size_t delay_frames);

  std::size_t delay_frames() const noexcept { return delay_frames_; }

  // One pointer per channel on either side, frame_count samples each. in[c] and out[c] may be the same; other
  // overlaps are not allowed. One thread; wait-free, does not allocate.
  void process(std::span<const double* const> in, std::span<double* const> out,
               std::size_t frame_count) noexcept;

  // Back to the initial state: silence inside.
  void reset() noexcept;

 private:
  std::size_t channel_count_;
  std::size_t delay_frames_;
  std::size_t next_ = 0;        // oldest frame in the ring: the next output
  std::vector<double> memory_;  // [channels][delay_frames], a ring each
};

}  // namespace streamlab::dsp
