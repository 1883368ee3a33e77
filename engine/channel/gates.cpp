// engine/channel/gates.cpp
#include "engine/channel/gates.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace streamlab {
namespace {

__extension__ using Wide = __int128;

// At the end of the range of Nanos there is only "never".
Nanos narrow(Wide time) noexcept {
  return time < Nanos::max().count() ? Nanos(static_cast<Nanos::rep>(time)) : Nanos::max();
}

Nanos sum(Nanos a, Nanos b) noexcept { return narrow(static_cast<Wide>(a.count()) + b.count()); }

tl::unexpected<Error> not_above_zero(const char* where, Nanos time) {
  return refused(where, fmt::format("{} ns is not above 0", time.count()), "above 0");
}

}  // namespace

Result<ThrottleGate> ThrottleGate::make(Nanos interval) {
  if (interval <= Nanos::zero()) { return not_above_zero("interval", interval); }
  return ThrottleGate(interval);
}

bool ThrottleGate::pass(Nanos now) noexcept {
  if (now < opens_at_) {
    ++held_back_;
    return false;
  }
  opens_at_ = sum(now, interval_);
  return true;
}

void ThrottleGate::reset() noexcept {
  opens_at_ = Nanos::min();
  held_back_ = 0;
}

Result<DebounceGate> DebounceGate::make(Nanos silence) {
  if (silence <= Nanos::zero()) { return not_above_zero("silence", silence); }
  return DebounceGate(silence);
}

void DebounceGate::arrive(Nanos now) noexcept {
  if (due_at_ != kNever) { ++replaced_; }
  latest_ = std::max(latest_, now);
  due_at_ = sum(latest_, silence_);
}

bool DebounceGate::take(Nanos now) noexcept {
  if (due_at_ == kNever || now < due_at_) { return false; }
  due_at_ = kNever;
  return true;
}

bool DebounceGate::take_last() noexcept { return std::exchange(due_at_, kNever) != kNever; }

void DebounceGate::reset() noexcept {
  latest_ = Nanos::min();
  due_at_ = kNever;
  replaced_ = 0;
}

void DebounceGate::continue_from(const DebounceGate& before) noexcept {
  latest_ = before.latest_;
  replaced_ = before.replaced_;
  due_at_ = before.due_at_ == kNever ? kNever : sum(latest_, silence_);
}

Result<SampleGate> SampleGate::make(Nanos interval, Nanos origin) {
  if (interval <= Nanos::zero()) { return not_above_zero("interval", interval); }
  return SampleGate(interval, origin);
}

void SampleGate::arrive(Nanos now) noexcept {
  if (due_at_ != kNever) { ++replaced_; }
  latest_ = std::max(latest_, now);
  const Wide since = static_cast<Wide>(latest_.count()) - origin_.count();
  const Wide interval = interval_.count();
  const Wide ticks_before = since / interval - (since % interval < 0 ? 1 : 0);  // rounded down
  due_at_ = narrow(origin_.count() + (ticks_before + 1) * interval);
}

bool SampleGate::take(Nanos now) noexcept {
  if (due_at_ == kNever || now < due_at_) { return false; }
  due_at_ = kNever;
  return true;
}

bool SampleGate::take_last() noexcept { return std::exchange(due_at_, kNever) != kNever; }

void SampleGate::reset() noexcept {
  latest_ = Nanos::min();
  due_at_ = kNever;
  replaced_ = 0;
}

}  // namespace streamlab
