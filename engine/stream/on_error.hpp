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
// engine/stream/attempt.hpp calls a stage's function by them.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
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

}  // namespace streamlab
