// engine/run/trigger_port.cpp
#include "engine/run/trigger_port.hpp"

#include <fmt/format.h>

namespace streamlab {

TriggerPort::TriggerPort(const Plan& plan, const std::vector<std::unique_ptr<Domain>>& domains) {
  for (const auto& domain : domains) { wire(plan, *domain); }
}

void TriggerPort::wire(const Plan& plan, Domain& domain) {
  static const auto kNoChannels = std::make_shared<const StreamFormat>();
  const ValidGraph& graph = plan.graph();
  std::shared_ptr<const StreamFormat> format;
  std::size_t first = 0;
  for (std::size_t n = 0; n < plan.nodes().size(); ++n) {
    const PlanNode& node = plan.nodes()[n];
    if (node.domain != domain.index() || !node.inputs.empty()) { continue; }
    if (!format) { first = n; }
    const bool is_device = graph.nodes()[n].info().boundary == Boundary::device_input;
    format = is_device ? plan.slots()[node.slots[0]].format : format ? format : kNoChannels;
    if (is_device) { format_ = format; }
  }
  if (!format) { return; }
  entries_.push_back(std::make_unique<Entry>(fmt::format("trigger -> {}", graph.nodes()[first].id),
                                             graph.config().edge_capacity, format, domain.index()));
  EdgeLink& link = entries_.back()->link;
  link.producer = room_.get();
  link.consumer = domain.signal().get();
  domain.attach_triggers(link);
}

void TriggerPort::open() {
  const std::scoped_lock lock(mutex_);
  is_open_ = true;
}

void TriggerPort::close() {
  {
    const std::scoped_lock lock(mutex_);
    is_open_ = false;
    for (const auto& entry : entries_) {
      entry->link.edge.close();
      entry->link.wake_consumer();
    }
  }
  room_->notify();
}

Result<Engine::Triggered> TriggerPort::offer(const DataFrame& frame) {
  const std::scoped_lock lock(mutex_);
  if (!is_open_) { return failed("", "the pipeline is not running", "a call between start() and stop()"); }
  for (const auto& entry : entries_) {
    if (entry->link.abandoned.load(std::memory_order_acquire)) {
      return failed("", "the pipeline has ended or failed", "", "status() says why");
    }
  }
  if (auto fits = check(frame); !fits) { return tl::unexpected(fits.error()); }
  std::vector<DataFrame*> buffers;
  for (const auto& entry : entries_) {
    buffers.push_back(entry->link.edge.acquire());
    // (What was acquired is kept for the next call.)
    if (buffers.back() == nullptr) { return Engine::Triggered::full; }
  }
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    if (buffers[i]->channel_count() == frame.channel_count()) {
      buffers[i]->copy_from(frame);
    } else {
      buffers[i]->header() = frame.header();
    }
    entries_[i]->link.edge.commit(buffers[i]);
    entries_[i]->link.wake_consumer();
  }
  return Engine::Triggered::taken;
}

Result<Engine::Triggered> TriggerPort::offer_until(const DataFrame& frame,
                                                   WakeSignal::Clock::time_point deadline) {
  while (true) {
    const std::uint32_t ticket = room_->ticket();
    auto offered = offer(frame);
    if (!offered || *offered == Engine::Triggered::taken || WakeSignal::Clock::now() >= deadline) {
      return offered;
    }
    room_->wait(ticket, deadline);
  }
}

Result<void> TriggerPort::check(const DataFrame& frame) const {
  if (auto has_place = check_place(frame.header()); !has_place) { return has_place; }
  if (format_ == nullptr) { return {}; }
  if (frame.frame_count() > format_->max_frames) {
    return refused("frame", fmt::format("a block of {} frames", frame.frame_count()),
                   fmt::format("at most {}, the block_size", format_->max_frames));
  }
  return check_channels(frame, *format_);
}

}  // namespace streamlab
