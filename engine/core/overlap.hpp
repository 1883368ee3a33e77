// engine/core/overlap.hpp
//
// For nodes that blocks which overlap (StreamFormat::overlapping) would mislead: whoever keeps something from
// block to block, counts frames, or writes them one after the other.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "engine/base/error.hpp"
#include "engine/core/stream_format.hpp"

namespace streamlab {

// For prepare(): refused when blocks of `in` overlap. `why`: "a filter goes on from block to block".
inline Result<void> refuse_overlap(const StreamFormat& in, std::string_view why) {
  if (!in.overlapping) { return {}; }
  return refused("", fmt::format("its input is windows that overlap, which repeat frames, and {}", why),
                 "windows with a hop of their size, or the stream itself",
                 "Map, Filter and Reduce with per_block look at each window by itself");
}

}  // namespace streamlab
