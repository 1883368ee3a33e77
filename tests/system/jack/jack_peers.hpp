// tests/system/jack/jack_peers.hpp
//
// Bare JACK clients at the other end of the driver, and the graph in its place.
//
// Ramp plays the frame time itself: sample n is (n mod 2^24) / 2^24, exact in float32. Whoever receives it
// can tell of every sample which frame of the server it was.
#pragma once

#include <atomic>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <jack/jack.h>

#include "engine/run/driver.hpp"

namespace streamlab::test {

inline constexpr std::uint32_t kRampModulus = 1U << 24;
inline double ramp(std::int64_t frame) {
  return static_cast<double>(frame & (kRampModulus - 1)) / kRampModulus;
}
// Frames from the one that `from` stands for to the one that `to` stands for.
inline std::int64_t ramp_distance(double from, double to) {
  const auto difference = static_cast<std::int64_t>(std::llround((to - from) * kRampModulus));
  return difference < 0 ? difference + kRampModulus : difference;
}

// A client with one port, running from construction to destruction.
class Peer {
 public:
  using Process = std::function<void(jack_client_t* client, float* buffer, std::uint32_t frame_count)>;
  Peer(const std::string& server, const std::string& name, JackPortFlags direction, Process process)
      : process_(std::move(process)) {
    client_ = jack_client_open(name.c_str(), static_cast<jack_options_t>(JackNoStartServer | JackServerName),
                               nullptr, server.c_str());
    if (client_ == nullptr) { return; }
    port_ = jack_port_register(client_, "port", JACK_DEFAULT_AUDIO_TYPE, direction, 0);
    jack_set_process_callback(
        client_,
        [](jack_nframes_t frame_count, void* self) {
          auto* peer = static_cast<Peer*>(self);
          peer->process_(peer->client_, static_cast<float*>(jack_port_get_buffer(peer->port_, frame_count)),
                         frame_count);
          return 0;
        },
        this);
    jack_activate(client_);
  }
  ~Peer() {
    if (client_ != nullptr) { jack_client_close(client_); }
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  jack_client_t* client() { return client_; }
  std::string port() const { return jack_port_name(port_); }

 private:
  Process process_;
  jack_client_t* client_ = nullptr;
  jack_port_t* port_ = nullptr;
};

inline void play_ramp(jack_client_t* client, float* buffer, std::uint32_t frame_count) {
  const std::uint32_t first = jack_last_frame_time(client);
  for (std::uint32_t n = 0; n < frame_count; ++n) { buffer[n] = static_cast<float>(ramp(first + n)); }
}

// Room for `capacity` blocks, filled by one thread while another watches `count`.
struct Heard {
  std::uint32_t frame_time;
  std::vector<float> samples;
};
class Recorder {
 public:
  explicit Recorder(std::size_t capacity, std::uint32_t max_frames) : blocks_(capacity) {
    for (Heard& block : blocks_) { block.samples.reserve(max_frames); }
  }
  void operator()(jack_client_t* client, const float* buffer, std::uint32_t frame_count) {
    const std::size_t n = count_.load(std::memory_order_relaxed);
    if (n == blocks_.size()) { return; }
    blocks_[n].frame_time = jack_last_frame_time(client);
    blocks_[n].samples.assign(buffer, buffer + frame_count);
    count_.store(n + 1, std::memory_order_release);
  }
  std::size_t count() const { return count_.load(std::memory_order_acquire); }
  const Heard& block(std::size_t n) const { return blocks_[n]; }

 private:
  std::vector<Heard> blocks_;
  std::atomic<std::size_t> count_{0};
};

// The graph's place: keeps what it is given and plays what it heard, or a ramp of its own positions.
class RecordingClient final : public DeviceClient {
 public:
  struct Block {
    TickInfo info;
    std::vector<double> samples;  // of the first input channel
  };
  RecordingClient(const DeviceFormat& format, std::size_t capacity)
      : in_(format.input_names.size(), std::vector<double>(format.max_block_frames)),
        out_(format.output_names.size(), std::vector<double>(format.max_block_frames)),
        blocks_(capacity) {
    for (auto& channel : in_) { inputs_.push_back(channel.data()); }
    for (auto& channel : out_) { outputs_.push_back(channel.data()); }
    for (Block& block : blocks_) { block.samples.reserve(format.max_block_frames); }
  }
  std::span<double* const> inputs() noexcept override { return inputs_; }
  std::span<const double* const> outputs() noexcept override { return outputs_; }
  void tick(const TickInfo& info) noexcept override {
    if (in_tick) { in_tick(); }
    for (std::size_t c = 0; c < out_.size(); ++c) {
      for (std::uint32_t n = 0; n < info.frame_count; ++n) {
        out_[c][n] = in_.empty() ? ramp(info.position + n) : in_[c % in_.size()][n];
      }
    }
    const std::size_t n = count_.load(std::memory_order_relaxed);
    if (n == blocks_.size()) { return; }
    blocks_[n].info = info;
    if (!in_.empty()) { blocks_[n].samples.assign(in_[0].begin(), in_[0].begin() + info.frame_count); }
    count_.store(n + 1, std::memory_order_release);
  }
  std::size_t count() const { return count_.load(std::memory_order_acquire); }
  const Block& block(std::size_t n) const { return blocks_[n]; }

  std::function<void()> in_tick;  // on JACK's thread; set before start()

 private:
  std::vector<std::vector<double>> in_;
  std::vector<std::vector<double>> out_;
  std::vector<double*> inputs_;
  std::vector<const double*> outputs_;
  std::vector<Block> blocks_;
  std::atomic<std::size_t> count_{0};
};

}  // namespace streamlab::test
