// tests/support/recording_client.hpp
//
// RecordingClient: the plainest client of a Driver. It keeps every tick with its samples, and plays what the
// test says. run_to_end() runs a driver whose stream has an end.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "engine/run/driver.hpp"

namespace streamlab {

class RecordingClient final : public DeviceClient {
 public:
  explicit RecordingClient(const DeviceFormat& format)
      : heard(format.input_names.size()),
        input_(format.input_names.size(), std::vector<double>(format.max_block_frames)),
        output_(format.output_names.size(), std::vector<double>(format.max_block_frames)) {
    for (auto& x : input_) { inputs_.push_back(x.data()); }
    for (auto& x : output_) { outputs_.push_back(x.data()); }
  }

  std::span<double* const> inputs() noexcept override { return inputs_; }
  std::span<const double* const> outputs() noexcept override { return outputs_; }
  void tick(const TickInfo& info) noexcept override {
    if (before_tick) { before_tick(info); }
    ticks.push_back(info);
    for (std::size_t c = 0; c < heard.size(); ++c) {
      heard[c].insert(heard[c].end(), inputs_[c], inputs_[c] + info.frame_count);
    }
    for (std::uint32_t c = 0; c < output_.size(); ++c) {
      for (std::uint32_t n = 0; n < info.frame_count; ++n) {
        output_[c][n] = play ? play(info.position + n, c) : 0.0;
      }
    }
  }

  // What is played at a position on a channel (from 0); nothing set: silence. Set both before start().
  std::function<double(std::int64_t position, std::uint32_t channel)> play;
  std::function<void(const TickInfo&)> before_tick;

  // Read these when the driver has stopped.
  std::vector<TickInfo> ticks;
  std::vector<std::vector<double>> heard;  // [channels x frames handed over]

 private:
  std::vector<std::vector<double>> input_;
  std::vector<std::vector<double>> output_;
  std::vector<double*> inputs_;
  std::vector<const double*> outputs_;
};

// Runs the driver until it has ended or failed; returns what it said then.
inline DriverStatus run_to_end(Driver& driver, DeviceClient& client) {
  if (const auto started = driver.start(client); !started) {
    DriverStatus status;
    status.state = DriverState::failed;
    status.failure = started.error();
    return status;
  }
  for (;;) {
    const DriverStatus status = driver.status();
    if (status.state == DriverState::ended || status.state == DriverState::failed) {
      driver.stop();
      return driver.status();
    }
    std::this_thread::yield();
  }
}

}  // namespace streamlab
