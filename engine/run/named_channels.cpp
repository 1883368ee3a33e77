// engine/run/named_channels.cpp
#include "engine/run/named_channels.hpp"

#include <fmt/format.h>

#include "engine/run/wiring.hpp"

namespace streamlab {

Errors NamedChannels::open(const Plan& plan, const std::vector<std::unique_ptr<Domain>>& domains) {
  Errors errors;
  for (const ValidChannel& channel : plan.graph().channels()) {
    const std::uint32_t capacity = channel.capacity.value_or(plan.graph().config().channel_capacity);
    auto sender = broadcast<DataFrame>(capacity);
    if (auto added = registry_->add(channel.name, sender.clone()); !added) {
      Error error = added.error();
      error.where = channel.pointer + "/channel";
      errors.push_back(std::move(error));
      continue;
    }
    names_.push_back(channel.name);
    const std::size_t slot = plan.nodes()[channel.from_node].slots[channel.from_port];
    Domain& domain = *domains[plan.nodes()[channel.from_node].domain];
    const bool real_time = is_real_time(plan, domain.index());
    const OverflowPolicy usual = real_time ? OverflowPolicy::drop_oldest : OverflowPolicy::block;
    const OverflowPolicy policy =
        plan.options().lossless ? OverflowPolicy::block : channel.policy.value_or(usual);
    auto& tap = taps_.emplace_back(std::make_unique<ChannelTap>(
        fmt::format("{} -> channel {}", plan.graph().nodes()[channel.from_node].id, channel.name), capacity,
        policy, plan.slots()[slot].format, domain.signal(), std::move(sender)));
    if (real_time) { tap->set_real_time_producer(); }
    domain.attach_outgoing(slot, tap->link());
  }
  return errors;
}

}  // namespace streamlab
