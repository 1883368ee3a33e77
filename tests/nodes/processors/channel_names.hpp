// tests/nodes/processors/channel_names.hpp
//
// The names of the channels that a node gives.
#pragma once

#include <string>
#include <vector>

#include "tests/support/node_harness.hpp"

namespace streamlab::test {

inline std::vector<std::string> names_of(const NodeHarness& node) {
  std::vector<std::string> names;
  for (const ChannelInfo& channel : node.outputs()[0].format.channels) { names.push_back(channel.name); }
  return names;
}

}  // namespace streamlab::test
