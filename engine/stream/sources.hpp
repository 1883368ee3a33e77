// engine/stream/sources.hpp
//
// Where streams begin.
//
//   from_range(range)        the elements of a range; one that is given as an lvalue must outlive the stream
//   from_function(f)         f() -> optional<T>, until it gives nothing; Result<optional<T>> may fail
//   from_generator(g)        what a coroutine gives with co_yield
//   from_receiver(receiver)  what comes out of a channel, or of a graph
//   timer(period)            0, 1, 2, … in time
//
// A graph's output: StreamingEngine::output() (engine/run). A sound file: frames_of() (nodes/sources).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

#include "engine/channel/outcome.hpp"
#include "engine/stream/stages/source.hpp"
#include "engine/stream/stream.hpp"

namespace streamlab {

// Elements of a container that is moved in are given as they lie there; of any other they are copied.
template <std::ranges::input_range Range>
auto from_range(Range&& range) {
  if constexpr (std::is_lvalue_reference_v<Range> && !std::ranges::view<std::remove_cvref_t<Range>>) {
    using View = std::ranges::ref_view<std::remove_reference_t<Range>>;
    return Stream<std::ranges::range_value_t<View>>(std::make_unique<stages::RangeSource<View>>(View(range)));
  } else {
    using Own = std::remove_cvref_t<Range>;
    return Stream<std::ranges::range_value_t<Own>>(
        std::make_unique<stages::RangeSource<Own>>(std::forward<Range>(range)));
  }
}

namespace detail {
template <class X>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class F>
constexpr bool gives_optional() {
  if constexpr (std::is_invocable_v<F&>) {
    return IsOptional<typename Unwrapped<std::invoke_result_t<F&>>::Type>::value;
  } else {
    return false;
  }
}
}  // namespace detail

template <class F>
auto from_function(F f) {
  static_assert(detail::gives_optional<F>(),
                "from_function(f): f() gives a std::optional, empty at the end, or a Result of one");
  if constexpr (detail::gives_optional<F>()) {
    using T = typename detail::Unwrapped<std::invoke_result_t<F&>>::Type::value_type;
    return Stream<T>(std::make_unique<stages::FunctionSource<T, F>>(std::move(f)));
  } else {
    return Stream<int>(std::make_unique<UsedUp<int>>());
  }
}

template <class G>
auto from_generator(G&& generator) {
  using T = typename detail::TakenType<G>::value_type;
  return Stream<T>(std::make_unique<stages::GeneratorSource<T>>(detail::take(generator)));
}

template <class R>
auto from_receiver(R&& receiver) {
  using Taken = detail::TakenType<R>;
  return Stream<typename Taken::value_type>(
      std::make_unique<stages::ReceiverSource<Taken>>(detail::take(receiver)));
}

// Ticks by the clock of the run; `period` above 0.
inline Stream<std::uint64_t> timer(std::chrono::nanoseconds period) {
  return Stream<std::uint64_t>(std::make_unique<stages::TimerSource>(period));
}

template <class T>
template <class Source>
Stream<T> Stream<T>::start(Source&& source) {
  if constexpr (IsStream<std::remove_cvref_t<Source>>::value) {
    return std::forward<Source>(source);
  } else {
    return from_range(std::forward<Source>(source));
  }
}

}  // namespace streamlab
