// apps/streamlab/batch.cpp
//
// streamlab batch: one configuration over many files, several at a time. What is written and printed is the
// same for every number of jobs: each file has an engine of its own with one thread, and what an engine
// prints is kept until the files before it have been printed.
#include <chrono>

#include <fmt/format.h>

#include "apps/streamlab/batch_job.hpp"
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

// Everything that two files would write to the same place, and every file that is read and would be written
// over.
Errors check_outputs(const BatchPlan& plan, const BatchArguments& arguments) {
  RunFiles files;
  if (arguments.config.path != "-") { files.reads(arguments.config.path, "is the configuration"); }
  for (const std::string& file : arguments.files) { files.reads(file, "is an input"); }
  std::vector<std::pair<std::string, WrittenFile>> outputs;
  for (std::size_t i = 0; i < arguments.files.size(); ++i) {
    const auto graph = plan.graph_for(i);
    if (!graph) { continue; }  // said when its turn comes
    files.reads(*graph, "is read by the graph");
    for (WrittenFile& output : written_files(*graph)) {
      outputs.emplace_back(arguments.files[i], std::move(output));
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
  return {};
}

struct Totals {
  std::size_t done = 0;
  std::size_t failed = 0;
  double sound_s = 0.0;
  ExitCode exit_code = ExitCode::success;
};

void show_result(const BatchResult& result, bool json, NamedRecords& records, Totals& totals) {
  ++totals.done;
  totals.sound_s += result.sound_s;
  totals.exit_code = worse(totals.exit_code, result.exit_code);
  if (result.exit_code == ExitCode::failed || result.exit_code == ExitCode::refused) { ++totals.failed; }
  if (json) { print_json_line(result_document(result)); }
  to_stdout(records.name(result.path, result.printed));
  for (const Error& error : result.errors) { report(error, result.path); }
  for (const std::string& note : result.notes) { to_stderr(printable(result.path + ": " + note) + "\n"); }
}

std::string batch_progress_text(const Totals& totals, std::size_t count, double wall_s) {
  std::string text = fmt::format("{} of {}", totals.done, counted(count, "file"));
  if (totals.done > 0) {
    const double left_s =
        wall_s * static_cast<double>(count - totals.done) / static_cast<double>(totals.done);
    text += fmt::format(", {}, {} left", times_real_time(totals.sound_s, wall_s), spoken_time(left_s));
  }
  return text;
}

}  // namespace

ExitCode batch_command(const BatchArguments& arguments) {
  const auto plan = BatchPlan::make(arguments);
  if (!plan) { return plan.error(); }
  const Errors errors = check_outputs(*plan, arguments);
  if (!errors.empty()) { return report(errors, name_of(arguments.config)); }

  catch_signals();
  StatusLine line(true);
  NamedRecords records(plan->stdout_format());
  Totals totals;
  const std::size_t count = arguments.files.size();
  const Clock::time_point begin = Clock::now();
  run_in_order<BatchResult>(
      count, arguments.jobs, [&](std::size_t i) { return plan->run(i); },
      [&](BatchResult&& result) {
        line.clear();
        show_result(result, arguments.json, records, totals);
        line.show(batch_progress_text(totals, count, seconds_since(begin)));
      });
  line.clear();
  const double wall_s = seconds_since(begin);
  if (totals.done < count) {
    to_stderr(
        fmt::format("interrupted: {} of {} not worked on\n", count - totals.done, counted(count, "file")));
    totals.exit_code = worse(totals.exit_code, ExitCode::failed);
  }
  if (arguments.json) {
    // Without times: the output is the same for every run.
    print_json_line({{"type", "summary"},
                     {"files", count},
                     {"done", totals.done},
                     {"failed", totals.failed},
                     {"duration_s", totals.sound_s},
                     {"exit_code", static_cast<int>(totals.exit_code)}});
  }
  to_stderr(fmt::format("{}, {} failed; {} of sound in {}, {}\n", counted(totals.done, "file"), totals.failed,
                        spoken_time(totals.sound_s), spoken_time(wall_s),
                        times_real_time(totals.sound_s, wall_s)));
  return totals.exit_code;
}

}  // namespace streamlab::app
