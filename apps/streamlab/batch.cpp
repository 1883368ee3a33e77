// apps/streamlab/batch.cpp
//
// streamlab batch: one configuration over many files, several at a time. What is written and printed is the
// same for every number of jobs: each file has an engine of its own with one thread, and what an engine
// prints is kept until the files before it have been printed.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <optional>

#include <fmt/format.h>

#include "apps/streamlab/batch_files.hpp"
#include "apps/streamlab/batch_job.hpp"
#include "apps/streamlab/batch_outputs.hpp"
#include "apps/streamlab/batch_record.hpp"
#include "apps/streamlab/batch_resume.hpp"
#include "apps/streamlab/batch_table.hpp"
#include "apps/streamlab/commands.hpp"
#include "apps/streamlab/console.hpp"
#include "apps/streamlab/interrupt.hpp"
#include "apps/streamlab/named_records.hpp"
#include "apps/streamlab/summary.hpp"
#include "engine/base/output_file.hpp"
#include "engine/base/printable.hpp"
#include "engine/batch/ordered_jobs.hpp"

namespace streamlab::app {
namespace {

using Clock = std::chrono::steady_clock;

struct Totals {
  std::size_t done = 0;
  std::size_t skipped = 0;
  std::size_t refused = 0;
  std::size_t lost = 0;  // files of which data was lost, now or earlier
  std::size_t without_result = 0;
  std::vector<std::string> failed;  // paths, the refused ones too
  bool stopped = false;             // by an interrupt, or because the table cannot be written
  double sound_s = 0.0;

  bool has_begun() const { return done > refused; }
  // Some failed: 1. All were refused, so that nothing was started: 2.
  ExitCode exit_code() const {
    if (done > 0 && refused == done && !stopped) { return ExitCode::refused; }
    if (!failed.empty() || stopped) { return ExitCode::failed; }
    return lost > 0 ? ExitCode::data_lost : ExitCode::success;
  }
};

// What a batch works on beside its configuration.
struct BatchWork {
  std::vector<BatchItem> items;
  Resumption resumption;
  BatchTable* table = nullptr;    // null: results go to standard output
  BatchRecord* record = nullptr;  // null: nothing is recorded
};

class Batch {
 public:
  Batch(const BatchArguments& arguments, const BatchPlan& plan, const BatchWork& work)
      : arguments_(arguments),
        plan_(plan),
        work_(work),
        line_(!arguments.quiet &&
              has_room_for_progress(shows_results() ? Results::on_stdout : Results::none)),
        records_(plan.stdout_format()) {}

  Totals run() {
    const std::size_t count = arguments_.files.size();
    const Clock::time_point begin = Clock::now();
    take_complete();
    if (!begin_record()) {
      totals_.stopped = true;
      return std::move(totals_);
    }
    run_in_order<BatchResult>(
        {count, arguments_.jobs, "sl-batch", interrupted}, [&](std::size_t i) { return run_one(i); },
        [&](BatchResult&& result) {
          line_.clear();
          show(result);
          line_.show(progress_text(count, seconds_since(begin)));
        });
    line_.clear();
    // An interrupt fails what is under way: where that is all that was left, every file was begun.
    const bool is_cut_off = interrupted() && !totals_.failed.empty();
    totals_.stopped = totals_.stopped || totals_.done < count || is_cut_off;
    return std::move(totals_);
  }

 private:
  bool shows_results() const { return arguments_.json || (work_.table == nullptr && plan_.prints()); }

  // What is about to be written is from now on of this batch, and no longer what an earlier one has done.
  bool begin_record() {
    for (std::size_t i = 0; work_.record != nullptr && i < work_.items.size(); ++i) {
      if (work_.resumption.complete[i] || work_.items[i].outputs.empty()) { continue; }
      BatchEntry entry = entry_of(i);
      entry.state = BatchEntry::State::begun;
      if (!add_to_record(std::move(entry))) { return false; }
    }
    for (const std::size_t other : work_.resumption.others) {
      if (!check(work_.table->add_old(other))) { return false; }
    }
    return true;
  }

  BatchEntry entry_of(std::size_t i) const {
    const BatchItem& item = work_.items[i];
    BatchEntry entry;
    entry.input = item.input;
    entry.file = item.file;
    entry.config = plan_.key();
    for (const std::string& output : item.outputs) { entry.outputs.push_back(recorded_output(output)); }
    return entry;
  }

  // From now on the files that are being written may get their names at any time.
  void record_parts(std::size_t i) {
    if (work_.record == nullptr || work_.items[i].outputs.empty()) { return; }
    BatchEntry entry = entry_of(i);
    entry.state = BatchEntry::State::begun;
    for (RecordedOutput& output : entry.outputs) {
      output.inode = inode_of(OutputFile::part_path(output.path));
    }
    add_to_record(std::move(entry));
  }
  bool add_to_record(BatchEntry entry) {
    const std::lock_guard lock(record_mutex_);
    return check(work_.record->add(std::move(entry)));
  }

  // Before other threads ask for them, while the record grows.
  void take_complete() {
    for (std::size_t i = 0; i < work_.items.size(); ++i) {
      if (!work_.resumption.complete[i]) { continue; }
      const BatchEntry& entry = work_.record->entries()[*work_.resumption.complete[i]];
      BatchResult& skipped = complete_[i];
      skipped.path = arguments_.files[i];
      skipped.is_skipped = true;
      skipped.exit_code = entry.exit_code;
      skipped.losses = entry.lost;
      skipped.results = entry.results;
    }
  }

  BatchResult run_one(std::size_t i) {
    const auto complete = complete_.find(i);
    return complete == complete_.end() ? plan_.run(i, [this, i] { record_parts(i); }) : complete->second;
  }

  void show(const BatchResult& result) {
    const std::size_t item = totals_.done++;
    totals_.sound_s += result.sound_s;
    if (result.has_failed()) { totals_.failed.push_back(result.path); }
    if (result.exit_code == ExitCode::refused) { ++totals_.refused; }
    if (result.exit_code == ExitCode::data_lost) { ++totals_.lost; }
    if (result.is_without_result()) { ++totals_.without_result; }
    if (result.is_skipped) { ++totals_.skipped; }
    if (arguments_.json) { print_json_line(result_document(result)); }
    if (work_.table == nullptr && plan_.prints()) { to_stdout(records_.name(result.path, result.printed)); }
    if (!result.has_failed() && !totals_.stopped && !keep(item, result)) {
      totals_.stopped = true;  // what is there stays; further files would not get into it
      interrupt();
    }
    for (const Error& error : result.errors) { report(error, result.path); }
    for (const std::string& loss : result.losses) { say(result.path, loss, Tone::warning); }
    for (const std::string& note : result.notes) {
      if (!arguments_.quiet) { say(result.path, note, Tone::plain); }
    }
  }

  static void say(const std::string& path, const std::string& note, Tone tone) {
    to_stderr(printable(path + ": " + note) + "\n", tone);
  }

  // Into the record and into the table.
  bool keep(std::size_t item, const BatchResult& result) {
    if (result.is_skipped) {
      const std::size_t old = *work_.resumption.complete[item];
      return work_.table == nullptr || !work_.table->has(old) || check(work_.table->add_old(old));
    }
    BatchEntry entry = entry_of(item);
    entry.exit_code = result.exit_code;
    entry.lost = result.losses;
    entry.results = result.results;
    BatchTable::Rows rows;
    if (work_.table != nullptr) { rows = work_.table->rows_of(result, entry); }
    if (work_.record != nullptr && !add_to_record(std::move(entry))) { return false; }
    return work_.table == nullptr || check(work_.table->add(rows));
  }

  static bool check(const Result<void>& written) {
    if (!written) { report(written.error(), ""); }
    return written.has_value();
  }

  std::string progress_text(std::size_t count, double wall_s) const {
    std::string text = fmt::format("{} of {}", totals_.done, counted(count, "file"));
    if (!totals_.failed.empty()) { text += fmt::format(", {} failed", totals_.failed.size()); }
    const std::size_t worked = totals_.done - totals_.skipped;
    if (worked > 0) {
      const double left_s = wall_s * static_cast<double>(count - totals_.done) / static_cast<double>(worked);
      text += fmt::format(", {}, {} left", times_real_time(totals_.sound_s, wall_s), spoken_time(left_s));
    }
    return text;
  }

  const BatchArguments& arguments_;
  const BatchPlan& plan_;
  const BatchWork& work_;
  std::map<std::size_t, BatchResult> complete_;  // by their items
  std::mutex record_mutex_;
  StatusLine line_;
  NamedRecords records_;  // of what is no table
  Totals totals_;
};

// All of them at the end, for the messages have scrolled away.
void list_failures(const std::vector<std::string>& failed, std::size_t count) {
  constexpr std::size_t kShown = 20;
  if (failed.empty() || count == 1) { return; }
  std::string text = fmt::format("{} of {} failed:\n", failed.size(), counted(count, "file"));
  for (std::size_t i = 0; i < std::min(kShown, failed.size()); ++i) {
    text += fmt::format("  {}\n", printable(failed[i]));
  }
  if (failed.size() > kShown) { text += fmt::format("  … and {} more\n", failed.size() - kShown); }
  to_stderr(text);
}

Result<void> write_failures(const std::string& path, const std::vector<std::string>& failed) {
  if (path == "-") {  // byte for byte, as a file has it
    const std::string list = list_of(failed);
    to_stdout_unchanged(list);
    return {};
  }
  auto file = OutputFile::create(path, true, Naming::when_complete);
  if (!file) {
    file.error().code = ErrorCode::failed;  // the batch has been done, whatever it is
    return tl::unexpected(file.error());
  }
  const std::string list = list_of(failed);
  if (file->write_at(reinterpret_cast<const std::byte*>(list.data()), list.size(), 0) != list.size()) {
    auto error = failed_by_errno(path, "cannot be written");
    file->set_ending(Ending::cut_short);
    return error;
  }
  return file->close();
}

// Opens what the batch writes and finds what an earlier one has done; what is wrong was reported where there is no work.
class Opened {
 public:
  static tl::expected<Opened, ExitCode> open(const BatchArguments& arguments, const BatchPlan& plan) {
    Opened opened;
    const std::string path = record_path(arguments, plan);
    if (!path.empty()) {
      const auto use = plan.table_path().empty() ? BatchRecord::Use::shared : BatchRecord::Use::alone;
      auto record = BatchRecord::open(path, use);
      if (!record) { return tl::unexpected(report(record.error(), "batch")); }
      opened.record_.emplace(std::move(*record));
    }
    for (const std::string& file : arguments.files) {
      opened.work_.items.push_back({file, stamp_of(file), {}});
    }
    BatchRecord* const record = opened.record_ ? &*opened.record_ : nullptr;
    Errors errors = check_standard_output(arguments, plan);
    for (Error& error : check_outputs(plan, arguments, record, opened.work_.items)) {
      errors.push_back(std::move(error));
    }
    if (!errors.empty()) { return tl::unexpected(report(errors, name_of(arguments.config))); }
    if (const auto code = opened.begin(arguments, plan)) { return tl::unexpected(*code); }
    return opened;
  }

  // Where they are now.
  BatchWork& work() {
    work_.table = table_ ? &*table_ : nullptr;
    work_.record = record_ ? &*record_ : nullptr;
    return work_;
  }

 private:
  std::optional<ExitCode> begin(const BatchArguments& arguments, const BatchPlan& plan) {
    const bool has_table = !plan.table_path().empty();
    if (record_ && has_table) {
      if (const auto begun = record_->begin(); !begun) { return report(begun.error(), "batch"); }
    }
    const bool is_csv_on_stdout = !has_table && plan.prints() && plan.stdout_format() == StdoutFormat::csv;
    if (has_table || is_csv_on_stdout) {
      BatchTable::Options options;
      options.path = is_csv_on_stdout ? "-" : plan.table_path();
      options.format = plan.stdout_format();
      options.existing = arguments.resume  ? BatchTable::Existing::resume
                         : arguments.force ? BatchTable::Existing::replace
                                           : BatchTable::Existing::refuse;
      options.outcome = is_csv_on_stdout ? BatchTable::Outcome::left_out : BatchTable::Outcome::in_columns;
      auto table = BatchTable::open(options, record_ ? &*record_ : nullptr);
      if (!table) { return report(table.error(), ""); }
      table_.emplace(std::move(*table));
    }
    work_.resumption.complete.resize(work_.items.size());
    if (arguments.resume && record_) {
      auto resumption = resume(work_.items, *record_, has_table ? &*table_ : nullptr, plan.key());
      if (!resumption) { return report(resumption.error(), ""); }
      work_.resumption = std::move(*resumption);
      const std::string text = work_.resumption.text();
      if (!text.empty() && !arguments.quiet) { to_stderr(text + "\n"); }
    }
    return has_table ? std::nullopt : begin_shared_record(arguments);
  }

  // Where something is going to be written. A batch that is not to be gone on with can do without.
  std::optional<ExitCode> begin_shared_record(const BatchArguments& arguments) {
    bool has_work = false;
    for (std::size_t i = 0; i < work_.items.size(); ++i) {
      has_work = has_work || (!work_.resumption.complete[i] && !work_.items[i].outputs.empty());
    }
    if (!record_ || !has_work) { return std::nullopt; }
    const auto begun = record_->begin();
    if (begun) { return std::nullopt; }
    if (begun.error().code == ErrorCode::refused || arguments.resume) {
      return report(begun.error(), "batch");
    }
    record_.reset();
    to_stderr(printable(begun.error().where + ": no record can be kept here, for --resume") + "\n");
    return std::nullopt;
  }

  std::optional<BatchRecord> record_;
  std::optional<BatchTable> table_;
  BatchWork work_;
};

// The files that are not done: those that failed, and behind them those that an interrupt has left.
std::vector<std::string> not_done(const BatchArguments& arguments, const Totals& totals) {
  std::vector<std::string> paths = totals.failed;
  paths.insert(paths.end(), arguments.files.begin() + static_cast<std::ptrdiff_t>(totals.done),
               arguments.files.end());
  return paths;
}

// Closes the table as the batch has ended.
Result<void> close_table(const BatchWork& work, const Totals& totals) {
  BatchTable& table = *work.table;
  if (!totals.has_begun()) {  // an old table stays as it is
    table.discard();
    return {};
  }
  if (!totals.stopped) { return table.close(); }
  for (std::size_t i = totals.done; i < work.items.size(); ++i) {  // what it has is not lost
    const auto old = work.resumption.complete[i];
    if (!old || !table.has(*old)) { continue; }
    if (auto added = table.add_old(*old); !added) { return added; }
  }
  return table.leave();
}

Result<void> close_record(const BatchWork& work, const Totals& totals) {
  if (!totals.has_begun() && !totals.stopped) {
    work.record->discard();
    return {};
  }
  if (work.table != nullptr) { work.record->keep(); }
  if (totals.stopped) { return work.record->flush(); }  // parts of several tables may be there
  std::vector<bool> is_needed(work.record->entries().size());
  const auto need = [&](std::size_t entry) { is_needed[entry] = true; };
  std::for_each(work.resumption.others.begin(), work.resumption.others.end(), need);
  for (const auto& entry : work.resumption.complete) {
    if (entry) { need(*entry); }
  }
  return work.record->close(is_needed);
}

Document summary_line(const BatchArguments& arguments, const BatchFiles& found, const Totals& totals,
                      ExitCode code) {
  std::vector<std::string> failures;
  for (const std::string& path : totals.failed) { failures.push_back(shown_name(path)); }
  // Without times: the output is the same for every run.
  return {{"type", "summary"},
          {"files", arguments.files.size()},
          {"done", totals.done},
          {"skipped", totals.skipped},
          {"failed", totals.failed.size()},
          {"failures", failures},
          {"with_losses", totals.lost},
          {"without_result", totals.without_result},
          {"left_out", found.left_out},
          {"repeated", found.repeated},
          {"interrupted", totals.stopped},
          {"duration_s", totals.sound_s},
          {"exit_code", static_cast<int>(code)}};
}

std::string summary_text(const Totals& totals, std::size_t count, double wall_s) {
  std::string text = totals.done < count ? fmt::format("{} of {}", totals.done, counted(count, "file"))
                                         : counted(count, "file");
  if (totals.skipped > 0) { text += fmt::format(", {} complete already", totals.skipped); }
  text += fmt::format(", {} failed", totals.failed.size());
  if (totals.lost > 0) { text += fmt::format(", {} with losses", totals.lost); }
  if (totals.without_result > 0) { text += fmt::format(", {} without a result", totals.without_result); }
  return fmt::format("{}; {} of sound in {}, {}\n", text, spoken_time(totals.sound_s), spoken_time(wall_s),
                     times_real_time(totals.sound_s, wall_s));
}

}  // namespace

ExitCode batch_command(const BatchArguments& given) {
  BatchArguments arguments = given;
  const auto found = find_batch_files(arguments);
  if (!found) { return report(found.error(), "batch"); }
  for (const std::string& note : found->notes) {
    if (!arguments.quiet) { to_stderr(printable(note) + "\n"); }
  }
  arguments.files = found->paths;
  const auto plan = BatchPlan::make(arguments);
  if (!plan) { return plan.error(); }
  auto opened = Opened::open(arguments, *plan);
  if (!opened) { return opened.error(); }
  const BatchWork& work = opened->work();

  catch_signals();
  const InterruptibleConsole console([] { return (interrupted() ? 1 : 0) + (interrupted_again() ? 1 : 0); });
  const Clock::time_point begin = Clock::now();
  const Totals totals = Batch(arguments, *plan, work).run();
  const double wall_s = seconds_since(begin);
  const std::size_t count = arguments.files.size();
  bool is_written = true;
  const auto check = [&](const Result<void>& written) {
    if (written) { return; }
    report(written.error(), "");
    is_written = false;
  };
  if (work.table != nullptr) { check(close_table(work, totals)); }
  if (work.record != nullptr) { check(close_record(work, totals)); }
  if (!arguments.failures.empty()) { check(write_failures(arguments.failures, not_done(arguments, totals))); }
  if (totals.done < count) {
    to_stderr(
        fmt::format("interrupted: {} of {} not worked on\n", count - totals.done, counted(count, "file")));
  }
  if (console.left_out() > 0) {
    check(failed("standard output", fmt::format("its reader took nothing: {} were left out",
                                                counted(console.left_out(), "byte"))));
  }
  const ExitCode code = is_written ? totals.exit_code() : ExitCode::failed;
  if (arguments.json) { print_json_line(summary_line(arguments, *found, totals, code)); }
  list_failures(totals.failed, count);
  if (!arguments.quiet || code != ExitCode::success) { to_stderr(summary_text(totals, count, wall_s)); }
  return code;
}

}  // namespace streamlab::app
