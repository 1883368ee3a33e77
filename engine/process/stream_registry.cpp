// engine/process/stream_registry.cpp
#include "engine/process/stream_registry.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/base/nearest_name.hpp"

namespace streamlab {

Result<ByteChannel*> StreamRegistry::create(std::string name, ChannelOptions options) {
  if (get(name) != nullptr) {
    return refused(name, "a channel with this name already exists", "another name");
  }
  auto channel = ByteChannel::create(std::move(name), options);
  if (!channel) { return tl::unexpected(channel.error()); }
  channels_.push_back(std::move(*channel));
  return &channels_.back();
}

ByteChannel* StreamRegistry::get(std::string_view name) {
  const auto found = std::find_if(channels_.begin(), channels_.end(),
                                  [&](const ByteChannel& channel) { return channel.name() == name; });
  return found == channels_.end() ? nullptr : &*found;
}

Result<ByteChannel*> StreamRegistry::find(std::string_view name) {
  if (ByteChannel* channel = get(name)) { return channel; }
  return refused("", fmt::format("there is no channel \"{}\"", name), "", did_you_mean(name, names()));
}

std::vector<std::string_view> StreamRegistry::names() const {
  std::vector<std::string_view> names;
  for (const ByteChannel& channel : channels_) { names.push_back(channel.name()); }
  return names;
}

std::vector<Handover> StreamRegistry::handovers(const std::string& step) const {
  std::vector<Handover> all;
  for (const ByteChannel& channel : channels_) {
    const auto some = channel.handovers(step);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

std::string StreamRegistry::fifo_path(const std::string& step, StreamDirection direction) const {
  for (const ByteChannel& channel : channels_) {
    if (std::string path = channel.fifo_path(step, direction); !path.empty()) { return path; }
  }
  return {};
}

void StreamRegistry::end_step(const std::string& step) {
  for (ByteChannel& channel : channels_) { channel.end_step(step); }
}

bool StreamRegistry::close(std::chrono::steady_clock::time_point deadline) {
  bool were_all = true;
  for (ByteChannel& channel : channels_) { were_all = channel.close(deadline) && were_all; }
  return were_all;
}

std::vector<ChannelReport> StreamRegistry::reports() const {
  std::vector<ChannelReport> reports;
  for (const ByteChannel& channel : channels_) { reports.push_back(channel.report()); }
  return reports;
}

}  // namespace streamlab
