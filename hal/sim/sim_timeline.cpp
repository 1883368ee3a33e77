// hal/sim/sim_timeline.cpp
#include "hal/sim/sim_timeline.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace streamlab {

SimTimeline::SimTimeline(const Card& card, std::vector<SimFault> faults)
    : card_(card), faults_(std::move(faults)), end_(card.end), period_(card.period_frames) {}

std::int64_t SimTimeline::next_border() const noexcept {
  return next_fault_ < faults_.size() ? std::min(end_, faults_[next_fault_].at_frame) : end_;
}

SimEvent SimTimeline::lose(SimEvent::Kind kind, std::int64_t frames) noexcept {
  SimEvent event{kind, position_, std::min(frames, end_ - position_), 0, 0.0};
  position_ += event.frames;
  return event;
}

SimEvent SimTimeline::next() noexcept {
  while (position_ < end_ && next_fault_ < faults_.size() && faults_[next_fault_].at_frame <= position_) {
    const SimFault& fault = faults_[next_fault_++];
    period_end_ = position_;  // a new period begins after every fault
    switch (fault.kind) {
      case SimFault::Kind::xrun:
        return lose(SimEvent::Kind::xrun, fault.lost_frames);
      case SimFault::Kind::unplug:
        return lose(SimEvent::Kind::unplugged, fault.lost_frames);
      case SimFault::Kind::stall: {
        const std::int64_t held = std::llround(fault.duration_ms * 1e-3 * card_.sample_rate_hz);
        if (held > card_.buffer_frames) { return lose(SimEvent::Kind::xrun, held); }
        return {SimEvent::Kind::hold, position_, held, 0, 0.0};
      }
      case SimFault::Kind::rate_change:
        end_ = position_;
        return {SimEvent::Kind::rate_changed, position_, 0, 0, fault.sample_rate_hz};
      case SimFault::Kind::period_change:
        period_ = fault.period_frames;
        break;
    }
  }
  if (position_ >= end_) { return {SimEvent::Kind::ended, position_, 0, 0, 0.0}; }
  if (period_end_ <= position_) { period_end_ = std::min(next_border(), position_ + period_); }
  const std::int64_t frames = std::min<std::int64_t>(period_end_ - position_, card_.max_block_frames);
  const SimEvent block{SimEvent::Kind::block, position_, frames, period_end_, 0.0};
  position_ += frames;
  return block;
}

std::int64_t SimTimeline::skip(std::int64_t frames) noexcept {
  const std::int64_t skipped = std::min(frames, next_border() - position_);
  position_ += skipped;
  period_end_ = position_;
  return skipped;
}

}  // namespace streamlab
