// nodes/sinks/jsonl_sink.cpp
//
// JsonlSink: writes one line of JSON per block.
//
//   in   audio, spectra or values
//
// nodes/sinks/json_text.hpp says what a line is.
#include "nodes/sinks/json_text.hpp"
#include "nodes/sinks/text_file_node.hpp"

namespace streamlab {
namespace jsonl_sink_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::as(ParamRole::output_file,
              param::text("path", Need::required, "The file to write; \"-\" for stdout.")),
    param::boolean("header", false,
                   "Start with a line that describes the stream: kind, rate, channels, axis, notes."),
    kOverwriteParam,
    param::as(ParamRole::label,
              param::text("label", "",
                          "Is in each line as \"label\", so that several sinks can share one stream.")),
};
constexpr auto kHeader = param::at(kParams, "header");
constexpr auto kLabel = param::at(kParams, "label");
constexpr NodeInfo kInfo{
    .name = "JsonlSink",
    .description = "Writes each block as a line of JSON.",
    .inputs = kAnyInPort,
    .outputs = {},
    .params = kParams,
    .rt_safe = RtSafe::no,
    .records = Records::json_lines,
    .at_gap = "Writes the flag gap and gap_frames, the number of missing frames.",
    .details =
        "A line has position (frames), for results length_frames (how many frames of the stream they cover), "
        "seconds (position / sample rate), timestamp_us, sequence_id, flags and channels: for each its unit "
        "and its value, bins or samples. Spectra have an axis: bin k is at start + k step. Numbers are the "
        "shortest that read back as the same float64; NaN and infinities are null. Each line is written in "
        "one piece: after a kill the file ends with a complete line.",
    .example = R"({"id": "log", "type": "JsonlSink", "config": {"path": "levels.jsonl"}})",
    .cost_ns_per_frame = 50.0,
};

class JsonlSink final : public TextFileNode {
 public:
  explicit JsonlSink(const ParamValues& params)
      : TextFileNode(params), has_header_(params.flag(kHeader)), label_(params.text(kLabel)) {}

 private:
  Result<void> describe(const StreamFormat& in) override {
    text_ = JsonText(in, label_);
    return {};
  }
  std::string heading() const override { return has_header_ ? text_.header_line() : ""; }
  void append(const DataFrame& x, std::string& lines) override { text_.append(x, lines); }

  const bool has_header_;
  const std::string label_;
  JsonText text_;
};

}  // namespace
}  // namespace jsonl_sink_node

extern const NodeEntry kJsonlSinkEntry{jsonl_sink_node::kInfo, make_node<jsonl_sink_node::JsonlSink>};

}  // namespace streamlab
