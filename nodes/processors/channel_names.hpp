// nodes/processors/channel_names.hpp
//
// Channels by name: finds input channels, and checks new names of output channels.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "engine/base/error.hpp"
#include "engine/base/nearest_name.hpp"
#include "engine/core/stream_format.hpp"

namespace streamlab {

// The channel with the name `label`, else the channel with that number from 1. `where` is its JSON pointer.
inline Result<std::uint32_t> find_channel(const StreamFormat& in, const std::string& label,
                                          const std::string& where) {
  std::vector<std::string_view> names;
  for (std::uint32_t c = 0; c < in.channel_count(); ++c) {
    if (in.channels[c].name == label) { return c; }
    names.push_back(in.channels[c].name);
  }
  if (!label.empty() && label.find_first_not_of("0123456789") == std::string::npos) {
    // A number of more than nine digits is never a channel.
    const unsigned long number = label.size() <= 9 ? std::stoul(label) : 0;
    if (number >= 1 && number <= in.channel_count()) { return static_cast<std::uint32_t>(number - 1); }
    return refused(where, fmt::format("there is no channel {}: the input has {}", label, in.channel_count()),
                   fmt::format("1 .. {}", in.channel_count()));
  }
  return refused(where, fmt::format("there is no channel \"{}\"", label),
                 fmt::format("{}", fmt::join(names, ", ")), did_you_mean(label, names));
}

// Accepts `names` for `count` channels: same number, none empty, all different. `where` is their JSON
// pointer.
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
      return refused(fmt::format("{}/{}", where, i), fmt::format("the name \"{}\" is used twice", names[i]),
                     "a different name for every output channel");
    }
  }
  return {};
}

}  // namespace streamlab
