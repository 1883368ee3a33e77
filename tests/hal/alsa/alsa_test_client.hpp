// tests/hal/alsa/alsa_test_client.hpp
//
// What the tests of the ALSA driver share: a client that checks every captured frame against the fault card's
// pattern and plays a pattern of its own, and a driver on the fault card's virtual time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/run/driver.hpp"
#include "hal/alsa/alsa_driver.hpp"
#include "tests/support/fault_card/fault_card_client.hpp"

namespace streamlab::test {

inline constexpr std::chrono::seconds kPatience{30};  // a test that waits so long has failed

class CardClock final : public AlsaClock {
 public:
  explicit CardClock(std::shared_ptr<fault_card::FaultCard> card) : card_(std::move(card)) {}
  std::int64_t now_ns() const noexcept override { return card_->now_ns(); }
  void pause_ns(std::int64_t ns, int) noexcept override { card_->pass_ns(ns); }
  std::int64_t epoch_offset_ns() const noexcept override { return 1'700'000'000'000'000'000; }
  bool real_time() const noexcept override { return false; }

 private:
  std::shared_ptr<fault_card::FaultCard> card_;
};

// Keeps the first `keep` ticks. Captured sample n of a tick must be the pattern at card time
// position + n - first_frame, first_frame being that of the first tick. Plays its inputs, channel by channel,
// or, without inputs, the pattern of its position.
class PatternClient final : public DeviceClient {
 public:
  struct Tick {
    TickInfo info;
    double first_sample;
  };

  // `card_channels`: 0-based channel of the card behind each input. `bits`: of the pattern.
  PatternClient(const DeviceFormat& format, std::vector<unsigned> card_channels, int bits)
      : card_channels_(std::move(card_channels)),
        bits_(bits),
        in_(format.input_names.size(), std::vector<double>(format.max_block_frames)),
        out_(format.output_names.size(), std::vector<double>(format.max_block_frames)) {
    for (auto& channel : in_) { in_pointers_.push_back(channel.data()); }
    for (auto& channel : out_) { out_pointers_.push_back(channel.data()); }
    ticks_.reserve(kKept);
  }

  std::span<double* const> inputs() noexcept override { return in_pointers_; }
  std::span<const double* const> outputs() noexcept override { return out_pointers_; }
  void tick(const TickInfo& info) noexcept override {
    const std::lock_guard lock(mutex_);
    if (ticks_.size() == kKept) { return; }
    for (std::size_t c = 0; c < in_.size(); ++c) {
      for (std::uint32_t n = 0; n < info.frame_count; ++n) {
        wrong_ +=
            in_[c][n] != fault_card::pattern_value(info.position + n + shift_, card_channels_[c], bits_);
      }
    }
    for (std::size_t c = 0; c < out_.size(); ++c) {
      for (std::uint32_t n = 0; n < info.frame_count; ++n) {
        out_[c][n] = in_.empty()
                         ? fault_card::pattern_value(info.position + n, static_cast<unsigned>(c), bits_)
                         : in_[c % in_.size()][n];
      }
    }
    ticks_.push_back({info, in_.empty() ? 0.0 : in_[0][0]});
    if (info.position + info.frame_count >= until_) { reached_.notify_all(); }
  }

  // The card's time at position 0; 0 unless said.
  void set_shift(std::int64_t shift) { shift_ = shift; }

  // True when the stream has come to `position`.
  bool wait_for_position(std::int64_t position) {
    std::unique_lock lock(mutex_);
    until_ = position;
    return reached_.wait_for(lock, kPatience, [&] {
      return !ticks_.empty() && ticks_.back().info.position + ticks_.back().info.frame_count >= until_;
    });
  }
  std::vector<Tick> ticks() const {
    const std::lock_guard lock(mutex_);
    return ticks_;
  }
  std::uint64_t wrong() const {
    const std::lock_guard lock(mutex_);
    return wrong_;
  }

 private:
  static constexpr std::size_t kKept = 40'000;
  const std::vector<unsigned> card_channels_;
  const int bits_;
  std::vector<std::vector<double>> in_;
  std::vector<std::vector<double>> out_;
  std::vector<double*> in_pointers_;
  std::vector<const double*> out_pointers_;
  std::int64_t shift_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable reached_;
  std::int64_t until_ = 0;
  std::vector<Tick> ticks_;
  std::uint64_t wrong_ = 0;
};

inline AlsaTuning card_tuning(const std::shared_ptr<fault_card::FaultCard>& card) {
  AlsaTuning tuning;
  tuning.clock = std::make_shared<CardClock>(card);
  tuning.realtime = false;
  return tuning;
}

inline DeviceRequest capture_request(const std::string& pcm = "fault:S32_LE,mmap,2,48000") {
  DeviceRequest request;
  request.device = "alsa:" + pcm;
  request.capture = true;
  return request;
}

}  // namespace streamlab::test
