// engine/channel/registry.cpp
#include "engine/channel/registry.hpp"

#include <fmt/format.h>

#include "engine/base/nearest_name.hpp"

namespace streamlab {

std::string_view to_string(ChannelKind kind) noexcept {
  switch (kind) {
    case ChannelKind::mpsc:
      return "mpsc";
    case ChannelKind::broadcast:
      return "broadcast";
    case ChannelKind::watch:
      return "watch";
  }
  return "";
}

std::vector<RegisteredChannel> ChannelRegistry::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<RegisteredChannel> channels;
  channels.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) {
    channels.push_back({name, entry.kind, entry.type_text, entry.capacity, entry.closed()});
  }
  return channels;
}

Result<void> ChannelRegistry::close(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const Result<Entry*> entry = find(name);
  if (!entry) { return tl::unexpected(entry.error()); }
  (*entry)->close();
  return {};
}

void ChannelRegistry::close_all() {
  const std::lock_guard lock(mutex_);
  for (auto& [name, entry] : entries_) { entry.close(); }
}

Result<void> ChannelRegistry::remove(std::string_view name) {
  // Destroyed outside the lock: its values may hold ends of other channels.
  std::optional<Entry> removed;
  const std::lock_guard lock(mutex_);
  const Result<Entry*> entry = find(name);
  if (!entry) { return tl::unexpected(entry.error()); }
  removed = std::move(**entry);
  entries_.erase(entries_.find(name));
  return {};
}

tl::unexpected<Error> ChannelRegistry::receiver_taken(std::string_view name) {
  return refused("", fmt::format("the receiver of channel \"{}\" was already taken", name), "one receiver",
                 "a broadcast channel can have any number of them");
}

tl::unexpected<Error> ChannelRegistry::has_a_source(std::string_view name) {
  return refused("", fmt::format("nothing else can send to channel \"{}\"", name),
                 "a channel without a source", "it is an output of a graph");
}

Result<void> ChannelRegistry::add_entry(std::string name, Entry entry) {
  if (name.empty()) { return refused("", "a channel without a name", "at least one letter"); }
  const std::lock_guard lock(mutex_);
  if (const auto there = entries_.find(name); there != entries_.end()) {
    return refused("", fmt::format("there is a channel \"{}\" already, {}<{}>", name,
                                   to_string(there->second.kind), there->second.type_text));
  }
  entries_.emplace(std::move(name), std::move(entry));
  return {};
}

Result<ChannelRegistry::Entry*> ChannelRegistry::find(std::string_view name) {
  if (const auto there = entries_.find(name); there != entries_.end()) { return &there->second; }
  std::vector<std::string_view> names;
  names.reserve(entries_.size());
  for (const auto& [known, entry] : entries_) { names.push_back(known); }
  return refused("", fmt::format("there is no channel \"{}\"", name), "", did_you_mean(name, names));
}

Result<ChannelRegistry::Entry*> ChannelRegistry::find(std::string_view name, ChannelKind kind,
                                                      const std::type_info& type) {
  Result<Entry*> entry = find(name);
  if (entry && ((*entry)->kind != kind || (*entry)->type != type)) {
    return refused(
        "", fmt::format("channel \"{}\" is {}<{}>", name, to_string((*entry)->kind), (*entry)->type_text),
        fmt::format("{}<{}>", to_string(kind), type_name(type)));
  }
  return entry;
}

}  // namespace streamlab
