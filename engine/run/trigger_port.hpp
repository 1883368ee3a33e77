// engine/run/trigger_port.hpp
//
// TriggerPort: how blocks of the caller come into a triggered graph: an edge into each domain that has a source.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/run/domain.hpp"
#include "engine/run/engine.hpp"

namespace streamlab {

class TriggerPort {
 public:
  // Control thread, before the domains are built. Both must outlive it.
  TriggerPort(const Plan& plan, const std::vector<std::unique_ptr<Domain>>& domains);

  void open();   // the domains run
  void close();  // no more: the sources end
  // Any thread; one block at a time. See Engine::trigger().
  Result<Engine::Triggered> offer(const DataFrame& frame);
  Result<Engine::Triggered> offer_until(const DataFrame& frame, WakeSignal::Clock::time_point deadline);

  // Calls `each` with every edge and the domain to which it leads.
  template <class Each>
  void for_each(const Each& each) const {
    for (const auto& entry : entries_) { each(entry->link, entry->to_domain); }
  }

 private:
  struct Entry {
    Entry(std::string name, std::size_t capacity, const std::shared_ptr<const StreamFormat>& format,
          std::size_t domain)
        : link(std::move(name), capacity, OverflowPolicy::block, format), to_domain(domain) {}
    EdgeLink link;
    const std::size_t to_domain;
  };

  void wire(const Plan& plan, Domain& domain);
  Result<void> check(const DataFrame& frame) const;

  std::vector<std::unique_ptr<Entry>> entries_;
  std::shared_ptr<const StreamFormat> format_;  // of the device input's frames; null without one
  std::shared_ptr<WakeSignal> room_ = std::make_shared<WakeSignal>();
  std::mutex mutex_;
  bool is_open_ = false;  // under mutex_
};

}  // namespace streamlab
