// engine/core/overlap.hpp
//
// For nodes that cannot use blocks that overlap or have gaps inside (StreamFormat::overlapping, gaps_inside): those that
// keep state between blocks, count frames, or write blocks in sequence.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "engine/base/error.hpp"
#include "engine/core/stream_format.hpp"

namespace streamlab {

// For prepare(): refused when blocks of `in` overlap or have gaps inside. `why` they may not overlap: "a filter keeps
// state between blocks".
inline Result<void> refuse_overlap(const StreamFormat& in, std::string_view why) {
  constexpr const char* kHint = "Map, Filter, and Reduce with per_block treat each window separately";
  if (in.gaps_inside) {
    return refused("", "its input is sessions, which may have gaps inside, but it needs a continuous stream",
                   "sessions with \"session_gap_s\" of 0, or the stream itself", kHint);
  }
  if (!in.overlapping) { return {}; }
  return refused("", fmt::format("its input is overlapping windows, which repeat frames, but {}", why),
                 "windows with \"hop\" equal to \"size\", or the stream itself", kHint);
}

}  // namespace streamlab
