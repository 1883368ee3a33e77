// engine/channel/rate_limiter.hpp
//
// RateLimiter: a token bucket. It holds up to `burst` tokens, is full at first, and gains `rate` tokens a
// second; passing n items takes n tokens, or has to wait for them. So in any span of t seconds no more than
// burst + rate t items pass.
//
// The level is a whole number of quanta of 2^-k token, k chosen so that the gain per nanosecond is a number
// of 62 bits. That number is rounded up, by less than one part in 2^61, and the rest is integer arithmetic: a
// token that is due at a whole nanosecond is available, and after 10^9 items the limiter is early by less
// than 10^-9 item, for any number of calls. A demand is rounded up to a quantum, which is finer than 2^-31
// token; whole numbers are exact.
#pragma once

#include <cstdint>

#include "engine/base/error.hpp"
#include "engine/channel/nanos.hpp"

namespace streamlab {

class RateLimiter {
 public:
  static constexpr double kMaxRate = 1e18;          // tokens/s
  static constexpr double kMaxSecondsToFill = 1e9;  // burst / rate
  static constexpr Nanos kNever = Nanos::max();

  // `rate_per_s`: tokens gained in a second. `burst`: most tokens held. Both must be above 0 and finite, the
  // rate at most kMaxRate, and the bucket must fill within kMaxSecondsToFill. Otherwise refused; `where`
  // names the parameter.
  static Result<RateLimiter> make(double rate_per_s, double burst);

  // Takes `n` tokens if available. Otherwise false, and nothing is taken; always so if n exceeds the bucket.
  // A time before an earlier one changes nothing. Allocates nothing.
  bool try_take(double n, Nanos now) noexcept;

  // When `n` tokens will be available if none are taken: `now` if they are, kNever if n exceeds the bucket.
  Nanos ready_at(double n, Nanos now) const noexcept;

  // Can `n` ever be taken at once? False above the burst, below 0 and for NaN.
  bool fits(double n) const noexcept { return n >= 0.0 && n <= burst_tokens_; }

  double level(Nanos now) const noexcept;  // tokens
  double rate_per_s() const noexcept { return rate_per_s_; }
  double burst() const noexcept { return burst_tokens_; }

  // Full, as after make().
  void reset() noexcept;
  // As full, in proportion, and at the same time as `before`: for another rate or burst from now on.
  void continue_from(const RateLimiter& before) noexcept;

 private:
  __extension__ using Quanta = __int128;

  RateLimiter(double rate_per_s, double burst) noexcept;
  Quanta quanta(double tokens) const noexcept;
  Quanta level_at(Nanos now) const noexcept;

  double rate_per_s_;
  double burst_tokens_;
  int quantum_exponent_;  // k: a token is 2^k quanta
  Quanta gain_per_ns_;    // 2^61 .. 2^63
  Quanta burst_;          // below 2^122.1, by kMaxSecondsToFill
  Quanta level_;          // at last_
  Nanos last_{0};
  bool started_ = false;  // until the first call the bucket is full, at any time
};

using TokenBucket = RateLimiter;

}  // namespace streamlab
