// engine/stream/operators.hpp
//
// The stages and ends of Stream<T> as values of their own, for use with |. A chain of them is one too, can be
// kept, and makes the same stages again for every stream it is used with; what cannot be copied (a sender, a
// stream to join) is used up by the first.
//
//   using namespace streamlab::op;
//   auto loud = map(level) | filter([](double db) { return db > -40.0; });
//   auto a = from_range(first) | loud | collect();
//   auto b = from_range(second) | loud | count();
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>

#include "engine/stream/stream.hpp"

namespace streamlab::op {

namespace detail {

template <class A>
A copy_or_move(A& argument) {
  if constexpr (std::is_copy_constructible_v<A>) {
    return argument;
  } else {
    return std::move(argument);
  }
}

}  // namespace detail

// A member of Stream<T> as an operator. A macro, since a member's name cannot be a template's parameter.
#define SL_STREAM_OPERATOR(member)                                                              \
  template <class... A>                                                                         \
  auto member(A... arguments) {                                                                 \
    return Operator{[... arguments = std::move(arguments)]<class T>(Stream<T> stream) mutable { \
      return std::move(stream).member(detail::copy_or_move(arguments)...);                      \
    }};                                                                                         \
  }

SL_STREAM_OPERATOR(map)
SL_STREAM_OPERATOR(filter)
SL_STREAM_OPERATOR(flat_map)
SL_STREAM_OPERATOR(scan)
SL_STREAM_OPERATOR(take)
SL_STREAM_OPERATOR(skip)
SL_STREAM_OPERATOR(take_while)
SL_STREAM_OPERATOR(distinct)
SL_STREAM_OPERATOR(distinct_by)
SL_STREAM_OPERATOR(batch)
SL_STREAM_OPERATOR(with)
SL_STREAM_OPERATOR(circuit_breaker)
SL_STREAM_OPERATOR(parallel_map)
SL_STREAM_OPERATOR(buffer)
SL_STREAM_OPERATOR(rate_limit)
SL_STREAM_OPERATOR(throttle)
SL_STREAM_OPERATOR(debounce)
SL_STREAM_OPERATOR(sample)
SL_STREAM_OPERATOR(conflate)
SL_STREAM_OPERATOR(timeout)
SL_STREAM_OPERATOR(checkpoint)
SL_STREAM_OPERATOR(window)
SL_STREAM_OPERATOR(window_by)
SL_STREAM_OPERATOR(window_for)
SL_STREAM_OPERATOR(window_by_session)
SL_STREAM_OPERATOR(group_by)
SL_STREAM_OPERATOR(zip)
SL_STREAM_OPERATOR(merge)
SL_STREAM_OPERATOR(concat)
SL_STREAM_OPERATOR(join_by)
SL_STREAM_OPERATOR(join_by_time)
SL_STREAM_OPERATOR(join_latest)
SL_STREAM_OPERATOR(tee)
SL_STREAM_OPERATOR(named)
SL_STREAM_OPERATOR(collect)
SL_STREAM_OPERATOR(for_each)
SL_STREAM_OPERATOR(reduce)
SL_STREAM_OPERATOR(first)
SL_STREAM_OPERATOR(count)
SL_STREAM_OPERATOR(write_lines)
SL_STREAM_OPERATOR(execute)

#undef SL_STREAM_OPERATOR

}  // namespace streamlab::op
