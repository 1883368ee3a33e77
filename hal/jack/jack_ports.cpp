// hal/jack/jack_ports.cpp
#include "hal/jack/jack_ports.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/base/nearest_name.hpp"

namespace streamlab {
namespace {

const char* word(PortSide side) { return side == PortSide::capture ? "capture" : "playback"; }

std::string own_name(PortSide side, std::uint32_t number) {
  return fmt::format("{}_{}", side == PortSide::capture ? "in" : "out", number);
}

std::string list(const std::vector<std::string>& names) {
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

tl::unexpected<Error> unknown_port(const std::string& where, PortSide side, const ServerPorts& server,
                                   const std::string& name) {
  if (std::find(server.others.begin(), server.others.end(), name) != server.others.end()) {
    const bool capture = side == PortSide::capture;
    return refused(where, fmt::format("JACK port \"{}\" {}", name, capture ? "is an input" : "is an output"),
                   capture ? "a port to capture from" : "a port to play to",
                   "the server has " + list(server.usable));
  }
  const std::vector<std::string_view> known(server.usable.begin(), server.usable.end());
  const std::string question = did_you_mean(name, known);
  return refused(where, fmt::format("there is no JACK port \"{}\"", name), {},
                 question.empty() ? "the server has " + list(server.usable) : question);
}

}  // namespace

Result<std::vector<PortPair>> choose_ports(const std::string& where, PortSide side, const ServerPorts& server,
                                           std::span<const std::uint32_t> channels,
                                           std::span<const std::string> names) {
  std::vector<PortPair> pairs;
  if (!names.empty()) {
    if (!channels.empty() && channels.size() != names.size()) {
      return refused(
          where,
          fmt::format("{} {} ports are given for {} channels", names.size(), word(side), channels.size()),
          "one port for each channel");
    }
    for (const std::string& name : names) {
      const bool known = std::find(server.usable.begin(), server.usable.end(), name) != server.usable.end();
      if (!name.empty() && !known) { return unknown_port(where, side, server, name); }
      const std::size_t index = pairs.size();
      const std::uint32_t number = channels.empty() ? static_cast<std::uint32_t>(index) + 1 : channels[index];
      pairs.push_back({own_name(side, number), name});
    }
  } else if (!channels.empty()) {
    for (const std::uint32_t channel : channels) {
      if (channel == 0 || channel > server.physical.size()) {
        return refused(
            where, fmt::format("there is no {} channel {}", word(side), channel),
            server.physical.empty() ? std::string{} : fmt::format("1 .. {}", server.physical.size()),
            "the server's physical ports: " + list(server.physical));
      }
      pairs.push_back({own_name(side, channel), server.physical[channel - 1]});
    }
  } else {
    if (server.physical.empty()) {
      return refused(where, fmt::format("the JACK server has no physical {} ports", word(side)), {},
                     fmt::format("give port names; it has {}", list(server.usable)));
    }
    for (std::uint32_t n = 0; n < server.physical.size(); ++n) {
      pairs.push_back({own_name(side, n + 1), server.physical[n]});
    }
  }
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    const auto same = [&](const PortPair& pair) { return pair.own == pairs[n].own; };
    if (std::any_of(pairs.begin(), pairs.begin() + static_cast<std::ptrdiff_t>(n), same)) {
      return refused(where, fmt::format("{} channel {} is requested twice", word(side), channels[n]));
    }
  }
  return pairs;
}

}  // namespace streamlab
