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

Result<void> StageBase::refuse_to_save(std::string_view what) const {
  return refused(
      "",
      fmt::format("a checkpoint cannot hold {} of the stage \"{}\", whose type is not Storable", what,
                  stats_.name),
      "numbers, texts, enumerations, or vectors, pairs, optionals and maps of them",
      "specialise Codec for it (engine/base/byte_codec.hpp; for a struct of plain numbers: PlainCodec), or put the checkpoint before that stage");
}

Result<void> StageBase::load(ByteReader&) {
  return refused("", fmt::format("a checkpoint cannot hold the stage \"{}\"", stats_.name));
}

void visit_in_flow_order(StageBase& stage, const std::function<void(StageBase&)>& visit) {
  stage.for_each_upstream([&](StageBase& upstream) { visit_in_flow_order(upstream, visit); });
  visit(stage);
}

std::size_t StageMap::add(StageBase& stage) {
  std::vector<std::size_t> upstreams;
  stage.for_each_upstream([&](StageBase& upstream) { upstreams.push_back(add(upstream)); });
  entries_.push_back({&stage, std::move(upstreams)});
  return entries_.size() - 1;
}

std::vector<StageReport> StageMap::reports() const {
  std::vector<StageReport> reports(entries_.size());
  std::vector<std::uint64_t> times_ns(entries_.size());
  // Downstream first: see Count.
  for (std::size_t i = entries_.size(); i-- > 0;) {
    const StageStats stats = entries_[i].stage->counted();
    reports[i] = {stats.name, 0, stats.out, stats.failed, stats.retried, stats.dropped, {}};
    times_ns[i] = stats.time_with_upstream_ns;
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    std::uint64_t elsewhere_ns = entries_[i].stage->inner_time_ns();
    for (const std::size_t upstream : entries_[i].upstreams) {
      reports[i].in += reports[upstream].out;
      if (!entries_[i].stage->has_own_thread()) { elsewhere_ns += times_ns[upstream]; }
    }
    reports[i].time = std::chrono::nanoseconds(times_ns[i] - std::min(times_ns[i], elsewhere_ns));
  }
  return reports;
}

std::vector<StageReport> StageMap::all_reports() const {
  std::vector<StageReport> reports = this->reports();
  std::vector<StageReport> all;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    for (StageReport& inner : entries_[i].stage->inner_reports()) { all.push_back(std::move(inner)); }
    all.push_back(std::move(reports[i]));
  }
  return all;
}

}  // namespace streamlab
