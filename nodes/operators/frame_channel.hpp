// nodes/operators/frame_channel.hpp
//
// Finds a channel of blocks by name, for nodes that send blocks out of a graph or into it.
#pragma once

#include <string>

#include "engine/channel/registry.hpp"
#include "engine/core/data_frame.hpp"

namespace streamlab {

// The broadcast channel with this name; created with `capacity` if there is none yet. Refused: the name
// belongs to a channel of another kind or type.
inline Result<BroadcastSender<DataFrame>> frame_channel(ChannelRegistry& registry, const std::string& name,
                                                        std::size_t capacity) {
  for (const RegisteredChannel& channel : registry.list()) {
    if (channel.name != name) { continue; }
    auto sender = registry.broadcast_sender<DataFrame>(name);
    if (!sender) { sender.error().where = "/config/channel"; }
    return sender;
  }
  auto sender = broadcast<DataFrame>(capacity);
  if (auto added = registry.add(name, sender.clone()); !added) {
    Error error = added.error();
    error.where = "/config/channel";
    return tl::unexpected(std::move(error));
  }
  return sender;
}

// A subscriber of that channel, which may also be a named output of a graph.
inline Result<BroadcastReceiver<DataFrame>> subscribe_to_frames(ChannelRegistry& registry,
                                                                const std::string& name,
                                                                std::size_t capacity) {
  for (const RegisteredChannel& channel : registry.list()) {
    if (channel.name != name) { continue; }
    auto receiver = registry.subscribe<DataFrame>(name, OnLag::wait);
    if (!receiver) { receiver.error().where = "/config/channel"; }
    return receiver;
  }
  auto sender = frame_channel(registry, name, capacity);
  if (!sender) { return tl::unexpected(sender.error()); }
  return sender->subscribe(OnLag::wait);
}

}  // namespace streamlab
