// apps/streamlab/batch_table.hpp
//
// BatchTable: the results of all files of a batch in one file, `--csv FILE` or `--jsonl FILE`.
//
// It is written as FILE.part, and gets its name at the end, also of a batch that was interrupted: it holds all rows of
// a file, or none. So it says itself which files are done: --resume takes their rows from it (and from the FILE.part of a
// batch that was killed, but for the last file in there, whose rows may be incomplete).
//
// Files of different channels have different columns. The table has those of all of them, in the order in which they came
// up; what a file does not have is empty.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/streamlab/named_records.hpp"
#include "engine/base/error.hpp"
#include "engine/base/output_file.hpp"

namespace streamlab::app {

class BatchTable {
 public:
  enum class Existing : std::uint8_t { refuse, replace, resume };

  // `format`: csv or json_lines.
  static Result<BatchTable> open(const std::string& path, StdoutFormat format, Existing existing);

  // Did an earlier batch finish this file?
  bool has(const std::string& item) const { return old_.contains(item); }
  // The rows of a file, as its graph wrote them; and those of an earlier batch.
  Result<void> add(const std::string& item, std::string_view printed);
  Result<void> add_old(const std::string& item);
  // Gives the file its name.
  Result<void> close();

 private:
  BatchTable(std::string path, StdoutFormat format, OutputFile file)
      : path_(std::move(path)), format_(format), records_(format), file_(std::move(file)) {}
  // Whole: all of its files are done. Cut: not its last one.
  enum class Old : std::uint8_t { whole, cut };
  void index(std::string_view text, Old kind);
  Result<void> append(std::string_view rows, std::string_view heading);
  Result<void> write(std::string_view text);
  Result<void> unite_columns();

  struct OldRows {
    std::string_view heading;  // of CSV
    std::string_view rows;
  };
  std::string path_;
  StdoutFormat format_;
  NamedRecords records_;
  OutputFile file_;
  std::uint64_t bytes_ = 0;
  std::vector<std::unique_ptr<const std::string>> old_texts_;  // into which old_ looks
  std::map<std::string, OldRows> old_;
  std::string heading_;               // the last one in the file
  std::vector<std::string> columns_;  // of all of them
  bool has_several_headings_ = false;
};

}  // namespace streamlab::app
