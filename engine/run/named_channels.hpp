// engine/run/named_channels.hpp
//
// NamedChannels: the named outputs of a graph as channels in a registry, for as long as the graph is there.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/channel/registry.hpp"
#include "engine/graph/plan.hpp"
#include "engine/run/channel_tap.hpp"
#include "engine/run/domain.hpp"

namespace streamlab {

class NamedChannels {
 public:
  explicit NamedChannels(std::shared_ptr<ChannelRegistry> registry) : registry_(std::move(registry)) {}
  NamedChannels(const NamedChannels&) = delete;
  NamedChannels& operator=(const NamedChannels&) = delete;
  ~NamedChannels() {
    for (const std::string& name : names_) { static_cast<void>(registry_->remove(name)); }
  }

  // Control thread, before the domains are built. Says which names are taken.
  Errors open(const Plan& plan, const std::vector<std::unique_ptr<Domain>>& domains);
  // Each has a thread of its own to run.
  const std::vector<std::unique_ptr<ChannelTap>>& taps() const { return taps_; }
  void stop() noexcept {
    for (const auto& tap : taps_) { tap->stop(); }
  }

 private:
  const std::shared_ptr<ChannelRegistry> registry_;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<ChannelTap>> taps_;
};

}  // namespace streamlab
