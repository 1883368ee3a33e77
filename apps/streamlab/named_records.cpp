// apps/streamlab/named_records.cpp
#include "apps/streamlab/named_records.hpp"

#include <nlohmann/json.hpp>

#include "engine/base/printable.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab::app {

std::string shown_name(const std::string& path) { return is_utf8(Document(path)) ? path : printable(path); }

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) { return text; }
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') { quoted += '"'; }
    quoted += c;
  }
  return quoted + '"';
}

std::string_view take_csv_row(std::string_view& rows) {
  bool is_quoted = false;
  std::size_t end = 0;
  while (end < rows.size() && (is_quoted || rows[end] != '\n')) { is_quoted ^= rows[end++] == '"'; }
  const std::string_view row = rows.substr(0, end + 1);
  rows.remove_prefix(row.size());
  return row;
}

std::string NamedRecords::name(const std::string& item, std::string_view printed) const {
  std::string named;
  switch (format_) {
    case StdoutFormat::text:
      named = printable(item) + "\n";
      named += printed;
      break;
    case StdoutFormat::json_lines: {
      const std::string first =
          "{\"input\":" + Document(item).dump(-1, ' ', false, Document::error_handler_t::replace) + ",";
      while (!printed.empty()) {
        const std::size_t end = printed.find('\n');
        const std::string_view line = printed.substr(0, end == std::string_view::npos ? end : end + 1);
        named += first;
        named += line.substr(1);  // behind its "{"
        printed.remove_prefix(line.size());
      }
      break;
    }
    case StdoutFormat::csv:
      break;
  }
  return named;
}

}  // namespace streamlab::app
