// nodes/sinks/csv_sink.cpp
//
// CsvSink: writes its input as a table (RFC 4180), with a first row of names and units.
//
//   in   audio, spectra or values
//
// nodes/sinks/csv_text.hpp says what the rows are.
#include "nodes/sinks/csv_text.hpp"
#include "nodes/sinks/text_file_node.hpp"

namespace streamlab {
namespace csv_sink_node {
namespace {

constexpr std::string_view kDateTimes[] = {"none", "local", "utc"};  // as CsvStyle::DateTime
constexpr std::string_view kDecimals[] = {"point", "comma"};
constexpr ParamInfo kParams[] = {
    param::as(ParamRole::output_file,
              param::text("path", Need::required, "The file to write; \"-\" for stdout.")),
    kOverwriteParam,
    param::choice(
        "date_time", kDateTimes, "none",
        "A column with date and time of the first frame for people and spreadsheets, \"2026-11-30 14:03:21.480\" "
        "(ISO 8601 with a blank), local or UTC; empty where the stream has no time of day, as files have not "
        "(times before 2001-09-09 count as none)."),
    param::choice(
        "decimal", kDecimals, "point",
        "comma: decimal commas, and semicolons between the fields, as spreadsheets of many countries read "
        "them. Only to a file: other programs expect points."),
};
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
        "row. Metadata are not written; JsonlSink writes them. timestamp_us are µs since 1970-01-01 UTC; with date_time "
        "the same time can be read.",
    .example = R"({"id": "table", "type": "CsvSink", "config": {"path": "levels.csv"}})",
    .cost_ns_per_frame = 50.0,
};

constexpr std::size_t kDateTime = param::at(kParams, "date_time");
constexpr std::size_t kDecimal = param::at(kParams, "decimal");

class CsvSink final : public TextFileNode {
 public:
  explicit CsvSink(const ParamValues& params)
      : TextFileNode(params),
        style_{.date_time = static_cast<CsvStyle::DateTime>(params.choice(kDateTime)),
               .has_decimal_comma = params.choice(kDecimal) == 1} {}

 private:
  Result<void> describe(const StreamFormat& in) override {
    if (style_.has_decimal_comma && path() == "-") {
      return refused("/config/decimal",
                     "\"comma\" cannot be used on standard output, nor in the table of a batch",
                     "a file as \"path\"");
    }
    text_ = CsvText(in, style_);
    return {};
  }
  std::string heading() const override { return text_.heading(); }
  void append(const DataFrame& x, std::string& lines) override { text_.append(x, lines); }

  const CsvStyle style_;
  CsvText text_;
};

}  // namespace
}  // namespace csv_sink_node

extern const NodeEntry kCsvSinkEntry{csv_sink_node::kInfo, make_node<csv_sink_node::CsvSink>};

}  // namespace streamlab
