// engine/stream/stages/join_by_time.hpp
//
// join_by_time(other, time_left, time_right, tolerance, max_waiting): every item of the left with the item of
// the right that is nearest in time, and no further than `tolerance`.
//
// Of two at the same distance it is the earlier. An item of the right may come with several of the left, or
// with none. Both sides are in order of time; an item whose time goes back, and one of the right with the
// time of that before it, is left out. What was left out or found no partner is counted as dropped.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "engine/stream/fifo.hpp"
#include "engine/stream/stages/calls.hpp"
#include "engine/stream/stages/two.hpp"

namespace streamlab::stages {

// Asks for what the oldest of the left needs to be decided; while that side has nothing, the other is asked
// ahead for up to `max_waiting` items. Ends as soon as nothing can match any more. O(max_waiting).
template <class T, class U, class TimeLeft, class TimeRight>
class JoinByTime final : public TwoInputs<T, U, std::pair<T, U>> {
 public:
  static_assert(std::copy_constructible<U>, "an item of the right may come with several of the left");

  JoinByTime(StagePtr<T> left, StagePtr<U> right, TimeLeft time_left, TimeRight time_right,
             std::int64_t tolerance, std::size_t max_waiting)
      : TwoInputs<T, U, std::pair<T, U>>("join_by_time", std::move(left), std::move(right)),
        a_(std::move(time_left)),
        b_(std::move(time_right)),
        tolerance_(tolerance),
        max_waiting_(max_waiting) {
    if (tolerance < 0 || tolerance > kTimeLimit) {
      this->refuse(fmt::format("a join with a tolerance of {} can match nothing", tolerance),
                   fmt::format("0 .. {}", kTimeLimit));
    }
    if (max_waiting == 0) {
      this->refuse("a join in which no item may wait for its partner", "max_waiting of 1 or more");
    }
  }

 protected:
  Poll poll(StreamRun& run, std::pair<T, U>*& pair) override {
    while (true) {
      forget_right();
      if (!a_.waiting.empty() && is_decided()) {
        if (give(pair)) { return Poll::item; }
        continue;
      }
      if (nothing_can_match()) { return end(); }
      const bool needs_left = a_.waiting.empty();
      Poll answer = needs_left ? ask(run, *this->left_, a_, Equal::keep)
                               : ask(run, *this->right_, b_, Equal::leave_out);
      if (answer == Poll::pending) {
        if (needs_left && !b_.over && b_.waiting.size() < max_waiting_) {
          answer = ask(run, *this->right_, b_, Equal::leave_out);
        } else if (!needs_left && !a_.over && a_.waiting.size() < max_waiting_) {
          answer = ask(run, *this->left_, a_, Equal::keep);
        }
      }
      if (answer == Poll::pending || this->is_fatal(answer)) { return answer; }
    }
  }

 private:
  template <class X>
  struct Timed {
    std::int64_t time;
    X item;
    bool used = false;
  };
  template <class X, class TimeOf>
  struct Side {
    explicit Side(TimeOf f) : time_of(std::move(f)) {}
    TimeOf time_of;
    Fifo<Timed<X>> waiting;
    std::optional<std::int64_t> newest;
    bool over = false;
  };

  enum class Equal : std::uint8_t { keep, leave_out };  // items with the time of that before

  // Takes one item in. Poll::ended when the side has ended; Poll::item when one came.
  template <class X, class S>
  Poll ask(StreamRun& run, Stage<X>& upstream, S& side, Equal equal) {
    X* item = nullptr;
    const Poll answer = upstream.next(run, item);
    if (answer == Poll::ended) { side.over = true; }
    if (answer != Poll::item) { return answer; }
    const auto time =
        time_of_item(side.time_of, std::as_const(*item), run, this->stats_, upstream.stats().out - 1);
    if (!time) { return Poll::failed; }
    const std::int64_t reach = equal == Equal::keep ? 0 : 1;
    if (side.newest && *time < *side.newest + reach) {
      ++this->stats_.dropped;
      return answer;
    }
    side.newest = time;
    side.waiting.push_back({*time, std::move(*item)});
    return answer;
  }

  // Those of the right that are nearest to nothing that follows on the left: all but the last of those that
  // are not after the oldest of the left.
  void forget_right() {
    if (a_.waiting.empty()) { return; }
    const std::int64_t time = a_.waiting.front().time;
    while (b_.waiting.size() > 1 && b_.waiting[1].time <= time) { drop_right(); }
  }
  void drop_right() {
    this->stats_.dropped += b_.waiting.front().used ? 0 : 1;
    b_.waiting.drop_front(1);
  }

  // Is it known what comes with the oldest of the left, if anything?
  bool is_decided() { return b_.over || (b_.newest && *b_.newest >= a_.waiting.front().time); }

  // After forget_right() that is one of the first two.
  bool give(std::pair<T, U>*& pair) {
    const std::int64_t time = a_.waiting.front().time;
    Timed<U>* nearest = nullptr;
    for (std::size_t i = 0; i < b_.waiting.size() && i < 2; ++i) {
      if (nearest == nullptr || distance(b_.waiting[i].time, time) < distance(nearest->time, time)) {
        nearest = &b_.waiting[i];
      }
    }
    if (nearest == nullptr || distance(nearest->time, time) > tolerance_) {
      a_.waiting.drop_front(1);
      ++this->stats_.dropped;
      return false;
    }
    nearest->used = true;
    slot_.emplace(std::move(a_.waiting.front().item), nearest->item);
    a_.waiting.drop_front(1);
    pair = &*slot_;
    return true;
  }
  static std::int64_t distance(std::int64_t a, std::int64_t b) { return a > b ? a - b : b - a; }

  bool nothing_can_match() {
    if (a_.over && a_.waiting.empty()) { return true; }
    if (!b_.over || !a_.waiting.empty()) { return false; }
    // The next of the left is no earlier than the newest was.
    return b_.waiting.empty() || (a_.newest && *a_.newest - *b_.newest > tolerance_);
  }
  Poll end() {
    while (!b_.waiting.empty()) { drop_right(); }
    return Poll::ended;
  }

  Side<T, TimeLeft> a_;
  Side<U, TimeRight> b_;
  const std::int64_t tolerance_;
  const std::size_t max_waiting_;
  std::optional<std::pair<T, U>> slot_;
};

}  // namespace streamlab::stages
