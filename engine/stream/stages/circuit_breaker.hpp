// engine/stream/stages/circuit_breaker.hpp
//
// circuit_breaker: map() behind a circuit breaker. While the circuit is open the function is not called, and
// every item fails with "the circuit is open"; the strategy decides what becomes of it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/channel/circuit_breaker.hpp"
#include "engine/stream/stages/map.hpp"

namespace streamlab {

struct BreakerOptions {
  CircuitBreakerConfig breaker;
  // Called at every change of state, on the thread of the stream. May be empty.
  std::function<void(CircuitBreaker::State)> on_change = {};
};

namespace stages {

// f behind a breaker. Shared by a stage and the copy of it that its attempts call.
template <class T, class F>
class Guarded {
 public:
  using R = std::remove_cvref_t<detail::Returned<F, T>>;
  using Value = typename detail::Unwrapped<R>::Type;

  Guarded(BreakerOptions options, F f) : on_change_(std::move(options.on_change)), f_(std::move(f)) {
    auto made = CircuitBreaker::make(options.breaker);
    if (made) {
      breaker_ = std::move(*made);
    } else {
      refusal_ = made.error();
    }
  }

  void set_run(StreamRun& run) { run_ = &run; }
  const std::optional<Error>& refusal() const { return refusal_; }
  const std::optional<CircuitBreaker>& breaker() const { return breaker_; }

  Result<Value> operator()(T& item) {
    const bool allowed = breaker_->allows(now());
    tell();
    if (!allowed) { return failed("", "the circuit is open", "", "after the cool-down it is tried again"); }
    try {
      auto made = call(item);
      if (made) {
        breaker_->success(now());
      } else {
        breaker_->failure(now());
      }
      tell();
      return made;
    } catch (...) {
      breaker_->failure(now());
      tell();
      throw;
    }
  }

 private:
  Nanos now() const { return run_->now().time_since_epoch(); }
  Result<Value> call(T& item) {
    if constexpr (std::is_void_v<R>) {
      detail::call_once(f_, item);
      return {};
    } else {
      return detail::call_once(f_, item);
    }
  }
  void tell() {
    if (breaker_->state() == told_) { return; }
    told_ = breaker_->state();
    if (on_change_) { on_change_(told_); }
  }

  std::optional<CircuitBreaker> breaker_;
  std::optional<Error> refusal_;
  std::function<void(CircuitBreaker::State)> on_change_;
  F f_;
  StreamRun* run_ = nullptr;
  CircuitBreaker::State told_ = CircuitBreaker::State::closed;
};

template <class T, class F>
struct CallGuarded {
  std::shared_ptr<Guarded<T, F>> guarded;
  auto operator()(T&& item) const { return (*guarded)(item); }
};

template <class T, class U, class F, class OnError>
class Breaker final : public Map<T, U, CallGuarded<T, F>, OnError> {
 public:
  Breaker(StagePtr<T> upstream, BreakerOptions options, F f, OnError on_error)
      : Breaker(std::move(upstream), std::make_shared<Guarded<T, F>>(std::move(options), std::move(f)),
                std::move(on_error)) {}

  Result<void> start(StreamRun& run) override {
    guarded_->set_run(run);
    return Map<T, U, CallGuarded<T, F>, OnError>::start(run);
  }
  Result<void> save(ByteWriter& to) const override { return StageBase::save(to); }

  void halt(StreamRun& run) noexcept override {
    if (const auto& breaker = guarded_->breaker()) {
      const auto& counts = breaker->counts();
      run.note(fmt::format(
          "stage \"{}\": the circuit opened {} times, {} items were not tried, at the end it is {}",
          this->stats_.name, counts.opened, counts.rejected, to_string(breaker->state())));
    }
    StageBase::halt(run);
  }

 private:
  Breaker(StagePtr<T> upstream, std::shared_ptr<Guarded<T, F>> guarded, OnError on_error)
      : Map<T, U, CallGuarded<T, F>, OnError>(std::move(upstream), {guarded}, std::move(on_error)),
        guarded_(std::move(guarded)) {
    this->stats_.name = "circuit_breaker";
    if (const auto& refusal = guarded_->refusal()) {
      this->refuse(refusal->what, refusal->expected, refusal->hint);
    }
  }

  const std::shared_ptr<Guarded<T, F>> guarded_;
};

}  // namespace stages
}  // namespace streamlab
