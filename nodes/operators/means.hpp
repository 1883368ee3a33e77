// nodes/operators/means.hpp
//
// Which channels have a mean, for the nodes that average: a mean of peaks, crest factors or counts of samples says
// nothing (ChannelInfo::mean), and is left out rather than given.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/base/error.hpp"
#include "engine/core/stream_format.hpp"

namespace streamlab {

// Indexes of the channels that a mean is given of; refused at `where` if there is none.
inline Result<std::vector<std::uint32_t>> channels_with_a_mean(const StreamFormat& in, std::string where) {
  std::vector<std::uint32_t> channels;
  for (std::uint32_t c = 0; c < in.channel_count(); ++c) {
    if (in.channels[c].mean != Mean::none) { channels.push_back(c); }
  }
  if (!channels.empty() || in.channels.empty()) { return channels; }
  return refused(std::move(where), fmt::format("a mean of \"{}\" would say nothing", in.channels[0].name),
                 "\"max\" or \"min\" of peaks, crest factors and counts");
}

inline std::vector<std::uint32_t> all_channels(const StreamFormat& in) {
  std::vector<std::uint32_t> channels(in.channel_count());
  for (std::uint32_t c = 0; c < in.channel_count(); ++c) { channels[c] = c; }
  return channels;
}

}  // namespace streamlab
