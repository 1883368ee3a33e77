// engine/channel/backoff.cpp
#include "engine/channel/backoff.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace streamlab {

Result<Backoff> Backoff::make(const BackoffConfig& config) {
  if (config.first <= Nanos::zero()) {
    return refused("first", fmt::format("{} ns is not a valid delay", config.first.count()), "above 0");
  }
  if (!(config.factor >= 1.0 && std::isfinite(config.factor))) {
    return refused("factor", fmt::format("{} would not lengthen the delay", config.factor), "1 or more");
  }
  if (config.cap < config.first) {
    return refused(
        "cap", fmt::format("{} ns is below the first delay, {} ns", config.cap.count(), config.first.count()),
        "at least the first delay");
  }
  if (!(config.jitter >= 0.0 && config.jitter <= 1.0)) {
    return refused("jitter", fmt::format("{} is not a valid fraction of a delay", config.jitter), "0 .. 1");
  }
  if (config.attempts < 1) { return refused("attempts", "0 attempts are not enough", "at least 1"); }
  if (config.budget <= Nanos::zero()) {
    return refused("budget", fmt::format("{} ns is not a valid budget", config.budget.count()), "above 0");
  }
  return Backoff(config);
}

Backoff::Backoff(const BackoffConfig& config) noexcept
    : config_(config), random_(config.seed), delay_ns_(static_cast<double>(config.first.count())) {}

double Backoff::uniform() noexcept {
  random_ += 0x9e3779b97f4a7c15U;
  std::uint64_t z = random_;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  z ^= z >> 31U;
  return static_cast<double>(z >> 11U) * 0x1p-53;
}

std::optional<Nanos> Backoff::next() noexcept {
  if (spent_ || attempts_ == config_.attempts) { return std::nullopt; }
  const double cap_ns = static_cast<double>(config_.cap.count());
  const double wanted_ns = delay_ns_ * (1.0 - config_.jitter * uniform());
  // A delay at the cap may be rounded above what Nanos holds.
  const Nanos delay = wanted_ns < cap_ns ? Nanos(std::llround(wanted_ns)) : config_.cap;
  if (delay > config_.budget - waited_) {
    spent_ = true;
    return std::nullopt;
  }
  delay_ns_ = std::min(cap_ns, delay_ns_ * config_.factor);
  ++attempts_;
  waited_ += delay;
  return delay;
}

void Backoff::restart() noexcept {
  delay_ns_ = static_cast<double>(config_.first.count());
  attempts_ = 0;
  waited_ = Nanos::zero();
  spent_ = false;
}

void Backoff::reset() noexcept {
  restart();
  random_ = config_.seed;
}

}  // namespace streamlab
