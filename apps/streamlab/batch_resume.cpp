// apps/streamlab/batch_resume.cpp
#include "apps/streamlab/batch_resume.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include <fmt/format.h>

#include "apps/streamlab/console.hpp"
#include "apps/streamlab/named_records.hpp"
#include "engine/base/real_path.hpp"

namespace streamlab::app {
namespace {

namespace fs = std::filesystem;

using EntryMap = std::multimap<std::string, std::size_t>;

// Has the file that an entry is of come here from elsewhere? Then it has the name that it was given, its size and its time.
bool has_moved(const BatchItem& item, const BatchEntry& entry) {
  return item.input == entry.input && item.file.path != entry.file.path &&
         item.file.bytes == entry.file.bytes && item.file.modified_ns == entry.file.modified_ns;
}

bool is_same_input(const BatchItem& item, const BatchEntry& entry) {
  return item.file == entry.file || has_moved(item, entry);
}

// Are all outputs there as the entry has them?
bool has_outputs(const BatchItem& item, const BatchEntry& entry) {
  return std::all_of(item.outputs.begin(), item.outputs.end(), [&](const std::string& path) {
    const std::string real = real_path(path);
    const auto known = std::find_if(entry.outputs.begin(), entry.outputs.end(),
                                    [&](const RecordedOutput& output) { return output.path == real; });
    std::error_code error;
    return known != entry.outputs.end() && fs::is_regular_file(real, error) &&
           fs::file_size(real, error) == known->bytes;
  });
}

// The entries of an item, the newest first.
std::vector<std::size_t> entries_of(const BatchItem& item, const BatchRecord& record, const EntryMap& by_path,
                                    const EntryMap& by_input) {
  std::set<std::size_t, std::greater<>> found;
  const auto [path, path_end] = by_path.equal_range(item.file.path);
  for (auto it = path; it != path_end; ++it) { found.insert(it->second); }
  const auto [input, input_end] = by_input.equal_range(item.input);
  for (auto it = input; it != input_end; ++it) {
    std::error_code error;
    const BatchEntry& entry = record.entries()[it->second];
    // What has gone from its old place and has another content here is the same file, changed.
    if (has_moved(item, entry) || !fs::exists(entry.file.path, error)) { found.insert(it->second); }
  }
  return {found.begin(), found.end()};
}

}  // namespace

std::string Resumption::text() const {
  std::string reasons;
  const auto add = [&](std::size_t count, const char* one, const char* several) {
    if (count == 0) { return; }
    reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ", count, count == 1 ? one : several);
  };
  add(changed, "has changed", "have changed");
  add(reconfigured, "has results of another configuration", "have results of another configuration");
  add(missing, "has no longer all its results", "have no longer all their results");
  const std::size_t count = changed + reconfigured + missing;
  if (count == 0) { return {}; }
  return fmt::format("--resume: {} {} done again: {}", counted(count, "file"), count == 1 ? "is" : "are",
                     reasons);
}

Checked<Resumption> resume(const std::vector<BatchItem>& items, const BatchRecord& record,
                           const BatchTable* table, const std::string& config) {
  const std::vector<BatchEntry>& entries = record.entries();
  EntryMap by_path;
  EntryMap by_input;
  for (std::size_t e = 0; e < entries.size(); ++e) {
    by_path.emplace(entries[e].file.path, e);
    by_input.emplace(entries[e].input, e);
  }
  Resumption resumption;
  std::set<std::size_t> ours;  // entries of files in this batch
  for (const BatchItem& item : items) {
    const auto candidates = entries_of(item, record, by_path, by_input);
    ours.insert(candidates.begin(), candidates.end());
    std::optional<std::size_t> complete;
    const BatchEntry* last = nullptr;
    for (const std::size_t e : candidates) {
      const BatchEntry& entry = entries[e];
      // What an output holds is of the newest entry that could have written it.
      const bool may_count = item.outputs.empty() || e == candidates.front();
      const bool is_done = entry.state == BatchEntry::State::done;
      if (last == nullptr && is_done) { last = &entry; }
      const bool has_rows = table == nullptr || entry.rows == 0 || table->has(e);
      if (!complete && may_count && is_done && has_rows && entry.config == config &&
          is_same_input(item, entry) && has_outputs(item, entry)) {
        complete = e;
      }
    }
    resumption.complete.push_back(complete);
    if (complete || last == nullptr) { continue; }
    if (item.file.modified_ns == 0) {  // it is gone, and cannot be done again: what was measured stays
      const auto rows = std::find_if(candidates.begin(), candidates.end(), [&](std::size_t e) {
        return table != nullptr && table->has(e) && entries[e].config == config;
      });
      if (rows != candidates.end()) { ours.erase(*rows); }
      continue;
    }
    if (!is_same_input(item, *last)) {
      ++resumption.changed;
    } else if (last->config != config) {
      ++resumption.reconfigured;
    } else {
      ++resumption.missing;
    }
  }
  if (table == nullptr) { return resumption; }

  // The rows of files that are not in this batch stay, the newest of each.
  std::map<std::string, std::size_t> newest;
  for (const std::size_t e : table->old_entries()) {
    if (ours.contains(e)) { continue; }
    auto& last = newest.try_emplace(entries[e].file.path, e).first->second;
    last = std::max(last, e);
  }
  std::set<std::string> names;
  for (const BatchItem& item : items) {
    if (item.file.modified_ns != 0) { names.insert(shown_name(item.input)); }
  }
  Errors errors;
  std::vector<std::string> foreign;
  for (const std::size_t e : table->old_entries()) {
    const BatchEntry& entry = entries[e];
    const auto found = newest.find(entry.file.path);
    if (found == newest.end() || found->second != e) { continue; }
    resumption.others.push_back(e);
    if (entry.config != config) { foreign.push_back(entry.file.path); }
    if (names.contains(shown_name(entry.input))) {
      errors.push_back(
          {ErrorCode::refused, "--resume",
           fmt::format("the table has rows of another \"{}\", of \"{}\"", entry.input, entry.file.path),
           "one file of a name", "give this one by its whole path"});
    }
  }
  if (!foreign.empty()) {
    constexpr std::size_t kNamed = 5;
    std::string paths;
    bool is_gone = false;
    for (std::size_t n = 0; n < foreign.size(); ++n) {
      std::error_code error;
      is_gone = is_gone || !fs::exists(foreign[n], error);
      if (n < kNamed) { paths += fmt::format("{}\"{}\"", n > 0 ? ", " : "", foreign[n]); }
    }
    if (foreign.size() > kNamed) { paths += ", …"; }
    errors.push_back(
        {ErrorCode::refused, "--resume",
         fmt::format("the table has rows of {} by another configuration: {}",
                     counted(foreign.size(), "other file"), paths),
         "one configuration in a table",
         std::string("name these files, too, and they are done again") +
             (is_gone ? "; not all are there: without them, a new table without --resume" : "")});
  }
  if (table->torn()) {  // a file whose results were there once
    const auto is_lost = [&](const BatchEntry& entry) {
      const auto e = static_cast<std::size_t>(&entry - entries.data());
      return entry.rows != 0 && shown_name(entry.input) == *table->torn() && !ours.contains(e) &&
             !newest.contains(entry.file.path);
    };
    if (std::any_of(entries.begin(), entries.end(), is_lost)) {
      errors.push_back({ErrorCode::refused, "--resume",
                        fmt::format("the table ends within the rows of \"{}\", which is not in this batch",
                                    *table->torn()),
                        "", "name this file, too, and it is done again"});
    }
  }
  if (!errors.empty()) { return tl::unexpected(std::move(errors)); }
  return resumption;
}

std::string objection_to(const BatchItem& item, const std::string& output, const BatchRecord& record) {
  const std::string real = real_path(output);
  const std::uint64_t inode = inode_of(real);
  const std::vector<BatchEntry>& entries = record.entries();
  bool was_begun = false;
  for (std::size_t e = entries.size(); e-- > 0;) {
    const auto known = std::find_if(entries[e].outputs.begin(), entries[e].outputs.end(),
                                    [&](const RecordedOutput& one) { return one.path == real; });
    if (known == entries[e].outputs.end()) { continue; }
    std::error_code error;
    if (entries[e].file.path != item.file.path && entries[e].input != item.input) {
      return fmt::format("was made of \"{}\"", entries[e].input);
    }
    // A file that a batch had begun may have got its name just before the batch was killed.
    if (entries[e].state == BatchEntry::State::begun) {
      if (known->inode == inode) { return ""; }
      was_begun = true;
      continue;
    }
    return fs::file_size(real, error) == known->bytes ? "" : "has been changed since a batch wrote it";
  }
  if (was_begun) { return "no batch has written it"; }
  return fmt::format("is not known to \"{}\"", record.path());
}

}  // namespace streamlab::app
