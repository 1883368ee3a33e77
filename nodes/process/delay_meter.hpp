// nodes/process/delay_meter.hpp
//
// DelayMeter: how long blocks take through a program, from being written until they have come back
// completely.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>

namespace streamlab {

class DelayMeter {
 public:
  using Clock = std::chrono::steady_clock;

  // A block was written, up to the input frame before `frames`.
  void wrote(std::uint64_t frames) { under_way_.push_back({frames, Clock::now()}); }
  // The output of all input frames before `frames` has arrived.
  void came_back(double frames) {
    while (!under_way_.empty() && static_cast<double>(under_way_.front().frames) <= frames) {
      const double delay_s = std::chrono::duration<double>(Clock::now() - under_way_.front().time).count();
      sum_s_ += delay_s;
      most_s_ = std::max(most_s_, delay_s);
      ++blocks_;
      under_way_.pop_front();
    }
  }
  std::uint64_t blocks() const { return blocks_; }  // that came back
  double mean_ms() const { return blocks_ == 0 ? 0.0 : 1e3 * sum_s_ / static_cast<double>(blocks_); }
  double most_ms() const { return 1e3 * most_s_; }

 private:
  struct Written {
    std::uint64_t frames = 0;
    Clock::time_point time;
  };
  std::deque<Written> under_way_;
  std::uint64_t blocks_ = 0;
  double sum_s_ = 0.0;
  double most_s_ = 0.0;
};

}  // namespace streamlab
