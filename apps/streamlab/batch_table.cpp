// apps/streamlab/batch_table.cpp
#include "apps/streamlab/batch_table.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "apps/streamlab/console.hpp"
#include "apps/streamlab/named_records.hpp"
#include "engine/base/printable.hpp"
#include "engine/base/read_file.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab::app {
namespace {

constexpr std::string_view kRowEnd = "\r\n";
// How a heading begins; no row does, for the second field of a row is a number.
constexpr std::string_view kHeadingBegins[] = {"input,exit_code,lost,", "input,position,"};

bool is_heading(std::string_view row) {
  return std::any_of(std::begin(kHeadingBegins), std::end(kHeadingBegins),
                     [&](std::string_view begin) { return row.starts_with(begin); });
}

// Is it the beginning of a heading that was cut off before it could be known as one?
bool is_cut_heading(std::string_view row) {
  return !row.ends_with('\n') && std::any_of(std::begin(kHeadingBegins), std::end(kHeadingBegins),
                                             [&](std::string_view begin) { return begin.starts_with(row); });
}

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

std::string row_of(const std::vector<std::string>& fields) {
  std::string row = fields.front();
  for (std::size_t i = 1; i < fields.size(); ++i) { (row += ',') += fields[i]; }
  return row.append(kRowEnd);
}

// The first field of a row, quotes taken off.
std::string first_field(std::string_view row) {
  if (!row.starts_with('"')) { return std::string(row.substr(0, row.find_first_of(",\r\n"))); }
  std::string text;
  for (std::size_t i = 1; i < row.size(); ++i) {
    if (row[i] == '"' && (i + 1 == row.size() || row[++i] != '"')) { break; }
    text += row[i];
  }
  return text;
}

constexpr std::string_view kLineBegins = "{\"input\":";

// The value of "input", with which a line begins; empty where it does not.
std::string input_of_line(std::string_view line) {
  if (!line.starts_with(kLineBegins)) { return {}; }
  std::size_t end = kLineBegins.size() + 1;
  while (end < line.size() && line[end] != '"') { end += line[end] == '\\' ? 2 : 1; }
  if (end >= line.size()) { return {}; }
  const Document name =
      Document::parse(line.substr(kLineBegins.size(), end + 1 - kLineBegins.size()), nullptr, false);
  return name.is_string() ? name.get<std::string>() : std::string();
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end == std::string_view::npos ? end : end + 1);
  text.remove_prefix(line.size());
  return line;
}

// Where each of `columns` stands among `all`; all.size() for one that does not.
std::vector<std::size_t> places_of(const std::vector<std::string>& columns,
                                   const std::vector<std::string>& all) {
  std::vector<std::size_t> places;
  for (const std::string& column : columns) {
    places.push_back(static_cast<std::size_t>(std::find(all.begin(), all.end(), column) - all.begin()));
  }
  return places;
}

std::string texts_in_json(const std::vector<std::string>& texts) {
  return Document(texts).dump(-1, ' ', false, Document::error_handler_t::replace);
}

// Calls take(row) for each row of a file of `size` bytes, and flush() now and then.
template <class Take, class Flush>
Result<void> each_row(const std::string& path, int from, std::uint64_t size, Take take, Flush flush) {
  std::string buffer;
  for (std::uint64_t read = 0; read < size || !buffer.empty();) {
    constexpr std::size_t kChunk = 1U << 20U;
    const std::size_t held = buffer.size();
    buffer.resize(held + kChunk);
    const ssize_t count = ::pread(from, buffer.data() + held, kChunk, static_cast<off_t>(read));
    if (count < 0) { return failed_by_errno(path, "cannot be read again"); }
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
      take(row);
    }
    buffer.erase(0, buffer.size() - rows.size());
    if (auto flushed = flush(); !flushed) { return flushed; }
  }
  return {};
}

}  // namespace

// Rows of one file that follow one another.
struct BatchTable::Group {
  std::string name;
  const Columns* heading = nullptr;  // under which they stand; null in JSON Lines
  std::vector<std::string_view> rows;

  // Under a heading of `columns`; none where they have a value outside of it.
  std::optional<std::string> under(const Columns& columns) const {
    std::string text;
    if (heading == nullptr) {
      for (const std::string_view row : rows) { text += row; }
      return columns.empty() ? std::optional(text) : std::nullopt;
    }
    const auto places = places_of(columns, *heading);
    if (std::find(places.begin(), places.end(), heading->size()) != places.end()) { return std::nullopt; }
    for (const std::string_view row : rows) {
      Columns fields = fields_of(row);
      if (fields.size() != heading->size()) { return std::nullopt; }
      Columns own;
      for (const std::size_t place : places) { own.push_back(std::exchange(fields[place], std::string())); }
      const bool is_all =
          std::all_of(fields.begin(), fields.end(), [](const auto& field) { return field.empty(); });
      if (!is_all) { return std::nullopt; }
      text += row_of(own);
    }
    return text;
  }
};

Result<BatchTable> BatchTable::open(const Options& options, const BatchRecord* record) {
  if (options.path == "-") {
    auto file = PartFile::without_name();
    if (!file) { return tl::unexpected(file.error()); }
    return BatchTable(options, std::move(*file));
  }
  std::error_code error;
  const bool is_resumed = options.existing == Existing::resume;
  const bool is_there = std::filesystem::exists(options.path, error);
  const std::vector<std::string> parts = PartFile::parts(options.path);
  const bool is_known = record != nullptr && record->is_there();
  if (is_resumed && !is_known && (is_there || !parts.empty())) {
    return refused(
        "--resume",
        fmt::format("there is no record, \"{}\", of what stands in \"{}\"",
                    record == nullptr ? "" : record->path(), is_there ? options.path : parts.front()),
        "a table that a batch has written", "--force instead of --resume replaces it; or name another file");
  }
  auto file = PartFile::create(options.path);
  if (!file) { return tl::unexpected(file.error()); }
  BatchTable table(options, std::move(*file));
  if (!is_known) { return table; }
  for (std::size_t e = 0; e < record->entries().size(); ++e) {
    table.entries_.emplace(shown_name(record->entries()[e].input), e);
  }
  if (is_there && is_resumed) {
    if (auto indexed = table.index(options.path, *record); !indexed) {
      return tl::unexpected(indexed.error());
    }
  }
  for (const std::string& part : parts) {
    const auto indexed = table.index(part, *record);
    if (indexed) {
      table.own_parts_.push_back(part);
    } else if (is_resumed) {
      return tl::unexpected(indexed.error());
    }
  }
  if (!is_resumed) {
    table.old_.clear();
    table.old_order_.clear();
    table.torn_.reset();
  }
  return table;
}

// Takes the rows of an earlier table. Of its last file some may be missing.
Result<void> BatchTable::index(const std::string& name, const BatchRecord& record) {
  const auto text = read_file(name);
  if (!text) { return failed_by_errno(name, "cannot be read"); }
  const auto unknown = [&](const std::string& what) {
    return refused("--resume", fmt::format("\"{}\": {}", name, what),
                   fmt::format("a table as \"{}\" knows it", record.path()),
                   "--force instead of --resume replaces it; or name another file");
  };
  std::string_view rest = *text;
  std::deque<Columns> headings;
  std::vector<Group> groups;
  std::optional<Group> cut;    // the last row, without its end: of the last group, or of another one
  std::set<std::size_t> here;  // entries whose rows this file has
  bool is_new = true;          // behind a heading
  while (!rest.empty()) {
    const std::string_view row = is_csv() ? take_csv_row(rest) : take_line(rest);
    if (is_csv() && is_heading(row)) {
      headings.push_back(fields_of(row));
      is_new = true;
      continue;
    }
    if (is_csv() && rest.empty() && is_cut_heading(row)) { break; }
    if (is_csv() && headings.empty()) {
      return unknown("it does not begin with the heading of a batch's table");
    }
    std::string item = is_csv() ? first_field(row) : input_of_line(row);
    if (!row.ends_with('\n')) {
      cut.emplace(Group{std::move(item), nullptr, {row}});
      break;
    }
    if (is_new || groups.back().name != item) {
      groups.push_back({std::move(item), is_csv() ? &headings.back() : nullptr, {}});
    }
    is_new = false;
    groups.back().rows.push_back(row);
  }
  for (const Group& group : groups) {
    const auto entry = find_entry(group, record);
    const bool is_last = &group == &groups.back();
    if (entry) { here.insert(*entry); }
    if (!entry && is_last && is_cut_copy(group, here)) { continue; }
    if (!entry && is_last && may_be_torn(group, record)) {
      torn_ = group.name;
    } else if (!entry) {
      return unknown(fmt::format("a batch did not write its rows of \"{}\" so", group.name));
    } else if (!old_.contains(*entry)) {
      old_order_.push_back(*entry);
      const Columns& columns = record.entries()[*entry].columns;
      old_[*entry] = {*group.under(columns), columns};
    }
  }
  if (!cut) { return {}; }
  const std::string_view row = cut->rows.front();
  const bool is_row = is_csv() || row.starts_with(kLineBegins) || kLineBegins.starts_with(row);
  const bool is_of_last = is_row && !groups.empty() && groups.back().name.starts_with(cut->name);
  if (is_of_last || is_cut_copy(*cut, here)) { return {}; }
  if (!is_row || !may_be_torn(*cut, record)) {
    return unknown(fmt::format("a batch did not write its rows of \"{}\" so", cut->name));
  }
  torn_ = cut->name;
  return {};
}

// Are these rows that another file of this table has whole, cut anywhere? A batch that was killed while it took them
// over leaves such. `here`: what the file of these rows has whole.
bool BatchTable::is_cut_copy(const Group& group, const std::set<std::size_t>& here) const {
  std::string text;
  for (const std::string_view row : group.rows) { text += row; }
  return std::any_of(old_.begin(), old_.end(), [&](const auto& old) {
    return !here.contains(old.first) && old.second.text.starts_with(text);
  });
}

// Can these be the rows of a file, cut anywhere? Others somebody has added.
bool BatchTable::may_be_torn(const Group& group, const BatchRecord& record) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const auto& named) {
    return named.first.starts_with(group.name) && !old_.contains(named.second) &&
           group.rows.size() <= record.entries()[named.second].rows;
  });
}

// The newest entry that stands for exactly these rows.
std::optional<std::size_t> BatchTable::find_entry(const Group& group, const BatchRecord& record) {
  std::optional<std::size_t> found;
  const auto [first, last] = entries_.equal_range(group.name);
  for (auto it = first; it != last; ++it) {
    const BatchEntry& entry = record.entries()[it->second];
    if (entry.rows == 0 || (found && *found > it->second)) { continue; }
    const auto rows = group.under(entry.columns);
    const std::string heading = entry.columns.empty() ? std::string() : row_of(entry.columns);
    if (rows && rows_key(heading, *rows) == entry.rows) { found = it->second; }
  }
  return found;
}

BatchTable::Rows BatchTable::rows_of(const BatchResult& result, BatchEntry& entry) const {
  std::string_view printed = result.printed;
  if (printed.empty()) { return {}; }
  const bool has_outcome = options_.outcome == Outcome::in_columns;
  const int code = static_cast<int>(result.exit_code);
  std::string rows;
  Columns columns;
  if (is_csv()) {
    columns = {"input"};
    if (has_outcome) { columns.insert(columns.end(), {"exit_code", "lost"}); }
    for (std::string& column : fields_of(take_csv_row(printed))) { columns.push_back(std::move(column)); }
    std::string first = csv_field(shown_name(result.path)) + ",";
    if (has_outcome) {
      std::string lost;
      for (const std::string& loss : result.losses) { (lost += lost.empty() ? "" : "; ") += loss; }
      first += fmt::format("{},{},", code, csv_field(shown_name(lost)));
    }
    while (!printed.empty()) { (rows += first) += take_csv_row(printed); }
  } else {
    std::string first = "{\"input\":" + Document(shown_name(result.path)).dump() + ",";
    if (has_outcome) {
      first += fmt::format(R"("exit_code":{},"lost":{},)", code, texts_in_json(result.losses));
    }
    while (!printed.empty()) { (rows += first) += take_line(printed).substr(1); }  // behind its "{"
  }
  if (!rows.empty() && has_outcome) {
    entry.rows = rows_key(columns.empty() ? std::string() : row_of(columns), rows);
    entry.columns = columns;
  }
  return {std::move(rows), std::move(columns)};
}

Result<void> BatchTable::add_old(std::size_t entry) { return add(old_.at(entry)); }

Result<void> BatchTable::add(const Rows& rows) {
  std::string text;
  if (is_csv() && !rows.columns.empty() && rows.columns != heading_) {
    heading_ = rows.columns;
    headings_.insert(rows.columns);
    text = row_of(rows.columns);
  }
  text += rows.text;
  return write(text);
}

// All of it or nothing, so that what lies before can still be completed.
Result<void> BatchTable::write(std::string_view text) {
  if (is_stdout() && !is_csv()) {  // it needs no other line
    to_stdout(text);
    return {};
  }
  return file_.append(text) ? Result<void>{} : failed_by_errno(options_.path, "cannot be written");
}

// Writes it once more, with the columns of all headings: those of the shortest first.
Result<void> BatchTable::unite_columns() {
  std::vector<Columns> sorted(headings_.begin(), headings_.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.size() < b.size(); });
  Columns all;
  for (const Columns& heading : sorted) {
    for (const std::string& column : heading) {
      if (std::find(all.begin(), all.end(), column) == all.end()) { all.push_back(column); }
    }
  }
  auto united = is_stdout() ? PartFile::without_name() : PartFile::create(options_.path);
  if (!united) { return tl::unexpected(united.error()); }
  std::swap(file_, *united);
  std::string text = row_of(all);
  std::vector<std::size_t> places;  // of the columns of the heading, in `all`
  const auto take = [&](std::string_view row) {
    const Columns fields = fields_of(row);
    if (is_heading(row)) {
      places = places_of(fields, all);
      return;
    }
    Columns values(all.size());
    for (std::size_t i = 0; i < std::min(fields.size(), places.size()); ++i) {
      values[places[i]] = fields[i];
    }
    text += row_of(values);
  };
  const auto flush = [&] { return write(std::exchange(text, std::string())); };
  auto copied = each_row(options_.path, united->fd(), united->bytes(), take, flush);
  if (!copied) { std::swap(file_, *united); }  // the old one is whole
  return copied;
}

// Fields as lines for people are, for a name must not command a terminal; the ends of rows as in a file.
Result<void> BatchTable::print() {
  std::string text;
  const auto take = [&](std::string_view row) {
    const std::size_t end = std::min(row.find_last_not_of("\r\n") + 1, row.size());
    text += printable(row.substr(0, end), LineEnds::keep);
    text += row.substr(end);
  };
  const auto flush = [&] {  // what cannot be written is noticed when the program ends
    to_stdout_unchanged(text);
    text.clear();
    return Result<void>{};
  };
  return each_row("standard output", file_.fd(), file_.bytes(), take, flush);
}

void BatchTable::remove_parts() {
  for (const std::string& part : own_parts_) { ::unlink(part.c_str()); }
}

Result<void> BatchTable::close() {
  if (headings_.size() > 1) {
    if (auto united = unite_columns(); !united) {
      static_cast<void>(file_.leave(file_.name()));  // what it has can be gone on with
      return united;
    }
  }
  if (is_stdout()) { return print(); }
  if (auto completed = file_.complete(options_.existing != Existing::refuse); !completed) {
    completed.error().where = options_.path;  // as it was given
    return completed;
  }
  remove_parts();
  return {};
}

Result<void> BatchTable::leave() {
  if (is_stdout()) { return close(); }
  // One that was gone on with has the rows of all earlier parts; a new one leaves them to be gone on with, too.
  const bool has_all = options_.existing == Existing::resume;
  const std::string first = PartFile::first_part(options_.path);
  std::error_code error;
  const bool is_free =
      !std::filesystem::exists(first, error) ||
      (has_all && std::find(own_parts_.begin(), own_parts_.end(), first) != own_parts_.end());
  if (auto left = file_.leave(is_free ? first : file_.name()); !left) {
    left.error().where = options_.path;
    return left;
  }
  std::erase(own_parts_, first);
  if (!has_all) { own_parts_.clear(); }
  remove_parts();
  return {};
}

}  // namespace streamlab::app
