// nodes/sinks/csv_sink.cpp
//
// CsvSink: writes its input as a table (RFC 4180), with a first row of names and units.
//
//   in   audio, spectra or values
//
//   values    one row/block:    COLUMNS,"rms [dB]",…
//   spectra   one row/bin:      COLUMNS,"frequency [Hz]","left [dB]",…
//   audio     one row/frame:    position,seconds,flags,gap_frames,"left [FS]",…
//
// COLUMNS are position,seconds,timestamp_us,sequence_id,flags,gap_frames,length_frames; the last is empty if
// the length of the result is not known.
//
// Numbers read back as the same float64; NaN is an empty field, infinities are inf and -inf. Several flags
// are separated by spaces. For audio, position, seconds and flags are those of the row; gap_frames is in the
// row after the gap.
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "engine/core/node.hpp"
#include "nodes/sinks/flag_names.hpp"
#include "nodes/sinks/text_output.hpp"

namespace streamlab {
namespace csv_sink_node {
namespace {

constexpr ParamInfo kParams[] = {
    param::as(ParamRole::output_file,
              param::text("path", Need::required, "The file to write; \"-\" for stdout.")),
    param::as(
        ParamRole::overwrite,
        param::boolean(
            "overwrite", false,
            "Replace an existing file once the new one is complete; until then the new one is PATH.new beside "
            "it. Without this or --force an existing file is an error.")),
};
constexpr auto kPath = param::at(kParams, "path");
constexpr auto kOverwrite = param::at(kParams, "overwrite");
constexpr NodeInfo kInfo{
    .name = "CsvSink",
    .description = "Writes a table with a row per block, bin or sample.",
    .inputs = kAnyInPort,
    .outputs = {},
    .params = kParams,
    .rt_safe = RtSafe::no,
    .records = Records::csv,
    .at_gap = "Writes the flag gap and, in the column gap_frames, the number of missing frames.",
    .details =
        "RFC 4180: commas, quotes where needed, lines end with CR LF. The first row has the column names, "
        "with units in brackets. Values take one row per block, spectra one row per bin with a column for "
        "the axis, audio one row per frame. Numbers are the shortest that read back as the same float64; NaN "
        "is an empty field. Each block is written in one piece: after a kill the file ends with a complete "
        "row. Metadata are not written; JsonlSink writes them.",
    .example = R"({"id": "table", "type": "CsvSink", "config": {"path": "levels.csv"}})",
    .cost_ns_per_frame = 50.0,
};

constexpr std::string_view kRowEnd = "\r\n";

// RFC 4180, section 2, rules 5 to 7.
void append_field(std::string& row, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    row += text;
    return;
  }
  row += '"';
  for (const char c : text) {
    if (c == '"') { row += '"'; }
    row += c;
  }
  row += '"';
}

void append_heading(std::string& row, const std::string& name, const std::string& unit) {
  row += ',';
  append_field(row, unit.empty() ? name : fmt::format("{} [{}]", name, unit));
}

void append_value(std::string& row, double value) {
  row += ',';
  if (!std::isnan(value)) { append_number(row, value); }
}

class CsvSink final : public Node {
 public:
  explicit CsvSink(const ParamValues& params)
      : path_(params.text(kPath)), overwrite_(params.flag(kOverwrite)) {}

  Result<std::vector<OutputFormat>> prepare(const PrepareContext& context) override {
    format_ = *context.inputs[0];
    overwrite_ = overwrite_ || context.overwrite;
    naming_ = context.naming;
    console_ = context.console_file;
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
    return output_->write(heading());
  }

  std::string heading() const {
    std::string row = format_.kind == StreamKind::audio
                          ? "position,seconds,flags,gap_frames"
                          : "position,seconds,timestamp_us,sequence_id,flags,gap_frames,length_frames";
    if (format_.kind == StreamKind::spectrum) {
      append_heading(row, format_.axis.quantity, format_.axis.unit);
    }
    for (const ChannelInfo& channel : format_.channels) { append_heading(row, channel.name, channel.unit); }
    return row.append(kRowEnd);
  }

  Result<void> write(const DataFrame& x) {
    if (restart_) {
      restart_ = false;
      if (auto closed = close(); !closed) { return closed; }  // it is complete and may be replaced
      if (auto opened = open(true); !opened) { return opened; }
    }
    rows_.clear();
    for (std::uint32_t n = 0; n < x.frame_count(); ++n) { append_row(x, n); }
    written_ = true;
    return output_->write(rows_);
  }

  // Row `n` of the block: its frame, bin or, always 0, its value.
  void append_row(const DataFrame& x, std::uint32_t n) {
    const bool audio = format_.kind == StreamKind::audio;
    const FrameHeader& header = x.header();
    const std::int64_t position = header.position + (audio ? n : 0);
    append_integer(rows_, position);
    append_value(rows_, static_cast<double>(position) / format_.sample_rate_hz);
    if (!audio) {
      rows_ += ',';
      append_integer(rows_, header.timestamp_us);
      rows_ += fmt::format(",{}", header.sequence_id);
    }
    FrameHeader row = header;
    if (audio) {
      row.flags = x.flags_of(n, 1);
      if (n > 0) { row.gap_frames = 0; }
    }
    append_flags(row);
    if (!audio) {
      rows_ += ',';
      if (header.length_frames > 0) { rows_ += fmt::format("{}", header.length_frames); }
    }
    if (format_.kind == StreamKind::spectrum) {
      append_value(rows_, format_.axis.start + n * format_.axis.step);
    }
    for (std::uint32_t c = 0; c < x.channel_count(); ++c) { append_value(rows_, x.channel(c)[n]); }
    rows_ += kRowEnd;
  }

  void append_flags(const FrameHeader& header) {
    rows_ += ',';
    const char* separator = "";
    for_each_flag(header, [&](std::string_view name) {
      rows_ += separator;
      rows_ += name;
      separator = " ";
    });
    rows_ += fmt::format(",{}", header.has(FrameFlag::gap) ? header.gap_frames : 0);
  }

  const std::string path_;
  bool overwrite_;
  Naming naming_ = Naming::at_once;
  std::FILE* console_ = nullptr;      // owned by the engine
  StreamFormat format_;               // fixed by prepare()
  std::optional<TextOutput> output_;  // set by start()
  bool written_ = false;              // the file has a block
  bool restart_ = false;
  std::string rows_;
  std::optional<Error> failure_;
};

}  // namespace
}  // namespace csv_sink_node

extern const NodeEntry kCsvSinkEntry{csv_sink_node::kInfo, make_node<csv_sink_node::CsvSink>};

}  // namespace streamlab
