// apps/streamlab/named_records.hpp
//
// NamedRecords: what the graphs of a batch print on one stream, each record with the name of its item.
#pragma once

#include <string>
#include <string_view>

#include "apps/streamlab/standard_streams.hpp"

namespace streamlab::app {

// How a file is named in tables and in JSON: as it is, or, where it is not UTF-8, as standard error shows it
// ("caf\xe9.wav"). One name of a table that is not UTF-8 would make all of it unreadable.
std::string shown_name(const std::string& path);
// A field of a table, quoted where that is needed (RFC 4180, section 2, rules 5 to 7).
std::string csv_field(const std::string& text);
// Takes the first row off `rows`, with its line end: one between quotes does not end it.
std::string_view take_csv_row(std::string_view& rows);

// `printed`: all that the graph of `item` has printed, in whole lines. One thread.
//
//   text         the item's path on a line of its own before it
//   json_lines   every object begins with "input": the item's path
//   csv          nothing: tables of several items have columns of several headings (batch_table.hpp)
class NamedRecords {
 public:
  explicit NamedRecords(StdoutFormat format) : format_(format) {}
  std::string name(const std::string& item, std::string_view printed) const;

 private:
  StdoutFormat format_;
};

}  // namespace streamlab::app
