// engine/stream/stage.cpp
#include "engine/stream/stage.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace streamlab {

void StageBase::refuse(std::string what, std::string expected, std::string hint) {
  if (!refusal_) {
    refusal_ = Error{ErrorCode::refused, "", std::move(what), std::move(expected), std::move(hint)};
  }
}

Result<void> StageBase::start(StreamRun& run) {
  if (refusal_) {
    run.fail(stats_.name, 0, *refusal_);
    return tl::unexpected(*refusal_);
  }
  Result<void> started;
  for_each_upstream([&](StageBase& upstream) {
    if (started) { started = upstream.start(run); }
  });
  return started;
}

void StageBase::halt(StreamRun& run) noexcept {
  for_each_upstream([&run](StageBase& upstream) { upstream.halt(run); });
}

Result<void> StageBase::save(ByteWriter&) const {
  return refused("", fmt::format("a checkpoint cannot hold the stage \"{}\"", stats_.name),
                 "sources that can be read again and stages without threads or waiting items before it",
                 "put the checkpoint before that stage");
}

Result<void> StageBase::load(ByteReader&) {
  return refused("", fmt::format("a checkpoint cannot hold the stage \"{}\"", stats_.name));
}

void visit_in_flow_order(StageBase& stage, const std::function<void(StageBase&)>& visit) {
  stage.for_each_upstream([&](StageBase& upstream) { visit_in_flow_order(upstream, visit); });
  visit(stage);
}

std::vector<StageReport> stage_reports(StageBase& last) {
  std::vector<StageReport> reports;
  visit_in_flow_order(last, [&reports](StageBase& stage) {
    const StageStats& stats = stage.stats();
    StageReport report{
        stats.name, 0, stats.out, stats.failed, stats.retried, stats.dropped, stats.time_with_upstream};
    stage.for_each_upstream([&](StageBase& upstream) {
      report.in += upstream.stats().out;
      if (!stage.has_own_thread()) { report.time -= upstream.stats().time_with_upstream; }
    });
    report.time = std::max(report.time, std::chrono::nanoseconds{0});
    reports.push_back(std::move(report));
  });
  return reports;
}

}  // namespace streamlab
