// engine/stream/stages/timing.hpp
//
// rate_limit, throttle, debounce, sample, conflate, timeout: stages that look at the clock of the run. All
// but rate_limit and timeout are for sources that wait (channels, timers, buffer()): a source that always has
// an item brings all of them in one instant.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "engine/channel/gates.hpp"
#include "engine/channel/rate_limiter.hpp"
#include "engine/stream/stage.hpp"
#include "engine/stream/stages/calls.hpp"

namespace streamlab::stages {

inline Nanos nanos(StreamRun::TimePoint time) { return time.time_since_epoch(); }
inline StreamRun::TimePoint time_point(Nanos time) {
  return time == Nanos::max() ? StreamRun::TimePoint::max() : StreamRun::TimePoint(time);
}

struct OneEach {
  template <class T>
  double operator()(const T&) const noexcept {
    return 1.0;
  }
};

// Holds an item back until its cost in tokens is there. Nothing is lost.
template <class T, class CostOf>
class RateLimit final : public Step<T, T> {
 public:
  RateLimit(StagePtr<T> upstream, double rate_per_s, double burst, CostOf cost_of)
      : Step<T, T>("rate_limit", std::move(upstream)), cost_of_(std::move(cost_of)) {
    auto made = RateLimiter::make(rate_per_s, burst);
    if (made) {
      limiter_ = *made;
    } else {
      this->refuse(made.error().what, made.error().expected, made.error().hint);
    }
  }

 protected:
  Poll poll(StreamRun& run, T*& item) override {
    if (in_ == nullptr) {
      const Poll answer = this->upstream_->next(run, in_);
      if (answer != Poll::item) {
        in_ = nullptr;
        return answer;
      }
      if (!guarded(run, this->stats_, this->item_number(),
                   [&] { cost_ = static_cast<double>(std::invoke(cost_of_, std::as_const(*in_))); })) {
        return Poll::failed;
      }
      if (!limiter_->fits(cost_)) {
        return run.fail(this->stats_.name, this->item_number(),
                        Error{ErrorCode::refused, "", fmt::format("an item costs {} tokens", cost_),
                              fmt::format("0 .. {}, the burst", limiter_->burst()), ""});
      }
    }
    const auto now = run.now();
    if (!limiter_->try_take(cost_, nanos(now))) {
      run.wake_at(time_point(limiter_->ready_at(cost_, nanos(now))));
      return Poll::pending;
    }
    item = std::exchange(in_, nullptr);
    return Poll::item;
  }

 private:
  CostOf cost_of_;
  std::optional<RateLimiter> limiter_;
  T* in_ = nullptr;
  double cost_ = 0.0;
};

// At most one item in every interval, the first; the others are dropped.
template <class T>
class Throttle final : public Step<T, T> {
 public:
  Throttle(StagePtr<T> upstream, Nanos interval) : Step<T, T>("throttle", std::move(upstream)) {
    auto made = ThrottleGate::make(interval);
    if (made) {
      gate_ = *made;
    } else {
      this->refuse(made.error().what, made.error().expected, made.error().hint);
    }
  }

 protected:
  Poll poll(StreamRun& run, T*& item) override {
    while (true) {
      const Poll answer = this->upstream_->next(run, item);
      if (answer != Poll::item || gate_->pass(nanos(run.now()))) { return answer; }
      ++this->stats_.dropped;
    }
  }

 private:
  std::optional<ThrottleGate> gate_;
};

// Keeps the newest item until a gate lets it through. Gate: DebounceGate, SampleGate.
template <class T, class Gate>
class KeepNewest : public Step<T, T> {
 public:
  KeepNewest(std::string name, StagePtr<T> upstream) : Step<T, T>(std::move(name), std::move(upstream)) {}
  // What it keeps depends on the clock.
  Result<void> save(ByteWriter& to) const override { return StageBase::save(to); }

 protected:
  Poll poll(StreamRun& run, T*& item) override {
    while (true) {
      const auto now = nanos(run.now());
      Gate& gate = this->gate(now);
      if (gate.take(now)) { return give(item); }
      T* in = nullptr;
      const Poll answer = this->upstream_->next(run, in);
      if (answer == Poll::item) {
        const auto came = nanos(run.now());
        const bool due = gate.take(came);
        if (due) { given_ = std::move(kept_); }
        if (!due && kept_) { ++this->stats_.dropped; }
        kept_.emplace(std::move(*in));
        gate.arrive(came);
        if (due) {
          item = &*given_;
          return Poll::item;
        }
        continue;
      }
      if (answer == Poll::pending && kept_) { run.wake_at(time_point(gate.due_at())); }
      if (answer == Poll::ended && gate.take_last()) { return give(item); }
      return answer;
    }
  }

  virtual Gate& gate(Nanos now) = 0;

 private:
  Poll give(T*& item) {
    given_ = std::move(kept_);
    kept_.reset();
    item = &*given_;
    return Poll::item;
  }

  std::optional<T> kept_;
  std::optional<T> given_;
};

// The last item before every silence.
template <class T>
class Debounce final : public KeepNewest<T, DebounceGate> {
 public:
  Debounce(StagePtr<T> upstream, Nanos silence)
      : KeepNewest<T, DebounceGate>("debounce", std::move(upstream)) {
    auto made = DebounceGate::make(silence);
    if (made) {
      gate_ = *made;
    } else {
      this->refuse(made.error().what, made.error().expected, made.error().hint);
    }
  }

 private:
  DebounceGate& gate(Nanos) override { return *gate_; }
  std::optional<DebounceGate> gate_;
};

// The newest item at every tick of a grid that begins with the first question; nothing at a tick before which
// none came.
template <class T>
class Sample final : public KeepNewest<T, SampleGate> {
 public:
  Sample(StagePtr<T> upstream, Nanos interval)
      : KeepNewest<T, SampleGate>("sample", std::move(upstream)), interval_(interval) {
    if (auto made = SampleGate::make(interval); !made) {
      this->refuse(made.error().what, made.error().expected, made.error().hint);
    }
  }

 private:
  SampleGate& gate(Nanos now) override {
    if (!gate_) { gate_ = *SampleGate::make(interval_, now); }
    return *gate_;
  }
  const Nanos interval_;
  std::optional<SampleGate> gate_;
};

// Joins all that came since the last question into one item: value = f(value, item).
template <class T, class F>
class Conflate final : public Step<T, T> {
 public:
  Conflate(StagePtr<T> upstream, F f) : Step<T, T>("conflate", std::move(upstream)), f_(std::move(f)) {}

 protected:
  Poll poll(StreamRun& run, T*& item) override {
    T* in = nullptr;
    Poll answer = this->upstream_->next(run, in);
    if (answer != Poll::item) { return answer; }
    value_.emplace(std::move(*in));
    while ((answer = this->upstream_->next(run, in)) == Poll::item) {
      if (!guarded(run, this->stats_, this->item_number(),
                   [&] { value_.emplace(std::invoke(f_, std::move(*value_), std::move(*in))); })) {
        return Poll::failed;
      }
    }
    if (answer == Poll::failed || answer == Poll::cancelled) { return answer; }
    item = &*value_;
    return Poll::item;
  }

 private:
  F f_;
  std::optional<T> value_;
};

// Fails when the next item does not come within `limit` of being asked for.
template <class T>
class Timeout final : public Step<T, T> {
 public:
  Timeout(StagePtr<T> upstream, Nanos limit) : Step<T, T>("timeout", std::move(upstream)), limit_(limit) {
    if (limit <= Nanos(0)) { this->refuse(fmt::format("a time limit of {} ns", limit.count()), "above 0"); }
  }

 protected:
  Poll poll(StreamRun& run, T*& item) override {
    const Poll answer = this->upstream_->next(run, item);
    if (answer != Poll::pending) {
      asked_.reset();
      return answer;
    }
    const auto now = run.now();
    if (!asked_) { asked_ = now; }
    if (now - *asked_ < limit_) {
      run.wake_at(*asked_ + limit_);
      return answer;
    }
    return run.fail(
        this->stats_.name, this->upstream_->stats().out,
        Error{ErrorCode::failed, "",
              fmt::format("no item came within {} s", std::chrono::duration<double>(limit_).count()), "",
              ""});
  }

 private:
  const Nanos limit_;
  std::optional<StreamRun::TimePoint> asked_;  // when the first "pending" for this item came
};

}  // namespace streamlab::stages
