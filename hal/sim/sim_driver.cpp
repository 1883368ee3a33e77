// hal/sim/sim_driver.cpp
#include "hal/sim/sim_driver.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <latch>
#include <utility>

#include <fmt/format.h>

#include "engine/rt/denormals.hpp"
#include "engine/rt/rt_section.hpp"
#include "engine/rt/rt_thread.hpp"

namespace streamlab {
namespace {

constexpr std::int64_t kNsPerS = 1'000'000'000;
constexpr std::int64_t kLongestSleepNs = 50'000'000;  // between two checks of the stop flag

std::int64_t now_ns(clockid_t clock) noexcept {
  timespec t{};
  clock_gettime(clock, &t);
  return t.tv_sec * kNsPerS + t.tv_nsec;
}

// A number in [0, 1) that depends only on the seed and the position: the finalizer of SplitMix64 (Steele,
// Lea, Flood, "Fast splittable pseudorandom number generators", 2014, fig. 16).
double noise(std::uint64_t seed, std::int64_t position) noexcept {
  std::uint64_t z = seed + 0x9e3779b97f4a7c15ULL * (static_cast<std::uint64_t>(position) + 1);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  z ^= z >> 31U;
  return static_cast<double>(z >> 11U) * 0x1p-53;
}

}  // namespace

SimDriver::SimDriver(SimCard card) : card_(std::move(card)) {}

SimDriver::~SimDriver() { stop(); }

Result<void> SimDriver::start(DeviceClient& client) {
  if (thread_.joinable() || client_ != nullptr) {
    return failed(card_.format.description, "the simulated card was already started", {}, "open it again");
  }
  if (client.inputs().size() != card_.format.input_names.size() ||
      client.outputs().size() != card_.format.output_names.size()) {
    return failed(
        card_.format.description,
        fmt::format("the client has {} inputs and {} outputs", client.inputs().size(),
                    client.outputs().size()),
        fmt::format("{} and {}", card_.format.input_names.size(), card_.format.output_names.size()));
  }
  if (card_.open_playback) {
    auto file = card_.open_playback();
    if (!file) { return tl::unexpected(file.error()); }
    card_.playback_to = *std::move(file);
  }
  client_ = &client;
  state_.store(DriverState::running, std::memory_order_release);
  std::latch ready(1);
  auto thread = Thread::start("sim-card", [this, &ready] {
    if (card_.clock == SimClock::real_time) {
      real_time_ = to_string(enter_realtime({}));
    } else {
      flush_denormals();  // like every processing thread
      real_time_ = "virtual clock";
    }
    ready.count_down();
    run();
  });
  if (!thread) {
    state_.store(DriverState::idle, std::memory_order_release);
    return tl::unexpected(thread.error());
  }
  thread_ = *std::move(thread);
  ready.wait();
  return {};
}

void SimDriver::stop() noexcept {
  stop_.store(true, std::memory_order_relaxed);
  thread_.join();
  const DriverState state = state_.load(std::memory_order_relaxed);
  if (state == DriverState::running || state == DriverState::lost) {
    state_.store(DriverState::idle, std::memory_order_release);
  }
}

DriverStatus SimDriver::status() const {
  DriverStatus status;
  status.state = state_.load(std::memory_order_acquire);
  status.ticks = ticks_.load(std::memory_order_relaxed);
  status.frames = frames_.load(std::memory_order_relaxed);
  status.xruns_without_gap = xruns_.without_gap();
  status.xruns = xruns_.xruns();
  status.gaps = gaps_.load(std::memory_order_relaxed);
  status.lost_frames = lost_frames_.load(std::memory_order_relaxed);
  status.reopened = reopened_.load(std::memory_order_relaxed);
  if (status.state != DriverState::idle) { status.real_time = real_time_; }
  if (status.state == DriverState::failed) { status.failure = failure_; }
  return status;
}

void SimDriver::run() noexcept {
  const bool real_time = card_.clock == SimClock::real_time;
  start_ns_ = now_ns(CLOCK_MONOTONIC);
  epoch_us_ = card_.epoch_us.value_or(real_time ? now_ns(CLOCK_REALTIME) / 1000 : 0);
  last_timestamp_us_ = epoch_us_;
  while (!stop_.load(std::memory_order_relaxed) && handle(card_.timeline.next())) {}
  if (card_.playback_to != nullptr && !card_.playback_to->finish(reached_)) {
    fail(card_.playback_to->failure());
  }
  if (outcome_) { state_.store(*outcome_, std::memory_order_release); }
}

bool SimDriver::handle(const SimEvent& event) noexcept {
  switch (event.kind) {
    case SimEvent::Kind::block:
      return deliver(event);
    case SimEvent::Kind::hold:
      held_until_ns_ = deadline_of(event.position + event.frames);
      return true;
    case SimEvent::Kind::xrun:
      if (!has_passed(event)) { return false; }
      ++xruns_before_;
      lose(event.position, event.frames);
      return true;
    case SimEvent::Kind::unplugged:
      return unplug(event);
    case SimEvent::Kind::rate_changed:
      fail({ErrorCode::failed, card_.format.description,
            fmt::format("the rate changed from {} Hz to {} Hz at frame {}", card_.format.sample_rate_hz,
                        event.sample_rate_hz, event.position),
            "", "restart the run: a running graph keeps the rate that it was prepared for"});
      return false;
    case SimEvent::Kind::ended:
      outcome_ = DriverState::ended;
      return false;
  }
  return false;
}

bool SimDriver::deliver(const SimEvent& block) noexcept {
  bool missed = false;
  if (card_.clock == SimClock::real_time && !wait_for(block, missed)) { return false; }
  if (missed) { return true; }
  switch (exchange(block)) {
    case Exchange::done:
      if (card_.clock != SimClock::virtual_time || !client_->is_through()) { return true; }
      outcome_ = DriverState::ended;
      return false;
    case Exchange::late:
      ++xruns_before_;
      lose(block.position, block.frames);
      return true;
    case Exchange::source_failed:
      fail(card_.source->failure());
      return false;
    case Exchange::playback_failed:
      fail(card_.playback_to->failure());
      return false;
  }
  return false;
}

// Real time: waits until the block is due. `missed`: it came too late and its frames are lost. False: stop()
// came first.
bool SimDriver::wait_for(const SimEvent& block, bool& missed) noexcept {
  const auto jitter_ns = static_cast<std::int64_t>(1e3 * jitter_of(block.due));
  const std::int64_t due_ns = std::max(deadline_of(block.due), held_until_ns_) + jitter_ns;
  if (!sleep_until(due_ns)) { return false; }
  const double late_s = static_cast<double>(now_ns(CLOCK_MONOTONIC) - due_ns) * 1e-9;
  const auto late_frames = static_cast<std::int64_t>(late_s * true_rate_hz());
  if (late_frames <= card_.buffer_frames) { return true; }
  missed = true;
  ++xruns_before_;
  const std::int64_t period = card_.format.period_frames;
  const std::int64_t more = std::max<std::int64_t>(0, late_frames / period * period - block.frames);
  lose(block.position, block.frames + card_.timeline.skip(more));
  return true;
}

// Samples to the client, its tick, samples from the client. Real-time safe with a real-time clock.
SimDriver::Exchange SimDriver::exchange(const SimEvent& block) noexcept {
  std::optional<RtSection> section;
  if (card_.clock == SimClock::real_time) { section.emplace(); }
  const auto inputs = client_->inputs();
  const auto frames = static_cast<std::uint32_t>(block.frames);
  if (card_.source != nullptr) {
    const auto status = card_.source->read(block.position, frames, inputs);
    if (status == SimSource::Status::late) { return Exchange::late; }
    if (status == SimSource::Status::failed) { return Exchange::source_failed; }
  }
  if (card_.cable != nullptr) {
    for (std::size_t c = 0; c < inputs.size(); ++c) {
      card_.cable->read(block.position, frames, card_.input_channels[c], inputs[c]);
    }
  }
  xruns_.tick(xruns_before_, gap_open_);
  client_->tick({block.position, timestamp_of(block), frames, std::exchange(xruns_before_, 0) > 0});
  gap_open_ = false;
  reached_ = block.position + block.frames;
  ticks_.fetch_add(1, std::memory_order_relaxed);
  frames_.fetch_add(frames, std::memory_order_relaxed);
  const auto outputs = client_->outputs();
  if (card_.cable != nullptr) {
    for (std::size_t c = 0; c < outputs.size(); ++c) {
      card_.cable->write(block.position, frames, card_.output_channels[c], outputs[c]);
    }
  }
  if (card_.playback_to != nullptr && !card_.playback_to->write(block.position, frames, outputs)) {
    return Exchange::playback_failed;
  }
  return Exchange::done;
}

void SimDriver::lose(std::int64_t position, std::int64_t frames) noexcept {
  if (frames == 0) { return; }
  reached_ = position + frames;
  if (card_.cable != nullptr) { card_.cable->lose(position, frames); }
  lost_frames_.fetch_add(static_cast<std::uint64_t>(frames), std::memory_order_relaxed);
  if (!std::exchange(gap_open_, true)) { gaps_.fetch_add(1, std::memory_order_relaxed); }
}

// Real time: waits until the frames of the event are over. False: stop() came first, and what is missing until then is counted by
// the clock, as with a real card.
bool SimDriver::has_passed(const SimEvent& event) noexcept {
  return card_.clock != SimClock::real_time || sleep_until(deadline_of(event.position + event.frames));
}

bool SimDriver::unplug(const SimEvent& event) noexcept {
  if (card_.on_device_loss == OnDeviceLoss::stop) {
    fail({ErrorCode::failed, card_.format.description,
          fmt::format("the card was unplugged at frame {}", event.position), "", ""});
    return false;
  }
  state_.store(DriverState::lost, std::memory_order_release);
  if (!has_passed(event)) { return false; }
  lose(event.position, event.frames);
  reopened_.fetch_add(1, std::memory_order_relaxed);
  state_.store(DriverState::running, std::memory_order_release);
  return true;
}

void SimDriver::fail(Error error) noexcept {
  if (outcome_ == DriverState::failed) { return; }  // keep the first reason
  failure_ = std::move(error);
  outcome_ = DriverState::failed;
}

double SimDriver::true_rate_hz() const noexcept {
  return card_.format.sample_rate_hz * (1.0 + card_.ppm * 1e-6);
}

double SimDriver::jitter_of(std::int64_t due) const noexcept {
  return card_.jitter_us * noise(card_.seed, due);
}

std::int64_t SimDriver::timestamp_of(const SimEvent& block) noexcept {
  const double since_us = 1e6 * static_cast<double>(block.position) / true_rate_hz() + jitter_of(block.due);
  last_timestamp_us_ = std::max<std::int64_t>(last_timestamp_us_, epoch_us_ + std::llround(since_us));
  return last_timestamp_us_;
}

std::int64_t SimDriver::deadline_of(std::int64_t position) const noexcept {
  return start_ns_ + std::llround(1e9 * static_cast<double>(position) / true_rate_hz());
}

bool SimDriver::sleep_until(std::int64_t deadline_ns) const noexcept {
  while (!stop_.load(std::memory_order_relaxed)) {
    const std::int64_t now = now_ns(CLOCK_MONOTONIC);
    if (now >= deadline_ns) { return true; }
    const std::int64_t wake_ns = std::min(deadline_ns, now + kLongestSleepNs);
    const timespec wake{wake_ns / kNsPerS, wake_ns % kNsPerS};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, nullptr);
  }
  return false;
}

}  // namespace streamlab
