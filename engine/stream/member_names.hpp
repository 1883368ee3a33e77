// engine/stream/member_names.hpp
//
// SL_STREAM_MEMBERS(X): X(name) for every stage and every end of Stream<T>. A macro, since the name of a member
// cannot be the parameter of a template. Used by stream.hpp and operators.hpp. (Two more, send_to and into, are no
// operators: they take a reference.)
#pragma once

#define SL_STREAM_MEMBERS(X) \
  X(map)                     \
  X(filter)                  \
  X(flat_map)                \
  X(scan)                    \
  X(take)                    \
  X(skip)                    \
  X(take_while)              \
  X(distinct)                \
  X(distinct_by)             \
  X(batch)                   \
  X(with)                    \
  X(circuit_breaker)         \
  X(parallel_map)            \
  X(buffer)                  \
  X(rate_limit)              \
  X(throttle)                \
  X(debounce)                \
  X(sample)                  \
  X(conflate)                \
  X(timeout)                 \
  X(checkpoint)              \
  X(window)                  \
  X(window_by)               \
  X(window_for)              \
  X(window_by_session)       \
  X(group_by)                \
  X(zip)                     \
  X(merge)                   \
  X(concat)                  \
  X(join_by)                 \
  X(join_by_time)            \
  X(join_latest)             \
  X(tee)                     \
  X(named)                   \
  X(collect)                 \
  X(for_each)                \
  X(reduce)                  \
  X(first)                   \
  X(count)                   \
  X(write_lines)             \
  X(execute)                 \
  X(pull)
