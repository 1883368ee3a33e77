// engine/stream/names.hpp
//
// Other names for what streams are made of, for readers who know them by these. docs/streams.md has the
// table.
#pragma once

#include <type_traits>

#include "engine/stream/operators.hpp"
#include "engine/stream/sources.hpp"
#include "engine/stream/stream.hpp"

namespace streamlab {

// StreamingPipeline<T>::start(range or stream).add(stage).map(…).execute_to_vector()
template <class T>
using StreamingPipeline = Stream<T>;

// An end: takes a stream for good and gives a report, or a value with one. op::collect(), op::reduce(…), …
template <class F, class T>
concept StreamCollector = StreamTransformer<F, T> && !IsStream<std::invoke_result_t<F, Stream<T>>>::value;

}  // namespace streamlab
