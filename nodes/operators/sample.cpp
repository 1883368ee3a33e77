// nodes/operators/sample.cpp
//
// Sample: passes the newest block of each interval.
//
//   in   audio, spectra or values
//   out  as `in`, at most one block per interval
//
// Audio belongs to the interval of its first frame, a result to that of its last; the grid begins at frame 0
// of the stream. The newest one is passed on when the first block of a later interval comes, or at the end.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "engine/core/time_at.hpp"
#include "nodes/analysis/interval_grid.hpp"
#include "nodes/operators/held_block.hpp"

namespace streamlab {
namespace sample_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::live(param::number("interval_s", "s", {1e-6, 3600.0}, Need::required, "Length of an interval.")),
};
constexpr auto kIntervalS = param::at(kParams, "interval_s");
constexpr PortInfo kOutPort[] = {{"out", kAnyKind, "The newest block of each interval."}};
constexpr NodeInfo kInfo{
    .name = "Sample",
    .description = "Passes on the newest block of each interval and drops the others.",
    .inputs = kAnyInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rt_safe = RtSafe::yes,
    .at_gap = "Carries on: intervals are defined by positions. An interval without a block gives none.",
    .details =
        "Audio belongs to the interval in which it begins, a result to that of its last frame; interval k "
        "begins at frame round(k interval_s rate). A block keeps its own position and time, and is flagged "
        "gap if blocks before it were dropped. It is emitted at the first block of a later interval, or at "
        "the end. A new interval_s counts from frame 0 of the stream, too, and holds at once: the block that waits belongs "
        "to the interval of the new grid.",
    .example = R"({"id": "sample", "type": "Sample", "config": {"interval_s": 0.5}})",
    .cost_ns_per_frame = 0.2,
};

class Sample final : public Node {
 public:
  explicit Sample(const ParamValues& params) : initial_s_(params[kIntervalS]) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    auto grid = IntervalGrid::make(initial_s_, in.sample_rate_hz);
    if (!grid) { return tl::unexpected(grid.error()); }
    sample_rate_hz_ = in.sample_rate_hz;
    initial_ = *grid;
    newest_.prepare(in);
    reset();
    OutputFormat out{in};
    const double held = std::ceil(2.0 * initial_.interval_frames()) + 2.0 * in.max_frames;
    out.held_frames = static_cast<std::uint32_t>(std::min(held, double{1U << 31U}));
    return std::vector{std::move(out)};
  }
  void reset() noexcept override {
    grid_ = initial_;
    interval_s_ = initial_s_;
    newest_.reset();
  }
  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    const auto grid = IntervalGrid::make(now[kIntervalS], sample_rate_hz_);
    if (!grid) { return tl::unexpected(grid.error()); }
    return make_change(Interval{*grid, now[kIntervalS]});
  }
  void apply(NodeChange& change) noexcept override {
    const Interval& now = value_of<Interval>(change);
    grid_ = now.grid;
    interval_s_ = now.interval_s;
    interval_ = grid_.index_of(moment_);
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    moment_ = moment_of(x);
    const std::int64_t interval = grid_.index_of(moment_);
    if (newest_.is_held() && interval != interval_) { newest_.give(out[0]); }
    newest_.hold(x);
    interval_ = interval;
    return Status::ok;
  }
  Status finish(std::span<OutputPort> out) noexcept override {
    if (!newest_.is_held()) { return Status::done; }
    newest_.give(out[0]);
    return Status::ok;
  }

  std::vector<NodeNote> notes() const override {
    if (newest_.left_out().blocks() == 0) { return {}; }
    return {{fmt::format("dropped {} blocks of {} frames that were followed by a newer one in their interval "
                         "of {} s",
                         newest_.left_out().blocks(), newest_.left_out().frames(), interval_s_),
             newest_.left_out().blocks(), false}};
  }

 private:
  struct Interval {
    IntervalGrid grid;
    double interval_s;
  };

  const double initial_s_;
  double interval_s_ = 0.0;      // in force
  double sample_rate_hz_ = 1.0;  // fixed by prepare(), as is the next
  IntervalGrid initial_;
  IntervalGrid grid_;          // in force
  HeldBlock newest_;           // of the current interval
  std::int64_t moment_ = 0;    // of the newest block
  std::int64_t interval_ = 0;  // its number
};

}  // namespace
}  // namespace sample_node

extern const NodeEntry kSampleEntry{sample_node::kInfo, make_node<sample_node::Sample>};

}  // namespace streamlab
