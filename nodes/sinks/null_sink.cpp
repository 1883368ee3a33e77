// nodes/sinks/null_sink.cpp
//
// NullSink: discards its input and reports at the end how much there was.
//
//   in   audio, spectra or values
#include <fmt/format.h>

#include "engine/core/node.hpp"

namespace streamlab {
namespace null_sink_node {
namespace {

constexpr NodeInfo kInfo{
    .name = "NullSink",
    .description = "Discards its input and counts it.",
    .inputs = kAnyInPort,
    .outputs = {},
    .params = {},
    .rt_safe = RtSafe::yes,
    .records = Records::dropped,
    .at_gap = "Counts only the frames that arrive.",
    .example = R"({"id": "end", "type": "NullSink"})",
    .cost_ns_per_frame = 0.0,
};

class NullSink final : public Node {
 public:
  explicit NullSink([[maybe_unused]] const ParamValues& params) {}

  Result<std::vector<OutputFormat>> prepare([[maybe_unused]] const PrepareContext& context) override {
    reset();
    return std::vector<OutputFormat>{};
  }
  void reset() noexcept override { blocks_ = frames_ = 0; }
  Status process(std::span<const DataFrame* const> in,
                 [[maybe_unused]] std::span<OutputPort> out) noexcept override {
    ++blocks_;
    frames_ += in[0]->frame_count();
    return Status::ok;
  }
  std::vector<NodeNote> notes() const override {
    return {{fmt::format("received {} frames in {} blocks", frames_, blocks_), frames_, false}};
  }

 private:
  std::uint64_t blocks_ = 0;
  std::uint64_t frames_ = 0;
};

}  // namespace
}  // namespace null_sink_node

extern const NodeEntry kNullSinkEntry{null_sink_node::kInfo, make_node<null_sink_node::NullSink>};

}  // namespace streamlab
