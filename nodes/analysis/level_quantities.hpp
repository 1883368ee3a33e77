// nodes/analysis/level_quantities.hpp
//
// LevelQuantities: which quantities LevelMeter gives for each channel, by the unit of the channel and its
// calibration.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/core/data_frame.hpp"
#include "nodes/dsp/level_stats.hpp"

namespace streamlab {

// A quantity added by a calibration or by the unit of a channel: a level in that unit, or in decibels re
// `reference`.
struct CalibratedQuantity {
  std::string_view name;
  std::string_view unit;
  double dsp::Levels::*level;
  double reference;  // 0: the level itself
};

class LevelQuantities {
 public:
  enum class Calibration : std::uint8_t { none, pressure, voltage };

  // `of_full_scale`: sound pressure or voltage of a sample of 1; one number, or one per channel. Refused:
  // another number of them, and channels that have a unit already.
  static Result<LevelQuantities> make(const StreamFormat& in, Calibration calibration,
                                      std::span<const double> of_full_scale);

  // One for each value, channel after channel: "<channel>.peak", "<channel>.rms_db", …
  std::vector<ChannelInfo> channels() const;
  // What is looked at first, in the unit that says most: for displays with little room.
  std::string brief() const;
  bool is_full_scale(std::size_t channel) const noexcept { return channels_[channel].full_scale; }
  bool are_all_full_scale() const noexcept;

  // The values of `channel`, from channel `index` of `y` on. Returns the index behind them. Real-time safe.
  std::uint32_t write(std::size_t channel, const dsp::Levels& levels, DataFrame& y,
                      std::uint32_t index) const noexcept;

 private:
  struct Channel {
    std::string name;
    std::string unit;
    bool full_scale = true;
    double calibration = 1.0;
    std::span<const CalibratedQuantity> added;
  };
  std::vector<Channel> channels_;
};

}  // namespace streamlab
