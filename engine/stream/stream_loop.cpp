// engine/stream/stream_loop.cpp
#include "engine/stream/stream_loop.hpp"

namespace streamlab {

// The end has its output on disk before the stages are told that all went well.
Poll RunRecord::complete() {
  if (StreamRun::EndState* end = run_.end_state()) {
    if (auto saved = end->save(); !saved) { return run_.fail("end", items_, saved.error()); }
  }
  Poll answer = Poll::ended;
  visit_in_flow_order(last_, [&](StageBase& stage) {
    if (auto ok = stage.complete(); !ok) { answer = run_.fail(stage.stats().name, items_, ok.error()); }
  });
  return answer;
}

StreamReport RunRecord::finish(Poll answer) {
  last_.halt(run_);
  if (answer == Poll::ended && !run_.draining()) { answer = complete(); }
  StreamReport report;
  {
    const auto& shared = run_.shared();
    const std::lock_guard lock(shared->mutex);
    report.error = shared->error;
    report.collected = std::move(shared->collected);
    report.collected_count = shared->collected_count;
    report.notes = std::move(shared->notes);
  }
  if (answer == Poll::cancelled) {
    report.ended = StreamEnd::cancelled;
  } else if (answer == Poll::failed) {
    report.ended = StreamEnd::failed;
  } else {
    report.ended = run_.draining() ? StreamEnd::drained : StreamEnd::complete;
  }
  report.stages = stage_reports(last_);
  report.items = items_;
  report.total = run_.now() - began_;
  report.to_first_item = to_first_;
  return report;
}

}  // namespace streamlab
