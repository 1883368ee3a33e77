// engine/core/overlap.hpp
//
// For nodes that cannot use overlapping blocks (StreamFormat::overlapping): those that keep state between
// blocks, count frames, or write blocks in sequence.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "engine/base/error.hpp"
#include "engine/core/stream_format.hpp"

namespace streamlab {

// For prepare(): refused when blocks of `in` overlap. `why`: "a filter keeps state between blocks".
inline Result<void> refuse_overlap(const StreamFormat& in, std::string_view why) {
  if (!in.overlapping) { return {}; }
  return refused("", fmt::format("its input is overlapping windows, which repeat frames, but {}", why),
                 "windows with \"hop\" equal to \"size\", or the stream itself",
                 "Map, Filter, and Reduce with per_block treat each window separately");
}

}  // namespace streamlab
