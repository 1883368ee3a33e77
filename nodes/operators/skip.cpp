// nodes/operators/skip.cpp
//
// Skip: drops the beginning of a stream, exact to the frame, and passes the rest.
//
//   in   audio, spectra or values
//   out  as `in`; latency 0 frames
#include <vector>

#include "engine/core/node.hpp"
#include "nodes/operators/amount.hpp"

namespace streamlab {
namespace skip_node {
namespace {

constexpr auto kParams = amount_params("How much to skip, in frames; for values, in values.",
                                       "How much to skip, in seconds.", "How much to skip, in blocks.");
constexpr PortInfo kOutPort[] = {{"out", kAnyKind, "The rest of the stream."}};
constexpr NodeInfo kInfo{
    .name = "Skip",
    .description = "Skips the beginning of a stream and passes the rest.",
    .inputs = kAnyInPort,
    .outputs = kOutPort,
    .params = kParams,
    .rules = kAmountRules,
    .rt_safe = RtSafe::yes,
    .at_gap = "Carries on; missing frames are not counted.",
    .details = kAmountDetails,
    .example = R"({"id": "skip", "type": "Skip", "config": {"seconds": 1.5}})",
    .cost_ns_per_frame = 0.1,
};

class Skip final : public Node {
 public:
  explicit Skip(const ParamValues& params) : params_(params) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    const StreamFormat& in = *context.inputs[0];
    auto amount = Amount::read(params_, in);
    if (!amount) { return tl::unexpected(amount.error()); }
    amount_ = *amount;
    OutputFormat out{in};
    out.held_frames = amount_.most_frames(in.max_frames);
    return std::vector{out};
  }
  void reset() noexcept override { amount_.reset(); }
  Status process(std::span<const DataFrame* const> in, std::span<OutputPort> out) noexcept override {
    const DataFrame& x = *in[0];
    const std::uint32_t part = amount_.take(x);
    if (part < x.frame_count()) { emit_part(out[0], x, part, x.frame_count() - part); }
    return Status::ok;
  }
  std::vector<NodeNote> notes() const override {
    const std::string got = amount_.shortfall();
    if (got.empty()) { return {}; }
    return {{"it passed nothing: the stream had only " + got + " to be skipped"}};
  }

 private:
  const ParamValues params_;
  Amount amount_;
};

}  // namespace
}  // namespace skip_node

extern const NodeEntry kSkipEntry{skip_node::kInfo, make_node<skip_node::Skip>};

}  // namespace streamlab
