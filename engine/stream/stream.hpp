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
// becomes the Error of its stage. Operators that need a header of their own (windows, joins, time, threads,
// checkpoints) stand in stages/ and are used with |.
#pragma once

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

#include "engine/stream/on_error.hpp"
#include "engine/stream/stage.hpp"
#include "engine/stream/stages/count.hpp"
#include "engine/stream/stages/map.hpp"
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
  // The stages so far; null when the stream was used up.
  StagePtr<T> take_stages() && { return std::move(last_); }

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
  // Into a channel, waiting for room; ends when nobody listens there any more. Does not close the sender.
  template <class Sender>
  StreamReport send_to(Sender& sender, const RunOptions& options = {}) &&;

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
