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

constexpr ParamInfo kParams[] = {
    param::as(ParamRole::output_file,
              param::text("path", Need::required, "The file to write; \"-\" for stdout.")),
    kOverwriteParam,
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
        "row. Metadata are not written; JsonlSink writes them.",
    .example = R"({"id": "table", "type": "CsvSink", "config": {"path": "levels.csv"}})",
    .cost_ns_per_frame = 50.0,
};

class CsvSink final : public TextFileNode {
 public:
  using TextFileNode::TextFileNode;

 private:
  void describe(const StreamFormat& in) override { text_ = CsvText(in); }
  std::string heading() const override { return text_.heading(); }
  void append(const DataFrame& x, std::string& lines) override { text_.append(x, lines); }

  CsvText text_;
};

}  // namespace
}  // namespace csv_sink_node

extern const NodeEntry kCsvSinkEntry{csv_sink_node::kInfo, make_node<csv_sink_node::CsvSink>};

}  // namespace streamlab
