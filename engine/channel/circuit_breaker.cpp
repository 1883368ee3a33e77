// engine/channel/circuit_breaker.cpp
#include "engine/channel/circuit_breaker.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace streamlab {

Result<CircuitBreaker> CircuitBreaker::make(const CircuitBreakerConfig& config) {
  if (config.window < 1 || config.window > kMaxWindow) {
    return refused("window", fmt::format("{} calls is not a valid window", config.window),
                   fmt::format("1 .. {}", kMaxWindow));
  }
  if (config.failure_count.has_value() == config.failure_rate.has_value()) {
    return refused("failure_count",
                   config.failure_count ? "failure_count and failure_rate are both given"
                                        : "neither failure_count nor failure_rate is given",
                   "exactly one of them");
  }
  std::uint32_t threshold = 0;
  if (config.failure_count) {
    threshold = *config.failure_count;
    if (threshold < 1 || threshold > config.window) {
      return refused("failure_count", fmt::format("{} failures of {} calls", threshold, config.window),
                     fmt::format("1 .. {}, the window", config.window));
    }
  } else {
    const double rate = *config.failure_rate;
    if (!(rate > 0.0 && rate <= 1.0)) {
      return refused("failure_rate", fmt::format("{} is not a valid fraction of the calls", rate),
                     "above 0 and at most 1");
    }
    // The quotient, not the product: 7 / 100 is exactly the double 0.07, but 0.07 * 100 is above 7.
    threshold = 1;
    while (static_cast<double>(threshold) / config.window < rate) { ++threshold; }
  }
  if (config.cool_down <= Nanos::zero()) {
    return refused("cool_down", fmt::format("{} ns is not a cool-down time", config.cool_down.count()),
                   "above 0");
  }
  if (config.probes < 1) { return refused("probes", "0 probes never close the breaker again", "at least 1"); }
  return CircuitBreaker(config, threshold);
}

CircuitBreaker::CircuitBreaker(const CircuitBreakerConfig& config, std::uint32_t threshold)
    : config_(config), threshold_(threshold), outcomes_(config.window, 0) {}

bool CircuitBreaker::allows(Nanos now) noexcept {
  if (state_ == State::open && now >= retry_at()) {
    change(State::half_open);
    probes_allowed_ = 0;
    probes_succeeded_ = 0;
  }
  const bool allowed =
      state_ == State::closed || (state_ == State::half_open && probes_allowed_ < config_.probes);
  if (!allowed) {
    ++counts_.rejected;
    return false;
  }
  if (state_ == State::half_open) { ++probes_allowed_; }
  ++counts_.allowed;
  return true;
}

void CircuitBreaker::success(Nanos now, std::uint64_t epoch) noexcept {
  ++counts_.succeeded;
  if (epoch != epoch_) { return; }
  if (state_ == State::closed) {
    record(false);
    if (too_many()) { open(now); }  // a success may complete the window
  } else if (state_ == State::half_open && ++probes_succeeded_ >= config_.probes) {
    next_ = 0;
    counts_.window_calls = counts_.window_failures = 0;
    change(State::closed);
  }
}

void CircuitBreaker::failure(Nanos now, std::uint64_t epoch) noexcept {
  ++counts_.failed;
  if (epoch != epoch_) { return; }
  if (state_ == State::closed) {
    record(true);
    if (too_many()) { open(now); }
  } else if (state_ == State::half_open) {
    open(now);
  }
}

void CircuitBreaker::cancel(std::uint64_t epoch) noexcept {
  if (epoch == epoch_ && state_ == State::half_open && probes_allowed_ > probes_succeeded_) {
    --probes_allowed_;
  }
}

void CircuitBreaker::record(bool failed) noexcept {
  if (counts_.window_calls < config_.window) {
    ++counts_.window_calls;
  } else {
    counts_.window_failures -= outcomes_[next_];
  }
  outcomes_[next_] = failed ? 1 : 0;
  counts_.window_failures += outcomes_[next_];
  next_ = next_ + 1 == config_.window ? 0 : next_ + 1;
}

bool CircuitBreaker::too_many() const noexcept {
  const bool enough_calls = config_.failure_count || counts_.window_calls == config_.window;
  return enough_calls && counts_.window_failures >= threshold_;
}

void CircuitBreaker::change(State state) noexcept {
  state_ = state;
  ++epoch_;
}

void CircuitBreaker::open(Nanos now) noexcept {
  opened_at_ = now;
  ++counts_.opened;
  change(State::open);
}

Nanos CircuitBreaker::retry_at() const noexcept {
  if (state_ != State::open) { return kNever; }
  return opened_at_ > Nanos::max() - config_.cool_down ? kNever : opened_at_ + config_.cool_down;
}

void CircuitBreaker::reset() noexcept {
  next_ = 0;
  state_ = State::closed;
  epoch_ = 0;
  probes_allowed_ = probes_succeeded_ = 0;
  counts_ = {};
}

void CircuitBreaker::continue_from(const CircuitBreaker& before) noexcept {
  state_ = before.state_;
  epoch_ = before.epoch_;
  opened_at_ = before.opened_at_;
  probes_allowed_ = before.probes_allowed_;
  probes_succeeded_ = before.probes_succeeded_;
  counts_ = before.counts_;
  counts_.window_calls = std::min(before.counts_.window_calls, config_.window);
  counts_.window_failures = 0;
  for (std::uint32_t i = 0; i < counts_.window_calls; ++i) {
    const std::uint32_t back = counts_.window_calls - i;  // 1: the newest
    outcomes_[i] = before.outcomes_[(before.next_ + before.config_.window - back) % before.config_.window];
    counts_.window_failures += outcomes_[i];
  }
  next_ = counts_.window_calls % config_.window;
}

std::string_view to_string(CircuitBreaker::State state) noexcept {
  switch (state) {
    case CircuitBreaker::State::closed:
      return "closed";
    case CircuitBreaker::State::open:
      return "open";
    case CircuitBreaker::State::half_open:
      return "half_open";
  }
  return "closed";
}

}  // namespace streamlab
