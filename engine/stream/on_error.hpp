// engine/stream/on_error.hpp
//
// What a stage does when it fails on an item: the second argument of map(), filter(), flat_map() and their
// like. A function fails when it returns an Error in a Result<U>, or throws.
//
//   fail_fast()            the stream ends, and its report says where and why
//   skip_failed()          the item is left out and counted
//   collect_errors()       the same, and the report lists the errors
//   default_value(v)       v takes the item's place
//   dead_letter(sender)    the item, with its error, goes into a channel
//   retry(options, then)   tries again after growing pauses; what fails at last is left to `then`
//
// An end takes one, too, for its own function. skip_failed() and collect_errors() given to an end also hold for
// every stage that was not given a strategy; without them that is fail_fast().
//
// Attempt<F, OnError> is how a stage calls its function.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
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

// Of a stage that was not given one: what the end was given, if that is skip_failed() or collect_errors(); else
// fail_fast().
struct AsTheEnd {};
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
template <class Then = AsTheEnd>
Retry<Then> retry(RetryOptions options, Then then = {}) {
  return {std::move(options), std::move(then)};
}
template <std::integral Number, class... Then>
FailFast retry(Number, Then&&...) {
  static_assert(sizeof(Number) == 0, "retry(options) takes its numbers by name: retry({.attempts = 3})");
  return {};
}

namespace detail {

template <class S>
constexpr bool kIsStrategy = false;
template <>
inline constexpr bool kIsStrategy<AsTheEnd> = true;
template <>
inline constexpr bool kIsStrategy<FailFast> = true;
template <>
inline constexpr bool kIsStrategy<SkipFailed> = true;
template <>
inline constexpr bool kIsStrategy<CollectErrors> = true;
template <class U>
inline constexpr bool kIsStrategy<DefaultValue<U>> = true;
template <class Sender>
inline constexpr bool kIsStrategy<DeadLetter<Sender>> = true;
template <class Then>
inline constexpr bool kIsStrategy<Retry<Then>> = true;

// What a strategy of an end means for the stages that were not given one.
template <class S>
constexpr OnFailure kForStages = OnFailure::fail;
template <>
inline constexpr OnFailure kForStages<SkipFailed> = OnFailure::skip;
template <>
inline constexpr OnFailure kForStages<CollectErrors> = OnFailure::collect;
template <class Then>
inline constexpr OnFailure kForStages<Retry<Then>> = kForStages<Then>;

template <class S>
constexpr bool kGivesDefault = false;
template <class U>
inline constexpr bool kGivesDefault<DefaultValue<U>> = true;
template <class Then>
inline constexpr bool kGivesDefault<Retry<Then>> = kGivesDefault<Then>;

}  // namespace detail

// What the functions above give.
template <class S>
concept ErrorStrategy = detail::kIsStrategy<S>;
// Those that ask for nothing but that an item is left out, so that they fit every function.
template <class S>
concept PlainStrategy = std::same_as<S, AsTheEnd> || std::same_as<S, FailFast> ||
    std::same_as<S, SkipFailed> || std::same_as<S, CollectErrors>;

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
// False, but not before a template is used: for static_assert in what must not be.
template <class...>
constexpr bool kNever = false;

// void for a function that changes its item in place.
template <class F, class T>
using Given = typename Unwrapped<std::remove_cvref_t<Returned<F, T>>>::Type;

// Is F called with an item of T at all?
template <class F, class T>
constexpr bool kTakesItem = std::is_invocable_v<F&, T&&> || std::is_invocable_v<F&, T&>;

// Would an S hold less than an R says? A double in an int, a long in an int, a negative number in an unsigned one. (An
// integer in a floating point number is rounded at most, and is taken as it is.)
template <class R, class S>
constexpr bool cuts_short() {
  if constexpr (!std::is_arithmetic_v<R> || !std::is_arithmetic_v<S>) {
    return false;
  } else if constexpr (std::is_floating_point_v<R>) {
    return !std::is_floating_point_v<S> || std::numeric_limits<R>::digits > std::numeric_limits<S>::digits;
  } else if constexpr (std::is_floating_point_v<S>) {
    return false;
  } else {
    return std::numeric_limits<R>::digits > std::numeric_limits<S>::digits ||
           (std::is_signed_v<R> && !std::is_signed_v<S>);
  }
}

// --- What is wrong with the arguments of a stage, in one line. Each is false where it has said so.

// A value that a strategy gives instead of a V.
template <class OnError, class V>
constexpr bool kKeepsDefault = true;
template <class U, class V>
constexpr bool kKeepsDefault<DefaultValue<U>, V> = !cuts_short<U, V>();
template <class Then, class V>
constexpr bool kKeepsDefault<Retry<Then>, V> = kKeepsDefault<Then, V>;

// Can a dead letter about a T go into the sender's channel?
template <class OnError, class T>
constexpr bool kTakesLetters = true;
template <class Sender, class T>
constexpr bool kTakesLetters<DeadLetter<Sender>, T> = requires(Sender& sender, FailedItem<T>&& letter) {
  sender.try_send(std::move(letter));
};
template <class Then, class T>
constexpr bool kTakesLetters<Retry<Then>, T> = kTakesLetters<Then, T>;

template <class OnError, class T, class V>
constexpr bool fits_strategy() {
  static_assert(kIsStrategy<OnError>,
                "the last argument of a stage is a strategy for errors, with its parentheses: skip_failed(), "
                "collect_errors(), default_value(v), dead_letter(sender), retry(options)");
  static_assert(kKeepsDefault<OnError, V>,
                "default_value(v): v is cut short by the type that the function gives");
  static_assert(kTakesLetters<OnError, T>,
                "dead_letter(sender): its channel carries FailedItem<T>, T being the items of the stage: "
                "mpsc<FailedItem<T>>(capacity)");
  return kIsStrategy<OnError> && kKeepsDefault<OnError, V> && kTakesLetters<OnError, T>;
}
// f(T) with a strategy.
template <class F, class T, class OnError>
constexpr bool fits_item() {
  static_assert(kTakesItem<F, T>,
                "the function does not take an item of this stream: f(T), f(const T&) or f(T&)");
  if constexpr (kTakesItem<F, T>) {
    using Made = Given<F, T>;
    return fits_strategy<OnError, T, std::conditional_t<std::is_void_v<Made>, T, Made>>();
  } else {
    return false;
  }
}

template <class P, class T>
constexpr bool is_predicate() {
  if constexpr (std::is_invocable_v<P&, const T&>) {
    return std::is_convertible_v<
        typename Unwrapped<std::remove_cvref_t<std::invoke_result_t<P&, const T&>>>::Type, bool>;
  } else {
    return false;
  }
}
template <class P, class T, class OnError>
constexpr bool fits_predicate() {
  static_assert(is_predicate<P, T>(),
                "a predicate takes const T&, an item of this stream, and gives a bool, or a Result of one");
  if constexpr (is_predicate<P, T>()) {
    return fits_strategy<OnError, T, bool>();
  } else {
    return false;
  }
}

// What names the key, the time or the cost of an item.
template <class Of, class T>
constexpr bool fits_const_item() {
  constexpr bool kFits = std::is_invocable_v<Of&, const T&>;
  static_assert(kFits, "the function does not take an item of this stream: f(const T&)");
  return kFits;
}

// What f makes of a state and an item that it may have; void where it takes none.
template <class F, class S, class T>
auto folded() {
  if constexpr (std::is_invocable_v<F&, S&&, T&&>) {
    return std::type_identity<std::invoke_result_t<F&, S&&, T&&>>{};
  } else if constexpr (std::is_invocable_v<F&, const S&, T&&>) {
    return std::type_identity<std::invoke_result_t<F&, const S&, T&&>>{};
  } else if constexpr (std::is_invocable_v<F&, S&&, T&>) {
    return std::type_identity<std::invoke_result_t<F&, S&&, T&>>{};
  } else if constexpr (std::is_invocable_v<F&, const S&, T&>) {
    return std::type_identity<std::invoke_result_t<F&, const S&, T&>>{};
  } else {
    return std::type_identity<void>{};
  }
}
// f(S, T) -> S with a strategy.
template <class F, class S, class T, class OnError>
constexpr bool fits_fold() {
  using Made = typename Unwrapped<std::remove_cvref_t<typename decltype(folded<F, S, T>())::type>>::Type;
  using State = std::remove_cvref_t<S>;
  static_assert(
      std::is_convertible_v<Made, State>,
      "the function takes the state and an item of this stream, in this order, and gives the next state: f(S, T) -> S");
  if constexpr (std::is_convertible_v<Made, State>) {
    static_assert(
        !cuts_short<Made, State>(),
        "what the function gives is cut short by the type of the state: begin with a value of the type that it "
        "gives, 0.0 for doubles");
    if constexpr (!cuts_short<Made, State>()) { return fits_strategy<OnError, T, State>(); }
  }
  return false;
}

template <class OnError>
struct KeepsItem : std::false_type {};
template <class Sender>
struct KeepsItem<DeadLetter<Sender>> : std::true_type {};
template <class Then>
struct KeepsItem<Retry<Then>> : std::true_type {};

// value = f(value, item), for the end reduce(). The value is given to f to have where nothing is lost by that: where
// f cannot fail but by an exception that ends the stream.
template <class S, class T, class F, class OnError>
struct Fold {
  S* value;
  F f;

  Result<void> operator()(T& item) {
    constexpr bool kTakesItem = std::is_invocable_v<F&, S&&, T&&> || std::is_invocable_v<F&, const S&, T&&>;
    if constexpr (kTakesItem) {
      return step(std::move(item));
    } else {
      return step(item);
    }
  }

 private:
  template <class Item>
  Result<void> step(Item&& item) {
    constexpr bool kEnds = std::is_same_v<OnError, AsTheEnd> || std::is_same_v<OnError, FailFast>;
    if constexpr (kEnds && std::is_invocable_v<F&, S&&, Item>) {
      if constexpr (!IsResult<std::remove_cvref_t<std::invoke_result_t<F&, S&&, Item>>>::value) {
        *value = std::invoke(f, std::move(*value), std::forward<Item>(item));
        return {};
      }
    }
    return keep(std::invoke(f, std::as_const(*value), std::forward<Item>(item)));
  }
  template <class Made>
  Result<void> keep(Made&& made) {
    if constexpr (IsResult<std::remove_cvref_t<Made>>::value) {
      if (!made) { return tl::unexpected(std::move(made.error())); }
      *value = std::move(*made);
    } else {
      *value = std::forward<Made>(made);
    }
    return {};
  }
};

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
  // What the function made of `item` has failed since. The strategy decides as if the call had failed, but nothing
  // is tried again.
  template <class Deliver>
  Outcome fail_later(StreamRun& run, StageStats& stats, T& item, std::uint64_t number, Error error,
                     Deliver&& deliver) {
    try {
      if constexpr (kRetries) {
        return failed(on_error_.then, run, stats, item, number, std::move(error), deliver);
      } else {
        return failed(on_error_, run, stats, item, number, std::move(error), deliver);
      }
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
  Outcome failed(AsTheEnd&, StreamRun& run, StageStats& stats, T& item, std::uint64_t number, Error error,
                 Deliver& deliver) {
    FailFast fail;
    SkipFailed skip;
    CollectErrors collect;
    switch (run.on_failure()) {
      case OnFailure::skip:
        return failed(skip, run, stats, item, number, std::move(error), deliver);
      case OnFailure::collect:
        return failed(collect, run, stats, item, number, std::move(error), deliver);
      case OnFailure::fail:
        break;
    }
    return failed(fail, run, stats, item, number, std::move(error), deliver);
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
