// apps/streamlab/batch_job.cpp
#include "apps/streamlab/batch_job.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "apps/streamlab/batch_record.hpp"
#include "apps/streamlab/console.hpp"
#include "apps/streamlab/interrupt.hpp"
#include "apps/streamlab/named_records.hpp"
#include "apps/streamlab/node_names.hpp"
#include "apps/streamlab/run_files.hpp"
#include "engine/batch/file_names.hpp"
#include "engine/batch/run_file.hpp"
#include "engine/flow/read_flow.hpp"
#include "engine/graph/graph_files.hpp"
#include "hal/backends.hpp"

namespace streamlab::app {
namespace {

// A message that begins with the file's path, which stands before all messages of a file, goes without it.
std::string note_line(const std::string& node, std::string_view text, const std::string& path) {
  const std::string begin = path + ": ";
  if (text.starts_with(begin)) { text.remove_prefix(begin.size()); }
  return fmt::format("{}: {}", node, text);
}

// Text does not tell where a result ends, but whether there is one.
std::optional<std::uint64_t> count_results(std::string_view printed, StdoutFormat format) {
  if (format == StdoutFormat::text) {
    return printed.empty() ? std::optional<std::uint64_t>(0) : std::nullopt;
  }
  std::uint64_t count = 0;
  for (; !printed.empty(); ++count) { take_csv_row(printed); }
  return format == StdoutFormat::csv && count > 0 ? count - 1 : count;  // but for the heading
}

// Where the results of all items go: the option's file; empty: where the graph says.
std::string table_path_of(const BatchArguments& arguments) {
  return arguments.csv.empty() ? arguments.jsonl : arguments.csv;
}

// The configuration of a node that makes records on standard output, each with that label. What it has no parameter for
// is left out. `style`: the configuration of such a node in the graph, or null.
Document printer_of(const NodeInfo& info, const std::string& label, Document style) {
  Document config = style.is_null() ? Document::object() : std::move(style);
  for (const ParamInfo& param : info.params) {
    if (param.role == ParamRole::overwrite) { config.erase(std::string(param.name)); }
    if (param.role == ParamRole::output_file) { config[std::string(param.name)] = "-"; }
    if (param.role == ParamRole::label) { config[std::string(param.name)] = label; }
  }
  return config;
}

bool is_device_input(const NodeInfo& info) { return info.boundary == Boundary::device_input; }
bool writes_records(const NodeInfo& info) {
  return info.records == Records::csv || info.records == Records::json_lines;
}
bool shows_records(const NodeInfo& info) { return info.records == Records::console; }

ExitCode exit_code_of(FileEnd end) {
  switch (end) {
    case FileEnd::complete:
      return ExitCode::success;
    case FileEnd::data_lost:
      return ExitCode::data_lost;
    case FileEnd::refused:
      return ExitCode::refused;
    case FileEnd::failed:
      break;
  }
  return ExitCode::failed;
}

// What the graph's results are: outputs that sinks of records write, or, without those, that the console shows. They
// are led to standard output, which the batch leads to the table; every other of these nodes writes nothing, and is muted.
Errors lead_results_to_table(const BatchArguments& arguments, const ValidGraph& graph, Document& document,
                             std::set<std::string>& muted) {
  const bool is_csv = !arguments.csv.empty();
  const std::string option = is_csv ? "--csv" : "--jsonl";
  const auto is_sink = [](const ValidNode& node) { return writes_records(node.info()); };
  const bool has_sinks = std::any_of(graph.nodes().begin(), graph.nodes().end(), is_sink);
  const NodeCatalog& catalog = arguments.config.catalog;
  const NodeInfo& writer = find_records(catalog, is_csv ? Records::csv : Records::json_lines)->info;
  const NodeInfo& silent = find_records(catalog, Records::dropped)->info;
  using Output = std::pair<std::size_t, std::size_t>;
  std::map<Output, std::string> results;  // and its name
  std::map<Output, Document> styles;      // what the graph's own writer of these records has
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    if (graph.nodes()[n].info().name != writer.name) { continue; }
    const ValidConnection& from = graph.connections()[graph.connections_into(n).front()];
    const Document& node = document[Document::json_pointer(graph.nodes()[n].pointer)];
    styles.try_emplace({from.from_node, from.from_port}, node.value("config", Document::object()));
  }
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const ValidNode& node = graph.nodes()[n];
    const bool is_print = shows_records(node.info());
    if (!is_sink(node) && !is_print) { continue; }
    Document& written = document[Document::json_pointer(node.pointer)];
    written["type"] = silent.name;
    written.erase("config");
    muted.insert(node.id);
    if (has_sinks && is_print) { continue; }
    const ValidConnection& from = graph.connections()[graph.connections_into(n).front()];
    const ValidNode& source = graph.nodes()[from.from_node];
    std::string name = source.id;
    if (source.info().outputs.size() > 1) {
      name += fmt::format(".{}", source.info().outputs[from.from_port].name);
    }
    if (!results.try_emplace({from.from_node, from.from_port}, name).second) {
      continue;
    }  // it has a node already
    muted.erase(node.id);
    written["type"] = writer.name;
    written["config"] = printer_of(writer, name, std::move(styles[{from.from_node, from.from_port}]));
  }
  if (results.empty()) {
    return {{ErrorCode::refused, option, "this graph has no result for a table",
             with_article(names_of(
                 catalog, [](const NodeInfo& info) { return writes_records(info) || shows_records(info); })),
             ""}};
  }
  if (is_csv && results.size() > 1) {
    std::string names;
    for (const auto& [output, name] : results) { names += (names.empty() ? "\"" : ", \"") + name + "\""; }
    return {
        {ErrorCode::refused, option,
         fmt::format("this graph has {} results, {}, which cannot stand in one table", results.size(), names),
         "one", "--jsonl takes all of them"}};
  }
  return {};
}

}  // namespace

Document result_document(const BatchResult& result) {
  Document document{{"type", "file"},
                    {"input", shown_name(result.path)},
                    {"exit_code", static_cast<int>(result.exit_code)},
                    {"skipped", result.is_skipped},
                    {"duration_s", result.sound_s},
                    {"results", result.results ? Document(*result.results) : Document(nullptr)},
                    {"outputs", result.outputs},
                    {"notes", result.notes},
                    {"losses", result.losses}};
  document["errors"] = Document::array();
  for (const Error& error : result.errors) { document["errors"].push_back(to_string(error)); }
  return document;
}

tl::expected<BatchPlan, ExitCode> BatchPlan::make(const BatchArguments& arguments) {
  const std::string name = name_of(arguments.config);
  const auto text = read_config(arguments.config.path);
  if (!text) { return tl::unexpected(report(text.error(), "")); }
  auto document = parse_document(*text, language_of(arguments.config.path));
  if (!document) { return tl::unexpected(report(document.error(), name)); }
  if (is_flow(*document)) {
    return tl::unexpected(report({ErrorCode::refused, "", "this is a flow of programs", "a graph",
                                  "\"streamlab run\" runs a flow, once for each file: --set input=FILE"},
                                 name));
  }
  // A file without a folder: what is absolute for it is so by the configuration.
  Variables own = example_variables();
  own.insert(program_variables().begin(), program_variables().end());
  Variables same_each_time = own;
  same_each_time["now"] = "";
  const std::string key = configuration_key(*document, arguments.config.variables, same_each_time);
  auto graphs =
      GraphTemplate::from_document(*document, arguments.config.variables, own, arguments.config.catalog);
  if (!graphs) { return tl::unexpected(report(graphs.error(), name)); }
  const bool has_table = !table_path_of(arguments).empty();
  std::set<std::string> muted;
  if (has_table) {
    const Errors errors = lead_results_to_table(arguments, graphs->graph(), *document, muted);
    if (!errors.empty()) { return tl::unexpected(report(errors, name)); }
    graphs =
        GraphTemplate::from_document(*document, arguments.config.variables, own, arguments.config.catalog);
    if (!graphs) { return tl::unexpected(report(graphs.error(), name)); }
  }
  const ValidGraph& graph = graphs->graph();
  Errors errors = refuse_pipes(graph, arguments.config.catalog);
  if (!file_place(graph)) {
    errors.push_back({ErrorCode::refused, "/nodes", "this graph has no place for a file",
                      fmt::format("{} or {}", with_article(names_of(arguments.config.catalog, plays_file)),
                                  with_article(names_of(arguments.config.catalog, is_device_input))),
                      ""});
  }
  const bool prints_json = arguments.json && !has_table;
  for (Error& error : check_stdout_formats(graph, prints_json)) { errors.push_back(std::move(error)); }
  if (arguments.resume && !has_table && output_files(graph).empty()) {
    errors.push_back({ErrorCode::refused, "--resume",
                      "this graph writes no file, and nothing tells what is complete",
                      "a graph that writes files, --csv or --jsonl", ""});
  }
  if (arguments.resume && output_files(graph).size() < written_files(graph).size()) {
    errors.push_back({ErrorCode::refused, "--resume",
                      "what a simulated card plays into a file does not tell whether it is complete",
                      "a graph whose files are written by nodes", ""});
  }
  if (!errors.empty()) { return tl::unexpected(report(errors, name)); }
  const ResultPlace place{arguments.out_dir,
                          arguments.keep_folders ? FolderNames::whole_paths : FolderNames::shortest};
  BatchPlan plan(FileGraphs(*graphs, arguments.files, place, program_variables()), arguments,
                 std::move(muted));
  plan.key_ = key;
  plan.prints_ = app::prints(graph);
  plan.writes_files_ = !output_files(graph).empty();
  plan.stdout_format_ = app::stdout_format(graph, prints_json);
  return plan;
}

std::string BatchPlan::table_path() const { return table_path_of(arguments_); }

Checked<ValidGraph> BatchPlan::graph_for(std::size_t item) const {
  const std::string& file = arguments_.files[item];
  // Beside a table --json is a log, and names it as standard error does.
  const bool is_in_json = stdout_format_ == StdoutFormat::json_lines;
  if (FileName(file).is_valid() && is_in_json && !is_utf8(file)) {
    return tl::unexpected(Errors{
        {ErrorCode::refused, "", "the name of this file cannot stand in JSON Lines", "a name in UTF-8", ""}});
  }
  return graphs_.graph_for(item);
}

BatchResult BatchPlan::run(std::size_t item, std::function<void()> started) const {
  const std::string& file = arguments_.files[item];
  const auto graph = graph_for(item);
  if (!graph) { return result_of(failed_file(file, graph.error())); }
  FileRun run;
  run.engine.host.console = arguments_.json ? Console::json_lines : Console::text;
  // Of an item that is not complete, --resume makes all files again.
  run.engine.host.overwrite = arguments_.force || arguments_.resume;
  run.engine.open_device = [](const DeviceRequest& request) { return open_device(request); };
  run.watch = {.ends = interrupted, .gives_up = interrupted_again};
  run.started = std::move(started);
  run.removes_parts = arguments_.resume;
  return result_of(run_file(file, *graph, run));
}

BatchResult BatchPlan::result_of(FileResult&& file) const {
  BatchResult result;
  for (const auto& [node, note] : file.notes) {
    if (muted_.contains(node)) { continue; }
    (note.data_lost ? result.losses : result.notes).push_back(note_line(node, note.text, file.path));
  }
  if (file.data_lost && result.losses.empty()) {
    result.losses.push_back(file.gap_frames > 0 ? counted(file.gap_frames, "frame") + " missing"
                                                : "blocks were dropped");
  }
  if (file.has_run && prints_) { result.results = count_results(file.printed, stdout_format_); }
  result.path = std::move(file.path);
  result.printed = std::move(file.printed);
  result.errors = std::move(file.errors);
  result.outputs = std::move(file.written);
  result.sound_s = file.sound_s;
  result.exit_code = exit_code_of(file.end);
  return result;
}

}  // namespace streamlab::app
