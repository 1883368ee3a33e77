// engine/stream/stream_loop.hpp
//
// RunningStream: the one loop that asks a chain of stages for items until they are through.
// run_stages(): calls a function with all of them. Every end is this with another function.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/stream/attempt.hpp"
#include "engine/stream/monitor.hpp"
#include "engine/stream/stage.hpp"

namespace streamlab {

// Begins the report of a run, and ends it.
class RunRecord {
 public:
  RunRecord(StreamRun& run, StageBase& last, StreamMonitor* monitor, std::string end_name);
  RunRecord(const RunRecord&) = delete;
  RunRecord& operator=(const RunRecord&) = delete;

  // The stages have started. Refused when the monitor watches another run.
  Result<void> begin();
  // The end is done with an item.
  void item() {
    if (items_ == 0) [[unlikely]] { note_first_item(); }
    ++items_;
  }
  // Of the end's function.
  StageStats& end_stats() noexcept { return end_; }

  // Any thread, between begin() and finish().
  StreamReport so_far() const;
  // Joins the stages' threads.
  StreamReport finish(Poll answer);

 private:
  static constexpr std::int64_t kNoItem = -1;

  void note_first_item();
  Poll complete();
  // All but the stages and why it ended.
  StreamReport totals() const;
  void add_end(StreamReport& report) const;

  StreamRun& run_;
  StageBase& last_;
  StreamMonitor* monitor_;
  const std::shared_ptr<StreamRun::Shared>
      shared_;             // the run's own may be diverted when another thread looks
  const StageMap stages_;  // as they stand when the run begins
  const StreamRun::TimePoint began_;
  std::atomic<std::int64_t> to_first_ns_{kNoItem};  // relaxed: nothing else is read through it
  Count items_;
  StageStats end_;
};

// A stream, its run and its report. One thread; stays where it is.
template <class T>
class RunningStream {
 public:
  RunningStream(StagePtr<T> last, const RunOptions& options, OnFailure of_stages,
                StreamRun::EndState* end_state = nullptr, std::string end_name = "end")
      : last_(std::move(last)),
        monitor_(options.monitor),
        end_name_(std::move(end_name)),
        run_(options, std::make_shared<StreamRun::Shared>(), of_stages) {
    run_.set_end_state(end_state);
  }

  // The next item, which is there until the next question; null when the stream is over. The first call starts it.
  T* next() {
    if (!record_) [[unlikely]] { start(); }
    if (report_) [[unlikely]] { return nullptr; }
    while (true) {
      if (run_.cancelled()) [[unlikely]] { return end(Poll::cancelled); }
      run_.begin_question();
      run_.choose_timing();
      T* item = nullptr;
      const Poll answer = last_->next(run_, item);
      if (answer == Poll::item) [[likely]] { return item; }
      if (answer != Poll::pending) { return end(answer); }
      if (!run_.cancelled()) { run_.wait(); }
    }
  }
  // The end is done with the item that next() gave.
  void count_item() { record_->item(); }
  T* fail(std::uint64_t item, Error error) { return end(run_.fail(end_name_, item, std::move(error))); }
  // Ends the stream, if it was started and goes on, as `answer` says.
  T* end(Poll answer) {
    if (record_ && !report_) { report_ = record_->finish(answer); }
    return nullptr;
  }

  // What it did, or has done so far.
  StreamReport report() const {
    if (report_) { return *report_; }
    if (record_) { return record_->so_far(); }
    return report_of_a_beginning();
  }
  bool is_over() const noexcept { return report_.has_value(); }
  StreamRun& run() noexcept { return run_; }
  StageStats& end_stats() noexcept { return record_->end_stats(); }

 private:
  void start() {
    record_.emplace(run_, *last_, monitor_, end_name_);
    const Poll started = detail::without_throwing(run_, last_->stats(), [&] {
      if (!last_->start(run_)) { return Poll::failed; }
      Result<void> ready = record_->begin();
      if (ready && run_.end_state() != nullptr) { ready = run_.end_state()->begin(); }
      return ready ? Poll::item : run_.fail(end_name_, 0, std::move(ready.error()));
    });
    if (started != Poll::item) { end(started); }
  }

  const StagePtr<T> last_;
  StreamMonitor* const monitor_;
  const std::string end_name_;
  StreamRun run_;
  std::optional<RunRecord> record_;     // once it was started
  std::optional<StreamReport> report_;  // once it is over
};

// Calls f(T&) with every item; what becomes of those on which f fails, by a Result or by an exception, is the
// strategy's. `of_stages`: what stages without a strategy do. `end_state`: what a checkpoint keeps for the end;
// may be null.
template <class T, class F, class OnError>
StreamReport run_stages(StagePtr<T> last, const RunOptions& options, F f, OnError on_error,
                        OnFailure of_stages = detail::kForStages<OnError>,
                        StreamRun::EndState* end_state = nullptr, const std::string& end_name = "end") {
  static_assert(
      !detail::kGivesDefault<OnError>,
      "an end gives no items, so that default_value() means nothing there; skip_failed() leaves out");
  using Outcome = typename Attempt<T, F, OnError>::Outcome;
  RunningStream<T> stream(std::move(last), options, of_stages, end_state, end_name);
  Attempt<T, F, OnError> attempt(std::move(f), std::move(on_error));
  const Result<void> checked = attempt.check();
  for (std::uint64_t number = 0; T* item = stream.next(); ++number) {
    if (!checked) {
      stream.fail(number, checked.error());
      break;
    }
    const auto call = [&] {
      return attempt(stream.run(), stream.end_stats(), *item, number, [](auto&&...) {});
    };
    Outcome outcome = call();
    while (outcome == Outcome::later && !stream.run().cancelled()) {
      stream.run().wait();
      stream.run().begin_question();
      outcome = call();
    }
    if (outcome == Outcome::fatal) { stream.end(Poll::failed); }
    if (outcome == Outcome::done) [[likely]] { stream.count_item(); }
  }
  return stream.report();
}

}  // namespace streamlab
