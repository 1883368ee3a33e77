// nodes/processors/channel_names.hpp
//
// Names of output channels for nodes that make new ones.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/base/error.hpp"

namespace streamlab {

// Accepts `names` for `count` channels: as many, none empty, no two alike. `where` is their JSON pointer.
inline Result<void> check_channel_names(const std::vector<std::string>& names, std::size_t count,
                                        const std::string& where) {
  if (names.size() != count) {
    return refused(where, fmt::format("{} names for {} output channels", names.size(), count),
                   fmt::format("{} names", count));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) {
      return refused(fmt::format("{}/{}", where, i), "an empty name", "a name for every output channel");
    }
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) !=
        names.begin() + static_cast<std::ptrdiff_t>(i)) {
      return refused(fmt::format("{}/{}", where, i), fmt::format("the name \"{}\" is taken", names[i]),
                     "a different name for every output channel");
    }
  }
  return {};
}

}  // namespace streamlab
