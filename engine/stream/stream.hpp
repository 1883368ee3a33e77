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
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/channel/outcome.hpp"
#include "engine/stream/lines_file.hpp"
#include "engine/stream/on_error.hpp"
#include "engine/stream/stage.hpp"
#include "engine/stream/stages/buffer.hpp"
#include "engine/stream/stages/checkpoint.hpp"
#include "engine/stream/stages/circuit_breaker.hpp"
#include "engine/stream/stages/concat.hpp"
#include "engine/stream/stages/count.hpp"
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

template <class T>
class Stream {
 public:
  using value_type = T;

  // For those who write sources and stages.
  explicit Stream(StagePtr<T> last) : last_(std::move(last)) {}
  // For those who put a stage behind it. Of a stream that was used up: a stage that says so.
  StagePtr<T> take_stages() && { return taken(); }

  // --- stages. Functions are given each item to have; one that returns void changes it in place.

  // f(T) -> U, or Result<U>.
  template <class F, class OnError = FailFast>
  auto map(F f, OnError on_error = {}) && {
    using Given = detail::Given<F, T>;
    using U = std::conditional_t<std::is_void_v<Given>, T, Given>;
    return Stream<U>(
        std::make_unique<stages::Map<T, U, F, OnError>>(taken(), std::move(f), std::move(on_error)));
  }
  // Keeps the items for which predicate(const T&) -> bool, or Result<bool>, is true.
  template <class P, class OnError = FailFast>
  Stream filter(P predicate, OnError on_error = {}) && {
    return Stream(
        std::make_unique<stages::Filter<T, P, OnError>>(taken(), std::move(predicate), std::move(on_error)));
  }
  // f(T) -> a range, or Result of one: its elements, one by one.
  template <class F, class OnError = FailFast>
  auto flat_map(F f, OnError on_error = {}) && {
    using Stage = stages::FlatMap<T, detail::Given<F, T>, F, OnError>;
    return Stream<typename Stage::U>(std::make_unique<Stage>(taken(), std::move(f), std::move(on_error)));
  }
  // The state after every item: f(const S&, T) -> S.
  template <class S, class F, class OnError = FailFast>
  Stream<S> scan(S initial, F f, OnError on_error = {}) && {
    return Stream<S>(std::make_unique<stages::Scan<T, S, F, OnError>>(taken(), std::move(initial),
                                                                      std::move(f), std::move(on_error)));
  }
  // The first `count` items; upstream is asked for no more.
  Stream take(std::uint64_t count) && { return Stream(std::make_unique<stages::Take<T>>(taken(), count)); }
  Stream skip(std::uint64_t count) && { return Stream(std::make_unique<stages::Skip<T>>(taken(), count)); }
  // Ends before the first item for which predicate(const T&) is false.
  template <class P, class OnError = FailFast>
  Stream take_while(P predicate, OnError on_error = {}) && {
    return Stream(std::make_unique<stages::TakeWhile<T, P, OnError>>(taken(), std::move(predicate),
                                                                     std::move(on_error)));
  }
  // Leaves out what was there before, among the last `memory` different keys. O(memory).
  Stream distinct(std::size_t memory = kDistinctMemory) && {
    return std::move(*this).distinct_by(std::identity{}, memory);
  }
  template <class KeyOf>
  Stream distinct_by(KeyOf key_of, std::size_t memory = kDistinctMemory) && {
    using K = std::remove_cvref_t<std::invoke_result_t<KeyOf&, const T&>>;
    return Stream(std::make_unique<stages::Distinct<T, K, KeyOf>>(taken(), std::move(key_of), memory));
  }
  // `size` items at a time, 1 or more; the last batch may be shorter.
  Stream<std::vector<T>> batch(std::size_t size) && {
    return Stream<std::vector<T>>(std::make_unique<stages::Batch<T>>(taken(), size));
  }
  // f(S&, T) -> U: map() with the state of `context`, which others may look at meanwhile.
  template <class S, class F, class OnError = FailFast>
  auto with(StreamContext<S> context, F f, OnError on_error = {}) && {
    using Given = detail::Given<stages::CallWithState<S, F>, T>;
    using U = std::conditional_t<std::is_void_v<Given>, T, Given>;
    return Stream<U>(std::make_unique<stages::WithContext<T, U, S, F, OnError>>(
        taken(), std::move(context), std::move(f), std::move(on_error)));
  }
  // map() behind a circuit breaker: see stages/circuit_breaker.hpp.
  template <class F, class OnError = FailFast>
  auto circuit_breaker(BreakerOptions options, F f, OnError on_error = {}) && {
    using Given = typename stages::Guarded<T, F>::Value;
    using U = std::conditional_t<std::is_void_v<Given>, T, Given>;
    return Stream<U>(std::make_unique<stages::Breaker<T, U, F, OnError>>(taken(), std::move(options),
                                                                         std::move(f), std::move(on_error)));
  }
  // map() by `concurrency` threads, 1 or more. Each has a copy of f.
  template <class F, class OnError = FailFast>
  auto parallel_map(std::size_t concurrency, F f, Order order = Order::ordered, OnError on_error = {}) && {
    using Given = detail::Given<F, T>;
    using U = std::conditional_t<std::is_void_v<Given>, T, Given>;
    return Stream<U>(std::make_unique<stages::ParallelMap<T, U, F, OnError>>(
        taken(), concurrency, std::move(f), order, std::move(on_error)));
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
    return Stream(
        std::make_unique<stages::RateLimit<T, CostOf>>(taken(), rate_per_s, burst, std::move(cost_of)));
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
    return Stream(std::make_unique<stages::Conflate<T, F>>(taken(), std::move(f)));
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
    return Stream<Window<T>>(std::make_unique<stages::TimeWindow<T, TimeOf>>(taken(), std::move(time_of),
                                                                             size, hop, lateness, loss));
  }
  // What comes within `duration`, by the clock of the run. begin, end: ns since the first question.
  Stream<Window<T>> window_for(std::chrono::nanoseconds duration) && {
    return Stream<Window<T>>(std::make_unique<stages::ClockWindow<T>>(taken(), duration));
  }
  // A window ends when an item comes whose time is `gap` or more after the newest in it.
  template <class TimeOf>
  Stream<Window<T>> window_by_session(TimeOf time_of, std::int64_t gap) && {
    return Stream<Window<T>>(
        std::make_unique<stages::SessionWindow<T, TimeOf>>(taken(), std::move(time_of), gap));
  }

  // --- one stream as many, many as one.

  // chain(Stream<T>) -> Stream<U> for the items of every key_of(const T&) -> K: Keyed<K, U> as they get
  // ready. More than `max_groups` keys fail. Stages with threads of their own cannot stand in the chain.
  template <class KeyOf, class Chain>
  auto group_by(KeyOf key_of, Chain chain, std::size_t max_groups) && {
    using K = std::remove_cvref_t<std::invoke_result_t<KeyOf&, const T&>>;
    using U = typename std::invoke_result_t<Chain&, Stream>::value_type;
    return Stream<Keyed<K, U>>(std::make_unique<stages::GroupBy<T, K, U, KeyOf, Chain>>(
        taken(), std::move(key_of), std::move(chain), max_groups));
  }
  // Pairs of the first items, the second, …; ends with the shorter.
  template <class U>
  Stream<std::pair<T, U>> zip(Stream<U> other) && {
    return Stream<std::pair<T, U>>(
        std::make_unique<stages::Zip<T, U>>(taken(), std::move(other).take_stages()));
  }
  // The items of all as they are ready, none favoured; ends when all have.
  template <std::same_as<Stream>... Others>
  Stream merge(Others... others) && {
    std::vector<StagePtr<T>> all;
    all.push_back(taken());
    (all.push_back(others.taken()), ...);
    return Stream(std::make_unique<stages::Merge<T>>(std::move(all)));
  }
  Stream merge(std::vector<Stream> others) && {
    std::vector<StagePtr<T>> all;
    all.push_back(taken());
    for (Stream& other : others) { all.push_back(other.taken()); }
    return Stream(std::make_unique<stages::Merge<T>>(std::move(all)));
  }
  // The items of the other stream behind those of this one.
  Stream concat(Stream other) && {
    return Stream(std::make_unique<stages::Concat<T>>(taken(), other.taken()));
  }
  // Pairs with the same key_left(const T&) and key_right(const U&), which grow by and large; at most
  // `max_waiting` of each side wait for a partner. See stages/join_by.hpp.
  template <class U, class KeyLeft, class KeyRight>
  Stream<std::pair<T, U>> join_by(Stream<U> other, KeyLeft key_left, KeyRight key_right,
                                  std::size_t max_waiting) && {
    return Stream<std::pair<T, U>>(std::make_unique<stages::JoinBy<T, U, KeyLeft, KeyRight>>(
        taken(), std::move(other).take_stages(), std::move(key_left), std::move(key_right), max_waiting));
  }
  // Every item with the one of the other stream that is nearest in time (integers of one unit), and no
  // further than `tolerance`. Both are in order of time. See stages/join_by_time.hpp.
  template <class U, class TimeLeft, class TimeRight>
  Stream<std::pair<T, U>> join_by_time(Stream<U> other, TimeLeft time_left, TimeRight time_right,
                                       std::int64_t tolerance, std::size_t max_waiting) && {
    return Stream<std::pair<T, U>>(std::make_unique<stages::JoinByTime<T, U, TimeLeft, TimeRight>>(
        taken(), std::move(other).take_stages(), std::move(time_left), std::move(time_right), tolerance,
        max_waiting));
  }
  // Every item with the newest that has come from the other stream.
  template <class U>
  Stream<std::pair<T, U>> join_latest(Stream<U> other) && {
    return Stream<std::pair<T, U>>(
        std::make_unique<stages::JoinLatest<T, U>>(taken(), std::move(other).take_stages()));
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

  // --- ends. Each runs the stream to its end in this thread and never throws.

  // Every item, in order. Holds all of them.
  StreamResult<std::vector<T>> collect(const RunOptions& options = {}) && {
    StreamResult<std::vector<T>> result;
    result.report = run(options, [&](T& item) { result.value.push_back(std::move(item)); });
    return result;
  }
  // f(T) for every item; f may return Result<void> to fail.
  template <class F>
  StreamReport for_each(F f, const RunOptions& options = {}) && {
    return run(options, std::move(f));
  }
  // value = f(value, item) over all items.
  template <class S, class F>
  StreamResult<S> reduce(S initial, F f, const RunOptions& options = {}) && {
    StreamResult<S> result{std::move(initial), {}};
    result.report = run(options, [&](T& item) {
      if constexpr (std::is_invocable_v<F&, S&&, T&&>) {
        result.value = std::invoke(f, std::move(result.value), std::move(item));
      } else {
        result.value = std::invoke(f, std::move(result.value), item);
      }
    });
    return result;
  }
  // The first item, and no more is asked for; nothing when there is none.
  StreamResult<std::optional<T>> first(const RunOptions& options = {}) && {
    StreamResult<std::optional<T>> result;
    result.report =
        std::move(*this).take(1).for_each([&](T& item) { result.value = std::move(item); }, options);
    return result;
  }
  StreamResult<std::uint64_t> count(const RunOptions& options = {}) && {
    StreamResult<std::uint64_t> result;
    result.report = run(options, [&](T&) { ++result.value; });
    return result;
  }
  // Into a channel, waiting for room; fails when nobody listens there any more. Does not close the sender.
  template <class Sender>
  StreamReport send_to(Sender& sender, const RunOptions& options = {}) && {
    return run(options, [&](T& item) -> Result<void> {
      const Sent sent = sender.send(std::move(item), options.cancel);
      if (sent || sent.why() == Why::stopped) { return {}; }
      return failed("", fmt::format("the channel takes no more: {}", to_string(sent.why())));
    });
  }
  // Into a graph, block by block: `input` has Result<void> trigger(const T&), as Engine and the pipelines
  // have.
  template <class Input>
  StreamReport into(Input& input, const RunOptions& options = {}) && {
    return run(options, [&input](T& item) -> Result<void> { return input.trigger(item); });
  }
  // A text file, one line an item: f(const T&) -> a text without line feed. A checkpoint takes it back to
  // where it stood.
  template <class F>
  StreamReport write_lines(std::filesystem::path path, F f, LinesOptions lines = {},
                           const RunOptions& options = {}) && {
    LinesFile file(std::move(path), lines);
    const auto write = [&](T& item) { return file.write(std::invoke(f, std::as_const(item))); };
    StreamReport report = run_stages<T>(taken(), options, write, &file, "write_lines");
    if (auto closed = file.close(); !closed && report.ok()) {
      report.ended = StreamEnd::failed;
      report.error = StreamError{"write_lines", report.items, closed.error()};
    }
    return report;
  }

  // --- the names of the original design
  template <class Source>
  static Stream start(Source&& source);  // from_range() for ranges, or a stream as it is
  template <StreamTransformer<T> F>
  auto add(F stage) && {
    return std::invoke(std::move(stage), std::move(*this));
  }
  StreamReport execute(const RunOptions& options = {}) && {
    return run(options, [](T&) {});
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
  template <class F>
  StreamReport run(const RunOptions& options, F&& f) {
    return run_stages<T>(taken(), options, std::forward<F>(f));
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
auto operator|(Stream<T> stream, F stage) {
  return std::invoke(std::move(stage), std::move(stream));
}

// A stage that has no stream before it yet. Two of them with | between make one.
template <class F>
struct Operator {
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
