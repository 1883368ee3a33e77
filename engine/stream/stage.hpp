// engine/stream/stage.hpp
//
// Stage<T>: one step of a stream, as the step behind it sees it: something that gives items of T when asked.
// Source<T>: a stage with nothing before it. Step<T, U>: a stage that takes T from one stage and gives U.
//
// Not for users of streams, who meet Stream<T>; for those who write a new operator. A stage is asked by one
// thread at a time. It answers as StreamRun says, and after "ended", "failed" or "cancelled" is not asked
// again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/byte_codec.hpp"
#include "engine/stream/stream_run.hpp"

namespace streamlab {

// A number that one thread at a time counts and any thread may read meanwhile.
//   (1) the counting thread stores (release); it alone reads its own number relaxed.
//   (2) another thread loads (acquire). It then sees everything the counting thread counted before (1): a
//       thread that reads a stage before the stages upstream of it never finds that more came out than went in.
class Count {
 public:
  Count(std::uint64_t value = 0) noexcept : value_(value) {}  // NOLINT(google-explicit-constructor): a number
  Count(const Count& other) noexcept : value_(other) {}
  Count& operator=(const Count& other) noexcept {
    value_.store(other, std::memory_order_release);
    return *this;
  }
  Count& operator+=(std::uint64_t more) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + more, std::memory_order_release);  // (1)
    return *this;
  }
  Count& operator++() noexcept { return *this += 1; }
  operator std::uint64_t() const noexcept {         // NOLINT(google-explicit-constructor): a number
    return value_.load(std::memory_order_acquire);  // (2)
  }

 private:
  std::atomic<std::uint64_t> value_;
};

// What a stage has counted. `out` and the time are counted by Stage::next(), the rest by the stage itself. The
// name does not change while the stage runs.
struct StageStats {
  std::string name;
  Count out;
  Count failed;
  Count retried;
  Count dropped;
  Count time_with_upstream_ns;
};

class StageBase {
 public:
  explicit StageBase(std::string name) { stats_.name = std::move(name); }
  virtual ~StageBase() = default;
  StageBase(const StageBase&) = delete;
  StageBase& operator=(const StageBase&) = delete;

  StageStats& stats() noexcept { return stats_; }
  const StageStats& stats() const noexcept { return stats_; }
  // Any thread, also while the stage runs: what it has counted so far, that of its own threads included.
  virtual StageStats counted() const { return stats_; }
  // Any thread: the part of its time with upstream that was spent in streams that it runs by itself.
  virtual std::uint64_t inner_time_ns() const noexcept { return 0; }
  // After halt(): what the streams have counted that the stage ran by itself, one after the other (flat_map).
  virtual std::vector<StageReport> inner_reports() const { return {}; }

  // The stages that this one asks, in order.
  virtual void for_each_upstream(const std::function<void(StageBase&)>& visit) = 0;
  // Does this stage ask them on a thread of its own?
  virtual bool has_own_thread() const noexcept { return false; }
  // Does this stage keep the state of the end, too? Such a stage cannot stand in a stream within a stream.
  virtual bool is_checkpoint() const noexcept { return false; }

  // Before the first question, from the end upwards. Refused when the stage was given numbers out of range.
  virtual Result<void> start(StreamRun& run);
  // After the last answer: threads of the stages are joined, so that everything can be read; notes for the
  // report.
  virtual void halt(StreamRun& run) noexcept;

  // After a run that came to its end well, and whose end has everything.
  virtual Result<void> complete() { return {}; }

  // --- checkpoints, see checkpoint.hpp: called between two items only.
  // Name and sizes: what must be the same for a checkpoint to fit.
  virtual std::string signature() const { return stats_.name; }
  // Writes what the stage holds; refused by those that cannot.
  virtual Result<void> save(ByteWriter& to) const;
  // What those answer whose save() would write values of a type that is not Storable.
  Result<void> refuse_to_save(std::string_view what) const;
  virtual Result<void> load(ByteReader& from);

 protected:
  // For constructors, which cannot fail: start() will.
  void refuse(std::string what, std::string expected, std::string hint = {});

  StageStats stats_;

 private:
  std::optional<Error> refusal_;
};

namespace detail {

inline Error thrown(const char* what) {
  return Error{ErrorCode::failed, "", std::string("the function threw: ") + what, "", ""};
}

// Calls `body()`, which gives a Poll. What it throws ends the run as failed: an exception of a user's type or function
// for which no stage has a strategy.
template <class Body>
Poll without_throwing(StreamRun& run, const StageStats& stats, Body&& body) {
  const auto fail = [&](const char* what) {
    return run.fail(stats.name, stats.out,
                    Error{ErrorCode::failed, "", std::string("the stage threw: ") + what, "", ""});
  };
  try {
    return std::forward<Body>(body)();
  } catch (const std::exception& e) { return fail(e.what()); } catch (...) {
    return fail("something that is no std::exception");
  }
}

}  // namespace detail

template <class T>
class Stage : public StageBase {
 public:
  using value_type = T;
  using StageBase::StageBase;

  // The next item. `item` then points into this stage; it may be changed and moved from, and is there until
  // the next question.
  Poll next(StreamRun& run, T*& item) {
    if (over_ != Poll::item) [[unlikely]] { return over_; }
    const Poll answer = detail::without_throwing(
        run, stats_, [&] { return run.timing_weight() == 0 ? poll(run, item) : timed_poll(run, item); });
    if (answer == Poll::item) [[likely]] {
      ++stats_.out;
    } else if (answer != Poll::pending) {
      over_ = answer;
    }
    return answer;
  }

 protected:
  virtual Poll poll(StreamRun& run, T*& item) = 0;

 private:
  Poll timed_poll(StreamRun& run, T*& item) {
    const auto begin = std::chrono::steady_clock::now();
    const Poll answer = poll(run, item);
    const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - begin;
    stats_.time_with_upstream_ns += static_cast<std::uint64_t>(took.count()) * run.timing_weight();
    return answer;
  }

  Poll over_ = Poll::item;  // the answer that ended it
};

template <class T>
using StagePtr = std::unique_ptr<Stage<T>>;

// A stage with nothing before it: gives up when the run is cancelled, and ends when it is drained, unless it
// has something inside that is to come out first.
template <class T>
class Source : public Stage<T> {
 public:
  using Stage<T>::Stage;
  void for_each_upstream(const std::function<void(StageBase&)>&) override {}

 protected:
  Poll poll(StreamRun& run, T*& item) final {
    if (run.cancelled()) [[unlikely]] { return Poll::cancelled; }
    if (run.draining()) [[unlikely]] { return drain(run, item); }
    return produce(run, item);
  }
  virtual Poll produce(StreamRun& run, T*& item) = 0;
  virtual Poll drain(StreamRun&, T*&) { return Poll::ended; }
};

// A stage behind one other. For checkpoints it holds nothing between two items, unless it overrides save()
// and load().
template <class T, class U>
class Step : public Stage<U> {
 public:
  Step(std::string name, StagePtr<T> upstream) : Stage<U>(std::move(name)), upstream_(std::move(upstream)) {}
  void for_each_upstream(const std::function<void(StageBase&)>& visit) override { visit(*upstream_); }
  Result<void> save(ByteWriter&) const override { return {}; }
  Result<void> load(ByteReader&) override { return {}; }

 protected:
  // Number of the item that upstream gave last, from 0.
  std::uint64_t item_number() const noexcept { return upstream_->stats().out - 1; }

  StagePtr<T> upstream_;
};

// Every stage from the sources down to `stage`, in the direction of flow.
void visit_in_flow_order(StageBase& stage, const std::function<void(StageBase&)>& visit);

// The stages of a run, and which of them asks which.
class StageMap {
 public:
  // As the stages stand when it is made.
  explicit StageMap(StageBase& last) { add(last); }

  // Any thread, for as long as the stages are there. What they have counted, in the direction of flow.
  std::vector<StageReport> reports() const;
  // The same with what lies within the stages. After halt().
  std::vector<StageReport> all_reports() const;

 private:
  struct Entry {
    const StageBase* stage;
    std::vector<std::size_t> upstreams;  // places in entries_
  };
  std::size_t add(StageBase& stage);

  std::vector<Entry> entries_;  // in the direction of flow
};

}  // namespace streamlab
