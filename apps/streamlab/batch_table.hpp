// apps/streamlab/batch_table.hpp
//
// BatchTable: the results of all files of a batch in one file or on standard output, `--csv FILE` or `--jsonl FILE`.
//
// It is written as FILE.part and gets its name when the batch is over; a batch that was interrupted leaves FILE.part.
// It holds all rows of a file, or none; what a batch that was killed has left may end within them. --resume takes
// from FILE and from FILE.part what is there word for word as the batch's record has it (batch_record.hpp), and from no other file.
//
// Each row begins with the file's name, with what it ended with (exit_code) and what was lost; then come the columns of its
// own. Files of different channels have different columns: the table has those of all of them, in the same order whatever
// the order of the files, and what a file does not have is empty.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "apps/streamlab/batch_job.hpp"
#include "apps/streamlab/batch_record.hpp"
#include "apps/streamlab/part_file.hpp"
#include "apps/streamlab/standard_streams.hpp"
#include "engine/base/error.hpp"

namespace streamlab::app {

class BatchTable {
 public:
  enum class Existing : std::uint8_t { refuse, replace, resume };
  enum class Outcome : std::uint8_t { in_columns, left_out };

  struct Options {
    std::string path;                         // "-": standard output
    StdoutFormat format = StdoutFormat::csv;  // or json_lines
    Existing existing = Existing::refuse;
    Outcome outcome = Outcome::in_columns;
  };
  // `record`: of this table; null: none. Refused, with `resume`: a file that is not known to it, or that was changed.
  static Result<BatchTable> open(const Options& options, const BatchRecord* record);

  // Are the rows there that this entry of the record stands for?
  bool has(std::size_t entry) const { return old_.contains(entry); }
  // The entries whose rows are there, in their order.
  const std::vector<std::size_t>& old_entries() const { return old_order_; }
  // The name of a file whose rows were cut short by a kill; they are not taken.
  const std::optional<std::string>& torn() const { return torn_; }

  // The rows of a file, as its graph wrote them. The record is to know of them what `entry` gets here, before they are
  // added: rows that it does not know could not be told from those of anybody else.
  struct Rows {
    std::string text;
    std::vector<std::string> columns;  // of CSV; none: there are no rows, and no heading
  };
  Rows rows_of(const BatchResult& result, BatchEntry& entry) const;
  Result<void> add(const Rows& rows);
  // Those of an earlier batch.
  Result<void> add_old(std::size_t entry);

  // Gives the file its name. On standard output, prints it.
  Result<void> close();
  // It is not complete and stays FILE.part. On standard output, prints what there is.
  Result<void> leave();
  // There is nothing for it; an old file stays.
  void discard() { file_.discard(); }

 private:
  BatchTable(Options options, PartFile file) : options_(std::move(options)), file_(std::move(file)) {}
  using Columns = std::vector<std::string>;
  struct Group;
  bool is_stdout() const { return options_.path == "-"; }
  bool is_csv() const { return options_.format == StdoutFormat::csv; }
  Result<void> index(const std::string& name, const BatchRecord& record);
  bool is_cut_copy(const Group& group, const std::set<std::size_t>& here) const;
  bool may_be_torn(const Group& group, const BatchRecord& record) const;
  std::optional<std::size_t> find_entry(const Group& group, const BatchRecord& record);
  Result<void> write(std::string_view text);
  Result<void> unite_columns();
  Result<void> print();
  void remove_parts();

  Options options_;
  PartFile file_;
  std::multimap<std::string, std::size_t> entries_;  // of the record, by the names that rows have
  std::map<std::size_t, Rows> old_;                  // by entries of the record
  std::vector<std::size_t> old_order_;
  std::vector<std::string> own_parts_;  // of earlier batches, whose rows are all known
  std::optional<std::string> torn_;
  Columns heading_;             // the last one in the file
  std::set<Columns> headings_;  // all of them
};

}  // namespace streamlab::app
