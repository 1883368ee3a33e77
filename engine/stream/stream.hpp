// engine/stream/stream.hpp
//
// Stream<T>: a lazy chain over items of T. Nothing runs until an end asks, and exactly as much as the end
// asks for. Memory does not grow with the number of items.
//
//   const auto loud = from_range(levels)                     // a source
//                         .filter([](const Level& l) { return l.rms_db > -40.0; })
//                         .map([](const Level& l) { return l.rms_db; })
//                         .collect();                        // an end: runs it
//   if (!loud) { fmt::print("{}\n", to_string(loud.report)); }
//
// The same with |, and with the operators of stages.hpp, which can be kept and used again:
//
//   auto smooth = batch(16) | map(mean);
//   from_range(levels) | smooth | collect();
//
// Or item by item, asked for by the caller: see pull.hpp.
//
// A stream is single-pass and move-only: a stage takes the stream before it (std::move it when it has a
// name), an end takes it for good. One thread at a time. Nothing throws: an exception of a user's function
// becomes the Error of its stage. Each stage is told in its file in stages/.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/channel/outcome.hpp"
#include "engine/stream/lines_file.hpp"
#include "engine/stream/member_names.hpp"
#include "engine/stream/monitor.hpp"
#include "engine/stream/on_error.hpp"
#include "engine/stream/pull.hpp"
#include "engine/stream/stage.hpp"
#include "engine/stream/stage_function.hpp"
#include "engine/stream/stages/buffer.hpp"
#include "engine/stream/stages/checkpoint.hpp"
#include "engine/stream/stages/circuit_breaker.hpp"
#include "engine/stream/stages/concat.hpp"
#include "engine/stream/stages/count.hpp"
#include "engine/stream/stages/flat_map_streams.hpp"
#include "engine/stream/stages/group_by.hpp"
#include "engine/stream/stages/join_by.hpp"
#include "engine/stream/stages/join_by_time.hpp"
#include "engine/stream/stages/join_latest.hpp"
#include "engine/stream/stages/map.hpp"
#include "engine/stream/stages/merge.hpp"
#include "engine/stream/stages/parallel_map.hpp"
#include "engine/stream/stages/tee.hpp"
#include "engine/stream/stages/timing.hpp"
#include "engine/stream/stages/window.hpp"
#include "engine/stream/stages/window_clock.hpp"
#include "engine/stream/stages/window_session.hpp"
#include "engine/stream/stages/window_time.hpp"
#include "engine/stream/stages/with_context.hpp"
#include "engine/stream/stages/zip.hpp"
#include "engine/stream/stream_loop.hpp"

namespace streamlab {

template <class T>
class Stream;

template <class X>
struct IsStream : std::false_type {};
template <class T>
struct IsStream<Stream<T>> : std::true_type {};

// A stage, or a chain of them, that can stand behind a stream of T: a function from one stream to another, or
// from a stream to a result.
template <class F, class T>
concept StreamTransformer = std::invocable<F, Stream<T>>;

namespace detail {

// A stream, a receiver or a generator that a function takes for good.
template <class X>
struct Taken {
  static_assert(!std::is_lvalue_reference_v<X>,
                "a stream takes its argument for good: write std::move(argument)");
  using Type = std::remove_cvref_t<X>;
};
template <class X>
using TakenType = typename Taken<X>::Type;
template <class X>
X take(X& argument) {
  return std::move(argument);
}

// f(const T&) -> a text, or a Result of one.
template <class F, class T>
constexpr bool gives_text() {
  if constexpr (std::is_invocable_v<F&, const T&>) {
    return std::is_constructible_v<
        std::string, typename Unwrapped<std::remove_cvref_t<std::invoke_result_t<F&, const T&>>>::Type>;
  } else {
    return false;
  }
}
// The other stream of a stage that takes two. False, and one line says it, when it is none or was not moved.
template <class X>
constexpr bool fits_other() {
  constexpr bool kIsStream = IsStream<std::remove_cvref_t<X>>::value;
  static_assert(kIsStream, "this stage takes another stream: from_range(…) makes one of a range");
  static_assert(!kIsStream || !std::is_lvalue_reference_v<X>,
                "a stream takes its argument for good: write std::move(argument)");
  return kIsStream && !std::is_lvalue_reference_v<X>;
}

}  // namespace detail

template <class T>
class [[nodiscard]] Stream {
 public:
  using value_type = T;

  // For those who write sources and stages.
  explicit Stream(StagePtr<T> last) : last_(std::move(last)) {}
  Stream(const Stream&) = delete;  // move-only: write std::move(stream)
  Stream& operator=(const Stream&) = delete;
  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream&&) noexcept = default;
  ~Stream() = default;
  // For those who put a stage behind it. Of a stream that was used up: a stage that says so.
  StagePtr<T> take_stages() && { return taken(); }

  // A stage or an end of a stream that has a name: each is here once more, to say in one line what is missing.
  // NOLINTBEGIN(bugprone-macro-parentheses): the line that it means is a declaration
#define SL_STREAM_NEEDS_MOVE(member)                                                                        \
  template <class... A>                                                                                     \
  auto member(A&&... arguments)& {                                                                          \
    static_assert(detail::kNever<T, A...>, "the stream is taken for good: write std::move(stream)." #member \
                                           "(…); where it has no name, these arguments do not fit");        \
    return std::move(*this).member(std::forward<A>(arguments)...);                                          \
  }
  SL_STREAM_MEMBERS(SL_STREAM_NEEDS_MOVE)
  SL_STREAM_NEEDS_MOVE(send_to)
  SL_STREAM_NEEDS_MOVE(into)
#undef SL_STREAM_NEEDS_MOVE
  // Arguments that are often of the wrong type, the same way.
#define SL_STREAM_NEEDS(member, Type, text)                       \
  template <class X>                                              \
  requires(!std::convertible_to<X, Type>) Stream member(X&&) && { \
    static_assert(detail::kNever<X>, #member "(…) takes " text);  \
    return std::move(*this);                                      \
  }
  SL_STREAM_NEEDS(throttle, std::chrono::nanoseconds, "a duration in whole numbers: std::chrono::seconds(5)")
  SL_STREAM_NEEDS(debounce, std::chrono::nanoseconds, "a duration in whole numbers: std::chrono::seconds(5)")
  SL_STREAM_NEEDS(sample, std::chrono::nanoseconds, "a duration in whole numbers: std::chrono::seconds(5)")
  SL_STREAM_NEEDS(timeout, std::chrono::nanoseconds, "a duration in whole numbers: std::chrono::seconds(5)")
  SL_STREAM_NEEDS(window_for, std::chrono::nanoseconds,
                  "a duration in whole numbers: std::chrono::seconds(5)")
  SL_STREAM_NEEDS(checkpoint, CheckpointOptions, "its options by name: checkpoint({.path = \"state\"})")
  SL_STREAM_NEEDS(named, std::string, "a std::string")
#undef SL_STREAM_NEEDS
  // NOLINTEND(bugprone-macro-parentheses)

  // --- stages. Functions are given each item to have; one that returns void changes it in place. What a stage
  // without a strategy does about an item on which its function fails: see on_error.hpp.

  // f(T) -> U, or Result<U>.
  template <class F, class OnError = AsTheEnd>
  auto map(F f, OnError on_error = {}) && {
    if constexpr (detail::fits_item<F, T, OnError>()) {
      using Given = detail::Given<F, T>;
      using U = std::conditional_t<std::is_void_v<Given>, T, Given>;
      return Stream<U>(
          std::make_unique<stages::Map<T, U, F, OnError>>(taken(), std::move(f), std::move(on_error)));
    } else {
      return std::move(*this);
    }
  }
  // Keeps the items for which predicate(const T&) -> bool, or Result<bool>, is true.
  template <class P, class OnError = AsTheEnd>
  Stream filter(P predicate, OnError on_error = {}) && {
    if constexpr (detail::fits_predicate<P, T, OnError>()) {
      return Stream(std::make_unique<stages::Filter<T, P, OnError>>(taken(), std::move(predicate),
                                                                    std::move(on_error)));
    } else {
      return std::move(*this);
    }
  }
  // f(T) -> a range, a stream or a generator, or Result of one: its elements, one by one. See
  // stages/flat_map_streams.hpp.
  template <class F, class OnError = AsTheEnd>
  auto flat_map(F f, OnError on_error = {}) && {
    if constexpr (detail::fits_item<F, T, OnError>()) {
      using Made = detail::Given<F, T>;
      if constexpr (stages::kGivesStream<Made>) {
        using Stage = stages::FlatMapStreams<T, typename Made::value_type, F, OnError>;
        return Stream<typename Stage::U>(std::make_unique<Stage>(taken(), std::move(f), std::move(on_error)));
      } else if constexpr (std::ranges::input_range<Made>) {
        using Stage = stages::FlatMap<T, Made, F, OnError>;
        return Stream<typename Stage::U>(std::make_unique<Stage>(taken(), std::move(f), std::move(on_error)));
      } else {
        static_assert(detail::kNever<F>,
                      "flat_map(f): f gives a range, a stream or a generator, or a Result of one");
        return std::move(*this);
      }
    } else {
      return std::move(*this);
    }
  }
  // The state after every item: f(const S&, T) -> S. S is the type of `initial`, and must hold what f gives.
  template <class S, class F, class OnError = AsTheEnd>
  auto scan(S initial, F f, OnError on_error = {}) && {
    if constexpr (detail::fits_fold<F, const S&, T, OnError>()) {
      return Stream<S>(std::make_unique<stages::Scan<T, S, F, OnError>>(taken(), std::move(initial),
                                                                        std::move(f), std::move(on_error)));
    } else {
      return std::move(*this);
    }
  }
  // The first `count` items; upstream is asked for no more.
  Stream take(std::uint64_t count) && { return Stream(std::make_unique<stages::Take<T>>(taken(), count)); }
  Stream skip(std::uint64_t count) && { return Stream(std::make_unique<stages::Skip<T>>(taken(), count)); }
  // Ends before the first item for which predicate(const T&) is false.
  template <class P, class OnError = AsTheEnd>
  Stream take_while(P predicate, OnError on_error = {}) && {
    if constexpr (detail::fits_predicate<P, T, OnError>()) {
      return Stream(std::make_unique<stages::TakeWhile<T, P, OnError>>(taken(), std::move(predicate),
                                                                       std::move(on_error)));
    } else {
      return std::move(*this);
    }
  }
  // Leaves out what was there before, among the last `memory` different keys. O(memory).
  Stream distinct(std::size_t memory = kDistinctMemory) && {
    return std::move(*this).distinct_by(std::identity{}, memory);
  }
  template <class KeyOf>
  Stream distinct_by(KeyOf key_of, std::size_t memory = kDistinctMemory) && {
    if constexpr (detail::fits_const_item<KeyOf, T>()) {
      using K = std::remove_cvref_t<std::invoke_result_t<KeyOf&, const T&>>;
      constexpr bool kHashes = requires(const K& key) {
        std::hash<K>{}(key);
        key == key;
      };
      static_assert(kHashes, "a key has a std::hash and ==: distinct_by(key_of) with such a key of the item");
      if constexpr (kHashes) {
        return Stream(std::make_unique<stages::Distinct<T, K, KeyOf>>(taken(), std::move(key_of), memory));
      }
    }
    return std::move(*this);
  }
  // `size` items at a time, 1 or more; the last batch may be shorter.
  Stream<std::vector<T>> batch(std::size_t size) && {
    return Stream<std::vector<T>>(std::make_unique<stages::Batch<T>>(taken(), size));
  }
  // f(S&, T) -> U: map() with the state of `context`, which others may look at meanwhile.
  template <class S, class F, class OnError = AsTheEnd>
  auto with(StreamContext<S> context, F f, OnError on_error = {}) && {
    if constexpr (detail::fits_item<stages::CallWithState<S, F>, T, OnError>()) {
      using Given = detail::Given<stages::CallWithState<S, F>, T>;
      using U = std::conditional_t<std::is_void_v<Given>, T, Given>;
      return Stream<U>(std::make_unique<stages::WithContext<T, U, S, F, OnError>>(
          taken(), std::move(context), std::move(f), std::move(on_error)));
    } else {
      return std::move(*this);
    }
  }
  // map() behind a circuit breaker: see stages/circuit_breaker.hpp.
  template <class F, class OnError = AsTheEnd>
  auto circuit_breaker(BreakerOptions options, F f, OnError on_error = {}) && {
    if constexpr (detail::fits_item<F, T, OnError>()) {
      using Given = typename stages::Guarded<T, F>::Value;
      using U = std::conditional_t<std::is_void_v<Given>, T, Given>;
      return Stream<U>(std::make_unique<stages::Breaker<T, U, F, OnError>>(
          taken(), std::move(options), std::move(f), std::move(on_error)));
    } else {
      return std::move(*this);
    }
  }
  // map() by `concurrency` threads, 1 or more. Each has a copy of f. The strategy stands behind f or behind the order.
  template <class F, class OnError = AsTheEnd>
  auto parallel_map(std::size_t concurrency, F f, Order order = Order::ordered, OnError on_error = {}) && {
    if constexpr (detail::fits_item<F, T, OnError>()) {
      using Given = detail::Given<F, T>;
      using U = std::conditional_t<std::is_void_v<Given>, T, Given>;
      return Stream<U>(std::make_unique<stages::ParallelMap<T, U, F, OnError>>(
          taken(), concurrency, std::move(f), order, std::move(on_error)));
    } else {
      return std::move(*this);
    }
  }
  template <class F, class OnError>
  requires(!std::same_as<OnError, Order>) auto parallel_map(std::size_t concurrency, F f,
                                                            OnError on_error) && {
    return std::move(*this).parallel_map(concurrency, std::move(f), Order::ordered, std::move(on_error));
  }
  // A queue of `depth` items, 1 or more; what lies before it runs on a thread of its own.
  Stream buffer(std::size_t depth, OverflowPolicy policy = OverflowPolicy::block) && {
    return Stream(std::make_unique<stages::Buffer<T>>(taken(), depth, policy));
  }
  // The same, that goes on in a file when `depth` items are in memory. Policy: block or fail.
  Stream buffer(std::size_t depth, SpillOptions spill, OverflowPolicy policy = OverflowPolicy::block) &&
      requires Storable<T> {
    return Stream(std::make_unique<stages::Buffer<T>>(taken(), depth, policy, std::move(spill)));
  }
  // Holds items back so that in any t seconds no more than burst + rate_per_s t pass, each counted as
  // cost_of(const T&): 1 without it, or its samples, or its bytes.
  template <class CostOf = stages::OneEach>
  Stream rate_limit(double rate_per_s, double burst = 1.0, CostOf cost_of = {}) && {
    if constexpr (detail::fits_const_item<CostOf, T>()) {
      return Stream(
          std::make_unique<stages::RateLimit<T, CostOf>>(taken(), rate_per_s, burst, std::move(cost_of)));
    } else {
      return std::move(*this);
    }
  }
  // At most one item in every interval, the first; the others are dropped.
  Stream throttle(std::chrono::nanoseconds interval) && {
    return Stream(std::make_unique<stages::Throttle<T>>(taken(), interval));
  }
  // The last item before every silence of so long.
  Stream debounce(std::chrono::nanoseconds silence) && {
    return Stream(std::make_unique<stages::Debounce<T>>(taken(), silence));
  }
  // The newest item at every tick.
  Stream sample(std::chrono::nanoseconds interval) && {
    return Stream(std::make_unique<stages::Sample<T>>(taken(), interval));
  }
  // All that came since the last question as one: value = f(value, item).
  template <class F>
  Stream conflate(F f) && {
    if constexpr (detail::fits_fold<F, T, T, AsTheEnd>()) {
      return Stream(std::make_unique<stages::Conflate<T, F>>(taken(), std::move(f)));
    } else {
      return std::move(*this);
    }
  }
  // Fails when an item does not come within `limit` of being asked for.
  Stream timeout(std::chrono::nanoseconds limit) && {
    return Stream(std::make_unique<stages::Timeout<T>>(taken(), limit));
  }
  // Keeps on disk where the stages before it stand: see stages/checkpoint.hpp.
  Stream checkpoint(CheckpointOptions options) && {
    return Stream(std::make_unique<stages::CheckpointStage<T>>(taken(), std::move(options)));
  }

  // --- windows: items that belong together, as Window<U>{items, index, begin, end, complete}. The last
  // one may be incomplete, and says so. Windows that overlap copy their items.

  // `size` items each, the first of every window `hop` behind that of the one before; a hop larger than the
  // size is refused unless Loss::allow. begin, end: numbers of items.
  Stream<Window<T>> window(std::size_t size, std::size_t hop, Loss loss = Loss::refuse) && {
    return Stream<Window<T>>(std::make_unique<stages::CountWindow<T>>(taken(), size, hop, loss));
  }
  Stream<Window<T>> window(std::size_t size) && { return std::move(*this).window(size, size); }
  // By time_of(const T&), an integer of any unit, which those of size, hop, lateness, begin and end are, too.
  // An item more than `lateness` behind the newest is dropped. See stages/window_time.hpp.
  template <class TimeOf>
  Stream<Window<T>> window_by(TimeOf time_of, std::int64_t size, std::int64_t hop, std::int64_t lateness = 0,
                              Loss loss = Loss::refuse) && {
    if constexpr (detail::fits_const_item<TimeOf, T>()) {
      return Stream<Window<T>>(std::make_unique<stages::TimeWindow<T, TimeOf>>(taken(), std::move(time_of),
                                                                               size, hop, lateness, loss));
    } else {
      return std::move(*this).window(1);
    }
  }
  // What comes within `duration`, by the clock of the run. begin, end: ns since the first question.
  Stream<Window<T>> window_for(std::chrono::nanoseconds duration) && {
    return Stream<Window<T>>(std::make_unique<stages::ClockWindow<T>>(taken(), duration));
  }
  // A window for every session, which ends where more than `gap` lies between two items. Times and `lateness` as
  // for window_by(). See stages/window_session.hpp.
  template <class TimeOf>
  Stream<Window<T>> window_by_session(TimeOf time_of, std::int64_t gap, std::int64_t lateness = 0) && {
    if constexpr (detail::fits_const_item<TimeOf, T>()) {
      return Stream<Window<T>>(
          std::make_unique<stages::SessionWindow<T, TimeOf>>(taken(), std::move(time_of), gap, lateness));
    } else {
      return std::move(*this).window(1);
    }
  }

  // --- one stream as many, many as one.

  // chain(Stream<T>) -> Stream<U> for the items of every key_of(const T&) -> K: Keyed<K, U> as they get
  // ready. More than `max_groups` keys fail. Stages with threads of their own cannot stand in the chain.
  template <class KeyOf, class Chain>
  auto group_by(KeyOf key_of, Chain chain, std::size_t max_groups) && {
    static_assert(std::is_invocable_v<KeyOf&, const T&>,
                  "group_by(key_of, chain, n): key_of takes an item, const T&");
    static_assert(std::is_invocable_v<Chain&, Stream>,
                  "group_by(key_of, chain, n): chain takes a Stream<T> and gives one");
    using K = std::remove_cvref_t<std::invoke_result_t<KeyOf&, const T&>>;
    using U = typename std::invoke_result_t<Chain&, Stream>::value_type;
    return Stream<Keyed<K, U>>(std::make_unique<stages::GroupBy<T, K, U, KeyOf, Chain>>(
        taken(), std::move(key_of), std::move(chain), max_groups));
  }
  // Pairs of the first items, the second, …; ends with the shorter.
  template <class Other>
  auto zip(Other&& other) && {
    if constexpr (detail::fits_other<Other>()) {
      using U = typename std::remove_cvref_t<Other>::value_type;
      return Stream<std::pair<T, U>>(
          std::make_unique<stages::Zip<T, U>>(taken(), detail::take(other).take_stages()));
    } else {
      return std::move(*this);
    }
  }
  // The items of all as they are ready, none favoured; ends when all have.
  template <class... Others>
  requires(std::same_as<std::remove_cvref_t<Others>, Stream>&&...) Stream merge(Others&&... others) && {
    static_assert((std::is_same_v<detail::TakenType<Others>, Stream> && ...));
    std::vector<StagePtr<T>> all;
    all.push_back(taken());
    (all.push_back(others.taken()), ...);
    return Stream(std::make_unique<stages::Merge<T>>(std::move(all)));
  }
  Stream merge(std::vector<Stream>&& others) && {
    std::vector<StagePtr<T>> all;
    all.push_back(taken());
    for (Stream& other : others) { all.push_back(other.taken()); }
    return Stream(std::make_unique<stages::Merge<T>>(std::move(all)));
  }
  // The items of the other stream behind those of this one.
  template <class Other>
  requires std::same_as<std::remove_cvref_t<Other>, Stream> Stream concat(Other&& other) && {
    static_assert(std::is_same_v<detail::TakenType<Other>, Stream>);
    return Stream(std::make_unique<stages::Concat<T>>(taken(), other.taken()));
  }
  // Pairs with the same key_left(const T&) and key_right(const U&), which grow by and large; at most
  // `max_waiting` of each side wait for a partner. See stages/join_by.hpp.
  template <class Other, class KeyLeft, class KeyRight>
  auto join_by(Other&& other, KeyLeft key_left, KeyRight key_right, std::size_t max_waiting) && {
    if constexpr (detail::fits_other<Other>()) {
      using U = typename std::remove_cvref_t<Other>::value_type;
      return Stream<std::pair<T, U>>(std::make_unique<stages::JoinBy<T, U, KeyLeft, KeyRight>>(
          taken(), detail::take(other).take_stages(), std::move(key_left), std::move(key_right),
          max_waiting));
    } else {
      return std::move(*this);
    }
  }
  // Every item with the one of the other stream that is nearest in time (integers of one unit), and no
  // further than `tolerance`. Both are in order of time. See stages/join_by_time.hpp.
  template <class Other, class TimeLeft, class TimeRight>
  auto join_by_time(Other&& other, TimeLeft time_left, TimeRight time_right, std::int64_t tolerance,
                    std::size_t max_waiting) && {
    if constexpr (detail::fits_other<Other>()) {
      using U = typename std::remove_cvref_t<Other>::value_type;
      return Stream<std::pair<T, U>>(std::make_unique<stages::JoinByTime<T, U, TimeLeft, TimeRight>>(
          taken(), detail::take(other).take_stages(), std::move(time_left), std::move(time_right), tolerance,
          max_waiting));
    } else {
      return std::move(*this);
    }
  }
  // Every item with the newest that has come from the other stream.
  template <class Other>
  auto join_latest(Other&& other) && {
    if constexpr (detail::fits_other<Other>()) {
      using U = typename std::remove_cvref_t<Other>::value_type;
      return Stream<std::pair<T, U>>(
          std::make_unique<stages::JoinLatest<T, U>>(taken(), detail::take(other).take_stages()));
    } else {
      return std::move(*this);
    }
  }
  // `n` streams, 1 or more, each of which gets every item and may be run on a thread of its own. What a
  // stream has not asked for yet waits for it, up to `depth` items; then the policy decides. See
  // stages/tee.hpp.
  std::vector<Stream> tee(std::size_t n, std::size_t depth,
                          OverflowPolicy policy = OverflowPolicy::block) && {
    std::vector<Stream> streams;
    if (n == 0) {
      streams.push_back(Stream(std::make_unique<stages::RefusedTee<T>>()));
      return streams;
    }
    const auto state = std::make_shared<stages::TeeState<T>>(taken(), n, depth, policy);
    for (std::size_t i = 0; i < n; ++i) {
      streams.push_back(Stream(std::make_unique<stages::Tee<T>>(state, i)));
    }
    return streams;
  }
  // The same, for structured bindings: auto [a, b] = std::move(s).tee<2>(16);
  template <std::size_t n>
  std::array<Stream, n> tee(std::size_t depth, OverflowPolicy policy = OverflowPolicy::block) && {
    static_assert(n > 0, "a tee makes one stream or more");
    auto streams = std::move(*this).tee(n, depth, policy);
    return [&]<std::size_t... i>(std::index_sequence<i...>) {
      return std::array<Stream, n>{std::move(streams[i])...};
    }
    (std::make_index_sequence<n>{});
  }
  // Names the last stage, for reports and errors.
  Stream named(std::string name) && {
    if (last_ != nullptr) { last_->stats().name = std::move(name); }
    return std::move(*this);
  }

  // --- ends. Each runs the stream to its end in this thread and never throws. Each takes a strategy, too, which
  // says what becomes of an item on which the end's function fails; skip_failed() and collect_errors() also hold for
  // all stages that were not given one.

  // Every item, in order. Holds all of them.
  StreamResult<std::vector<T>> collect(const RunOptions& options = {}) && {
    return std::move(*this).collect(AsTheEnd{}, options);
  }
  template <PlainStrategy OnError>
  StreamResult<std::vector<T>> collect(OnError on_error, const RunOptions& options = {}) && {
    StreamResult<std::vector<T>> result;
    result.report = run(
        options, [&](T& item) { result.value.push_back(std::move(item)); }, on_error);
    return result;
  }
  // f(T) for every item; f may return Result<void> to fail.
  template <class F>
  StreamReport for_each(F f, const RunOptions& options = {}) && {
    return std::move(*this).for_each(std::move(f), AsTheEnd{}, options);
  }
  template <class F, ErrorStrategy OnError>
  StreamReport for_each(F f, OnError on_error, const RunOptions& options = {}) && {
    if constexpr (detail::fits_item<F, T, OnError>()) {
      return run(options, std::move(f), std::move(on_error));
    } else {
      return {};
    }
  }
  // value = f(value, item) over all items; f may return a Result. An f that throws where there is no strategy may
  // have used the value up; with a strategy, and where f gives a Result, f is shown the value and does not get it to
  // have, so that it stands as it was before the item that failed. S is the type of `initial`, and must hold what f gives: 0.0 for
  // doubles.
  template <class S, class F>
  StreamResult<S> reduce(S initial, F f, const RunOptions& options = {}) && {
    return std::move(*this).reduce(std::move(initial), std::move(f), AsTheEnd{}, options);
  }
  template <class S, class F, ErrorStrategy OnError>
  StreamResult<S> reduce(S initial, F f, OnError on_error, const RunOptions& options = {}) && {
    StreamResult<S> result{std::move(initial), {}};
    if constexpr (detail::fits_fold<F, S, T, OnError>()) {
      result.report =
          run(options, detail::Fold<S, T, F, OnError>{&result.value, std::move(f)}, std::move(on_error));
    }
    return result;
  }
  // The first item, and no more is asked for; nothing when there is none.
  StreamResult<std::optional<T>> first(const RunOptions& options = {}) && {
    return std::move(*this).first(AsTheEnd{}, options);
  }
  template <PlainStrategy OnError>
  StreamResult<std::optional<T>> first(OnError on_error, const RunOptions& options = {}) && {
    StreamResult<std::optional<T>> result;
    result.report = std::move(*this).take(1).for_each([&](T& item) { result.value = std::move(item); },
                                                      on_error, options);
    return result;
  }
  StreamResult<std::uint64_t> count(const RunOptions& options = {}) && {
    return std::move(*this).count(AsTheEnd{}, options);
  }
  template <PlainStrategy OnError>
  StreamResult<std::uint64_t> count(OnError on_error, const RunOptions& options = {}) && {
    StreamResult<std::uint64_t> result;
    result.report = run(
        options, [&](T&) { ++result.value; }, on_error);
    return result;
  }
  // Runs it for what its stages do.
  StreamReport execute(const RunOptions& options = {}) && {
    return std::move(*this).execute(AsTheEnd{}, options);
  }
  template <PlainStrategy OnError>
  StreamReport execute(OnError on_error, const RunOptions& options = {}) && {
    return run(
        options, [](T&) {}, on_error);
  }
  // Into a channel, waiting for room; fails, with any strategy, when nobody listens there any more. Does not close
  // the sender.
  template <class Sender>
  StreamReport send_to(Sender& sender, const RunOptions& options = {}) && {
    return std::move(*this).send_to(sender, AsTheEnd{}, options);
  }
  template <class Sender, PlainStrategy OnError>
  StreamReport send_to(Sender& sender, OnError, const RunOptions& options = {}) && {
    const auto send = [&](T& item) -> Result<void> {
      const Sent sent = sender.send(std::move(item), options.cancel);
      if (sent || sent.why() == Why::stopped) { return {}; }
      return failed("", fmt::format("the channel takes no more: {}", to_string(sent.why())));
    };
    return run_stages<T>(taken(), options, send, FailFast{}, detail::kForStages<OnError>);
  }
  // Into a graph, block by block: `input` has Result<void> trigger(const T&), as Engine and the pipelines
  // have.
  template <class Input>
  StreamReport into(Input& input, const RunOptions& options = {}) && {
    return std::move(*this).into(input, AsTheEnd{}, options);
  }
  template <class Input, ErrorStrategy OnError>
  StreamReport into(Input& input, OnError on_error, const RunOptions& options = {}) && {
    return run(
        options, [&input](T& item) -> Result<void> { return input.trigger(item); }, std::move(on_error));
  }
  // A text file, one line an item: f(const T&) -> a text without line feed, or Result of one. A checkpoint takes
  // it back to where it stood. A file that cannot be written fails the stream, with any strategy.
  template <class F>
  StreamReport write_lines(std::filesystem::path path, F f, LinesOptions lines = {},
                           const RunOptions& options = {}) && {
    return std::move(*this).write_lines(std::move(path), std::move(f), AsTheEnd{}, lines, options);
  }
  template <class F, ErrorStrategy OnError>
  StreamReport write_lines(std::filesystem::path path, F f, OnError on_error, LinesOptions lines = {},
                           const RunOptions& options = {}) && {
    static_assert(detail::gives_text<F, T>(),
                  "write_lines(path, f): f takes an item, const T&, and gives a text, or a Result of one");
    if constexpr (!detail::gives_text<F, T>()) {
      return {};
    } else {
      return write_texts(std::move(path), std::move(f), std::move(on_error), lines, options);
    }
  }
  // The items one by one, as the caller asks for them: next(), or a loop over it. See pull.hpp.
  Pull<T> pull(const RunOptions& options = {}) && { return std::move(*this).pull(AsTheEnd{}, options); }
  template <PlainStrategy OnError>
  Pull<T> pull(OnError, const RunOptions& options = {}) && {
    return Pull<T>(taken(), options, detail::kForStages<OnError>);
  }

  // --- the names of the original design
  template <class Source>
  static Stream start(Source&& source);  // from_range() for ranges, or a stream as it is
  template <StreamTransformer<T> F>
  auto add(F stage) && {
    return std::invoke(std::move(stage), std::move(*this));
  }
  StreamResult<std::vector<T>> execute_to_vector(const RunOptions& options = {}) && {
    return std::move(*this).collect(options);
  }
  template <class S, class F>
  StreamResult<S> execute_reduce(S initial, F f, const RunOptions& options = {}) && {
    return std::move(*this).reduce(std::move(initial), std::move(f), options);
  }

 private:
  static constexpr std::size_t kDistinctMemory = 65536;

  StagePtr<T> taken();
  template <class F, class OnError>
  StreamReport write_texts(std::filesystem::path path, F f, OnError on_error, LinesOptions lines,
                           const RunOptions& options) {
    using Text = std::invoke_result_t<F&, const T&>;
    using Line = std::conditional_t<detail::IsResult<Text>::value, Result<std::string>, std::string>;
    auto text_of = [f = std::move(f)](T& item) mutable -> Line {
      return Line(std::invoke(f, std::as_const(item)));
    };
    LinesFile file(std::move(path), lines);
    StreamReport report = run_stages<std::string>(
        std::move(*this).map(std::move(text_of), std::move(on_error)).named("write_lines").take_stages(),
        options, [&](const std::string& line) { return file.write(line); }, FailFast{},
        detail::kForStages<OnError>, &file, "write_lines");
    if (auto closed = file.close(); !closed && report.ok()) {
      report.ended = StreamEnd::failed;
      report.error = StreamError{"write_lines", report.items, closed.error()};
    }
    return report;
  }
  template <class F, class OnError>
  StreamReport run(const RunOptions& options, F f, OnError on_error) {
    return run_stages<T>(taken(), options, std::move(f), std::move(on_error));
  }

  StagePtr<T> last_;
};

// A stream that was used up and is used again fails, and says so.
template <class T>
class UsedUp final : public Source<T> {
 public:
  UsedUp() : Source<T>("used up") {
    this->refuse("this stream was used already", "a stream of its own for every chain",
                 "a stage or an end takes the stream before it; tee() makes two of one");
  }

 protected:
  Poll produce(StreamRun&, T*&) override { return Poll::ended; }
};

template <class T>
StagePtr<T> Stream<T>::taken() {
  if (last_ == nullptr) { return std::make_unique<UsedUp<T>>(); }
  return std::move(last_);
}

// stream | stage.
template <class T, StreamTransformer<T> F>
auto operator|(Stream<T>&& stream, F stage) {
  return std::invoke(std::move(stage), std::move(stream));
}
template <class T, class F>
auto operator|(Stream<T>& stream, F&& stage) {
  static_assert(detail::kNever<T, F>, "the stream is taken for good: write std::move(stream) | …");
  return std::move(stream) | std::forward<F>(stage);
}

// A stage that has no stream before it yet. Two of them with | between make one.
template <class F>
struct [[nodiscard]] Operator {
  F apply;
  template <class T>
  requires std::invocable<F&, Stream<T>>
  auto operator()(Stream<T> stream) { return apply(std::move(stream)); }
};
template <class F>
Operator(F) -> Operator<F>;

template <class F, class G>
auto operator|(Operator<F> first, Operator<G> second) {
  return Operator{[first = std::move(first), second = std::move(second)]<class T>(Stream<T> stream) mutable {
    return second(first(std::move(stream)));
  }};
}

}  // namespace streamlab
