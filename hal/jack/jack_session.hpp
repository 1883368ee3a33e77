// hal/jack/jack_session.hpp
//
// JackSession: one connection to a JACK server, from opening a client and registering its ports to closing
// it. When the server dies the session is over; the driver makes another. Its callbacks only set flags, wake
// the driver's supervisor, and pass each cycle to a JackCycleSink.
//
// Threads. Control or supervisor thread: open, activate, connect_returned_ports, the destructor; these may
// block as long as the server does. JACK's real-time thread: process. JACK's notification thread: the other
// callbacks.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/rt/rt_thread.hpp"
#include "engine/run/driver.hpp"
#include "hal/jack/jack_client.hpp"
#include "hal/jack/jack_ports.hpp"
#include "hal/jack/jack_stream.hpp"

namespace streamlab {

// Receives the cycles and notifications. Lives as long as the session.
class JackCycleSink {
 public:
  virtual ~JackCycleSink() = default;
  // JACK's real-time thread.
  virtual void cycle(const JackCycle& cycle, std::span<const float* const> inputs,
                     std::span<float* const> outputs) noexcept = 0;
  // Any thread of JACK: check the session's flags.
  virtual void wake() noexcept = 0;
};

class JackSession {
 public:
  // Opens a client and registers the requested ports. Fails when no server answers; refuses ports that the
  // server does not have. The caller checks rate and period.
  static Result<std::unique_ptr<JackSession>> open(const std::string& server, const DeviceRequest& request);
  ~JackSession();
  JackSession(const JackSession&) = delete;
  JackSession& operator=(const JackSession&) = delete;

  std::uint32_t period_frames() const { return jack_get_buffer_size(client_.get()); }
  const std::vector<PortPair>& inputs() const { return input_pairs_; }
  const std::vector<PortPair>& outputs() const { return output_pairs_; }
  // Worst latency between the connector and the client, as reported by the ports to be connected.
  std::uint32_t input_latency_frames() const { return peer_latency(input_pairs_, JackCaptureLatency); }
  std::uint32_t output_latency_frames() const { return peer_latency(output_pairs_, JackPlaybackLatency); }

  // From now on `sink` gets the cycles. Returns when all ports are connected.
  Result<void> activate(std::shared_ptr<JackCycleSink> sink);
  // Connects ports that were gone and have come back. Does not reconnect what the user disconnected.
  void connect_returned_ports();
  // The scheduling of JACK's real-time thread, for messages. Known once cycles come.
  std::string real_time() const;

  // Any thread.
  std::uint32_t sample_rate_hz() const { return sample_rate_hz_.load(std::memory_order_relaxed); }
  bool shut_down() const { return shut_down_.load(std::memory_order_acquire); }
  std::uint64_t cycles() const { return cycles_.load(std::memory_order_relaxed); }

 private:
  struct Port {
    jack_port_t* port = nullptr;
    std::string name;           // full, as the server calls it
    bool peer_is_back = false;  // it was registered again and must be reconnected
  };

  JackSession(std::string server, JackClient client);
  Result<void> register_ports(const DeviceRequest& request);
  Result<std::vector<Port>> register_side(PortSide side, const std::vector<PortPair>& pairs);
  void set_callbacks();
  bool connect(PortSide side, const Port& port, const PortPair& pair);
  void connect_returned(PortSide side, std::vector<Port>& ports, const std::vector<PortPair>& pairs);
  std::vector<std::string> newly_registered();
  std::uint32_t latency_of_cycle(std::uint32_t frame_count) const noexcept;
  std::uint32_t peer_latency(const std::vector<PortPair>& pairs, jack_latency_callback_mode_t mode) const;
  void process(std::uint32_t frame_count) noexcept;

  const std::string server_;
  std::shared_ptr<JackCycleSink> sink_;  // once active
  std::vector<PortPair> input_pairs_;
  std::vector<PortPair> output_pairs_;
  std::vector<Port> input_ports_;
  std::vector<Port> output_ports_;
  mutable std::mutex mutex_;  // JACK's threads (not in a cycle) and the supervisor: what follows
  std::vector<jack_port_id_t> registered_;
  RealtimeInForce in_force_;
  std::vector<const float*> input_buffers_;  // JACK's real-time thread, once active
  std::vector<float*> output_buffers_;       // likewise
  std::vector<std::uint8_t> connected_;      // likewise; inputs, then outputs
  double frame_ns_ = 0.0;
  std::atomic<std::uint32_t> latency_frames_{0};  // of the inputs, at the period of …
  std::atomic<std::uint32_t> latency_period_{0};  // … so many frames

  // Flags of the callbacks. shut_down_ comes after everything else from a server, hence release and acquire;
  // the others are independent.
  std::atomic<std::uint32_t> sample_rate_hz_{0};
  std::atomic<bool> shut_down_{false};
  std::atomic<bool> freewheel_{false};
  std::atomic<bool> xrun_{false};
  std::atomic<std::uint64_t> cycles_{0};

  JackClient client_;  // declared last: closed first, while everything its callbacks touch still exists
};

}  // namespace streamlab
