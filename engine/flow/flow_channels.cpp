// engine/flow/flow_channels.cpp
#include "engine/flow/flow_channels.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace streamlab {
namespace {

bool is_impatient(const FlowChannel::End& end) { return end.stream.policy == OverflowPolicy::fail; }

}  // namespace

Result<void> FlowChannels::make() {
  for (const FlowChannel& channel : flow_.channels()) {
    if (auto made = make_one(channel); !made) { return made; }
  }
  return {};
}

Result<void> FlowChannels::make_one(const FlowChannel& channel) {
  ChannelOptions options;
  options.mode = channel.mode;
  options.buffer_bytes = channel.buffer_bytes;
  options.count = flow_.settings().count;
  auto made = registry_.create(channel.name, options);
  if (!made) { return tl::unexpected(made.error()); }
  const auto name_of = [&](const FlowChannel::End& end) { return flow_.steps()[end.step].spec.name; };
  auto connected = (*made)->connect_producer(name_of(channel.producer), channel.producer.stream.direction);
  for (const FlowChannel::End& end : channel.consumers) {
    if (!connected) { break; }
    ConsumerOptions consumer;
    consumer.policy = end.stream.policy.value_or(OverflowPolicy::block);
    consumer.buffer_bytes = end.stream.buffer_bytes.value_or(flow_.settings().buffer_bytes);
    consumer.unit_bytes = end.stream.unit_bytes.value_or(1);
    connected = (*made)->connect_consumer(name_of(end), end.stream.direction, consumer);
  }
  return connected;
}

Result<void> FlowChannels::open(std::size_t channel, const RunDirectory& directory) {
  if (auto opened = at(channel).open(directory); !opened) { return opened; }
  const FlowChannel::End& producer = flow_.channels()[channel].producer;
  const std::string& step = flow_.steps()[producer.step].spec.name;
  if (producer.stream.direction == StreamDirection::fifo_out) {
    readers_.add(channel, at(channel).fifo_path(step, StreamDirection::fifo_out), 1);
  }
  if (producer.stream.direction == StreamDirection::stdout_) {
    for (const Handover& handover : at(channel).handovers(step)) {
      readers_.add(channel, fmt::format("/proc/self/fd/{}", handover.fd), 2);
    }
  }
  return {};
}

bool FlowChannels::readers_went_first(std::size_t step) {
  for (std::size_t c = 0; c < flow_.channels().size(); ++c) {
    if (flow_.channels()[c].producer.step == step && readers_.readers_went_first(c)) { return true; }
  }
  return false;
}

bool FlowChannels::may_fail(const FlowGroup& group) const {
  return std::any_of(group.channels.begin(), group.channels.end(), [&](std::size_t c) {
    const auto& consumers = flow_.channels()[c].consumers;
    return std::any_of(consumers.begin(), consumers.end(), is_impatient);
  });
}

std::optional<Error> FlowChannels::next_failure(const FlowGroup& group) {
  for (const std::size_t c : group.channels) {
    const FlowChannel& info = flow_.channels()[c];
    if (is_told_[c] || std::none_of(info.consumers.begin(), info.consumers.end(), is_impatient)) { continue; }
    const RelayReport relay = at(c).report().relay;
    if (!relay.failure) { continue; }
    is_told_[c] = true;
    const FlowChannel::End& end =
        relay.failed_consumer < info.consumers.size() ? info.consumers[relay.failed_consumer] : info.producer;
    return Error{ErrorCode::failed, end.stream.pointer,
                 fmt::format("the channel \"{}\": {}", info.name, relay.failure->what),
                 relay.failure->expected, relay.failure->hint};
  }
  return std::nullopt;
}

}  // namespace streamlab
