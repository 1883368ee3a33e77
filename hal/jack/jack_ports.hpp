// hal/jack/jack_ports.hpp
//
// The ports of a JACK server that a request selects: physical ones by channel number, or any by name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.hpp"

namespace streamlab {

enum class PortSide { capture, playback };

// The ports of a server in one direction, as libjack lists them.
struct ServerPorts {
  std::vector<std::string> physical;  // by channel: the first is channel 1
  std::vector<std::string> usable;    // audio ports of the right direction, physical or not
  std::vector<std::string> others;    // audio ports of the wrong direction, for a better message
};

// One channel of ours: the port that we register and the port of the server that it is connected to.
struct PortPair {
  std::string own;   // short name: in_1, in_2, … or out_1, …
  std::string peer;  // full name; empty: left unconnected
};

// `names`, one port a channel (an empty name leaves that channel unconnected), or, without names, the
// physical ports of `channels` (1-based), or all physical ports. Refuses a channel or port that the server
// does not have, with what it has; `where` is the device, for the error.
Result<std::vector<PortPair>> choose_ports(const std::string& where, PortSide side, const ServerPorts& server,
                                           std::span<const std::uint32_t> channels,
                                           std::span<const std::string> names);

}  // namespace streamlab
