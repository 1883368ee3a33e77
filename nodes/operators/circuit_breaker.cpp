// nodes/operators/circuit_breaker.cpp
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
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "engine/channel/circuit_breaker.hpp"
#include "engine/core/in_force.hpp"
#include "engine/core/node.hpp"
#include "engine/core/time_at.hpp"
#include "nodes/operators/left_out.hpp"

namespace streamlab {
namespace circuit_breaker_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::live(
        param::integer("failure_count", "blocks", {1.0, 1e6}, Need::optional,
                       "Opens when this many of the last `window` blocks were bad. This or failure_rate.")),
    param::live(param::number(
        "failure_rate", "ratio", {1e-6, 1.0}, Need::optional,
        "Opens when this fraction of the last `window` blocks was bad. This or failure_count.")),
    param::live(param::integer("window", "blocks", {1.0, 1e6}, 10.0, "Number of recent blocks considered.")),
    param::number("cool_down_s", "s", {1e-6, 3600.0}, 1.0, Live::yes,
                  "Stream time from opening to the first probe."),
    param::live(param::integer("probes", "blocks", {1.0, 1e6}, 1.0,
                               "Consecutive good blocks after which it closes "
                               "again.")),
    param::live(param::boolean("on_not_finite", true, "Whether blocks with the flag not_finite are bad.")),
    param::live(param::boolean("on_clipped", false, "Whether blocks with the flag clipped are bad.")),
    param::live(param::boolean("on_gap", false, "Whether blocks with the flag gap are bad.")),
    param::live(param::boolean("on_xrun", false, "Whether blocks with the flag xrun are bad.")),
    param::live(param::number(
        "bad_above", "", {-1e300, 1e300}, Need::optional,
        "Blocks with a value above this are bad; for audio, with a sample of larger magnitude.")),
    param::live(param::number("bad_below", "", {-1e300, 1e300}, Need::optional,
                              "Blocks in which no value (audio: no magnitude) reaches this are bad.")),
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
        "next block after dropped ones is flagged gap. Everything may change while the graph runs, from the next block on: "
        "state and counts stay, and so do the newest outcomes, as many as the new window holds.",
    .example =
        R"({"id": "guard", "type": "CircuitBreaker", "config": {"failure_count": 3, "window": 10, "on_clipped": true}})",
    .cost_ns_per_frame = 0.3,
};

class CircuitBreakerNode final : public Node {
 public:
  explicit CircuitBreakerNode(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    magnitude_ = in.kind == StreamKind::audio;
    sample_rate_hz_ = in.sample_rate_hz;
    auto rules = make_rules(params_);
    if (!rules) { return tl::unexpected(rules.error()); }
    rules_.prepare(std::move(*rules));
    reset();
    OutputFormat out{in};
    // A probe passes after each cool-down.
    out.held_frames =
        static_cast<std::uint32_t>(std::ceil(params_[kCoolDownS] * sample_rate_hz_)) + 2 * in.max_frames;
    return std::vector{std::move(out)};
  }
  void reset() noexcept override {
    rules_.reset();
    rules_->breaker.reset();
    left_out_.reset();
    change_count_ = 0;
    without_state_ = 0;
  }
  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    auto rules = make_rules(now);
    if (!rules) { return tl::unexpected(rules.error()); }
    return make_change(std::move(*rules));
  }
  void apply(NodeChange& change) noexcept override {
    auto& brought = value_of<std::unique_ptr<Rules>>(change);
    brought->breaker.continue_from(rules_->breaker);
    rules_.take(brought);
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    const Nanos now(moment_of(x));
    const CircuitBreaker::State before = rules_->breaker.state();
    const bool allowed = rules_->breaker.allows(now);
    note_change(before, x.position());
    if (!allowed) {
      left_out_.add(x);
      return Status::ok;
    }
    const CircuitBreaker::State admitted = rules_->breaker.state();
    if (is_bad(x)) {
      rules_->breaker.failure(now);
    } else {
      rules_->breaker.success(now);
    }
    note_change(admitted, x.position());
    DataFrame& y = out[0].emit();
    y.copy_from(x);
    left_out_.mark(y.header());
    if (!y.metadata().set("breaker_state", static_cast<double>(rules_->breaker.state()))) {
      ++without_state_;
    }
    return Status::ok;
  }

  std::vector<NodeNote> notes() const override {
    std::vector<NodeNote> notes;
    const CircuitBreaker::Counts& counts = rules_->breaker.counts();
    if (counts.opened > 0) {
      notes.push_back(
          {fmt::format("opened {} times, dropped {} blocks of {} frames; {} at the end", counts.opened,
                       left_out_.blocks(), left_out_.frames(), to_string(rules_->breaker.state())),
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
    if (rules_->breaker.state() == before) { return; }
    if (change_count_ < changes_.size()) { changes_[change_count_] = {rules_->breaker.state(), position}; }
    ++change_count_;
  }

  struct Rules {
    CircuitBreaker breaker;
    std::uint32_t bad_flags = 0;
    std::optional<double> above;
    std::optional<double> below;
  };

  Result<std::unique_ptr<Rules>> make_rules(const ParamValues& params) const {
    const double cool_down = params[kCoolDownS] * sample_rate_hz_;
    if (!(cool_down >= 1.0 && cool_down <= kLongestPause)) {
      return refused(
          "/config/cool_down_s",
          fmt::format("{} s are {} frames at {} Hz", params[kCoolDownS], cool_down, sample_rate_hz_),
          fmt::format("1 .. {} frames", kLongestPause));
    }
    CircuitBreakerConfig config;
    if (params.given(kFailureCount)) {
      config.failure_count = static_cast<std::uint32_t>(params.integer(kFailureCount));
    }
    if (params.given(kFailureRate)) { config.failure_rate = params[kFailureRate]; }
    config.window = static_cast<std::uint32_t>(params.integer(kWindow));
    config.cool_down = Nanos(std::llround(cool_down));  // here its nanosecond is a frame
    config.probes = static_cast<std::uint32_t>(params.integer(kProbes));
    auto breaker = CircuitBreaker::make(config);
    if (!breaker) {
      Error error = breaker.error();
      error.where = "/config/" + error.where;
      return tl::unexpected(std::move(error));
    }
    auto rules = std::make_unique<Rules>(Rules{std::move(*breaker), 0, std::nullopt, std::nullopt});
    const std::pair<std::size_t, FrameFlag> flags[] = {{kOnNotFinite, FrameFlag::not_finite},
                                                       {kOnClipped, FrameFlag::clipped},
                                                       {kOnGap, FrameFlag::gap},
                                                       {kOnXrun, FrameFlag::xrun}};
    for (const auto& [index, flag] : flags) {
      if (params.flag(index)) { rules->bad_flags |= flag_bit(flag); }
    }
    if (params.given(kAbove)) { rules->above = params[kAbove]; }
    if (params.given(kBelow)) { rules->below = params[kBelow]; }
    return rules;
  }

  bool is_bad(const DataFrame& x) const noexcept {
    const Rules& rules = *rules_;
    if ((x.header().flags & rules.bad_flags) != 0) { return true; }
    if (!rules.above && !rules.below) { return false; }
    bool reached = false;
    bool above = false;
    for (std::uint32_t c = 0; c < x.channel_count(); ++c) {
      for (const double value : x.channel(c)) {
        const double level = magnitude_ ? std::abs(value) : value;
        above = above || (rules.above && level > *rules.above);
        reached = reached || (rules.below && level >= *rules.below);
      }
    }
    return above || (rules.below && !reached);
  }

  const ParamValues params_;
  InForce<Rules> rules_;
  bool magnitude_ = true;  // of audio; fixed by prepare(), as is the next
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
