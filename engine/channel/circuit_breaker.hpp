// engine/channel/circuit_breaker.hpp
//
// CircuitBreaker: stops calls to something that keeps failing, and tries again later.
//
//   closed     every call is allowed. When too many of the last `window` calls failed: open.
//   open       no call is allowed. After `cool_down` the next call requested is a probe: half_open.
//   half_open  `probes` calls are allowed. When all have succeeded: closed, with an empty window. When one
//              fails: open, and the cool-down starts again.
//
// Has no clock and no lock: the caller passes the time; one thread at a time. Allocates in make() only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/channel/nanos.hpp"

namespace streamlab {

struct CircuitBreakerConfig {
  // Exactly one of the two.
  // Opens when this many of the last `window` calls failed; 1 .. window.
  std::optional<std::uint32_t> failure_count;
  std::optional<double> failure_rate;  // opens at this fraction of failed calls; above 0, at most 1
  // Number of recent calls considered; 1 .. CircuitBreaker::kMaxWindow. failure_rate applies once the window
  // is full.
  std::uint32_t window = 0;
  Nanos cool_down{0};        // above 0
  std::uint32_t probes = 1;  // at least 1
};

class CircuitBreaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };

  // Since make() or reset(), except the two about the window.
  struct Counts {
    std::uint64_t allowed = 0;
    std::uint64_t rejected = 0;
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::uint64_t opened = 0;           // changes to `open`
    std::uint32_t window_calls = 0;     // currently in the window
    std::uint32_t window_failures = 0;  // of those
  };

  static constexpr std::uint32_t kMaxWindow = 1U << 20U;
  static constexpr Nanos kNever = Nanos::max();

  // Refused when a value is out of range, or unless exactly one of failure_count and failure_rate is given;
  // `where` names it.
  static Result<CircuitBreaker> make(const CircuitBreakerConfig& config);

  // May a call be made now? Each allowed call must be reported by success(), failure() or cancel().
  bool allows(Nanos now) noexcept;

  // The result of a call. With several calls in flight, pass the epoch() read right after allows(): a result
  // from before the last change of state is counted but changes nothing, so a late result is not taken for a
  // probe's.
  void success(Nanos now) noexcept { success(now, epoch_); }
  void failure(Nanos now) noexcept { failure(now, epoch_); }
  void success(Nanos now, std::uint64_t epoch) noexcept;
  void failure(Nanos now, std::uint64_t epoch) noexcept;
  // The call was not made after all: frees the place of a probe.
  void cancel() noexcept { cancel(epoch_); }
  void cancel(std::uint64_t epoch) noexcept;

  State state() const noexcept { return state_; }
  std::uint64_t epoch() const noexcept { return epoch_; }  // changes of state so far
  const Counts& counts() const noexcept { return counts_; }
  // While open: when the next probe is allowed. kNever otherwise.
  Nanos retry_at() const noexcept;

  // Closed, nothing counted.
  void reset() noexcept;
  // In the state of `before`, with its counts and as many of its newest outcomes as this window holds. Whether that are too
  // many failures shows with the next outcome.
  void continue_from(const CircuitBreaker& before) noexcept;

 private:
  CircuitBreaker(const CircuitBreakerConfig& config, std::uint32_t threshold);
  void record(bool failed) noexcept;
  bool too_many() const noexcept;
  void change(State state) noexcept;
  void open(Nanos now) noexcept;

  CircuitBreakerConfig config_;
  std::uint32_t threshold_;             // failures in the window that open
  std::vector<std::uint8_t> outcomes_;  // ring of the last `window` calls; 1: failed
  std::uint32_t next_ = 0;              // where the next outcome goes
  State state_ = State::closed;
  std::uint64_t epoch_ = 0;
  Nanos opened_at_{0};
  std::uint32_t probes_allowed_ = 0;  // in this half_open
  std::uint32_t probes_succeeded_ = 0;
  Counts counts_;
};

// "closed", "open", "half_open".
std::string_view to_string(CircuitBreaker::State state) noexcept;

}  // namespace streamlab
