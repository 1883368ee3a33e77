// engine/run/named_channels.hpp
//
// NamedChannels: the named outputs of a graph as channels in a registry, for as long as the graph is there. To subscribe by name
// is to make a Subscription (run/subscriptions.hpp): an edge of its own, out of the domain that gives the blocks.
//
//   domain -> the subscriber's edge -> BroadcastReceiver<DataFrame>
//
// No thread moves the blocks, and none are copied while nobody has subscribed. What OnLag means for the edge:
//   wait   the policy of the channel: block, so that the subscriber stalls a domain that may wait; out of a real-time domain,
//          which never waits, drop_oldest, or what the configuration says: counted, the next block has the flag gap
//   lose   drop_oldest: stalls nothing. What it lost it is told (Received::lost()); that is no loss of the run
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/channel/registry.hpp"
#include "engine/graph/plan.hpp"
#include "engine/run/domain.hpp"
#include "engine/run/subscriptions.hpp"

namespace streamlab {

class NamedOutput;

class NamedChannels {
 public:
  explicit NamedChannels(std::shared_ptr<ChannelRegistry> registry) : registry_(std::move(registry)) {}
  NamedChannels(const NamedChannels&) = delete;
  NamedChannels& operator=(const NamedChannels&) = delete;
  // Closes those that are still open. The domains no longer run.
  ~NamedChannels();

  // Control thread, when the domains are built and do not run yet. Says which names are taken.
  Errors open(const Plan& plan, const std::vector<std::unique_ptr<Domain>>& domains,
              const std::shared_ptr<Subscriptions>& subscriptions);

 private:
  const std::shared_ptr<ChannelRegistry> registry_;
  std::vector<std::string> names_;
  std::vector<std::shared_ptr<NamedOutput>> outputs_;  // the domains' streams point into them
};

}  // namespace streamlab
