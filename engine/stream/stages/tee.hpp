// engine/stream/stages/tee.hpp
//
// tee(n, depth, policy): n streams over one. Every one of them gets every item, and may be run on a thread of
// its own.
//
// There is no thread in between: the stream that has nothing left asks what is before the tee, keeps what it
// gets, and puts a copy into the queue of every other. A queue holds at most `depth` items. The policy says
// what happens when one is full:
//   block        nobody asks until there is room: the fastest stream waits for the slowest
//   drop_oldest  the oldest item in the full queue makes room    } counted as dropped, by the stream
//   drop_buffer  all items in it make room                   }
//   drop_newest  the full queue does not get the new item        } that does not get it
//   latest       drop_oldest with room for one
//   fail         the stream with the full queue fails once it has had what is in the queue
// A stream that has ended, was given up or was destroyed is no longer waited for; one that nobody runs is.
// When what is before the tee ends or fails, all streams learn it after what is in their queues. Draining any
// of the streams ends the sources that they share; cancelling one of them leaves the others alone. What
// stands before the tee is in the report of the stream that is through last.
//
// Threads: `mutex` guards all of TeeState but `upstream`, which belongs to the thread that has set `asking`.
// The mutex is not held while upstream is asked: who comes meanwhile answers "pending" and is woken by the
// one who asks.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/base/overflow_policy.hpp"
#include "engine/channel/wake_list.hpp"
#include "engine/stream/fifo.hpp"
#include "engine/stream/stage.hpp"

namespace streamlab::stages {

// What the streams of one tee share.
template <class T>
struct TeeState {
  struct Branch {
    Fifo<T> queue;
    std::uint64_t lost = 0;   // not yet in the branch's own count
    bool overflowed = false;  // with OverflowPolicy::fail
    bool alive = true;
    std::unique_ptr<StreamRun> run;  // what it asks upstream with; threads of stages there go on using it
  };

  TeeState(StagePtr<T> before, std::size_t n, std::size_t queue_depth, OverflowPolicy overflow)
      : depth(overflow == OverflowPolicy::latest ? 1 : queue_depth),
        policy(overflow),
        branches(n),
        alive(n),
        upstream(std::move(before)) {}

  // With `mutex` held.
  bool someone_is_full() const {
    for (const Branch& branch : branches) {
      if (branch.alive && branch.queue.size() >= depth) { return true; }
    }
    return false;
  }
  void put(Branch& branch, const T& item) {
    if (!branch.alive || branch.overflowed) { return; }
    if (branch.queue.size() < depth) {
      branch.queue.push_back(item);
      return;
    }
    switch (policy) {
      case OverflowPolicy::block:
        break;  // nobody asks then
      case OverflowPolicy::drop_newest:
        ++branch.lost;
        break;
      case OverflowPolicy::fail:
        ++branch.lost;
        branch.overflowed = true;
        break;
      case OverflowPolicy::drop_oldest:
      case OverflowPolicy::latest:
        ++branch.lost;
        branch.queue.drop_front(1);
        branch.queue.push_back(item);
        break;
      case OverflowPolicy::drop_buffer:
        branch.lost += branch.queue.size();
        branch.queue.clear();
        branch.queue.push_back(item);
        break;
    }
  }

  const std::size_t depth;
  const OverflowPolicy policy;
  std::stop_source drain;
  WakeList changed;  // anything below has changed
  WakeList asked;    // upstream was asked and had nothing

  std::mutex mutex;
  std::vector<Branch> branches;
  std::size_t alive;
  std::optional<Result<void>> started;
  bool asking = false;
  Poll over = Poll::item;            // upstream's last answer
  std::optional<StreamError> error;  // with Poll::failed
  const StagePtr<T> upstream;        // last: its threads end before the runs above go
};

template <class T>
class Tee final : public Stage<T> {
 public:
  static_assert(std::copy_constructible<T>, "every stream of a tee gets a copy of its own");

  Tee(std::shared_ptr<TeeState<T>> state, std::size_t number)
      : Stage<T>("tee"), state_(std::move(state)), number_(number) {
    if (state_->depth == 0) { this->refuse("a tee with room for 0 items", "a depth of 1 or more"); }
  }
  ~Tee() override { leave(); }

  void for_each_upstream(const std::function<void(StageBase&)>& visit) override {
    if (was_last_) { visit(*state_->upstream); }  // no other thread asks it any more
  }
  Result<void> start(StreamRun& run) override {
    if (auto ok = StageBase::start(run); !ok) { return ok; }
    const std::lock_guard lock(state_->mutex);
    auto& own = state_->branches[number_];
    own.run = std::make_unique<StreamRun>(run, StreamRun::Within{state_->drain.get_token()});
    inner_ = own.run.get();
    if (!state_->started) {
      state_->started = state_->upstream->start(*inner_);
      if (!*state_->started) { keep_error(run); }
    } else if (!*state_->started) {
      run.fail(state_->error->stage, state_->error->item, state_->error->error);
    }
    return *state_->started;
  }
  void halt(StreamRun&) noexcept override { leave(); }

 protected:
  Poll poll(StreamRun& run, T*& item) override {
    if (run.cancelled()) { return Poll::cancelled; }
    if (run.draining()) { state_->drain.request_stop(); }
    TeeState<T>& tee = *state_;
    std::unique_lock lock(tee.mutex);
    typename TeeState<T>::Branch& own = tee.branches[number_];
    while (true) {
      this->stats_.dropped += std::exchange(own.lost, 0);
      if (!own.queue.empty()) {
        const bool was_full = own.queue.size() >= tee.depth;
        slot_.emplace(own.queue.pop_front());
        lock.unlock();
        if (was_full && tee.policy == OverflowPolicy::block) { tee.changed.fire(); }
        item = &*slot_;
        return Poll::item;
      }
      if (own.overflowed) {
        lock.unlock();
        return run.fail(this->stats_.name, this->stats_.out,
                        Error{ErrorCode::failed, "", "the stream fell behind the others of its tee",
                              fmt::format("{} items behind at the most", tee.depth),
                              "a larger depth, or another overflow policy"});
      }
      if (tee.over == Poll::failed) { return run.fail(tee.error->stage, tee.error->item, tee.error->error); }
      if (tee.over != Poll::item) { return tee.over; }
      if (tee.asking) {
        tee.asked.arm(run.signal());
        tee.changed.arm(run.signal());
        return Poll::pending;
      }
      if (tee.policy == OverflowPolicy::block && tee.someone_is_full()) {
        tee.changed.arm(run.signal());
        return Poll::pending;
      }
      if (const auto answer = ask(run, lock, item)) { return *answer; }
    }
  }

 private:
  // Asks upstream. Nothing, with the mutex held again, when upstream is over.
  std::optional<Poll> ask(StreamRun& run, std::unique_lock<std::mutex>& lock, T*& item) {
    TeeState<T>& tee = *state_;
    tee.asking = true;
    lock.unlock();
    inner_->begin_question();
    inner_->choose_timing();
    T* given = nullptr;
    const Poll answer = tee.upstream->next(*inner_, given);
    lock.lock();
    tee.asking = false;
    if (answer == Poll::pending) {
      tee.changed.arm(run.signal());
      run.wake_at(inner_->wake_time());
      lock.unlock();
      tee.asked.fire();  // who came meanwhile has to ask, too, to be woken by what upstream waits for
      return Poll::pending;
    }
    if (answer == Poll::item) {
      for (std::size_t i = 0; i < tee.branches.size(); ++i) {
        if (i != number_) { tee.put(tee.branches[i], *given); }
      }
      slot_.emplace(std::move(*given));
      item = &*slot_;
    } else {
      tee.over = answer;
      if (answer == Poll::failed) { keep_error(run); }
    }
    lock.unlock();
    tee.changed.fire();
    if (answer == Poll::item) { return answer; }
    lock.lock();
    return std::nullopt;
  }

  // With the mutex held: for the other streams, which have stores of their own.
  void keep_error(StreamRun& run) {
    const std::lock_guard lock(run.shared()->mutex);
    state_->error = run.shared()->error;
  }

  void leave() noexcept {
    if (left_) { return; }
    left_ = true;
    StreamRun* run = inner_;
    {
      const std::lock_guard lock(state_->mutex);
      auto& own = state_->branches[number_];
      own.alive = false;
      this->stats_.dropped += std::exchange(own.lost, 0);
      own.queue.clear();
      was_last_ = --state_->alive == 0;
      for (auto& branch : state_->branches) { run = run == nullptr ? branch.run.get() : run; }
    }
    state_->changed.fire();
    state_->asked.fire();
    if (was_last_ && run != nullptr) { state_->upstream->halt(*run); }  // some branch has started it
  }

  const std::shared_ptr<TeeState<T>> state_;
  const std::size_t number_;
  StreamRun* inner_ = nullptr;  // what upstream is asked with: that of the branch
  std::optional<T> slot_;
  bool left_ = false;
  bool was_last_ = false;
};

// What a tee of no streams gives.
template <class T>
class RefusedTee final : public Source<T> {
 public:
  RefusedTee() : Source<T>("tee") { this->refuse("a tee of 0 streams", "1 or more"); }

 protected:
  Poll produce(StreamRun&, T*&) override { return Poll::ended; }
};

}  // namespace streamlab::stages
