// nodes/flow/take.cpp
//
// Take: passes the beginning of a stream, exact to the frame, and nothing after it.
//
//   in   audio, spectra or values
//   out  as `in`; latency 0 frames
#include <vector>

#include "engine/core/node.hpp"
#include "nodes/flow/amount.hpp"

namespace streamlab {
namespace take_node {
namespace {

constexpr auto kParams = amount_params("How much to pass, in frames; for values, in values.",
                                       "How much to pass, in seconds.", "How much to pass, in blocks.");
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
    amount_ = *amount;
    return std::vector{OutputFormat{in}};
  }
  void reset() noexcept override { amount_.reset(); }
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
  Amount amount_;
};

}  // namespace
}  // namespace take_node

extern const NodeEntry kTakeEntry{take_node::kInfo, make_node<take_node::Take>};

}  // namespace streamlab
