// nodes/operators/throttle.cpp
//
// Throttle: slows a run down to real time, or a multiple of it.
//
//   in   audio, spectra or values
//   out  as `in`, every block; latency 0 frames
//
// The first block ties stream time to wall-clock time; from then on a block is passed on when its last frame
// would have been measured:
//
//   due = start + (position + frames - first position) / (rate · speed); for results from last frame to last
//
// Nothing drifts: every time is counted from the start, and a late block is passed on at once. When the run
// is stopped it no longer waits, and the remaining blocks pass unpaced.
#include <atomic>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "engine/channel/clock.hpp"
#include "engine/core/node.hpp"
#include "engine/core/time_at.hpp"

namespace streamlab {
namespace throttle_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::number("speed", "ratio", {1e-3, 1e6}, 1.0, Live::yes,
                  "Seconds of the stream per second; 1 is real time."),
};
constexpr auto kSpeed = param::at(kParams, "speed");
constexpr PortInfo kOutPort[] = {{"out", kAnyKind, "All blocks, paced."}};
constexpr NodeInfo kInfo{
    .name = "Throttle",
    .description = "Slows a run down to real time, or a multiple of it.",
    .inputs = kAnyInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rt_safe = RtSafe::no,
    .in_place = InPlace::yes,
    .at_gap = "Missing frames take their time too.",
    .details =
        "For runs over files that should look live. Late blocks catch up at once; times are counted from the "
        "first block, so nothing drifts. It changes only when blocks pass, never their contents. A stopped "
        "run is not slowed down. A new speed holds from the end of the block that is passed on: times are then counted from "
        "there.",
    .example = R"({"id": "pace", "type": "Throttle", "config": {"speed": 2}})",
    .cost_ns_per_frame = 0.1,
};

class Throttle final : public Node {
 public:
  explicit Throttle(const ParamValues& params) : speed_(params[kSpeed]) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    sample_rate_hz_ = in.sample_rate_hz;
    counts_frames_ = in.kind == StreamKind::audio;
    clock_ = context.clock != nullptr ? context.clock : &steady_clock();
    reset();
    return std::vector{OutputFormat{in}};
  }
  void reset() noexcept override {
    ns_per_frame_ = 1e9 / sample_rate_hz_ / speed_;
    started_ = false;
    waited_ = {};
    stopped_.store(false, std::memory_order_relaxed);  // nothing runs now
  }

  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    return make_change(1e9 / sample_rate_hz_ / now[kSpeed]);
  }
  void apply(NodeChange& change) noexcept override {
    start_ = due(reached_);
    first_position_ = reached_;
    ns_per_frame_ = value_of<double>(change);
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    const Clock::TimePoint now = clock_->now();
    const std::int64_t moment = moment_of(x);
    if (!started_ || moment < first_position_) {  // or the stream restarts its count
      started_ = true;
      first_position_ = moment;
      start_ = now;
    }
    reached_ = moment + (counts_frames_ ? x.frame_count() : 0);
    wait_until(due(reached_));
    DataFrame& y = out[0].emit();
    if (&y != &x) { y.copy_from(x); }
    return Status::ok;
  }

  // (1) The flag is set before the notification, and read after the ticket is taken: a thread that misses the
  // flag has a ticket from before the notification, and does not sleep.
  void stop_waiting() noexcept override {
    stopped_.store(true, std::memory_order_release);  // (1)
    signal_.notify();
  }

  std::vector<NodeNote> notes() const override {
    const double seconds = std::chrono::duration<double>(waited_).count();
    return {{fmt::format("delayed the run by {:.3f} s", seconds), 1, false}};
  }

 private:
  Clock::TimePoint due(std::int64_t position) const noexcept {
    const double ns = static_cast<double>(position - first_position_) * ns_per_frame_;
    const double most = static_cast<double>((Clock::TimePoint::max() - start_).count());
    if (ns >= most) { return Clock::TimePoint::max(); }
    return start_ + Clock::Duration(std::llround(ns));
  }

  void wait_until(Clock::TimePoint due) noexcept {
    const Clock::TimePoint begin = clock_->now();
    Clock::TimePoint now = begin;
    while (now < due) {
      const std::uint32_t ticket = signal_.ticket();
      if (stopped_.load(std::memory_order_acquire)) { break; }  // (1)
      clock_->wait(signal_, ticket, due);
      now = clock_->now();
    }
    waited_ += now - begin;
  }

  const double speed_;
  Clock* clock_ = nullptr;  // fixed by prepare(), as the next
  double sample_rate_hz_ = 1.0;
  double ns_per_frame_ = 0.0;  // of wall-clock time
  bool counts_frames_ = true;
  bool started_ = false;
  std::int64_t first_position_ = 0;  // of the stream, or where the speed changed
  std::int64_t reached_ = 0;         // end of the newest block
  Clock::TimePoint start_;
  Clock::Duration waited_{0};
  std::atomic<bool> stopped_{false};
  WakeSignal signal_;
};

}  // namespace
}  // namespace throttle_node

extern const NodeEntry kThrottleEntry{throttle_node::kInfo, make_node<throttle_node::Throttle>};

}  // namespace streamlab
