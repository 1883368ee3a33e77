// apps/streamlab/record_meter.hpp
//
// RecordMeter: what a LevelMeter measures of a recording, as one line for a terminal.
//
//   left [########     |    ]  -6.6  right [#####    |       ] -12.0 dBFS  12 samples clipped
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/data_frame.hpp"
#include "nodes/sinks/level_bar.hpp"

namespace streamlab::app {

class RecordMeter {
 public:
  // A block of a LevelMeter: "<channel>.peak_db", "<channel>.rms_db", "<channel>.clipped".
  void add(const DataFrame& levels);

  // Bars as long as there is room for, in `columns` characters; where there is none for all channels, the one whose held
  // peak is largest.
  std::string text(std::size_t columns) const;

  // Of all blocks; NaN: silence, or none.
  double peak_db() const { return peak_db_; }
  std::uint64_t clipped() const { return clipped_; }

 private:
  struct Channel {
    std::string name;
    double rms_db = 0.0;
    double held_db = 0.0;
    PeakHold hold;
  };
  std::string text_of(const Channel& channel, std::size_t name_width, std::size_t cells) const;

  std::vector<Channel> channels_;
  double peak_db_ = std::numeric_limits<double>::quiet_NaN();
  std::uint64_t clipped_ = 0;
};

}  // namespace streamlab::app
