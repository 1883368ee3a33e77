// engine/stream/stage_function.hpp
//
// What a stage's function makes of an item, whether it fits, and, where it does not, why: in one line of the compiler.
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "engine/base/error.hpp"
#include "engine/stream/on_error.hpp"
#include "engine/stream/stage.hpp"

namespace streamlab {

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
inline constexpr bool kKeepsDefault<DefaultValue<U>, V> = !cuts_short<U, V>();
template <class Then, class V>
inline constexpr bool kKeepsDefault<Retry<Then>, V> = kKeepsDefault<Then, V>;

// Can a dead letter about a T go into the sender's channel?
template <class OnError, class T>
constexpr bool kTakesLetters = true;
template <class Sender, class T>
inline constexpr bool kTakesLetters<DeadLetter<Sender>, T> = requires(Sender& sender,
                                                                      FailedItem<T>&& letter) {
  sender.try_send(std::move(letter));
};
template <class Then, class T>
inline constexpr bool kTakesLetters<Retry<Then>, T> = kTakesLetters<Then, T>;

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

}  // namespace streamlab
