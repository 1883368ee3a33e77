// nodes/operators/side_by_side.hpp
//
// The format of a stream with the channels of several others.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/base/error.hpp"
#include "engine/core/stream_format.hpp"

namespace streamlab {

// The format of the first, with the channels of all. Names that several have get a prefix: one of `prefixes`
// each, or "in1.", "in2.", … if none were `given`. Refused: a wrong number of prefixes, names that are still
// equal.
inline Result<StreamFormat> side_by_side(std::span<const StreamFormat* const> inputs,
                                         const std::vector<std::string>& prefixes, bool given) {
  if (given && prefixes.size() != inputs.size()) {
    return refused("/config/prefixes",
                   fmt::format("{} prefixes for {} inputs", prefixes.size(), inputs.size()),
                   fmt::format("{} prefixes", inputs.size()));
  }
  std::map<std::string, std::size_t> uses;
  for (const StreamFormat* in : inputs) {
    for (const ChannelInfo& channel : in->channels) { ++uses[channel.name]; }
  }
  StreamFormat all = *inputs[0];
  all.channels.clear();
  std::set<std::string> taken;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string prefix = given ? prefixes[i] : fmt::format("in{}.", i + 1);
    for (const ChannelInfo& channel : inputs[i]->channels) {
      const std::string name = uses[channel.name] > 1 ? prefix + channel.name : channel.name;
      if (!taken.insert(name).second) {
        return refused("/config/prefixes", fmt::format("two channels would be named \"{}\"", name),
                       "prefixes that make every name different");
      }
      all.channels.push_back(channel);
      all.channels.back().name = name;
    }
    all.notes.insert(inputs[i]->notes.begin(), inputs[i]->notes.end());
  }
  return all;
}

}  // namespace streamlab
