// engine/stream/stream_loop.cpp
#include "engine/stream/stream_loop.hpp"

namespace streamlab {

StreamReport RunRecord::finish(Poll answer) {
  last_.halt();
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
