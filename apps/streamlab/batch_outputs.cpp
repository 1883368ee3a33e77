// apps/streamlab/batch_outputs.cpp
#include "apps/streamlab/batch_outputs.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "apps/streamlab/batch_files.hpp"
#include "apps/streamlab/run_files.hpp"
#include "engine/base/output_file.hpp"
#include "engine/base/read_file.hpp"

namespace streamlab::app {
namespace {

// The files that the batch itself writes, by their options.
std::vector<std::pair<std::string, std::string>> own_outputs(const BatchArguments& arguments) {
  std::vector<std::pair<std::string, std::string>> outputs;
  for (const auto& [option, path] : {std::pair("--csv", &arguments.csv),
                                     {"--jsonl", &arguments.jsonl},
                                     {"--failures", &arguments.failures}}) {
    if (!path->empty() && *path != "-") { outputs.emplace_back(option, *path); }
  }
  return outputs;
}

bool may_replace(const BatchArguments& arguments) { return arguments.force || arguments.resume; }

// Is it a list of failures that a batch of such files can have written?
bool is_old_list(const std::string& path, const BatchArguments& arguments, const BatchRecord* record) {
  const std::string text = read_file(path).value_or("");
  std::set<std::string> known(arguments.files.begin(), arguments.files.end());
  if (record != nullptr) {
    for (const BatchEntry& entry : record->entries()) { known.insert(entry.input); }
  }
  const std::vector<std::string> listed = listed_paths(text);
  return std::all_of(listed.begin(), listed.end(), [&](const auto& one) { return known.contains(one); });
}

// What speaks against writing `path`, or the PATH.part that it is until it is complete.
struct Clash {
  std::string path;
  std::optional<std::string> what;
};
Clash clash_of(FileUses& files, const std::string& path, const std::string& what) {
  Clash clash{path, files.writes(path, what)};
  if (!clash.what) {
    clash.path = OutputFile::part_path(path);
    clash.what = files.use_of(clash.path);
    files.reads(clash.path, what + ", until it is complete");
  }
  return clash;
}

Errors check_own_outputs(const BatchArguments& arguments, FileUses& files, const BatchRecord* record) {
  Errors errors;
  const auto refuse = [&](const std::string& option, std::string what, std::string expected,
                          std::string hint) {
    errors.push_back({ErrorCode::refused, option, std::move(what), std::move(expected), std::move(hint)});
  };
  for (const auto& [option, path] : own_outputs(arguments)) {
    if (path == "/dev/stdout" || path == "/dev/fd/1" || path == "/proc/self/fd/1") {
      refuse(option, fmt::format("\"{}\" is standard output", path), "\"-\" for standard output, or a file",
             "");
      continue;
    }
    const Clash clash = clash_of(files, path, fmt::format("is written by {}", option));
    const auto checked = OutputFile::check(path).and_then(
        [&path = path] { return OutputFile::check_unused(path, ErrorCode::refused); });
    std::error_code error;
    const bool is_list = option == "--failures";
    if (clash.what) {
      refuse(option, fmt::format("\"{}\" {}", clash.path, *clash.what), "another file", "");
    } else if (!checked) {
      refuse(option, fmt::format("\"{}\" {}", path, checked.error().what), checked.error().expected,
             checked.error().hint);
    } else if (!may_replace(arguments) && std::filesystem::exists(path, error)) {
      refuse(option, fmt::format("\"{}\" exists already", path), "",
             "use --force to replace it, or --resume to go on with it");
    } else if (is_list && !arguments.force && std::filesystem::exists(path, error) &&
               path != arguments.files_from && !is_old_list(path, arguments, record)) {
      refuse(option, fmt::format("\"{}\" exists already, and lists what is not in this batch", path),
             "a list of its files", "use --force to replace it");
    }
  }
  if (record == nullptr) { return errors; }
  if (const auto clash = files.writes(record->path(), "is the record of this batch")) {
    refuse("batch", fmt::format("its record, \"{}\", {}", record->path(), *clash),
           "another place for the results", "");
  }
  return errors;
}

}  // namespace

std::string record_path(const BatchArguments& arguments, const BatchPlan& plan) {
  const std::string table = plan.table_path();
  if (!table.empty() && table != "-") { return table + ".batch"; }
  constexpr const char* kName = "streamlab.batch";
  if (!plan.writes_files()) { return {}; }
  return arguments.out_dir.empty() ? kName : (std::filesystem::path(arguments.out_dir) / kName).string();
}

Errors check_standard_output(const BatchArguments& arguments, const BatchPlan& plan) {
  std::string first = arguments.json                               ? "JSON Lines of --json"
                      : plan.table_path().empty() && plan.prints() ? "what the graph prints"
                                                                   : "";
  Errors errors;
  const auto add = [&](const std::string& option, const std::string& what, bool fits) {
    if (!first.empty() && !fits) {
      errors.push_back({ErrorCode::refused, option,
                        fmt::format("{} on standard output, which carries {}", what, first),
                        "one format on one stream", "name a file"});
    }
    first = what;
  };
  if (arguments.csv == "-") { add("--csv", "a table", false); }
  if (arguments.jsonl == "-") { add("--jsonl", "JSON Lines", true); }
  if (arguments.failures == "-") { add("--failures", "a list", false); }
  if (arguments.resume && plan.table_path() == "-") {
    errors.push_back({ErrorCode::refused, "--resume",
                      "a table on standard output does not tell what is complete", "a table in a file", ""});
  }
  return errors;
}

Errors check_outputs(const BatchPlan& plan, const BatchArguments& arguments, const BatchRecord* record,
                     std::vector<BatchItem>& items) {
  FileUses files;
  if (arguments.config.path != "-") { files.reads(arguments.config.path, "is the configuration"); }
  const bool lists_failures_again = arguments.files_from == arguments.failures && may_replace(arguments);
  if (!arguments.files_from.empty() && arguments.files_from != "-" && !lists_failures_again) {
    files.reads(arguments.files_from, "is the list of files");
  }
  for (const std::string& file : arguments.files) { files.reads(file, "is an input"); }
  std::vector<std::pair<std::string, WrittenFile>> outputs;
  Errors existing;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto graph = plan.graph_for(i);
    if (!graph) { continue; }  // said when its turn comes
    reads_all(files, *graph, "is read by the graph");
    for (WrittenFile& output : written_files(*graph)) {
      outputs.emplace_back(items[i].input, std::move(output));
    }
    for (FileParam& output : output_files(*graph)) { items[i].outputs.push_back(std::move(output.path)); }
    if (arguments.force) { continue; }
    for (const WrittenFile& file : existing_outputs(*graph)) {
      std::string what = fmt::format("\"{}\" exists already", file.path);
      std::string hint = "use --force to replace it, or --resume to keep what is complete";
      if (arguments.resume) {
        const std::string objection =
            record == nullptr ? std::string() : objection_to(items[i], file.path, *record);
        if (objection.empty()) { continue; }
        what += ", and " + objection;
        hint = "--force instead of --resume replaces it; or move it away";
      }
      existing.push_back({ErrorCode::refused, items[i].input, std::move(what), "", std::move(hint)});
    }
  }
  for (const auto& [file, output] : outputs) {
    const std::string what = fmt::format("takes the output for \"{}\"", file);
    const Clash clash = clash_of(files, output.path, what);
    if (!clash.what) { continue; }
    return {{ErrorCode::refused, output.where,  // the others would say the same
             fmt::format("the output for \"{}\" would go to \"{}\", which {}", file, clash.path, *clash.what),
             "an output for each file",
             "put ${stem} into the path, with ${dir} or ${index} for files of one name, or use --out-dir"}};
  }
  for (Error& error : check_own_outputs(arguments, files, record)) { existing.push_back(std::move(error)); }
  return existing;
}

}  // namespace streamlab::app
