// engine/run/channel_tap.hpp
//
// ChannelTap: sends the output of a node in a running graph to a named channel, to which the program can
// subscribe at any time.
//
//   domain -> edge -> the tap's own thread -> broadcast<DataFrame> -> subscribers
//
// A subscriber with back-pressure stalls the tap's thread, and through the edge a domain that may block. A
// real-time domain never blocks: its edge drops and counts. Without subscribers, blocks are discarded at the
// tap without a copy. The block after dropped ones has the flag gap.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "engine/channel/broadcast.hpp"
#include "engine/run/edge_link.hpp"
#include "engine/run/loss_marker.hpp"

namespace streamlab {

class ChannelTap {
 public:
  // Control thread. `producer`: wakes the domain that gives the blocks.
  ChannelTap(std::string name, std::size_t capacity, OverflowPolicy policy,
             const std::shared_ptr<const StreamFormat>& format, std::shared_ptr<WakeSignal> producer,
             BroadcastSender<DataFrame> sender);

  EdgeLink& link() { return link_; }
  const EdgeLink& link() const { return link_; }
  // The producer sends no wake-ups: poll for its blocks every millisecond.
  void set_real_time_producer() { link_.producer = link_.consumer = nullptr; }

  // The body of the tap's thread: runs until the edge has ended or stop() was called, then closes the
  // channel. Blocks that subscribers do not get because of stop() are counted in the link.
  void run() noexcept;
  // Any thread.
  void stop() noexcept;

 private:
  void send(const DataFrame& block);

  EdgeLink link_;
  WakeSignal signal_;
  LossMarker losses_;                           // the tap's thread
  const std::shared_ptr<WakeSignal> producer_;  // kept alive for as long as the link may wake it
  const BroadcastSender<DataFrame> sender_;
  std::stop_source stop_;
};

}  // namespace streamlab
