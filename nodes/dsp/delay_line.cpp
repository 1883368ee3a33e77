// nodes/dsp/delay_line.cpp
#include "nodes/dsp/delay_line.hpp"

#include <algorithm>

namespace streamlab::dsp {

DelayLine::DelayLine(std::size_t channel_count, std::size_t delay_frames)
    : channel_count_(channel_count), delay_frames_(delay_frames), memory_(channel_count * delay_frames) {}

void DelayLine::reset() noexcept {
  std::fill(memory_.begin(), memory_.end(), 0.0);
  next_ = 0;
}

void DelayLine::process(std::span<const double* const> in, std::span<double* const> out,
                        std::size_t frame_count) noexcept {
  if (delay_frames_ == 0) {
    for (std::size_t c = 0; c < channel_count_; ++c) {
      if (in[c] != out[c]) { std::copy_n(in[c], frame_count, out[c]); }
    }
    return;
  }
  std::size_t next = next_;
  for (std::size_t n = 0; n < frame_count;) {
    const std::size_t count = std::min(frame_count - n, delay_frames_ - next);  // up to the ring's end
    for (std::size_t c = 0; c < channel_count_; ++c) {
      double* ring = memory_.data() + c * delay_frames_ + next;
      const double* x = in[c] + n;
      double* y = out[c] + n;
      for (std::size_t i = 0; i < count; ++i) {  // in place too: the old sample leaves as the new one comes
        const double oldest = ring[i];
        ring[i] = x[i];
        y[i] = oldest;
      }
    }
    n += count;
    next = next + count == delay_frames_ ? 0 : next + count;
  }
  next_ = next;
}

}  // namespace streamlab::dsp
