// tests/support/virtual_driver.hpp
//
// VirtualDriver: a device whose time the test advances. Nothing happens between two calls of the test: tick()
// calls the client on the test's own thread and returns when the client has.
//
//   VirtualDriver card({.inputs = 2, .outputs = 1});
//   auto engine = …(card.opener());      // or hand over the driver itself: card.start(client)
//   card.tick(64);                       // 64 frames of the counting pattern
//   card.lose(100);                      // the card loses 100 frames: the next tick is an xrun and a gap of
//   100 card.tick(64); EXPECT_EQ(card.played()[0].size(), 128U);
//
// Timestamps are exact: start_us + position / rate, to the nearest microsecond.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/run/driver.hpp"
#include "hal/sim/counting.hpp"

namespace streamlab {

class VirtualDriver final : public Driver {
 public:
  struct Card {
    double sample_rate_hz = 48000.0;
    std::uint32_t period_frames = 64;
    std::uint32_t max_block_frames = 0;  // 0: the period
    std::uint32_t inputs = 2;
    std::uint32_t outputs = 0;
    bool real_time = false;  // true: says that it cannot wait, as a sound card
    std::int64_t start_us = 0;
    std::uint32_t input_latency_frames = 0;
    std::uint32_t output_latency_frames = 0;
  };

  VirtualDriver() : VirtualDriver(Card{}) {}
  explicit VirtualDriver(Card card) : card_(card) { agree(card_.inputs, card_.outputs); }

  // ---- Driver
  const DeviceFormat& format() const noexcept override { return format_; }
  Result<void> start(DeviceClient& client) override {
    if (client.inputs().size() != format_.input_names.size() ||
        client.outputs().size() != format_.output_names.size()) {
      return refused("virtual driver", "the client has other channels than the card");
    }
    const std::scoped_lock lock(mutex_);
    client_ = &client;
    status_ = DriverStatus{};
    status_.state = DriverState::running;
    status_.real_time = "virtual clock";
    position_ = 0;
    return {};
  }
  void stop() noexcept override {
    const std::scoped_lock lock(mutex_);
    client_ = nullptr;
    if (status_.state == DriverState::running || status_.state == DriverState::lost) {
      status_.state = DriverState::idle;
    }
  }
  DriverStatus status() const override {
    const std::scoped_lock lock(mutex_);
    return status_;
  }

  // Opens this driver, whatever device is asked for; it must outlive what it opened. Channels that the
  // request names, and directions that it leaves out, change the card's.
  DeviceOpener opener() {
    return [this](const DeviceRequest& request) -> Result<std::unique_ptr<Driver>> {
      request_ = request;
      const auto count = [](bool wanted, const std::vector<std::uint32_t>& asked, std::uint32_t there) {
        return !wanted ? 0U : asked.empty() ? there : static_cast<std::uint32_t>(asked.size());
      };
      agree(count(request.capture, request.input_channels, card_.inputs),
            count(request.playback, request.output_channels, card_.outputs));
      return std::make_unique<Handle>(*this);
    };
  }
  // What the opener was last asked for.
  const DeviceRequest& request() const noexcept { return request_; }

  // ---- the test's side: one thread, the one that stands for the driver's
  // Hands over `frames` frames (0: one period), in ticks of at most max_block_frames. False if the card is
  // not running: nothing was handed over.
  bool tick(std::uint32_t frames = 0) {
    for (std::uint32_t left = frames == 0 ? card_.period_frames : frames; left > 0;) {
      const std::uint32_t count = std::min(left, format_.max_block_frames);
      if (!tick_once(count)) { return false; }
      left -= count;
    }
    return true;
  }
  // As many ticks of one period as make up `frames`; the last may be shorter.
  bool run(std::uint64_t frames) {
    while (frames > 0) {
      const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(frames, card_.period_frames));
      if (!tick(count)) { return false; }
      frames -= count;
    }
    return true;
  }
  // The card loses `frames` frames in an xrun (0: reports an xrun and loses nothing); the next tick tells.
  void lose(std::uint64_t frames) {
    const std::scoped_lock lock(mutex_);
    jump(frames);
    ++status_.xruns;
    xrun_ = true;
  }
  // The card is gone: no ticks, state lost.
  void unplug() { set_state(DriverState::lost); }
  // The card is back after `frames_away` frames; the next tick has jumped by as many.
  void replug(std::uint64_t frames_away) {
    const std::scoped_lock lock(mutex_);
    jump(frames_away);
    ++status_.reopened;
    status_.state = DriverState::running;
  }
  // The card's own input is over.
  void end() { set_state(DriverState::ended); }
  // The card fails for good.
  void fail(Error error) {
    const std::scoped_lock lock(mutex_);
    status_.failure = std::move(error);
    status_.state = DriverState::failed;
  }
  // What the inputs carry: a sample for a position and a channel (from 0). The counting pattern to begin
  // with.
  void set_input(std::function<double(std::int64_t position, std::uint32_t channel)> input) {
    input_ = std::move(input);
  }
  // Everything the client played, [channels x frames handed over]; lost frames are not in it.
  const std::vector<std::vector<double>>& played() const noexcept { return played_; }
  // Position of the next frame.
  std::int64_t position() const noexcept { return position_; }

 private:
  // What opener() gives away: the test keeps the driver.
  class Handle final : public Driver {
   public:
    explicit Handle(VirtualDriver& card) : card_(card) {}
    const DeviceFormat& format() const noexcept override { return card_.format(); }
    Result<void> start(DeviceClient& client) override { return card_.start(client); }
    void stop() noexcept override { card_.stop(); }
    DriverStatus status() const override { return card_.status(); }

   private:
    VirtualDriver& card_;
  };

  void agree(std::uint32_t inputs, std::uint32_t outputs) {
    format_.description = "virtual driver";
    format_.sample_rate_hz = card_.sample_rate_hz;
    format_.period_frames = card_.period_frames;
    format_.max_block_frames = card_.max_block_frames == 0 ? card_.period_frames : card_.max_block_frames;
    format_.real_time = card_.real_time;
    format_.input_latency_frames = card_.input_latency_frames;
    format_.output_latency_frames = card_.output_latency_frames;
    format_.input_names.clear();
    format_.output_names.clear();
    for (std::uint32_t c = 1; c <= inputs; ++c) {
      format_.input_names.push_back("capture_" + std::to_string(c));
    }
    for (std::uint32_t c = 1; c <= outputs; ++c) {
      format_.output_names.push_back("playback_" + std::to_string(c));
    }
    played_.assign(outputs, {});
  }

  bool tick_once(std::uint32_t count) {
    DeviceClient* client = nullptr;
    TickInfo info;
    {
      const std::scoped_lock lock(mutex_);
      if (client_ == nullptr || status_.state != DriverState::running) { return false; }
      client = client_;
      info.position = position_;
      info.frame_count = count;
      info.xrun = std::exchange(xrun_, false);
      const double since_start_us = 1e6 * static_cast<double>(position_) / card_.sample_rate_hz;
      info.timestamp_us = card_.start_us + std::llround(since_start_us);
    }
    const auto inputs = client->inputs();
    for (std::uint32_t c = 0; c < inputs.size(); ++c) {
      for (std::uint32_t n = 0; n < count; ++n) { inputs[c][n] = input_(info.position + n, c); }
    }
    client->tick(info);
    const auto outputs = client->outputs();
    for (std::uint32_t c = 0; c < outputs.size(); ++c) {
      played_[c].insert(played_[c].end(), outputs[c], outputs[c] + count);
    }
    const std::scoped_lock lock(mutex_);
    position_ += count;
    ++status_.ticks;
    status_.frames += count;
    gap_open_ = false;
    return true;
  }

  // Two losses without a tick between them are one jump.
  void jump(std::uint64_t frames) {
    if (frames == 0) { return; }
    position_ += static_cast<std::int64_t>(frames);
    status_.lost_frames += frames;
    if (!std::exchange(gap_open_, true)) { ++status_.gaps; }
  }

  void set_state(DriverState state) {
    const std::scoped_lock lock(mutex_);
    status_.state = state;
  }

  Card card_;
  DeviceFormat format_;
  DeviceRequest request_;
  std::function<double(std::int64_t, std::uint32_t)> input_ = counting_sample;
  std::vector<std::vector<double>> played_;
  std::int64_t position_ = 0;
  bool xrun_ = false;
  bool gap_open_ = false;

  mutable std::mutex mutex_;  // guards what follows, for status() and stop() from other threads
  DeviceClient* client_ = nullptr;
  DriverStatus status_;
};

}  // namespace streamlab
