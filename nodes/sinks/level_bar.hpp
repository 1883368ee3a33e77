// nodes/sinks/level_bar.hpp
//
// A level as a bar of text, for terminals.
//
//   [############      |    ]      -60 … 0 dB re full scale: the level, and the peak that is held
//   [#####################  !]     the peak is at full scale or beyond it
#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace streamlab {

inline constexpr double kBarFloorDb = -60.0;

// `cells` characters between the brackets. NaN, the level of silence, is below the floor.
std::string level_bar(double level_db, double peak_db, std::uint32_t cells);

// The largest of the peaks of the last kHoldS seconds, as meters show it.
class PeakHold {
 public:
  static constexpr double kHoldS = 3.0;

  // A peak (NaN: silence) and when it was; gives what is held. Times that go back begin again.
  double hold(double peak_db, double time_s) noexcept;

 private:
  double held_db_ = std::numeric_limits<double>::quiet_NaN();
  double since_s_ = 0.0;
};

}  // namespace streamlab
