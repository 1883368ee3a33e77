// apps/streamlab/batch_table.cpp
#include "apps/streamlab/batch_table.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "engine/graph/config_text.hpp"

namespace streamlab::app {
namespace {

constexpr std::string_view kRowEnd = "\r\n";
// How every table of CsvSink begins behind the name of the file; no row does.
constexpr std::string_view kHeadingBegin = "input,position,";

bool is_heading(std::string_view row) { return row.starts_with(kHeadingBegin); }

// The fields of a row, as they are written.
std::vector<std::string> fields_of(std::string_view row) {
  while (row.ends_with('\r') || row.ends_with('\n')) { row.remove_suffix(1); }
  std::vector<std::string> fields(1);
  bool is_quoted = false;
  for (const char c : row) {
    if (c == ',' && !is_quoted) {
      fields.emplace_back();
      continue;
    }
    is_quoted ^= c == '"';
    fields.back() += c;
  }
  return fields;
}

// The first field of a row, quotes taken off.
std::string first_field(std::string_view row) {
  if (!row.starts_with('"')) { return std::string(row.substr(0, row.find(','))); }
  std::string text;
  for (std::size_t i = 1; i < row.size(); ++i) {
    if (row[i] == '"' && (i + 1 == row.size() || row[++i] != '"')) { break; }
    text += row[i];
  }
  return text;
}

// The value of "input", with which a line begins; empty where it does not.
std::string input_of_line(std::string_view line) {
  constexpr std::string_view kBegin = "{\"input\":";
  if (!line.starts_with(kBegin)) { return {}; }
  std::size_t end = kBegin.size() + 1;
  while (end < line.size() && line[end] != '"') { end += line[end] == '\\' ? 2 : 1; }
  if (end >= line.size()) { return {}; }
  const Document name = Document::parse(line.substr(kBegin.size(), end + 1 - kBegin.size()), nullptr, false);
  return name.is_string() ? name.get<std::string>() : std::string();
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end == std::string_view::npos ? end : end + 1);
  text.remove_prefix(line.size());
  return line;
}

}  // namespace

Result<BatchTable> BatchTable::open(const std::string& path, StdoutFormat format, Existing existing) {
  std::vector<std::pair<std::string, Old>> old;
  if (existing == Existing::resume) { old = {{path, Old::whole}, {path + ".part", Old::cut}}; }
  std::vector<std::pair<std::unique_ptr<const std::string>, Old>> texts;
  for (const auto& [name, kind] : old) {
    std::ifstream file(name, std::ios::binary);
    std::ostringstream text;
    if (file && text << file.rdbuf()) {
      texts.emplace_back(std::make_unique<const std::string>(text.str()), kind);
    }
  }
  if (existing == Existing::resume) { OutputFile::remove_part(path); }
  auto file = OutputFile::create(path, existing != Existing::refuse, Naming::when_complete);
  if (!file) { return tl::unexpected(file.error()); }
  BatchTable table(path, format, std::move(*file));
  for (auto& [text, kind] : texts) {
    table.index(*text, kind);
    table.old_texts_.push_back(std::move(text));
  }
  return table;
}

void BatchTable::index(std::string_view text, Old kind) {
  std::string last;
  std::string_view heading;
  bool is_new = false;  // what `last` has is of this text
  while (!text.empty()) {
    const std::string_view row = format_ == StdoutFormat::csv ? take_csv_row(text) : take_line(text);
    if (format_ == StdoutFormat::csv && is_heading(row)) {
      heading = row;
      continue;
    }
    const std::string item = format_ == StdoutFormat::csv ? first_field(row) : input_of_line(row);
    if (item != last) {
      is_new = old_.try_emplace(item, OldRows{heading, row.substr(0, 0)}).second;
      last = item;
    }
    if (!is_new) { continue; }
    OldRows& rows = old_[item];
    rows.rows = {rows.rows.data(), rows.rows.size() + row.size()};
  }
  if (kind == Old::cut && is_new) { old_.erase(last); }
}

Result<void> BatchTable::add(const std::string& item, std::string_view printed) {
  if (printed.empty()) { return {}; }
  if (format_ == StdoutFormat::json_lines) { return append(records_.name(item, printed), {}); }
  std::string heading = "input,";
  heading += take_csv_row(printed);
  std::string rows;
  while (!printed.empty()) { ((rows += csv_field(item)) += ',') += take_csv_row(printed); }
  return append(rows, heading);
}

Result<void> BatchTable::add_old(const std::string& item) {
  const OldRows& old = old_.at(item);
  return append(old.rows, old.heading);
}

Result<void> BatchTable::append(std::string_view rows, std::string_view heading) {
  std::string text;
  if (heading != heading_) {
    has_several_headings_ = has_several_headings_ || !heading_.empty();
    heading_ = heading;
    text = heading;
    for (std::string& column : fields_of(heading)) {
      if (std::find(columns_.begin(), columns_.end(), column) == columns_.end()) {
        columns_.push_back(std::move(column));
      }
    }
  }
  text += rows;
  return write(text);
}

// All of it or nothing, so that what lies before can still be completed.
Result<void> BatchTable::write(std::string_view text) {
  const auto* const bytes = reinterpret_cast<const std::byte*>(text.data());
  if (file_.write_at(bytes, text.size(), bytes_) == text.size()) {
    bytes_ += text.size();
    return {};
  }
  auto error = failed_by_errno(path_, "cannot be written");
  file_.resize(bytes_);
  return error;
}

// Writes it once more, with the columns of all headings.
Result<void> BatchTable::unite_columns() {
  auto united = OutputFile::create(path_, true, Naming::when_complete);
  if (!united) { return tl::unexpected(united.error()); }
  std::swap(file_, *united);
  const int from = united->fd();
  const std::uint64_t size = std::exchange(bytes_, 0);
  united->set_ending(Ending::not_begun);
  std::string text = columns_.front();
  for (std::size_t c = 1; c < columns_.size(); ++c) { (text += ',') += columns_[c]; }
  text += kRowEnd;

  std::vector<std::size_t> place;  // of the columns of the heading, in columns_
  std::string buffer;
  for (std::uint64_t read = 0; read < size || !buffer.empty();) {
    constexpr std::size_t kChunk = 1U << 20U;
    const std::size_t held = buffer.size();
    buffer.resize(held + kChunk);
    const ssize_t count = ::pread(from, buffer.data() + held, kChunk, static_cast<off_t>(read));
    if (count < 0) { return failed_by_errno(path_, "cannot be read again"); }
    buffer.resize(held + static_cast<std::size_t>(count));
    read += static_cast<std::uint64_t>(count);
    std::string_view rows = buffer;
    while (!rows.empty()) {
      const std::string_view before = rows;
      const std::string_view row = take_csv_row(rows);
      const bool is_whole = row.ends_with('\n') && std::count(row.begin(), row.end(), '"') % 2 == 0;
      if (!is_whole && count > 0) {  // the rest of it is still to come
        rows = before;
        break;
      }
      const std::vector<std::string> fields = fields_of(row);
      if (is_heading(row)) {
        place.clear();
        for (const std::string& column : fields) {
          place.push_back(static_cast<std::size_t>(std::find(columns_.begin(), columns_.end(), column) -
                                                   columns_.begin()));
        }
        continue;
      }
      std::vector<std::string_view> values(columns_.size());
      for (std::size_t i = 0; i < std::min(fields.size(), place.size()); ++i) {
        values[place[i]] = fields[i];
      }
      text += values.front();
      for (std::size_t c = 1; c < values.size(); ++c) { (text += ',') += values[c]; }
      text += kRowEnd;
    }
    buffer.erase(0, buffer.size() - rows.size());
    if (auto written = write(text); !written) { return written; }
    text.clear();
  }
  return {};
}

Result<void> BatchTable::close() {
  if (has_several_headings_) {
    if (auto united = unite_columns(); !united) { return united; }
  }
  file_.set_ending(Ending::complete);
  if (!file_.close()) { return failed_by_errno(path_, "cannot be completed"); }
  return {};
}

}  // namespace streamlab::app
