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
// What an operator keeps of an argument that it was given as A&&.
template <class A>
std::decay_t<A> keep(std::remove_reference_t<A>& argument) {
  if constexpr (std::is_constructible_v<std::decay_t<A>, A>) {
    return static_cast<std::decay_t<A>>(static_cast<A&&>(argument));
  } else {
    return std::move(argument);
  }
}
// Can an operator keep this argument? Not one that cannot be copied and was not moved.
template <class A>
constexpr bool kCanBeKept = std::is_constructible_v<std::decay_t<A>, A>;

}  // namespace detail

// A member of Stream<T> as an operator. What it is given as a reference (std::ref) it is given again each time.
#define SL_STREAM_OPERATOR(member)                                                               \
  template <class... A>                                                                          \
  auto member(A&&... arguments) {                                                                \
    static_assert((detail::kCanBeKept<A> && ...),                                                \
                  #member "() takes its argument for good: write std::move(argument)");          \
    return Operator{[... kept = detail::keep<A>(arguments)]<class T>(Stream<T> stream) mutable { \
      return std::move(stream).member(detail::copy_or_move(kept)...);                            \
    }};                                                                                          \
  }
SL_STREAM_MEMBERS(SL_STREAM_OPERATOR)
#undef SL_STREAM_OPERATOR

}  // namespace streamlab::op
