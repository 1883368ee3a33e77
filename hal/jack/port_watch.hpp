// hal/jack/port_watch.hpp
//
// PortWatch: whether something is connected to each port of ours that a connection was asked for, and for how many
// frames nothing was. A port to which nothing is connected gives zeros, which no other counter shows.
//
// Threads. JACK's real-time thread: count. Control or supervisor thread, while no cycle is counted: connect_anew.
// Any thread: report.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/run/driver.hpp"
#include "hal/jack/jack_ports.hpp"

namespace streamlab {

class PortWatch {
 public:
  // The server connects a port one cycle after it said so. From this cycle on a port counts, connected or not.
  static constexpr std::uint32_t kSettledCycles = 8;

  // `inputs`, then `outputs`: the ports in the order of count(). Those without a peer are left to the user and
  // not watched.
  PortWatch(const std::vector<PortPair>& inputs, const std::vector<PortPair>& outputs);

  // All ports were just connected by us, at the start or when the server has come back.
  void connect_anew() noexcept;
  // One cycle: for each port, whether anything is connected to it. Wait-free.
  void count(std::span<const std::uint8_t> connected, std::uint32_t frame_count) noexcept;

  std::vector<PortConnection> report() const;

 private:
  struct Watched {
    bool is_watched = false;
    bool is_settled = false;  // was seen connected since connect_anew()
    std::atomic<bool> is_connected{true};
    std::atomic<std::uint64_t> interruptions{0};
    std::atomic<std::uint64_t> unconnected_frames{0};
  };
  std::vector<PortConnection> ports_;  // what does not change; in the order of watched_
  std::vector<Watched> watched_;
  std::uint32_t cycles_ = 0;  // since connect_anew(), up to kSettledCycles
};

}  // namespace streamlab
