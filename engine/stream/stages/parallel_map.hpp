// engine/stream/stages/parallel_map.hpp
//
// parallel_map: map() by several threads. At most `concurrency` items are inside at any time, so that many
// may be asked of upstream before one comes out. Every item is given to f once (but for retries), whatever
// the order.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/rt/thread.hpp"
#include "engine/stream/attempt.hpp"
#include "engine/stream/stage.hpp"

namespace streamlab {

enum class Order : std::uint8_t {
  ordered,    // as the items came
  unordered,  // as they are done
};

namespace stages {

template <class T, class U, class F, class OnError>
class ParallelMap final : public Step<T, U> {
 public:
  ParallelMap(StagePtr<T> upstream, std::size_t concurrency, F f, Order order, OnError on_error)
      : Step<T, U>("parallel_map", std::move(upstream)), order_(order) {
    if (concurrency == 0 || concurrency > kMaxConcurrency) {
      this->refuse(fmt::format("parallel_map() with {} threads", concurrency),
                   fmt::format("1 .. {}", kMaxConcurrency));
      return;
    }
    jobs_ = std::vector<Job>(concurrency);
    for (std::size_t i = 0; i < concurrency; ++i) {
      workers_.push_back(std::make_unique<Worker>(f, copy(on_error)));
      free_.push_back(&jobs_[i]);
    }
  }
  ~ParallelMap() override { stop(); }

  Result<void> start(StreamRun& run) override {
    for (auto& worker : workers_) {
      worker->stats.name = this->stats_.name;
      if (auto ok = worker->attempt.check(); !ok) { this->refuse(ok.error().what, ok.error().expected); }
    }
    return Step<T, U>::start(run);
  }
  void halt(StreamRun& run) noexcept override {
    stop();
    StageBase::halt(run);
  }
  StageStats counted() const override {
    StageStats all = this->stats_;
    for (const auto& worker : workers_) {
      all.failed += worker->stats.failed;
      all.retried += worker->stats.retried;
      all.dropped += worker->stats.dropped;
    }
    return all;
  }
  Result<void> save(ByteWriter& to) const override { return StageBase::save(to); }
  Result<void> load(ByteReader& from) override { return StageBase::load(from); }

 protected:
  Poll poll(StreamRun& run, U*& item) override {
    if (!started_) {
      started_ = true;
      for (auto& worker : workers_) {
        auto thread = run.start_thread("stream map", stop_.get_token(),
                                       [this, &w = *worker](StreamRun& own) { work(own, w); });
        if (!thread) { return run.fail(this->stats_.name, 0, thread.error()); }
        threads_.push_back(std::move(*thread));
      }
    }
    if (given_ != nullptr) {
      free_.push_back(given_);
      given_ = nullptr;
    }
    while (true) {
      if (run.cancelled()) { return Poll::cancelled; }
      if (const Poll answer = take_in(run); answer == Poll::failed || answer == Poll::cancelled) {
        return answer;
      }
      Job* const job = next_done(run);
      if (job == nullptr) { return inside_ == 0 && upstream_over_ ? Poll::ended : Poll::pending; }
      --inside_;
      if (job->state == State::fatal) { return Poll::failed; }
      if (job->state == State::left_out) {
        free_.push_back(job);
        continue;
      }
      given_ = job;
      item = &*job->out;
      return Poll::item;
    }
  }

 private:
  static constexpr std::size_t kMaxConcurrency = 1024;

  enum class State : std::uint8_t { waiting, done, left_out, fatal };
  struct Job {
    std::optional<T> in;
    std::optional<U> out;
    std::uint64_t number = 0;
    State state = State::waiting;  // guarded by mutex_ until it is seen as not waiting
  };
  struct Worker {
    Worker(const F& f, OnError on_error) : attempt(F(f), std::move(on_error)) {}
    Attempt<T, F, OnError> attempt;
    StageStats stats;
  };

  static OnError copy(OnError& on_error) {
    if constexpr (std::is_copy_constructible_v<OnError>) {
      return on_error;
    } else {
      return OnError{on_error.sender.clone()};
    }
  }

  // Gives the workers as much as there is room for.
  Poll take_in(StreamRun& run) {
    while (!free_.empty() && !upstream_over_) {
      T* in = nullptr;
      const Poll answer = this->upstream_->next(run, in);
      if (answer == Poll::ended) { upstream_over_ = true; }
      if (answer != Poll::item) { return answer; }
      Job* const job = free_.back();
      free_.pop_back();
      job->in.emplace(std::move(*in));
      job->out.reset();
      job->number = this->item_number();
      job->state = State::waiting;
      ++inside_;
      {
        const std::lock_guard lock(mutex_);
        signal_ = run.signal();
        todo_.push_back(job);
        if (order_ == Order::ordered) { in_order_.push_back(job); }
      }
      work_.notify_one();
    }
    return Poll::pending;
  }

  // The job whose turn it is to come out; null while it is not done.
  Job* next_done(StreamRun& run) {
    const std::lock_guard lock(mutex_);
    std::deque<Job*>& queue = order_ == Order::ordered ? in_order_ : done_;
    if (queue.empty() || queue.front()->state == State::waiting) {
      signal_ = run.signal();  // behind a tee or in a group it is not always the same that asks
      return nullptr;
    }
    Job* const job = queue.front();
    queue.pop_front();
    return job;
  }

  // A worker's thread.
  void work(StreamRun& run, Worker& worker) {
    while (true) {
      Job* job = nullptr;
      {
        std::unique_lock lock(mutex_);
        if (!work_.wait(lock, stop_.get_token(), [this] { return !todo_.empty(); })) { return; }
        job = todo_.front();
        todo_.pop_front();
      }
      const State state = attempt(run, worker, *job);
      const std::lock_guard lock(mutex_);
      job->state = state;
      if (order_ == Order::unordered) { done_.push_back(job); }
      signal_->notify();
    }
  }
  State attempt(StreamRun& run, Worker& worker, Job& job) {
    using Outcome = typename Attempt<T, F, OnError>::Outcome;
    while (true) {
      run.begin_question();
      const Outcome outcome = worker.attempt(run, worker.stats, *job.in, job.number, [&job](auto&&... made) {
        if constexpr (sizeof...(made) == 0) {
          job.out.emplace(std::move(*job.in));
        } else {
          job.out.emplace(std::forward<decltype(made)>(made)...);
        }
      });
      switch (outcome) {
        case Outcome::done:
          return State::done;
        case Outcome::left_out:
          return State::left_out;
        case Outcome::fatal:
          return State::fatal;
        case Outcome::later:
          break;
      }
      if (run.cancelled()) { return State::left_out; }
      run.wait();
    }
  }
  void stop() noexcept {
    stop_.request_stop();
    threads_.clear();  // joins
  }

  const Order order_;
  std::vector<Job> jobs_;
  std::vector<std::unique_ptr<Worker>> workers_;
  // Of the stream's thread.
  std::vector<Job*> free_;
  Job* given_ = nullptr;
  std::size_t inside_ = 0;
  bool upstream_over_ = false;
  bool started_ = false;

  std::mutex mutex_;  // guards what follows
  std::deque<Job*> todo_;
  std::deque<Job*> in_order_;  // all that are inside, as they came
  std::deque<Job*> done_;      // as they are done
  std::shared_ptr<WakeSignal> signal_;

  std::condition_variable_any work_;
  std::stop_source stop_;
  std::vector<Thread> threads_;
};

}  // namespace stages
}  // namespace streamlab
