// engine/run/channel_tap.cpp
#include "engine/run/channel_tap.hpp"

#include <chrono>
#include <utility>

namespace streamlab {
ChannelTap::ChannelTap(std::string name, std::size_t capacity, OverflowPolicy policy,
                       const std::shared_ptr<const StreamFormat>& format,
                       std::shared_ptr<WakeSignal> producer, BroadcastSender<DataFrame> sender)
    : link_(std::move(name), capacity, policy, format),
      producer_(std::move(producer)),
      sender_(std::move(sender)) {
  link_.producer = producer_.get();
  link_.consumer = &signal_;
}

void ChannelTap::run() noexcept {
  const bool polls = link_.consumer == nullptr;
  while (!stop_.stop_requested()) {
    const std::uint32_t ticket = signal_.ticket();
    const bool ended =
        link_.edge.ended();  // first: a block that arrives meanwhile is found in the next round
    DataFrame* const block = link_.edge.try_pop();
    if (block != nullptr) {
      losses_.mark(*block, link_.first_position);
      send(*block);
      link_.edge.release(block);
      link_.wake_producer();
    } else if (ended) {
      break;
    } else if (polls) {
      signal_.wait(ticket, kLookAgain);
    } else {
      signal_.wait(ticket);
    }
  }
  // Without a subscriber, what is left is not counted as lost.
  if (stop_.stop_requested() && sender_.subscriber_count() > 0) {
    link_.left_early.store(true, std::memory_order_release);
  }
  link_.abandoned.store(true, std::memory_order_release);
  link_.wake_producer();
  sender_.close();
}

void ChannelTap::send(const DataFrame& block) {
  if (sender_.subscriber_count() == 0) { return; }
  // The last subscriber may leave meanwhile, or the channel be closed: then no one waits for the block.
  const Sent sent = sender_.send(DataFrame(block), stop_.get_token());
  if (!sent && sent.why() == Why::stopped) { link_.not_passed_on.fetch_add(1, std::memory_order_relaxed); }
}

void ChannelTap::stop() noexcept {
  stop_.request_stop();
  signal_.notify();
}

}  // namespace streamlab
