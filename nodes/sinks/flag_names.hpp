// nodes/sinks/flag_names.hpp
//
// The flags of a block by the names used in files.
#pragma once

#include <string_view>
#include <utility>

#include "engine/core/data_frame.hpp"

namespace streamlab {

// Calls take(name) for every flag that is set, in a fixed order.
template <class Take>
void for_each_flag(const FrameHeader& header, Take take) {
  constexpr std::pair<FrameFlag, std::string_view> kNames[] = {
      {FrameFlag::gap, "gap"},
      {FrameFlag::xrun, "xrun"},
      {FrameFlag::clipped, "clipped"},
      {FrameFlag::not_finite, "not_finite"},
      {FrameFlag::end_of_stream, "end_of_stream"},
      {FrameFlag::incomplete, "incomplete"},
  };
  for (const auto& [flag, name] : kNames) {
    if (header.has(flag)) { take(name); }
  }
}

}  // namespace streamlab
