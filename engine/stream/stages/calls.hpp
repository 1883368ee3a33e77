// engine/stream/stages/calls.hpp
//
// How stages without an error strategy call the functions that users give them: what names the key or the
// time of an item. One that throws ends the run as failed.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "engine/stream/on_error.hpp"
#include "engine/stream/stage.hpp"
#include "engine/stream/stage_function.hpp"

namespace streamlab::stages {

// Calls `call()`. False, and the run has failed, when it threw.
template <class Call>
bool guarded(StreamRun& run, StageStats& stats, std::uint64_t item, Call&& call) {
  std::optional<Error> error;
  try {
    std::forward<Call>(call)();
    return true;
  } catch (const std::exception& e) { error = streamlab::detail::thrown(e.what()); } catch (...) {
    error = streamlab::detail::thrown("something that is no std::exception");
  }
  ++stats.failed;
  run.fail(stats.name, item, std::move(*error));
  return false;
}

// Times are integers of any unit (µs, samples) within ± kTimeLimit, and so are the lengths that are added to
// them: sums of two stay in range.
constexpr std::int64_t kTimeLimit = std::int64_t{1} << 61;

// A length of time in range, for constructors.
constexpr bool is_length(std::int64_t length) { return length > 0 && length <= kTimeLimit; }

// The time of an item by the user's function. Nothing, and the run has failed, when it threw or the time is
// out of range.
template <class TimeOf, class T>
std::optional<std::int64_t> time_of_item(TimeOf& time_of, const T& item, StreamRun& run, StageStats& stats,
                                         std::uint64_t number) {
  using Time = std::remove_cvref_t<std::invoke_result_t<TimeOf&, const T&>>;
  static_assert(std::integral<Time>, "the time of an item is an integer, of µs or of samples");
  Time time{};
  if (!guarded(run, stats, number, [&] { time = std::invoke(time_of, item); })) { return std::nullopt; }
  if (std::cmp_less(time, -kTimeLimit) || std::cmp_greater(time, kTimeLimit)) {
    ++stats.failed;
    run.fail(stats.name, number,
             Error{ErrorCode::failed, "", fmt::format("the time {} is out of range", time),
                   fmt::format("{} .. {}", -kTimeLimit, kTimeLimit), ""});
    return std::nullopt;
  }
  return static_cast<std::int64_t>(time);
}

}  // namespace streamlab::stages
