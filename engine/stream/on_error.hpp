// engine/stream/on_error.hpp
//
// What a stage does when it fails on an item: the second argument of map(), filter(), flat_map() and their
// like. A function fails when it returns an Error in a Result<U>, or throws.
//
//   fail_fast()            the stream ends, and its report says where and why (what happens if nothing is
//   said) skip_failed()          the item is left out and counted collect_errors()       the same, and the
//   report lists the errors default_value(v)       v takes the item's place dead_letter(sender)    the item,
//   with its error, goes into a channel retry(options, then)   tries again after growing pauses; what fails
//   at last is left to `then`
//
// Attempt<F, OnError> is how a stage calls its function.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "engine/base/error.hpp"
#include "engine/channel/backoff.hpp"
#include "engine/stream/stage.hpp"

namespace streamlab {

// An item that a stage failed on, for dead_letter().
template <class T>
struct FailedItem {
  T item;
  Error error;
  std::string stage;
  std::uint64_t number = 0;  // of the item, among those the stage was given
};

struct FailFast {};
struct SkipFailed {};
struct CollectErrors {};
template <class U>
struct DefaultValue {
  U value;
};
template <class Sender>
struct DeadLetter {
  Sender sender;
};
struct RetryOptions {
  std::uint32_t attempts = 3;  // for one item, the first one counted in; 2 or more
  BackoffConfig backoff = {};  // the pauses between them; its own `attempts` is not used
  // Which errors are worth another attempt; empty: all.
  std::function<bool(const Error&)> which = {};
};
template <class Then>
struct Retry {
  RetryOptions options;
  Then then;
};

inline FailFast fail_fast() { return {}; }
inline SkipFailed skip_failed() { return {}; }
inline CollectErrors collect_errors() { return {}; }
template <class U>
DefaultValue<U> default_value(U value) {
  return {std::move(value)};
}
// `sender` has try_send(FailedItem<T>&&). The stream does not wait for room there: what finds none is counted
// as dropped.
template <class Sender>
DeadLetter<Sender> dead_letter(Sender sender) {
  return {std::move(sender)};
}
template <class Then = FailFast>
Retry<Then> retry(RetryOptions options, Then then = {}) {
  return {std::move(options), std::move(then)};
}

namespace detail {

template <class T>
struct IsResult : std::false_type {};
template <class T>
struct IsResult<Result<T>> : std::true_type {
  using Value = T;
};
template <class R>
struct Unwrapped {
  using Type = R;
};
template <class T>
struct Unwrapped<Result<T>> {
  using Type = T;
};

// How F is called with an item of T that it may have for itself.
template <class F, class T>
constexpr bool kTakesRvalue = std::is_invocable_v<F&, T&&>;
template <class F, class T>
decltype(auto) call_once(F& f, T& item) {
  if constexpr (kTakesRvalue<F, T>) {
    return std::invoke(f, std::move(item));
  } else {
    return std::invoke(f, item);  // changes it in place
  }
}
template <class F, class T>
using Returned = decltype(call_once(std::declval<F&>(), std::declval<T&>()));
// void for a function that changes its item in place.
template <class F, class T>
using Given = typename Unwrapped<std::remove_cvref_t<Returned<F, T>>>::Type;

template <class OnError>
struct KeepsItem : std::false_type {};
template <class Sender>
struct KeepsItem<DeadLetter<Sender>> : std::true_type {};
template <class Then>
struct KeepsItem<Retry<Then>> : std::true_type {};

}  // namespace detail

// One function of a stage with its strategy. `Given<F, T>` is what it makes of an item.
template <class T, class F, class OnError>
class Attempt {
 public:
  enum class Outcome : std::uint8_t {
    done,      // what was made has been delivered
    left_out,  // nothing came of the item: go on with the next
    later,     // ask again with the same item
    fatal,     // the run has failed
  };
  using Value = detail::Given<F, T>;

  Attempt(F f, OnError on_error) : f_(std::move(f)), on_error_(std::move(on_error)) {}

  // Before the first call: are the strategy's numbers in range?
  Result<void> check() {
    if constexpr (kRetries) {
      const RetryOptions& options = on_error_.options;
      if (options.attempts < 2) { return refused("", "retry() with fewer than 2 attempts", "2 or more"); }
      BackoffConfig config = options.backoff;
      config.attempts = options.attempts - 1;
      auto made = Backoff::make(config);
      if (!made) { return tl::unexpected(made.error()); }
      backoff_ = *made;
    }
    return {};
  }

  // Calls the function with `item` and hands what it made to `deliver(Value&&)`, or to `deliver()` when it
  // changes the item in place.
  template <class Deliver>
  Outcome operator()(StreamRun& run, StageStats& stats, T& item, std::uint64_t number, Deliver&& deliver) {
    // The strategy is the user's, too: its functions, its value, its sender.
    try {
      return attempt(run, stats, item, number, deliver);
    } catch (const std::exception& e) { return give_up(run, stats, number, e.what()); } catch (...) {
      return give_up(run, stats, number, "something that is no std::exception");
    }
  }

 private:
  template <class Deliver>
  Outcome attempt(StreamRun& run, StageStats& stats, T& item, std::uint64_t number, Deliver& deliver) {
    if constexpr (kRetries) {
      if (retry_at_) {
        if (run.now() < *retry_at_) {
          run.wake_at(*retry_at_);
          return Outcome::later;
        }
        retry_at_.reset();
        ++stats.retried;
      }
    }
    std::optional<Error> error;  // told outside of the try: what the strategy throws is another matter
    const auto fail = [&error](Error what) {
      error = std::move(what);
      return Outcome::fatal;
    };
    Outcome outcome = Outcome::done;
    try {
      if constexpr (detail::KeepsItem<OnError>::value) {
        outcome = call_with_copy(item, deliver, fail);
      } else {
        outcome = call(item, deliver, fail);
      }
    } catch (const std::exception& e) { error = detail::thrown(e.what()); } catch (...) {
      error = detail::thrown("something that is no std::exception");
    }
    if (!error) { return outcome; }
    return failed(on_error_, run, stats, item, number, *std::move(error), deliver);
  }
  // An exception of the strategy itself, which nothing is left to deal with.
  static Outcome give_up(StreamRun& run, StageStats& stats, std::uint64_t number, const std::string& what) {
    ++stats.failed;
    run.fail(stats.name, number,
             Error{ErrorCode::failed, "", "the strategy for its errors threw: " + what, "", ""});
    return Outcome::fatal;
  }

  static constexpr bool kInPlace = std::is_void_v<Value>;
  template <class E>
  struct IsRetry : std::false_type {};
  template <class Then>
  struct IsRetry<Retry<Then>> : std::true_type {};
  static constexpr bool kRetries = IsRetry<OnError>::value;

  template <class Deliver, class Fail>
  Outcome call(T& item, Deliver& deliver, const Fail& fail) {
    using R = std::remove_cvref_t<detail::Returned<F, T>>;
    if constexpr (std::is_void_v<R>) {
      detail::call_once(f_, item);
      deliver();
    } else if constexpr (detail::IsResult<R>::value) {
      auto made = detail::call_once(f_, item);
      if (!made) { return fail(std::move(made.error())); }
      if constexpr (kInPlace) {
        deliver();
      } else {
        deliver(std::move(*made));
      }
    } else {
      deliver(detail::call_once(f_, item));
    }
    if constexpr (kRetries) {
      if (backoff_->attempts() > 0) { backoff_->restart(); }
    }
    return Outcome::done;
  }

  // The item must be whole for a second attempt.
  template <class Deliver, class Fail>
  Outcome call_with_copy(T& item, Deliver& deliver, const Fail& fail) {
    T copy(std::as_const(item));
    if constexpr (kInPlace) {
      auto keep = [&] {
        item = std::move(copy);
        deliver();
      };
      return call(copy, keep, fail);
    } else {
      return call(copy, deliver, fail);
    }
  }

  template <class Deliver>
  Outcome failed(FailFast&, StreamRun& run, StageStats& stats, T&, std::uint64_t number, Error error,
                 Deliver&) {
    ++stats.failed;
    run.fail(stats.name, number, std::move(error));
    return Outcome::fatal;
  }
  template <class Deliver>
  Outcome failed(SkipFailed&, StreamRun&, StageStats& stats, T&, std::uint64_t, Error, Deliver&) {
    ++stats.failed;
    ++stats.dropped;
    return Outcome::left_out;
  }
  template <class Deliver>
  Outcome failed(CollectErrors&, StreamRun& run, StageStats& stats, T&, std::uint64_t number, Error error,
                 Deliver&) {
    ++stats.failed;
    ++stats.dropped;
    run.collect(stats.name, number, std::move(error));
    return Outcome::left_out;
  }
  template <class U, class Deliver>
  Outcome failed(DefaultValue<U>& instead, StreamRun&, StageStats& stats, T& item, std::uint64_t, Error,
                 Deliver& deliver) {
    ++stats.failed;
    if constexpr (kInPlace) {
      item = instead.value;
      deliver();
    } else {
      deliver(Value(instead.value));
    }
    return Outcome::done;
  }
  template <class Sender, class Deliver>
  Outcome failed(DeadLetter<Sender>& letters, StreamRun&, StageStats& stats, T& item, std::uint64_t number,
                 Error error, Deliver&) {
    ++stats.failed;
    FailedItem<T> letter{std::move(item), std::move(error), stats.name, number};
    if (!letters.sender.try_send(std::move(letter))) { ++stats.dropped; }
    return Outcome::left_out;
  }
  template <class Then, class Deliver>
  Outcome failed(Retry<Then>& retry, StreamRun& run, StageStats& stats, T& item, std::uint64_t number,
                 Error error, Deliver& deliver) {
    const bool worth_it = !retry.options.which || retry.options.which(error);
    if (const auto pause = worth_it ? backoff_->next() : std::nullopt) {
      retry_at_ = run.now() + *pause;
      run.wake_at(*retry_at_);
      return Outcome::later;
    }
    backoff_->restart();
    return failed(retry.then, run, stats, item, number, std::move(error), deliver);
  }

  F f_;
  OnError on_error_;
  // With retry() alone.
  std::optional<StreamRun::TimePoint> retry_at_;
  std::optional<Backoff> backoff_;
};

}  // namespace streamlab
