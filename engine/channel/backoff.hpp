// engine/channel/backoff.hpp
//
// Backoff: how long to wait before each new attempt.
//
//   d[n] = min(cap, first factor^n) (1 - jitter u[n]),   u[n] uniform in [0, 1),   n = 0, 1, …
//
// until `attempts` delays were given or the next would bring their sum above `budget`. With jitter, many
// clients that failed together do not retry together. The u[n] are those of SplitMix64 (G. L. Steele, D. Lea,
// C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, Fig. 17) from `seed`: the same
// seed gives the same delays on every machine. Allocates nothing; one thread at a time.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "engine/base/error.hpp"
#include "engine/channel/nanos.hpp"

namespace streamlab {

struct BackoffConfig {
  Nanos first = std::chrono::milliseconds(100);  // above 0
  double factor = 2.0;                           // at least 1, finite
  Nanos cap = std::chrono::seconds(30);          // at least `first`
  double jitter = 0.0;                           // 0 (none) .. 1 (anything below the full delay)
  std::uint32_t attempts = std::numeric_limits<std::uint32_t>::max();  // at least 1
  Nanos budget = Nanos::max();                                         // above 0: most time waited in all
  std::uint64_t seed = 0;
};

class Backoff {
 public:
  // Refused when a value is out of range; `where` names it.
  static Result<Backoff> make(const BackoffConfig& config);

  // The delay before the next attempt; nothing when attempts or budget are used up, until restart().
  std::optional<Nanos> next() noexcept;

  std::uint32_t attempts() const noexcept { return attempts_; }  // delays given since restart()
  Nanos waited() const noexcept { return waited_; }              // their sum

  // After a success: starts again with the first delay and full attempts and budget. The random numbers
  // continue.
  void restart() noexcept;
  // Back to the state after make(), random numbers included.
  void reset() noexcept;

 private:
  explicit Backoff(const BackoffConfig& config) noexcept;
  double uniform() noexcept;

  BackoffConfig config_;
  std::uint64_t random_;
  double delay_ns_;  // d without jitter
  std::uint32_t attempts_ = 0;
  Nanos waited_{0};
  bool spent_ = false;
};

}  // namespace streamlab
