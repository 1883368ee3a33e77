// apps/streamlab/batch_resume.hpp
//
// Resumption: which files of a batch an earlier one has done, and why the others are done again
// (docs/decisions/resume.md).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "apps/streamlab/batch_record.hpp"
#include "apps/streamlab/batch_table.hpp"
#include "engine/base/error.hpp"

namespace streamlab::app {

// A file of the batch, as it is now.
struct BatchItem {
  std::string input;  // as it was named
  FileStamp file;
  std::vector<std::string> outputs;  // that its graph would write
};

struct Resumption {
  std::vector<std::optional<std::size_t>> complete;  // for each item: its entry in the record
  std::vector<std::size_t> others;  // entries whose rows are of files that are not in this batch: they stay
  std::size_t changed = 0;          // done again: the file is another one
  std::size_t reconfigured = 0;     // the configuration is
  std::size_t missing = 0;          // results are not there any more, or elsewhere

  // "5 files are done again: 3 have changed, …"; empty where none is.
  std::string text() const;
};

// `config`: the key of this batch. `table`: null without one. Refused: rows that could neither stay nor be made again.
Checked<Resumption> resume(const std::vector<BatchItem>& items, const BatchRecord& record,
                           const BatchTable* table, const std::string& config);

// May a batch write over this output of an item, which is there? Empty: it may, a batch has made it of the same input,
// and it is as it was. Else what speaks against it: "… does not know it".
std::string objection_to(const BatchItem& item, const std::string& output, const BatchRecord& record);

}  // namespace streamlab::app
