// nodes/sinks/csv_text.cpp
#include "nodes/sinks/csv_text.hpp"

#include <cmath>

#include <fmt/format.h>

#include "nodes/sinks/flag_names.hpp"
#include "nodes/sinks/text_output.hpp"

namespace streamlab {
namespace {

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

void append_flags(std::string& row, const FrameHeader& header) {
  row += ',';
  const char* separator = "";
  for_each_flag(header, [&](std::string_view name) {
    row += separator;
    row += name;
    separator = " ";
  });
  row += fmt::format(",{}", header.has(FrameFlag::gap) ? header.gap_frames : 0);
}

}  // namespace

std::string CsvText::heading() const {
  std::string row = format_.kind == StreamKind::audio
                        ? "position,seconds,flags,gap_frames"
                        : "position,seconds,timestamp_us,sequence_id,flags,gap_frames,length_frames";
  if (format_.kind == StreamKind::spectrum) { append_heading(row, format_.axis.quantity, format_.axis.unit); }
  for (const ChannelInfo& channel : format_.channels) { append_heading(row, channel.name, channel.unit); }
  return row.append(kRowEnd);
}

void CsvText::append(const DataFrame& x, std::string& rows) const {
  for (std::uint32_t n = 0; n < x.frame_count(); ++n) { append_row(x, n, rows); }
}

void CsvText::append_row(const DataFrame& x, std::uint32_t n, std::string& rows) const {
  const bool audio = format_.kind == StreamKind::audio;
  const FrameHeader& header = x.header();
  const std::int64_t position = header.position + (audio ? n : 0);
  append_integer(rows, position);
  append_value(rows, static_cast<double>(position) / format_.sample_rate_hz);
  if (!audio) {
    rows += ',';
    append_integer(rows, header.timestamp_us);
    rows += fmt::format(",{}", header.sequence_id);
  }
  FrameHeader row = header;
  if (audio) {
    row.flags = x.flags_of(n, 1);
    if (n > 0) { row.gap_frames = 0; }
  }
  append_flags(rows, row);
  if (!audio) {
    rows += ',';
    if (header.length_frames > 0) { rows += fmt::format("{}", header.length_frames); }
  }
  if (format_.kind == StreamKind::spectrum) {
    append_value(rows, format_.axis.start + n * format_.axis.step);
  }
  for (std::uint32_t c = 0; c < x.channel_count(); ++c) { append_value(rows, x.channel(c)[n]); }
  rows += kRowEnd;
}

}  // namespace streamlab
