// apps/streamlab/batch.cpp
//
// streamlab batch: one configuration over many files, several at a time. What is written and printed is the
// same for every number of jobs: each file has an engine of its own with one thread, and what an engine
// prints is kept until the files before it have been printed.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "apps/streamlab/batch_files.hpp"
#include "apps/streamlab/batch_job.hpp"
#include "apps/streamlab/batch_table.hpp"
#include "apps/streamlab/commands.hpp"
#include "apps/streamlab/console.hpp"
#include "apps/streamlab/interrupt.hpp"
#include "apps/streamlab/named_records.hpp"
#include "apps/streamlab/ordered_jobs.hpp"
#include "apps/streamlab/run_files.hpp"
#include "apps/streamlab/summary.hpp"
#include "engine/base/printable.hpp"

namespace streamlab::app {
namespace {

using Clock = std::chrono::steady_clock;

// The files that the batch itself writes, by their options.
std::vector<std::pair<std::string, std::string>> own_outputs(const BatchArguments& arguments) {
  std::vector<std::pair<std::string, std::string>> outputs;
  if (!arguments.csv.empty()) { outputs.emplace_back("--csv", arguments.csv); }
  if (!arguments.jsonl.empty()) { outputs.emplace_back("--jsonl", arguments.jsonl); }
  if (!arguments.failures.empty()) { outputs.emplace_back("--failures", arguments.failures); }
  return outputs;
}

bool may_replace(const BatchArguments& arguments) { return arguments.force || arguments.resume; }

Errors check_own_outputs(const BatchArguments& arguments, RunFiles& files) {
  Errors errors;
  for (const auto& [option, path] : own_outputs(arguments)) {
    const auto clash = files.writes(path, fmt::format("is written by {}", option));
    const auto checked = OutputFile::check(path);
    std::error_code error;
    if (clash) {
      errors.push_back(
          {ErrorCode::refused, option, fmt::format("\"{}\" {}", path, *clash), "another file", ""});
    } else if (!checked) {
      errors.push_back({ErrorCode::refused, option, fmt::format("\"{}\" {}", path, checked.error().what),
                        checked.error().expected, checked.error().hint});
    } else if (!may_replace(arguments) && std::filesystem::exists(path, error)) {
      errors.push_back({ErrorCode::refused, option, fmt::format("\"{}\" exists already", path), "",
                        "use --force to replace it, or --resume to go on with it"});
    }
  }
  return errors;
}

// Everything that two files would write to the same place, every file that is read and would be written over, and what
// exists and may not be replaced.
Errors check_outputs(const BatchPlan& plan, const BatchArguments& arguments) {
  RunFiles files;
  if (arguments.config.path != "-") { files.reads(arguments.config.path, "is the configuration"); }
  const bool lists_failures_again = arguments.files_from == arguments.failures && may_replace(arguments);
  if (!arguments.files_from.empty() && arguments.files_from != "-" && !lists_failures_again) {
    files.reads(arguments.files_from, "is the list of files");
  }
  for (const std::string& file : arguments.files) { files.reads(file, "is an input"); }
  std::vector<std::pair<std::string, WrittenFile>> outputs;
  Errors existing;
  for (std::size_t i = 0; i < arguments.files.size(); ++i) {
    const auto graph = plan.graph_for(i);
    if (!graph) { continue; }  // said when its turn comes
    files.reads(*graph, "is read by the graph");
    for (WrittenFile& output : written_files(*graph)) {
      outputs.emplace_back(arguments.files[i], std::move(output));
    }
    if (may_replace(arguments)) { continue; }
    for (Error& error : refuse_existing(*graph)) {
      error.where = arguments.files[i];
      error.hint = "use --force to replace it, or --resume to keep what is complete";
      existing.push_back(std::move(error));
    }
  }
  for (const auto& [file, output] : outputs) {
    const auto clash = files.writes(output.path, fmt::format("takes the output for \"{}\"", file));
    if (!clash) { continue; }
    return {{ErrorCode::refused, output.where,  // the others would say the same
             fmt::format("the output for \"{}\" would go to \"{}\", which {}", file, output.path, *clash),
             "an output for each file",
             "put ${stem} into the path, with ${dir} or ${index} for files of one name, or use --out-dir"}};
  }
  for (Error& error : check_own_outputs(arguments, files)) { existing.push_back(std::move(error)); }
  return existing;
}

struct Totals {
  std::size_t done = 0;
  std::size_t skipped = 0;
  std::size_t refused = 0;
  std::vector<std::string> failed;  // paths, the refused ones too
  bool data_lost = false;
  bool stopped = false;  // by an interrupt, or because the table cannot be written
  double sound_s = 0.0;

  // Some failed: 1. All were refused, so that nothing was started: 2.
  ExitCode exit_code() const {
    if (done > 0 && refused == done && !stopped) { return ExitCode::refused; }
    if (!failed.empty() || stopped) { return ExitCode::failed; }
    return data_lost ? ExitCode::data_lost : ExitCode::success;
  }
};

class Batch {
 public:
  Batch(const BatchArguments& arguments, const BatchPlan& plan, BatchTable* table)
      : arguments_(arguments),
        plan_(plan),
        table_(table),
        line_(has_room_for_progress(shows_results() ? Results::on_stdout : Results::none)),
        records_(plan.stdout_format()) {}

  Totals run() {
    const std::size_t count = arguments_.files.size();
    const Clock::time_point begin = Clock::now();
    run_in_order<BatchResult>(
        count, arguments_.jobs, [&](std::size_t i) { return run_one(i); },
        [&](BatchResult&& result) {
          line_.clear();
          show(result);
          line_.show(progress_text(count, seconds_since(begin)));
        });
    line_.clear();
    totals_.stopped = totals_.stopped || totals_.done < count;
    return std::move(totals_);
  }

 private:
  bool shows_results() const { return arguments_.json || (table_ == nullptr && plan_.prints()); }

  BatchResult run_one(std::size_t i) const {
    const std::string& path = arguments_.files[i];
    const bool in_table = table_ == nullptr || table_->has(path);
    if (arguments_.resume && in_table && plan_.has_outputs(i)) {
      BatchResult skipped;
      skipped.path = path;
      skipped.is_skipped = true;
      return skipped;
    }
    return plan_.run(i);
  }

  void show(const BatchResult& result) {
    ++totals_.done;
    totals_.sound_s += result.sound_s;
    const bool is_failed = result.exit_code == ExitCode::failed || result.exit_code == ExitCode::refused;
    if (is_failed) { totals_.failed.push_back(result.path); }
    if (result.exit_code == ExitCode::refused) { ++totals_.refused; }
    if (result.exit_code == ExitCode::data_lost) { totals_.data_lost = true; }
    if (result.is_skipped) { ++totals_.skipped; }
    if (arguments_.json) { print_json_line(result_document(result)); }
    if (table_ == nullptr) {
      to_stdout(records_.name(result.path, result.printed));
    } else if (!is_failed && !totals_.stopped) {
      auto added =
          result.is_skipped ? table_->add_old(result.path) : table_->add(result.path, result.printed);
      if (!added) {  // what is in it stays; further files would not get into it
        report(added.error(), "");
        totals_.stopped = true;
        interrupt();
      }
    }
    for (const Error& error : result.errors) { report(error, result.path); }
    for (const std::string& note : result.notes) { to_stderr(printable(result.path + ": " + note) + "\n"); }
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
  BatchTable* const table_;  // null: results go to standard output
  StatusLine line_;
  NamedRecords records_;
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
  auto file = OutputFile::create(path, true, Naming::when_complete);
  if (!file) { return tl::unexpected(file.error()); }
  const std::string list = list_of(failed);
  if (file->write_at(reinterpret_cast<const std::byte*>(list.data()), list.size(), 0) != list.size()) {
    auto error = failed_by_errno(path, "cannot be written");
    file->set_ending(Ending::cut_short);
    return error;
  }
  return file->close() ? Result<void>{} : failed_by_errno(path, "cannot be completed");
}

}  // namespace

ExitCode batch_command(const BatchArguments& given) {
  BatchArguments arguments = given;
  auto found = find_batch_files(arguments);
  if (!found) { return report(found.error(), "batch"); }
  for (const std::string& note : found->notes) { to_stderr(printable(note) + "\n"); }
  arguments.files = std::move(found->paths);
  const auto plan = BatchPlan::make(arguments);
  if (!plan) { return plan.error(); }
  const Errors errors = check_outputs(*plan, arguments);
  if (!errors.empty()) { return report(errors, name_of(arguments.config)); }

  std::optional<BatchTable> table;
  if (!plan->table_path().empty()) {
    const auto existing = arguments.resume  ? BatchTable::Existing::resume
                          : arguments.force ? BatchTable::Existing::replace
                                            : BatchTable::Existing::refuse;
    auto opened = BatchTable::open(plan->table_path(), plan->stdout_format(), existing);
    if (!opened) { return report(opened.error(), ""); }
    table.emplace(std::move(*opened));
  }
  catch_signals();
  const Clock::time_point begin = Clock::now();
  Totals totals = Batch(arguments, *plan, table ? &*table : nullptr).run();
  const double wall_s = seconds_since(begin);
  const std::size_t count = arguments.files.size();
  bool is_written = true;
  const auto check = [&](const Result<void>& written) {
    if (written) { return; }
    report(written.error(), "");
    is_written = false;
  };
  if (table) { check(table->close()); }
  if (!arguments.failures.empty()) { check(write_failures(arguments.failures, totals.failed)); }
  if (totals.done < count) {
    to_stderr(
        fmt::format("interrupted: {} of {} not worked on\n", count - totals.done, counted(count, "file")));
  }
  const ExitCode code = is_written ? totals.exit_code() : ExitCode::failed;
  if (arguments.json) {
    // Without times: the output is the same for every run.
    print_json_line({{"type", "summary"},
                     {"files", count},
                     {"done", totals.done},
                     {"skipped", totals.skipped},
                     {"failed", totals.failed.size()},
                     {"failures", totals.failed},
                     {"duration_s", totals.sound_s},
                     {"exit_code", static_cast<int>(code)}});
  }
  list_failures(totals.failed, count);
  std::string text = counted(totals.done, "file");
  if (totals.skipped > 0) { text += fmt::format(", {} complete already", totals.skipped); }
  to_stderr(fmt::format("{}, {} failed; {} of sound in {}, {}\n", text, totals.failed.size(),
                        spoken_time(totals.sound_s), spoken_time(wall_s),
                        times_real_time(totals.sound_s, wall_s)));
  return code;
}

}  // namespace streamlab::app
