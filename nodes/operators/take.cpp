// nodes/operators/take.cpp
//
// Take: passes the beginning of a stream, exact to the frame, and nothing after it.
//
//   in   audio, spectra or values
//   out  as `in`; latency 0 frames
#include <memory>
#include <vector>

#include "engine/core/node.hpp"
#include "nodes/operators/amount.hpp"

namespace streamlab {
namespace take_node {
namespace {

constexpr auto live_params() {
  auto params = amount_params("How much to pass, in frames; for values, in values.",
                              "How much to pass, in seconds.", "How much to pass, in blocks.");
  for (ParamInfo& info : params) { info.live = Live::yes; }
  return params;
}
constexpr auto kParams = live_params();
constexpr PortInfo kOutPort[] = {{"out", kAnyKind, "The beginning of the stream."}};
constexpr NodeInfo kInfo{
    .name = "Take",
    .description = "Passes the beginning of a stream, then ends; nodes that feed nothing else end with it.",
    .inputs = kAnyInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rules = kAmountRules,
    .rt_safe = RtSafe::yes,
    .ends = Ends::by_itself,
    .at_gap =
        "Carries on; missing frames are not counted. A device and a file are read in whole blocks, and some ahead: a "
        "loss shortly behind the end of the part counts, too, and how far behind depends on the block size.",
    .details = kAmountDetails,
    .example = R"({"id": "take", "type": "Take", "config": {"seconds": 10}})",
    .cost_ns_per_frame = 0.1,
};

class Take final : public Node {
 public:
  explicit Take(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    auto amount = Amount::read(params_, in);
    if (!amount) { return tl::unexpected(amount.error()); }
    in_ = in;
    initial_ = amount_ = *amount;
    return std::vector{OutputFormat{in}};
  }
  void reset() noexcept override {
    amount_ = initial_;
    amount_.reset();
  }
  Result<std::unique_ptr<NodeChange>> plan_change(const ParamValues& now) const override {
    const auto amount = Amount::read(now, in_);
    if (!amount) { return tl::unexpected(amount.error()); }
    if (!amount->has_unit_of(initial_)) {
      return refused("/config", "blocks, frames and time cannot take each other's place while the graph runs",
                     "another amount in the unit of the configuration");
    }
    return make_change(*amount);
  }
  void apply(NodeChange& change) noexcept override {
    Amount& now = value_of<Amount>(change);
    now.continue_from(amount_);
    amount_ = now;
  }
  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    const std::uint32_t part = amount_.take(x);
    const bool complete = amount_.is_complete();
    if (part > 0) {
      DataFrame& y = emit_part(out[0], x, 0, part);
      if (complete) { y.header().set(FrameFlag::end_of_stream); }
    }
    return complete ? Status::done : Status::ok;
  }
  std::vector<NodeNote> notes() const override {
    const std::string got = amount_.shortfall();
    if (got.empty()) { return {}; }
    return {{"the stream ended early: it passed " + got}};
  }

 private:
  const ParamValues params_;
  StreamFormat in_;  // fixed by prepare(), as is the next
  Amount initial_;
  Amount amount_;  // in force
};

}  // namespace
}  // namespace take_node

extern const NodeEntry kTakeEntry{take_node::kInfo, make_node<take_node::Take>};

}  // namespace streamlab
