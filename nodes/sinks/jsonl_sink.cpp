// nodes/sinks/jsonl_sink.cpp
//
// JsonlSink: writes one line of JSON per block.
//
//   in   audio, spectra or values
//
//   {"position":48000,"seconds":1,"timestamp_us":1000000,"sequence_id":46,"flags":["gap"],"gap_frames":256,
//    "length_frames":4800,"axis":{…},"channels":{"left":{"unit":"dB","value":-20.5}},"metadata":{…}}
//
// A channel has "value" (values), "bins" (a spectrum, along "axis") or "samples" (audio). gap_frames,
// length_frames, axis and metadata are only there if they apply. Numbers read back as the same float64; NaN
// and infinities are null.
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/core/node.hpp"
#include "nodes/sinks/flag_names.hpp"
#include "nodes/sinks/text_output.hpp"

namespace streamlab {
namespace jsonl_sink_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::as(ParamRole::output_file,
              param::text("path", Need::required, "The file to write; \"-\" for stdout.")),
    param::boolean("header", false,
                   "Start with a line that describes the stream: kind, rate, channels, axis, notes."),
    param::as(
        ParamRole::overwrite,
        param::boolean(
            "overwrite", false,
            "Replace an existing file once the new one is complete; until then the new one is PATH.new beside "
            "it. Without this or --force an existing file is an error.")),
    param::as(ParamRole::label,
              param::text("label", "",
                          "Is in each line as \"label\", so that several sinks can share one stream.")),
};
constexpr auto kPath = param::at(kParams, "path");
constexpr auto kHeader = param::at(kParams, "header");
constexpr auto kOverwrite = param::at(kParams, "overwrite");
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

// `text` as a JSON string.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append_json_number(std::string& line, double value) {
  if (std::isfinite(value)) {
    append_number(line, value);
  } else {
    line += "null";
  }
}

std::string axis_json(const Axis& axis) {
  std::string text =
      fmt::format(R"({{"quantity":{},"unit":{},"start":)", quoted(axis.quantity), quoted(axis.unit));
  append_json_number(text, axis.start);
  text += ",\"step\":";
  append_json_number(text, axis.step);
  return text + "}";
}

class JsonlSink final : public Node {
 public:
  explicit JsonlSink(const ParamValues& params)
      : path_(params.text(kPath)), header_(params.flag(kHeader)), overwrite_(params.flag(kOverwrite)) {
    if (!params.text(kLabel).empty()) { label_ = fmt::format("\"label\":{},", quoted(params.text(kLabel))); }
  }

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    format_ = *context.inputs[0];
    overwrite_ = overwrite_ || context.overwrite;
    naming_ = context.naming;
    console_ = context.console_file;
    channel_starts_.clear();
    for (const ChannelInfo& channel : format_.channels) {
      channel_starts_.push_back(
          fmt::format(R"({}:{{"unit":{},)", quoted(channel.name), quoted(channel.unit)));
    }
    reset();
    return std::vector<OutputFormat>{};
  }

  Result<void> start() override {
    auto opened = open(overwrite_);
    if (!opened) {
      Error error = opened.error();
      error.what = fmt::format("\"{}\" {}", path_, error.what);
      error.where = "/config/path";
      return tl::unexpected(error);
    }
    return opened;
  }

  // The next block, if any, starts the file again.
  void reset() noexcept override {
    restart_ = written_;
    failure_.reset();
  }

  Status process(std::span<const DataFrame* const> in,
                 [[maybe_unused]] std::span<OutputPort> out) noexcept override {
    const auto written = write(*in[0]);
    if (written) { return Status::ok; }
    failure_ = written.error();
    return Status::fault;
  }

  Error failure() const override { return failure_.value_or(Node::failure()); }
  void set_ending(Ending ending) noexcept override {
    if (output_) { output_->set_ending(ending); }
  }
  Result<void> close() override { return output_ ? output_->close() : Result<void>{}; }
  std::vector<NodeNote> notes() const override {
    return output_ ? output_->notes() : std::vector<NodeNote>{};
  }

 private:
  Result<void> open(bool replace) {
    auto output = TextOutput::open(path_, replace, naming_, console_);
    if (!output) { return tl::unexpected(output.error()); }
    output_.emplace(std::move(*output));
    written_ = false;
    return header_ ? output_->write(header_line()) : Result<void>{};
  }

  std::string header_line() const {
    std::string line = fmt::format(R"({{"kind":"{}","sample_rate_hz":)", to_string(format_.kind));
    append_json_number(line, format_.sample_rate_hz);
    line += ",\"channels\":[";
    for (std::size_t c = 0; c < format_.channels.size(); ++c) {
      line += fmt::format(R"({}{{"name":{},"unit":{}}})", c == 0 ? "" : ",", quoted(format_.channels[c].name),
                          quoted(format_.channels[c].unit));
    }
    line += "]";
    if (format_.kind == StreamKind::spectrum) { line += ",\"axis\":" + axis_json(format_.axis); }
    line += ",\"notes\":{";
    const char* separator = "";
    for (const auto& [key, value] : format_.notes) {
      line += fmt::format("{}{}:{}", separator, quoted(key), quoted(value));
      separator = ",";
    }
    return line + "}}\n";
  }

  Result<void> write(const DataFrame& x) {
    if (restart_) {
      restart_ = false;
      if (auto closed = close(); !closed) { return closed; }  // it is complete and may be replaced
      if (auto opened = open(true); !opened) { return opened; }
    }
    line_.clear();
    append_header(x.header());
    if (format_.kind == StreamKind::spectrum) { line_ += ",\"axis\":" + axis_json(format_.axis); }
    line_ += ",\"channels\":{";
    for (std::uint32_t c = 0; c < x.channel_count(); ++c) { append_channel(x, c); }
    line_ += "}";
    append_metadata(x.metadata());
    line_ += "}\n";
    written_ = true;
    return output_->write(line_);
  }

  void append_header(const FrameHeader& header) {
    ((line_ += '{') += label_) += "\"position\":";
    append_integer(line_, header.position);
    line_ += ",\"seconds\":";
    append_json_number(line_, static_cast<double>(header.position) / format_.sample_rate_hz);
    line_ += ",\"timestamp_us\":";
    append_integer(line_, header.timestamp_us);
    line_ += fmt::format(",\"sequence_id\":{},\"flags\":[", header.sequence_id);
    const char* separator = "";
    for_each_flag(header, [&](std::string_view name) {
      line_ += fmt::format("{}\"{}\"", separator, name);
      separator = ",";
    });
    line_ += "]";
    if (header.has(FrameFlag::gap)) { line_ += fmt::format(",\"gap_frames\":{}", header.gap_frames); }
    if (header.length_frames > 0) { line_ += fmt::format(",\"length_frames\":{}", header.length_frames); }
  }

  void append_channel(const DataFrame& x, std::uint32_t c) {
    if (c > 0) { line_ += ","; }
    line_ += channel_starts_[c];
    const auto numbers = x.channel(c);
    if (format_.kind == StreamKind::values && numbers.size() == 1) {
      line_ += "\"value\":";
      append_json_number(line_, numbers[0]);
    } else {
      line_ += format_.kind == StreamKind::spectrum ? "\"bins\":[" : "\"samples\":[";
      for (std::size_t n = 0; n < numbers.size(); ++n) {
        if (n > 0) { line_ += ","; }
        append_json_number(line_, numbers[n]);
      }
      line_ += "]";
    }
    line_ += "}";
  }

  void append_metadata(const Metadata& metadata) {
    if (metadata.entries().empty()) { return; }
    line_ += ",\"metadata\":{";
    const char* separator = "";
    for (const Metadata::Entry& entry : metadata.entries()) {
      line_ += separator + quoted(std::string(entry.name())) + ":";
      append_json_number(line_, entry.value);
      separator = ",";
    }
    line_ += "}";
  }

  const std::string path_;
  const bool header_;
  std::string label_;  // `"label":"left",`, or nothing
  bool overwrite_;
  Naming naming_ = Naming::at_once;
  std::FILE* console_ = nullptr;             // owned by the engine
  StreamFormat format_;                      // fixed by prepare(), as the next
  std::vector<std::string> channel_starts_;  // `"left":{"unit":"dB",` by channel
  std::optional<TextOutput> output_;         // set by start()
  bool written_ = false;                     // the file has a block
  bool restart_ = false;
  std::string line_;
  std::optional<Error> failure_;
};

}  // namespace
}  // namespace jsonl_sink_node

extern const NodeEntry kJsonlSinkEntry{jsonl_sink_node::kInfo, make_node<jsonl_sink_node::JsonlSink>};

}  // namespace streamlab
