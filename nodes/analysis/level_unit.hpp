// nodes/analysis/level_unit.hpp
//
// Names of levels, and which units are levels. A level is 20 lg of an amplitude, or 10 lg of a power, re 1 of the unit that the channel
// has, and its name says so: "dB re 1 FS", "dB re 1 Pa²/Hz"; of volts "dBV", of plain ratios "dB". dBFS is
// that of AES17 alone: a full-scale sine reads 0 dBFS.
#pragma once

#include <string>
#include <string_view>

namespace streamlab {

// Samples re full scale: ±1 is where they clip.
inline bool is_full_scale(std::string_view unit) { return unit == "FS"; }

// Decibels or loudness units: logarithms of powers. Silence is -infinity there, which is a value like any other.
inline bool is_level(std::string_view unit) { return unit.starts_with("dB") || unit.starts_with("LU"); }

// Units of powers, of which a level is 10 lg: "FS²", "Pa²/Hz", "1/Hz" (the density of plain numbers). The square
// of "m/s²" is one of time.
inline bool is_power(std::string_view unit) {
  constexpr std::string_view kOfTime = "/s²";
  constexpr std::string_view kSquare = "²";
  const std::size_t time = unit.find(kOfTime);
  if (time == std::string_view::npos) {
    return unit.find(kSquare) != std::string_view::npos || unit == "1/Hz";
  }
  return unit.substr(0, time).find(kSquare) != std::string_view::npos ||
         unit.substr(time + kOfTime.size()).find(kSquare) != std::string_view::npos;
}

inline std::string level_unit(std::string_view unit) {
  if (unit.empty()) { return "dB"; }
  if (unit == "V") { return "dBV"; }
  return "dB re 1 " + std::string(unit);
}

}  // namespace streamlab
