// engine/stream/stream_loop.cpp
#include "engine/stream/stream_loop.hpp"

#include <cstdio>

#include <fmt/format.h>

#include "engine/stream/pull.hpp"

namespace streamlab {

StreamReport StreamMonitor::report() const {
  const std::lock_guard lock(mutex_);
  return run_ != nullptr && !is_halting_ ? run_->so_far() : last_;
}

void print_unseen_failure(const StreamReport& report) noexcept {
  if (!report.error) { return; }
  try {
    fmt::print(stderr, "streamlab: a stream failed, and nobody asked for its report: {}\n",
               to_string(*report.error));
  } catch (...) {  // NOLINT(bugprone-empty-catch): stderr is closed, and there is nowhere left to say it
  }
}

RunRecord::RunRecord(StreamRun& run, StageBase& last, StreamMonitor* monitor, std::string end_name)
    : run_(run), last_(last), monitor_(monitor), shared_(run.shared()), stages_(last), began_(run.now()) {
  end_.name = std::move(end_name);
}

Result<void> RunRecord::begin() {
  if (monitor_ == nullptr) { return {}; }
  const std::lock_guard lock(monitor_->mutex_);
  if (monitor_->run_ != nullptr) {
    monitor_ = nullptr;
    return refused("", "the monitor watches another stream, which still runs",
                   "a StreamMonitor for every run");
  }
  monitor_->run_ = this;
  return {};
}

void RunRecord::note_first_item() {
  to_first_ns_.store(std::chrono::nanoseconds(run_.now() - began_).count(), std::memory_order_relaxed);
}

// The end has its output on disk before the stages are told that all went well.
Poll RunRecord::complete() {
  if (StreamRun::EndState* end = run_.end_state()) {
    if (auto saved = end->save(); !saved) { return run_.fail(end_.name, items_, saved.error()); }
  }
  Poll answer = Poll::ended;
  visit_in_flow_order(last_, [&](StageBase& stage) {
    if (auto ok = stage.complete(); !ok) { answer = run_.fail(stage.stats().name, items_, ok.error()); }
  });
  return answer;
}

StreamReport RunRecord::totals() const {
  StreamReport report;
  report.items = items_;  // before what the stages have counted: see Count
  {
    const std::lock_guard lock(shared_->mutex);
    report.error = shared_->error;
    report.collected = shared_->collected;
    report.collected_count = shared_->collected_count;
    report.notes = shared_->notes;
  }
  report.total = run_.now() - began_;
  if (const std::int64_t ns = to_first_ns_.load(std::memory_order_relaxed); ns != kNoItem) {
    report.to_first_item = std::chrono::nanoseconds(ns);
  }
  return report;
}

void RunRecord::add_end(StreamReport& report) const {
  const StageStats end = end_;
  if (end.failed + end.retried + end.dropped == 0) { return; }
  report.stages.push_back(
      {end.name, last_.stats().out, report.items, end.failed, end.retried, end.dropped, {}});
}

StreamReport RunRecord::so_far() const {
  StreamReport report = totals();
  report.ended = StreamEnd::running;
  report.stages = stages_.reports();
  add_end(report);
  return report;
}

StreamReport RunRecord::finish(Poll answer) {
  if (monitor_ != nullptr) {
    const std::lock_guard lock(monitor_->mutex_);
    if (monitor_->run_ == this) {  // else the stages did not start
      monitor_->last_ = so_far();
      monitor_->is_halting_ = true;
    }
  }
  last_.halt(run_);
  if (answer == Poll::ended && !run_.draining()) { answer = complete(); }
  StreamReport report = totals();
  if (answer == Poll::cancelled) {
    report.ended = StreamEnd::cancelled;
  } else if (answer == Poll::failed) {
    report.ended = StreamEnd::failed;
  } else {
    report.ended = run_.draining() ? StreamEnd::drained : StreamEnd::complete;
  }
  report.stages = StageMap(last_).all_reports();
  add_end(report);
  if (monitor_ != nullptr) {
    const std::lock_guard lock(monitor_->mutex_);
    if (monitor_->run_ == this || monitor_->run_ == nullptr) {
      monitor_->last_ = report;
      monitor_->run_ = nullptr;
      monitor_->is_halting_ = false;
    }
  }
  return report;
}

}  // namespace streamlab
