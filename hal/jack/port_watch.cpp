// hal/jack/port_watch.cpp
#include "hal/jack/port_watch.hpp"

#include <algorithm>

namespace streamlab {

PortWatch::PortWatch(const std::vector<PortPair>& inputs, const std::vector<PortPair>& outputs)
    : watched_(inputs.size() + outputs.size()) {
  for (const auto* pairs : {&inputs, &outputs}) {
    for (std::uint32_t channel = 0; channel < pairs->size(); ++channel) {
      PortConnection port;
      port.is_input = pairs == &inputs;
      port.channel = channel;
      port.peer = (*pairs)[channel].peer;
      watched_[ports_.size()].is_watched = !port.peer.empty();
      ports_.push_back(std::move(port));
    }
  }
}

void PortWatch::connect_anew() noexcept {
  cycles_ = 0;
  for (Watched& port : watched_) {
    port.is_settled = false;
    port.is_connected.store(true, std::memory_order_relaxed);
  }
}

void PortWatch::count(std::span<const std::uint8_t> connected, std::uint32_t frame_count) noexcept {
  cycles_ = std::min(cycles_ + 1, kSettledCycles);
  // This thread is the only writer. Each counter is independent of the others.
  const auto add = [](std::atomic<std::uint64_t>& counter, std::uint64_t by) {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  };
  for (std::size_t n = 0; n < watched_.size() && n < connected.size(); ++n) {
    Watched& port = watched_[n];
    if (!port.is_watched) { continue; }
    if (connected[n] != 0) {
      port.is_settled = true;
      port.is_connected.store(true, std::memory_order_relaxed);
    } else if (port.is_settled || cycles_ == kSettledCycles) {
      if (port.is_connected.load(std::memory_order_relaxed)) { add(port.interruptions, 1); }
      port.is_connected.store(false, std::memory_order_relaxed);
      add(port.unconnected_frames, frame_count);
    }
  }
}

std::vector<PortConnection> PortWatch::report() const {
  std::vector<PortConnection> ports;
  for (std::size_t n = 0; n < ports_.size(); ++n) {
    const Watched& port = watched_[n];
    if (!port.is_watched) { continue; }
    PortConnection& one = ports.emplace_back(ports_[n]);
    one.connected = port.is_connected.load(std::memory_order_relaxed);
    one.interruptions = port.interruptions.load(std::memory_order_relaxed);
    one.unconnected_frames = port.unconnected_frames.load(std::memory_order_relaxed);
  }
  return ports;
}

}  // namespace streamlab
