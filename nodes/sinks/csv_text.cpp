// nodes/sinks/csv_text.cpp
#include "nodes/sinks/csv_text.hpp"

#include <cmath>
#include <ctime>

#include <fmt/format.h>

#include "nodes/sinks/brief_text.hpp"
#include "nodes/sinks/flag_names.hpp"
#include "nodes/sinks/text_output.hpp"

namespace streamlab {
namespace {

constexpr std::string_view kRowEnd = "\r\n";

// "2026-11-30 14:03:21.480"; nothing where it is no time of day.
std::string date_time_text(std::int64_t timestamp_us, bool is_utc) {
  if (!is_time_of_day(timestamp_us)) { return {}; }
  constexpr std::int64_t kMsPerS = 1000;
  const std::int64_t ms = timestamp_us / 1000;
  const auto seconds = static_cast<std::time_t>(ms / kMsPerS);
  std::tm time{};
  (is_utc ? ::gmtime_r : ::localtime_r)(&seconds, &time);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}", time.tm_year + 1900, time.tm_mon + 1,
                     time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec, ms % kMsPerS);
}

// RFC 4180, section 2, rules 5 to 7.
void append_field(std::string& row, std::string_view text, char separator) {
  if (text.find_first_of("\"\r\n") == std::string_view::npos &&
      text.find(separator) == std::string_view::npos) {
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

void append_heading(std::string& row, char separator, const std::string& name, const std::string& unit) {
  row += separator;
  append_field(row, unit.empty() ? name : fmt::format("{} [{}]", name, unit), separator);
}

// Of rows without texts, from `begin` on: "0.5,1.25" becomes "0,5;1,25".
void with_decimal_commas(std::string& rows, std::size_t begin = 0) {
  for (std::size_t n = begin; n < rows.size(); ++n) {
    rows[n] = rows[n] == ',' ? ';' : rows[n] == '.' ? ',' : rows[n];
  }
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
  const bool audio = format_.kind == StreamKind::audio;
  constexpr std::string_view kDateTimeHeadings[] = {"", ",date_time", ",date_time [UTC]"};
  std::string row = audio ? "position,seconds" : "position,seconds,timestamp_us";
  row += kDateTimeHeadings[static_cast<std::size_t>(style_.date_time)];
  row += audio ? ",flags,gap_frames" : ",sequence_id,flags,gap_frames,length_frames";
  if (style_.has_decimal_comma) { with_decimal_commas(row); }
  const char separator = style_.has_decimal_comma ? ';' : ',';
  if (format_.kind == StreamKind::spectrum) {
    append_heading(row, separator, format_.axis.quantity, format_.axis.unit);
  }
  for (const ChannelInfo& channel : format_.channels) {
    append_heading(row, separator, channel.name, channel.unit);
  }
  return row.append(kRowEnd);
}

void CsvText::append(const DataFrame& x, std::string& rows) const {
  const std::size_t begin = rows.size();
  for (std::uint32_t n = 0; n < x.frame_count(); ++n) { append_row(x, n, rows); }
  if (style_.has_decimal_comma) { with_decimal_commas(rows, begin); }
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
  }
  if (style_.date_time != CsvStyle::DateTime::none) {
    const double us = audio ? 1e6 * n / format_.sample_rate_hz : 0.0;
    rows += ',';
    rows +=
        date_time_text(header.timestamp_us + std::llround(us), style_.date_time == CsvStyle::DateTime::utc);
  }
  if (!audio) { rows += fmt::format(",{}", header.sequence_id); }
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
