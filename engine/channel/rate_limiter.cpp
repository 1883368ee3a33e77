// engine/channel/rate_limiter.cpp
#include "engine/channel/rate_limiter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace streamlab {
namespace {

constexpr int kNanosPerSecond = 1'000'000'000;

}  // namespace

Result<RateLimiter> RateLimiter::make(double rate_per_s, double burst) {
  if (!(rate_per_s > 0.0 && rate_per_s <= kMaxRate)) {
    return refused("rate", fmt::format("{} tokens per second is not a valid rate", rate_per_s),
                   fmt::format("above 0 and at most {}", kMaxRate));
  }
  if (!(burst > 0.0 && std::isfinite(burst))) {
    return refused("burst", fmt::format("{} tokens is not a valid burst", burst), "above 0");
  }
  if (burst / rate_per_s > kMaxSecondsToFill) {
    return refused("burst",
                   fmt::format("{} tokens at {} a second take longer than {} s to gather", burst, rate_per_s,
                               kMaxSecondsToFill),
                   "a smaller burst or a higher rate");
  }
  return RateLimiter(rate_per_s, burst);
}

// rate = m 2^e with m of 53 bits. A quantum of 2^-k token, k = 39 - e, makes the gain per ns
// m 2^(e + k) / 10^9 = m 2^39 / 10^9, which lies between 2^61 and 2^63.
RateLimiter::RateLimiter(double rate_per_s, double burst) noexcept
    : rate_per_s_(rate_per_s), burst_tokens_(burst) {
  constexpr int kMantissaBits = 53;
  constexpr int kShift = 39;
  int exponent = 0;
  const double mantissa = std::frexp(rate_per_s, &exponent);
  const auto m = static_cast<Quanta>(std::scalbn(mantissa, kMantissaBits));
  quantum_exponent_ = kShift - (exponent - kMantissaBits);
  gain_per_ns_ = ((m << kShift) + kNanosPerSecond - 1) / kNanosPerSecond;
  burst_ = quanta(burst);
  level_ = burst_;
}

RateLimiter::Quanta RateLimiter::quanta(double tokens) const noexcept {
  return static_cast<Quanta>(std::ceil(std::scalbn(tokens, quantum_exponent_)));
}

RateLimiter::Quanta RateLimiter::level_at(Nanos now) const noexcept {
  if (!started_ || now <= last_) { return level_; }
  const Quanta elapsed = static_cast<Quanta>(now.count()) - last_.count();
  return std::min(burst_, level_ + elapsed * gain_per_ns_);  // below 2^64 2^62.2 + 2^122.1
}

bool RateLimiter::try_take(double n, Nanos now) noexcept {
  if (!fits(n)) { return false; }
  level_ = level_at(now);
  last_ = started_ ? std::max(last_, now) : now;
  started_ = true;
  const Quanta wanted = quanta(n);
  if (level_ < wanted) { return false; }
  level_ -= wanted;
  return true;
}

Nanos RateLimiter::ready_at(double n, Nanos now) const noexcept {
  if (!fits(n)) { return kNever; }
  const Quanta missing = quanta(n) - level_at(now);
  if (missing <= 0) { return now; }
  const Quanta from = std::max(last_, now).count();  // the bucket is not full, so it has started
  const Quanta ready = from + (missing + gain_per_ns_ - 1) / gain_per_ns_;
  return ready < kNever.count() ? Nanos(static_cast<Nanos::rep>(ready)) : kNever;
}

double RateLimiter::level(Nanos now) const noexcept {
  return std::scalbn(static_cast<double>(level_at(now)), -quantum_exponent_);
}

void RateLimiter::reset() noexcept {
  level_ = burst_;
  started_ = false;
}

void RateLimiter::continue_from(const RateLimiter& before) noexcept {
  last_ = before.last_;
  started_ = before.started_;
  if (before.level_ == before.burst_) {
    level_ = burst_;
    return;
  }
  const double part = static_cast<double>(before.level_) / static_cast<double>(before.burst_);
  const double level = part * static_cast<double>(burst_);  // at most a unit in the last place too low
  level_ = std::min(burst_, static_cast<Quanta>(std::nextafter(level, std::numeric_limits<double>::max())));
}

}  // namespace streamlab
