// hal/sim/sim_timeline.hpp
//
// SimTimeline: the sequence of events of a simulated card, determined only by its script. No clock, thread or
// signal: the driver adds those.
//
// Blocks are one period long. A block is cut short where a fault or the end of the stream begins, so that
// each fault begins exactly at its frame; a new period begins after it. A period longer than max_block_frames
// is split into several blocks.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "hal/sim/sim_script.hpp"

namespace streamlab {

struct SimEvent {
  enum class Kind {
    block,         // `frames` frames from `position` for the client
    hold,          // `frames` frames of time without a tick; nothing is lost
    xrun,          // `frames` frames from `position` are lost
    unplugged,     // the card is gone for `frames` frames from `position`
    rate_changed,  // the rate is `sample_rate_hz` from now on: the end for this driver
    ended,         // the stream is over, at `position`
  };
  Kind kind = Kind::ended;
  std::int64_t position = 0;
  std::int64_t frames = 0;
  std::int64_t due = 0;  // block: the position at which its period is complete
  double sample_rate_hz = 0.0;
};

class SimTimeline {
 public:
  static constexpr std::int64_t kWithoutEnd = std::numeric_limits<std::int64_t>::max();

  struct Card {
    std::uint32_t period_frames = 256;
    std::uint32_t max_block_frames = 256;
    std::int64_t buffer_frames = 1024;
    double sample_rate_hz = 48000.0;
    std::int64_t end = kWithoutEnd;  // position after the last frame
  };

  SimTimeline() = default;
  // `faults` in the order of at_frame, without overlap: as parse_sim_script() gives them.
  SimTimeline(const Card& card, std::vector<SimFault> faults);

  // The next event; after `ended` and `rate_changed`, always `ended`. No allocation.
  SimEvent next() noexcept;

  // Skips up to `frames` frames, never past the next fault or the end; returns how many.
  std::int64_t skip(std::int64_t frames) noexcept;

  // Position of the next event.
  std::int64_t position() const noexcept { return position_; }

 private:
  std::int64_t next_border() const noexcept;  // the next fault or the end
  SimEvent lose(SimEvent::Kind kind, std::int64_t frames) noexcept;

  Card card_;
  std::vector<SimFault> faults_;
  std::size_t next_fault_ = 0;
  std::int64_t position_ = 0;
  std::int64_t end_ = 0;  // card_.end, or where the rate changed
  std::int64_t period_ = 0;
  std::int64_t period_end_ = 0;  // position at which the current period is complete
};

}  // namespace streamlab
