// nodes/operators/debounce.cpp
//
// Debounce: passes the last block before a pause.
//
//   in   spectra or values
//   out  as `in`
//
// A block is passed on if the last frame of the next one is `silence_s` or more after its own, or if it is
// the last: of a burst of blocks only the last remains. The time is the stream's own, which advances with its
// blocks: a block is emitted when the next one comes, with its own position and time.
//
// Audio is refused: its blocks follow each other without a pause.
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "engine/channel/gates.hpp"
#include "engine/core/node.hpp"
#include "engine/core/time_at.hpp"
#include "nodes/operators/held_block.hpp"

namespace streamlab {
namespace debounce_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::live(param::number("silence_s", "s", {1e-6, 86400.0}, Need::required,
                              "Length of the pause after which a block is passed on.")),
};
constexpr auto kSilenceS = param::at(kParams, "silence_s");
constexpr KindMask kResults = mask(StreamKind::spectrum) | mask(StreamKind::values);
constexpr PortInfo kInPort[] = {{"in", kResults, "Spectra or values."}};
constexpr PortInfo kOutPort[] = {{"out", kResults, "The blocks that were followed by a pause."}};
constexpr NodeInfo kInfo{
    .name = "Debounce",
    .description = "Passes on the last block before a pause and drops those followed too soon by another.",
    .inputs = kInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rt_safe = RtSafe::yes,
    .at_gap = "Carries on: a gap is a pause like any other.",
    .details =
        "A pause is at least silence_s from the last frame of a block to that of the next. A block is "
        "emitted when the next one comes, or at the end, with its own position and time, and is flagged gap "
        "if blocks before it were dropped. A new silence_s holds at once, also for the block that waits.",
    .example = R"({"id": "settled", "type": "Debounce", "config": {"silence_s": 0.5}})",
    .cost_ns_per_frame = 0.2,
};

class Debounce final : public Node {
 public:
  explicit Debounce(const ParamValues& params) : initial_s_(params[kSilenceS]) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    sample_rate_hz_ = in.sample_rate_hz;
    auto gate = make_gate(initial_s_);
    if (!gate) { return tl::unexpected(gate.error()); }
    initial_ = *gate;
    last_.prepare(in);
    reset();
    return std::vector{OutputFormat{in}};
  }
  void reset() noexcept override {
    gate_ = initial_;
    silence_s_ = initial_s_;
    last_.reset();
  }
  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    const auto gate = make_gate(now[kSilenceS]);
    if (!gate) { return tl::unexpected(gate.error()); }
    return make_change(Pause{*gate, now[kSilenceS]});
  }
  void apply(NodeChange& change) noexcept override {
    Pause& now = value_of<Pause>(change);
    now.gate.continue_from(*gate_);
    gate_ = now.gate;
    silence_s_ = now.silence_s;
  }

  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    const Nanos now(moment_of(x));
    if (gate_->take(now)) { last_.give(out[0]); }
    gate_->arrive(now);
    last_.hold(x);
    return Status::ok;
  }
  Status finish(std::span<OutputPort> out) noexcept override {
    if (!gate_->take_last()) { return Status::done; }
    last_.give(out[0]);
    return Status::ok;
  }

  std::vector<NodeNote> notes() const override {
    if (last_.left_out().blocks() == 0) { return {}; }
    return {{fmt::format("dropped {} blocks that were followed by another within {} s",
                         last_.left_out().blocks(), silence_s_),
             last_.left_out().blocks(), false}};
  }

 private:
  struct Pause {
    DebounceGate gate;
    double silence_s;
  };

  Result<DebounceGate> make_gate(double silence_s) const {
    const double frames = silence_s * sample_rate_hz_;
    if (!(frames >= 1.0)) {
      return refused("/config/silence_s",
                     fmt::format("{} s is shorter than one frame at {} Hz", silence_s, sample_rate_hz_),
                     fmt::format("at least {} s", 1.0 / sample_rate_hz_));
    }
    // Here the gate's nanosecond is a frame.
    return DebounceGate::make(Nanos(static_cast<Nanos::rep>(std::ceil(frames - kRounding * frames))));
  }

  static constexpr double kRounding = 4e-16;  // of a product of two doubles: 0.1 s at 48 kHz are 4800 frames

  const double initial_s_;
  double silence_s_ = 0.0;       // in force
  double sample_rate_hz_ = 1.0;  // fixed by prepare(), as is the next
  std::optional<DebounceGate> initial_;
  std::optional<DebounceGate> gate_;  // in force
  HeldBlock last_;
};

}  // namespace
}  // namespace debounce_node

extern const NodeEntry kDebounceEntry{debounce_node::kInfo, make_node<debounce_node::Debounce>};

}  // namespace streamlab
