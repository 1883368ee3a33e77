// tests/relacy/relacy_atomics.hpp
//
// The atomics of the model checker relacy, in the shape that the queues of engine/rt take as a parameter, and
// the same ones broken on purpose, each in one way. To be included before any header of engine/rt: a broken
// invariant (SL_ASSERT) is then reported by the checker like any other error.
#pragma once

// Everything standard comes first: relacy redefines words of the language.
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <iostream>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <streambuf>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <relacy/relacy.hpp>

#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef errno
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst

#include "engine/base/assert.hpp"

#undef SL_ASSERT
#define SL_ASSERT(condition, sentence) RL_ASSERT(condition)

namespace streamlab::relacy {

// relacy replaces the global operators new and delete by inline functions. Taking their addresses makes the
// compiler emit them, so that the standard library's own code, and sized delete, use them too; else memory is
// allocated with one and freed with the other once everything here has been inlined.
[[gnu::used]] inline void* (*const kUsedNew)(std::size_t) = &::operator new;
[[gnu::used]] inline void (*const kUsedDelete)(void*) noexcept = &::operator delete;

template <class T>
class CheckedAtomic {
 public:
  CheckedAtomic() : CheckedAtomic(T{}) {}
  explicit CheckedAtomic(T value) { value_.store(value, rl::mo_relaxed, $); }
  T load(rl::memory_order order) const { return value_.load(order, $); }
  void store(T value, rl::memory_order order) { value_.store(value, order, $); }
  T exchange(T value, rl::memory_order order) { return value_.exchange(value, order, $); }
  bool compare_exchange_strong(T& expected, T desired, rl::memory_order success, rl::memory_order failure) {
    return value_.compare_exchange_strong(expected, desired, success, $, failure, $);
  }

 private:
  rl::atomic<T> value_;
};

// A variable whose unordered accesses by two threads are an error.
template <class T>
class CheckedSlot {
 public:
  CheckedSlot() { write(T{}); }
  void write(const T& value) { value_($) = value; }
  T take() const { return value_($); }

 private:
  rl::var<T> value_;
};

// The same for the queue of engine/channel, which empties its places.
template <class T>
class CheckedCell {
 public:
  void fill(T&& value) { value_($) = std::move(value); }
  template <class Take>
  void empty_into(Take&& take) {
    T value = value_($);
    take(std::move(value));
  }

 private:
  rl::var<T> value_;
};

struct CheckedAtomics {
  template <class T>
  using Atomic = CheckedAtomic<T>;
  template <class T>
  using Cell = CheckedCell<T>;
  template <class T>
  using Slot = CheckedSlot<T>;
  static constexpr rl::memory_order relaxed = rl::mo_relaxed;
  static constexpr rl::memory_order acquire = rl::mo_acquire;
  static constexpr rl::memory_order release = rl::mo_release;
  static constexpr rl::memory_order acq_rel = rl::mo_acq_rel;
};

// ---- Broken on purpose: the checker must notice each. ----------------------------------------------------

// Stores that should publish do not.
struct WithoutRelease : CheckedAtomics {
  static constexpr rl::memory_order release = rl::mo_relaxed;
};

// Loads that should see what was published do not.
struct WithoutAcquire : CheckedAtomics {
  static constexpr rl::memory_order acquire = rl::mo_relaxed;
};

// Exchanges that should do both do neither.
struct WithoutOrderOfExchange : CheckedAtomics {
  static constexpr rl::memory_order acquire = rl::mo_relaxed;
  static constexpr rl::memory_order acq_rel = rl::mo_relaxed;
};

// Compare, then store: what a compare-exchange is there to avoid.
template <class T>
class TornExchangeAtomic : public CheckedAtomic<T> {
 public:
  using CheckedAtomic<T>::CheckedAtomic;
  bool compare_exchange_strong(T& expected, T desired, rl::memory_order, rl::memory_order) {
    const T now = this->load(rl::mo_acquire);
    if (now != expected) {
      expected = now;
      return false;
    }
    this->store(desired, rl::mo_release);
    return true;
  }
};
struct TornExchange : CheckedAtomics {
  template <class T>
  using Atomic = TornExchangeAtomic<T>;
};

// ---- Running a model -------------------------------------------------------------------------------------

// Takes the report of the checker. It has a fixed size because the checker replaces operator new while a
// model runs: a stream that grows would allocate with one and free with the other.
class Report : public std::streambuf {
 public:
  Report() { setp(text_.data(), text_.data() + text_.size()); }
  std::string_view text() const { return {pbase(), static_cast<std::size_t>(pptr() - pbase())}; }

 private:
  std::array<char, 65536> text_{};
};

struct Verdict {
  bool correct = false;
  std::string report;  // the history of the first wrong execution, as far as there is room
};

// Tries `executions` random schedules of Model, with every outcome of each load that the memory model allows.
template <class Model>
Verdict check(rl::iteration_t executions) {
  const auto report = std::make_unique<Report>();
  std::ostream output(report.get());
  rl::test_params parameters;
  parameters.iteration_count = executions;
  parameters.output_stream = &output;
  parameters.progress_stream = &output;
  const bool correct = rl::simulate<Model>(parameters);
  return {correct, std::string(report->text())};
}

}  // namespace streamlab::relacy
