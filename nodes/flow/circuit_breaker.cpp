// nodes/flow/circuit_breaker.cpp
//
// CircuitBreaker: drops blocks while too many of them are bad, and tries again later.
//
//   in   audio, spectra or values
//   out  as `in`, fewer blocks; latency 0 frames
//
// Each block that is passed on counts as good or bad, by its flags and its level. See
// engine/channel/circuit_breaker.hpp for the states. The time is the stream's own: position / sample rate.
// Bad blocks are passed on until it opens, and so are bad probes; their flags show it.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "engine/channel/circuit_breaker.hpp"
#include "engine/core/node.hpp"
#include "nodes/analysis/time_at.hpp"
#include "nodes/flow/left_out.hpp"

namespace streamlab {
namespace circuit_breaker_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::integer("failure_count", "blocks", {1.0, 1e6}, Need::optional,
                   "Opens when this many of the last `window` blocks were bad. This or failure_rate."),
    param::number("failure_rate", "ratio", {1e-6, 1.0}, Need::optional,
                  "Opens when this fraction of the last `window` blocks was bad. This or failure_count."),
    param::integer("window", "blocks", {1.0, 1e6}, 10.0, "Number of recent blocks considered."),
    param::number("cool_down_s", "s", {1e-6, 3600.0}, 1.0, Live::no,
                  "Stream time from opening to the first probe."),
    param::integer("probes", "blocks", {1.0, 1e6}, 1.0,
                   "Consecutive good blocks after which it closes "
                   "again."),
    param::boolean("on_not_finite", true, "Whether blocks with the flag not_finite are bad."),
    param::boolean("on_clipped", false, "Whether blocks with the flag clipped are bad."),
    param::boolean("on_gap", false, "Whether blocks with the flag gap are bad."),
    param::boolean("on_xrun", false, "Whether blocks with the flag xrun are bad."),
    param::number("bad_above", "", {-1e300, 1e300}, Need::optional,
                  "Blocks with a value above this are bad; for audio, with a sample of larger magnitude."),
    param::number("bad_below", "", {-1e300, 1e300}, Need::optional,
                  "Blocks in which no value (audio: no magnitude) reaches this are bad."),
};
constexpr auto kFailureCount = param::at(kParams, "failure_count");
constexpr auto kFailureRate = param::at(kParams, "failure_rate");
constexpr auto kWindow = param::at(kParams, "window");
constexpr auto kCoolDownS = param::at(kParams, "cool_down_s");
constexpr auto kProbes = param::at(kParams, "probes");
constexpr auto kOnNotFinite = param::at(kParams, "on_not_finite");
constexpr auto kOnClipped = param::at(kParams, "on_clipped");
constexpr auto kOnGap = param::at(kParams, "on_gap");
constexpr auto kOnXrun = param::at(kParams, "on_xrun");
constexpr auto kAbove = param::at(kParams, "bad_above");
constexpr auto kBelow = param::at(kParams, "bad_below");
constexpr std::string_view kFailures[] = {"failure_count", "failure_rate"};
constexpr ParamRule kRules[] = {{ParamRule::Kind::at_least_one, kFailures},
                                {ParamRule::Kind::at_most_one, kFailures}};
constexpr PortInfo kOutPort[] = {{"out", kAnyKind, "The blocks that passed."}};
constexpr NodeInfo kInfo{
    .name = "CircuitBreaker",
    .description = "Drops blocks while too many of them are bad, and tries again after a while.",
    .inputs = kAnyInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rules = kRules,
    .rt_safe = RtSafe::yes,
    .at_gap = "Missing frames count as cool-down time. With on_gap a block after a gap is bad.",
    .details =
        "closed: all blocks pass; it opens when failure_count or failure_rate of the last `window` blocks "
        "were bad. open: blocks are dropped for cool_down_s of stream time. half_open: blocks pass as "
        "probes; it closes, with an empty window, after `probes` good ones and opens again at a bad one. The "
        "metadata breaker_state is the state after each passed block: 0 closed, 1 open, 2 half_open. The "
        "next block after dropped ones is flagged gap.",
    .example =
        R"({"id": "guard", "type": "CircuitBreaker", "config": {"failure_count": 3, "window": 10, "on_clipped": true}})",
    .cost_ns_per_frame = 0.3,
};

class CircuitBreakerNode final : public Node {
 public:
  explicit CircuitBreakerNode(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    const double cool_down = params_[kCoolDownS] * in.sample_rate_hz;
    if (!(cool_down >= 1.0 && cool_down <= kLongestPause)) {
      return refused(
          "/config/cool_down_s",
          fmt::format("{} s are {} frames at {} Hz", params_[kCoolDownS], cool_down, in.sample_rate_hz),
          fmt::format("1 .. {} frames", kLongestPause));
    }
    CircuitBreakerConfig config;
    if (params_.given(kFailureCount)) {
      config.failure_count = static_cast<std::uint32_t>(params_.integer(kFailureCount));
    }
    if (params_.given(kFailureRate)) { config.failure_rate = params_[kFailureRate]; }
    config.window = static_cast<std::uint32_t>(params_.integer(kWindow));
    config.cool_down = Nanos(std::llround(cool_down));  // here its nanosecond is a frame
    config.probes = static_cast<std::uint32_t>(params_.integer(kProbes));
    auto breaker = CircuitBreaker::make(config);
    if (!breaker) {
      Error error = breaker.error();
      error.where = "/config/" + error.where;
      return tl::unexpected(std::move(error));
    }
    breaker_ = std::move(*breaker);
    magnitude_ = in.kind == StreamKind::audio;
    sample_rate_hz_ = in.sample_rate_hz;
    reset();
    OutputFormat out{in};
    // A probe passes after each cool-down.
    out.held_frames = static_cast<std::uint32_t>(std::ceil(cool_down)) + 2 * in.max_frames;
    return std::vector{std::move(out)};
  }
  void reset() noexcept override {
    breaker_->reset();
    left_out_.reset();
    change_count_ = 0;
    without_state_ = 0;
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    const Nanos now(moment_of(x));
    const CircuitBreaker::State before = breaker_->state();
    const bool allowed = breaker_->allows(now);
    note_change(before, x.position());
    if (!allowed) {
      left_out_.add(x);
      return Status::ok;
    }
    const CircuitBreaker::State admitted = breaker_->state();
    if (is_bad(x)) {
      breaker_->failure(now);
    } else {
      breaker_->success(now);
    }
    note_change(admitted, x.position());
    DataFrame& y = out[0].emit();
    y.copy_from(x);
    left_out_.mark(y.header());
    if (!y.metadata().set("breaker_state", static_cast<double>(breaker_->state()))) { ++without_state_; }
    return Status::ok;
  }

  std::vector<NodeNote> notes() const override {
    std::vector<NodeNote> notes;
    const CircuitBreaker::Counts& counts = breaker_->counts();
    if (counts.opened > 0) {
      notes.push_back(
          {fmt::format("opened {} times, dropped {} blocks of {} frames; {} at the end", counts.opened,
                       left_out_.blocks(), left_out_.frames(), to_string(breaker_->state())),
           left_out_.blocks(), false});
    }
    for (std::size_t i = 0; i < std::min<std::uint64_t>(change_count_, changes_.size()); ++i) {
      const Change& change = changes_[i];
      notes.push_back({fmt::format("{} at {:.6f} s", to_string(change.state),
                                   static_cast<double>(change.position) / sample_rate_hz_),
                       1, false});
    }
    if (change_count_ > changes_.size()) {
      notes.push_back({fmt::format("{} more changes of state", change_count_ - changes_.size()),
                       change_count_ - changes_.size(), false});
    }
    if (without_state_ > 0) {
      notes.push_back(
          {fmt::format("{} blocks have no metadata \"breaker_state\": all entries were used", without_state_),
           without_state_, false});
    }
    return notes;
  }

 private:
  static constexpr double kLongestPause = 1U << 30U;  // frames; 6 hours at 48 kHz
  struct Change {
    CircuitBreaker::State state;
    std::int64_t position;
  };

  void note_change(CircuitBreaker::State before, std::int64_t position) noexcept {
    if (breaker_->state() == before) { return; }
    if (change_count_ < changes_.size()) { changes_[change_count_] = {breaker_->state(), position}; }
    ++change_count_;
  }

  bool is_bad(const DataFrame& x) const noexcept {
    const FrameHeader& header = x.header();
    if ((params_[kOnNotFinite] != 0.0 && header.has(FrameFlag::not_finite)) ||
        (params_[kOnClipped] != 0.0 && header.has(FrameFlag::clipped)) ||
        (params_[kOnGap] != 0.0 && header.has(FrameFlag::gap)) ||
        (params_[kOnXrun] != 0.0 && header.has(FrameFlag::xrun))) {
      return true;
    }
    if (!params_.given(kAbove) && !params_.given(kBelow)) { return false; }
    bool reached = false;
    bool above = false;
    for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
      for (const double value : x.channel(c)) {
        const double level = magnitude_ ? std::abs(value) : value;
        above = above || (params_.given(kAbove) && level > params_[kAbove]);
        reached = reached || (params_.given(kBelow) && level >= params_[kBelow]);
      }
    }
    return above || (params_.given(kBelow) && !reached);
  }

  const ParamValues params_;
  std::optional<CircuitBreaker> breaker_;  // set by prepare()
  bool magnitude_ = true;                  // of audio
  double sample_rate_hz_ = 1.0;
  LeftOut left_out_;
  std::array<Change, 32> changes_{};  // the first
  std::uint64_t change_count_ = 0;
  std::uint64_t without_state_ = 0;
};

}  // namespace
}  // namespace circuit_breaker_node

extern const NodeEntry kCircuitBreakerEntry{circuit_breaker_node::kInfo,
                                            make_node<circuit_breaker_node::CircuitBreakerNode>};

}  // namespace streamlab
