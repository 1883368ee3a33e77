// nodes/sinks/level_bar.cpp
#include "nodes/sinks/level_bar.hpp"

#include <algorithm>
#include <cmath>

namespace streamlab {
namespace {

// How many of `cells` a level fills; a level above the floor fills one at least.
std::uint32_t filled_cells(double level_db, std::uint32_t cells) {
  if (!(level_db > kBarFloorDb)) { return 0; }
  const double part = std::min(1.0, 1.0 - level_db / kBarFloorDb);
  return static_cast<std::uint32_t>(std::ceil(part * cells));
}

}  // namespace

std::string level_bar(double level_db, double peak_db, std::uint32_t cells) {
  std::string bar(cells, ' ');
  std::fill_n(bar.begin(), filled_cells(level_db, cells), '#');
  const std::uint32_t peak = filled_cells(peak_db, cells);
  if (peak > 0) { bar[peak - 1] = peak_db >= 0.0 ? '!' : '|'; }
  return "[" + bar + "]";
}

double PeakHold::hold(double peak_db, double time_s) noexcept {
  const bool is_over = time_s < since_s_ || time_s - since_s_ > kHoldS;
  if (is_over || std::isnan(held_db_) || peak_db >= held_db_) {
    held_db_ = peak_db;
    since_s_ = time_s;
  }
  return held_db_;
}

}  // namespace streamlab
