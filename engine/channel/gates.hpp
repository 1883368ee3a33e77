// engine/channel/gates.hpp
//
// Gates that thin out a sequence of items by time. They store only when an item came, not the item: the
// caller keeps the newest item and asks the gate when to pass it on. Values without clock, lock or
// allocation; one thread at a time. A time that runs backwards counts as the latest time seen.
//
//   ThrottleGate   at most one in every interval, the first
//   DebounceGate   the last one, after a silence
//   SampleGate     the newest one, at every tick of a grid
//
// With DebounceGate and SampleGate, on a new item first check whether the previous one is due:
//
//   if (gate.take(now)) { pass on the kept item; }
//   gate.arrive(now);  // keep this item instead
#pragma once

#include <cstdint>

#include "engine/base/error.hpp"
#include "engine/channel/nanos.hpp"

namespace streamlab {

class ThrottleGate {
 public:
  // An interval of 0 or less is refused.
  static Result<ThrottleGate> make(Nanos interval);

  // Does the item that comes now pass? The first one does; then each one that comes an interval or more after
  // the last that passed.
  bool pass(Nanos now) noexcept;
  // The time from which the next item passes; Nanos::min() before the first item.
  Nanos opens_at() const noexcept { return opens_at_; }
  std::uint64_t held_back() const noexcept { return held_back_; }
  void reset() noexcept;

 private:
  explicit ThrottleGate(Nanos interval) noexcept : interval_(interval) {}

  Nanos interval_;
  Nanos opens_at_ = Nanos::min();
  std::uint64_t held_back_ = 0;
};

class DebounceGate {
 public:
  static constexpr Nanos kNever = Nanos::max();

  // A silence of 0 or less is refused.
  static Result<DebounceGate> make(Nanos silence);

  void arrive(Nanos now) noexcept;
  // True once for each item that was followed by `silence` without another item.
  bool take(Nanos now) noexcept;
  // When take() will be true if no item comes; kNever if no item waits.
  Nanos due_at() const noexcept { return due_at_; }
  // Is an item waiting? At the end of the stream the caller passes it on. Forgets it.
  bool take_last() noexcept;
  std::uint64_t replaced() const noexcept { return replaced_; }  // items followed by another one too soon
  void reset() noexcept;
  // With what came until now as in `before`; an item that waits now waits for this gate's silence.
  void continue_from(const DebounceGate& before) noexcept;

 private:
  explicit DebounceGate(Nanos silence) noexcept : silence_(silence) {}

  Nanos silence_;
  Nanos latest_ = Nanos::min();
  Nanos due_at_ = kNever;
  std::uint64_t replaced_ = 0;
};

class SampleGate {
 public:
  static constexpr Nanos kNever = Nanos::max();

  // Ticks at origin + k interval. An interval of 0 or less is refused.
  static Result<SampleGate> make(Nanos interval, Nanos origin = Nanos::zero());

  // An item that comes exactly at a tick belongs to the next one.
  void arrive(Nanos now) noexcept;
  // True once at or after each tick before which an item came.
  bool take(Nanos now) noexcept;
  // The tick at which take() will be true; kNever if no item waits.
  Nanos due_at() const noexcept { return due_at_; }
  bool take_last() noexcept;
  std::uint64_t replaced() const noexcept { return replaced_; }  // items replaced by a newer one
  void reset() noexcept;

 private:
  SampleGate(Nanos interval, Nanos origin) noexcept : interval_(interval), origin_(origin) {}

  Nanos interval_;
  Nanos origin_;
  Nanos latest_ = Nanos::min();
  Nanos due_at_ = kNever;
  std::uint64_t replaced_ = 0;
};

}  // namespace streamlab
