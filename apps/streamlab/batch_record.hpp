// apps/streamlab/batch_record.hpp
//
// BatchRecord: what batches have done, for --resume: a file of JSON Lines beside their results
// (docs/decisions/resume.md). Each line says of one input which file it was, which configuration was applied, how that
// ended and what came of it. A line is appended when its results are written, so that a kill at any moment takes
// from the record at most what is done again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/streamlab/exit_code.hpp"
#include "engine/base/error.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab::app {

// How a file is known again: the same place, size and time of its last change. Nothing is read for it.
struct FileStamp {
  std::string path;  // absolute, with links resolved
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;  // since 1970; 0: there is no such file

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
FileStamp stamp_of(const std::string& path);

struct RecordedOutput {
  std::string path;  // absolute, with links resolved
  std::uint64_t bytes = 0;
  // Begun: of the file that was there, or, while it is written, of the one that will have this name; 0: of none.
  std::uint64_t inode = 0;
};
// As it is.
RecordedOutput recorded_output(const std::string& path);
std::uint64_t inode_of(const std::string& path);

// One input, as a batch left it.
struct BatchEntry {
  enum class State : std::uint8_t { begun, done };

  State state = State::done;
  std::string input;  // as it was named
  FileStamp file;
  std::string config;                      // configuration_key()
  ExitCode exit_code = ExitCode::success;  // or data_lost
  std::vector<std::string> lost;           // what was
  std::optional<std::uint64_t> results;    // how many; none where that is not known
  std::uint64_t rows = 0;                  // rows_key() of what stands in the table
  std::vector<std::string> columns;        // of these rows; JSON Lines have none
  std::vector<RecordedOutput> outputs;
};

// Equal for configurations that mean the same: comments, layout and the order of keys do not count, the values of
// variables do. `own`: the program's variables, with the same values each time.
std::string configuration_key(Document document, const Variables& given, const Variables& own);
// `heading`: of CSV. Never 0.
std::uint64_t rows_key(std::string_view heading, std::string_view rows);

class BatchRecord {
 public:
  enum class Use : std::uint8_t {
    alone,   // the only batch that writes these results: of a table
    shared,  // several batches may write beside one another: into a folder
  };

  // Reads the record if there is one. Refused: a file of that name that is none, one that another batch is using.
  static Result<BatchRecord> open(std::string path, Use use);

  BatchRecord(BatchRecord&& other) noexcept;
  BatchRecord& operator=(BatchRecord&& other) noexcept;
  ~BatchRecord();  // a record without a line is removed, unless it is to stay

  const std::string& path() const { return path_; }
  bool is_there() const { return is_there_; }  // was it, when it was opened?
  // In the order in which they were written.
  const std::vector<BatchEntry>& entries() const { return entries_; }

  // Creates the file where there is none, and its folder. Before add().
  Result<void> begin();
  Result<void> add(BatchEntry entry);
  // Flushes it to disk.
  Result<void> flush();
  // Where the results are complete: the same, after what became needless was taken out: all but the last entry of each input. `is_needed`:
  // by their numbers, entries that stay although they are older.
  Result<void> close(const std::vector<bool>& is_needed);
  // It stays without a line, too: of a table without rows.
  void keep() { stays_ = true; }
  // A record that was not there is removed, with the folder that was made for it: nothing came of the batch.
  void discard();

 private:
  BatchRecord(std::string path, Use use);
  Result<void> open_file(int flags);
  Result<void> read();
  void read_line(std::string_view line);
  std::string lines_of(const BatchEntry& entry);
  Result<void> append(const std::string& lines);

  std::string path_;
  std::string folder_;  // that it lies in, with links resolved
  Use use_;
  int fd_ = -1;
  bool is_there_ = false;
  bool made_folder_ = false;
  bool stays_ = false;
  bool is_empty_ = true;      // the file has no line
  bool has_line_end_ = true;  // the file ends with one
  std::vector<BatchEntry> entries_;
  std::vector<std::vector<std::string>> columns_;  // that the file knows by their numbers
};

}  // namespace streamlab::app
