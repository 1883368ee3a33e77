// apps/streamlab/batch_job.cpp
#include "apps/streamlab/batch_job.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>

#include <fmt/format.h>

#include "apps/streamlab/batch_record.hpp"
#include "apps/streamlab/console.hpp"
#include "apps/streamlab/interrupt.hpp"
#include "apps/streamlab/named_records.hpp"
#include "apps/streamlab/node_names.hpp"
#include "apps/streamlab/run_files.hpp"
#include "engine/flow/read_flow.hpp"
#include "engine/run/engine.hpp"
#include "engine/run/run_to_end.hpp"
#include "hal/backends.hpp"

namespace streamlab::app {
namespace {

// What is written to file() as text.
class MemoryFile {
 public:
  MemoryFile() : file_(open_memstream(&data_, &size_)) {}
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() {
    if (file_ != nullptr) { std::fclose(file_); }
    std::free(data_);  // NOLINT: open_memstream() allocates so
  }
  std::FILE* file() const { return file_; }  // null without memory
  std::string text() const {
    std::fflush(file_);
    return {data_, size_};
  }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* file_;
};

namespace fs = std::filesystem;

// The parts of a file's path of which others are made. An ending is what follows the last dot, if a name lies
// before it: the stem of "...wav", which would be "..", is the whole name, and no way into another folder.
struct ItemName {
  explicit ItemName(const std::string& path)
      : dir(fs::path(path).parent_path().string()), stem(fs::path(path).filename().string()) {
    if (dir.empty()) { dir = "."; }
    const std::size_t dot = stem.rfind('.');
    if (dot == std::string::npos || stem.find_first_not_of('.') >= dot) { return; }
    ext = stem.substr(dot + 1);
    stem.resize(dot);
  }
  bool is_valid() const { return !stem.empty() && stem != "." && stem != ".."; }

  std::string dir;  // as it was given
  std::string stem;
  std::string ext;  // without its dot
};

Variables own_variables(const std::string& file, std::size_t item) {
  const ItemName name(file);
  Variables variables{{"input", file},
                      {"stem", name.stem},
                      {"dir", name.dir},
                      {"ext", name.ext},
                      {"index", std::to_string(item + 1)}};
  variables.insert(program_variables().begin(), program_variables().end());
  return variables;
}

// The part of the paths that all of them begin with.
fs::path common_folder(const std::vector<fs::path>& folders) {
  fs::path common = folders.front();
  for (const fs::path& folder : folders) {
    fs::path shared;
    for (auto a = common.begin(), b = folder.begin(); a != common.end() && b != folder.end() && *a == *b;
         ++a, ++b) {
      shared /= *a;
    }
    common = shared;
  }
  return common;
}

// --keep-folders: the path of the file, whatever the others are called.
std::string kept_folder(const std::string& file) {
  fs::path path = fs::path(file).lexically_normal();
  std::error_code error;
  if (!path.empty() && *path.begin() == "..") { path = fs::absolute(file, error).lexically_normal(); }
  return path.relative_path().string();
}

// The folder of each item below --out-dir: its stem. Where several have one stem, the folders in which they
// differ come before it: "album1/01", "album2/01". Where these are the same, too, the ending is left on.
std::vector<std::string> item_folders(const std::vector<std::string>& files) {
  std::map<std::string, std::vector<std::size_t>> by_stem;
  for (std::size_t i = 0; i < files.size(); ++i) { by_stem[ItemName(files[i]).stem].push_back(i); }
  std::vector<std::string> folders(files.size());
  for (const auto& [stem, items] : by_stem) {
    std::vector<fs::path> dirs;
    for (const std::size_t i : items) {
      std::error_code error;  // without a working directory, as it was given
      dirs.push_back(fs::absolute(ItemName(files[i]).dir, error).lexically_normal() / "");
      dirs.back() = dirs.back().parent_path();
    }
    const fs::path common = common_folder(dirs);
    std::map<fs::path, std::size_t> uses;
    for (const fs::path& dir : dirs) { ++uses[dir]; }
    for (std::size_t n = 0; n < items.size(); ++n) {
      const bool is_alone = uses[dirs[n]] == 1;
      const std::string name = is_alone ? stem : fs::path(files[items[n]]).filename().string();
      folders[items[n]] = (dirs[n].lexically_relative(common) / name).lexically_normal().string();
    }
  }
  return folders;
}

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

struct Binding {
  std::size_t node = 0;
  std::size_t param = 0;
  std::string prefix;
};

// Where a graph takes its file: the first node that plays one, or the device input.
std::optional<Binding> input_of(const ValidGraph& graph) {
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const ValidNode& node = graph.nodes()[n];
    if (plays_file(node.info())) { return Binding{n, *node.find(ParamRole::input_file), ""}; }
  }
  if (const auto input = graph.find(Boundary::device_input)) {
    if (const auto device = graph.nodes()[*input].find(ParamRole::device)) {
      return Binding{*input, *device, "file:"};
    }
  }
  return std::nullopt;
}

// The node that is written into a configuration to make `records` on standard output, each with that label. What it
// has no parameter for is left out.
Document printer_of(const NodeInfo& info, const std::string& label) {
  Document config = Document::object();
  for (const ParamInfo& param : info.params) {
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

// What the graph's results are: outputs that sinks of records write, or, without those, that the console shows. They
// are led to standard output, which the batch leads to the table; every other of these nodes writes nothing.
Errors BatchPlan::lead_results_to_table(const ValidGraph& graph, Document& document) {
  const bool is_csv = !arguments_.csv.empty();
  const std::string option = is_csv ? "--csv" : "--jsonl";
  const auto is_sink = [](const ValidNode& node) { return writes_records(node.info()); };
  const bool has_sinks = std::any_of(graph.nodes().begin(), graph.nodes().end(), is_sink);
  const NodeCatalog& catalog = default_catalog();
  const NodeInfo& writer = find_records(catalog, is_csv ? Records::csv : Records::json_lines)->info;
  const NodeInfo& silent = find_records(catalog, Records::dropped)->info;
  std::map<std::pair<std::size_t, std::size_t>, std::string> results;  // output, and its name
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const ValidNode& node = graph.nodes()[n];
    const bool is_print = shows_records(node.info());
    if (!is_sink(node) && !is_print) { continue; }
    Document& written = document[Document::json_pointer(node.pointer)];
    written["type"] = silent.name;
    written.erase("config");
    muted_.insert(node.id);
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
    muted_.erase(node.id);
    written["type"] = writer.name;
    written["config"] = printer_of(writer, name);
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
  Variables same_each_time = own_variables("item.wav", 0);
  same_each_time["now"] = "";
  const std::string key = configuration_key(*document, arguments.config.variables, same_each_time);
  // A file without a folder: what is absolute for it is so by the configuration.
  const Variables own = own_variables("item.wav", 0);
  auto graphs = GraphTemplate::from_document(*document, arguments.config.variables, own);
  if (!graphs) { return tl::unexpected(report(graphs.error(), name)); }
  BatchPlan plan(*graphs, arguments);
  plan.key_ = key;
  const bool has_table = !plan.table_path().empty();
  if (has_table) {
    if (const Errors errors = plan.lead_results_to_table(graphs->graph(), *document); !errors.empty()) {
      return tl::unexpected(report(errors, name));
    }
    graphs = GraphTemplate::from_document(*document, arguments.config.variables, own);
    if (!graphs) { return tl::unexpected(report(graphs.error(), name)); }
    plan.graphs_ = *graphs;
  }
  const ValidGraph& graph = plan.graphs_.graph();
  Errors errors = refuse_pipes(graph);
  if (!input_of(graph)) {
    errors.push_back({ErrorCode::refused, "/nodes", "this graph has no place for a file",
                      fmt::format("{} or {}", with_article(names_of(default_catalog(), plays_file)),
                                  with_article(names_of(default_catalog(), is_device_input))),
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
  plan.prints_ = app::prints(graph);
  plan.writes_files_ = !output_files(graph).empty();
  if (arguments.keep_folders) {
    for (const std::string& file : arguments.files) { plan.folders_.push_back(kept_folder(file)); }
  } else {
    plan.folders_ = item_folders(arguments.files);
  }
  plan.stdout_format_ = app::stdout_format(graph, prints_json);
  for (const FileParam& output : output_files(graph)) {
    if (fs::path(output.path).is_absolute()) { plan.absolute_.insert(output.node); }
  }
  return plan;
}

Checked<ValidGraph> BatchPlan::graph_for(std::size_t item) const {
  const std::string& file = arguments_.files[item];
  if (!ItemName(file).is_valid()) {
    return tl::unexpected(
        Errors{{ErrorCode::refused, "", "this is the name of a folder", "a sound file", ""}});
  }
  // Beside a table --json is a log, and names it as standard error does.
  const bool is_in_json = stdout_format_ == StdoutFormat::json_lines;
  if (is_in_json && !is_utf8(file)) {
    return tl::unexpected(Errors{
        {ErrorCode::refused, "", "the name of this file cannot stand in JSON Lines", "a name in UTF-8", ""}});
  }
  auto graph = graphs_.with(own_variables(file, item));
  if (!graph) { return graph; }
  const auto input = input_of(*graph);  // there, as make() has seen
  graph->set_text(input->node, input->param, input->prefix + file);
  if (!arguments_.out_dir.empty()) {
    if (Errors errors = put_below_out_dir(*graph, item); !errors.empty()) {
      return tl::unexpected(std::move(errors));
    }
  }
  return graph;
}

Errors BatchPlan::put_below_out_dir(ValidGraph& graph, std::size_t item) const {
  Errors errors;
  const fs::path out_dir(arguments_.out_dir);
  for (const FileParam& output : output_files(graph)) {
    if (absolute_.contains(output.node)) { continue; }
    const fs::path path = out_dir / folders_[item] / output.path;
    const fs::path below = path.lexically_normal().lexically_relative(out_dir.lexically_normal());
    if (below.empty() || *below.begin() == "..") {
      errors.push_back(
          {ErrorCode::refused, graph.nodes()[output.node].pointer_to(output.param),
           fmt::format("the output would go to \"{}\", outside of \"{}\"", path.string(), arguments_.out_dir),
           "a path below --out-dir", "${stem} is the name of a file without its folder",
           graph.nodes()[output.node].id});
      continue;
    }
    graph.set_text(output.node, output.param, path.string());
  }
  return errors;
}

BatchResult BatchPlan::run(std::size_t item) const {
  BatchResult result;
  result.path = arguments_.files[item];
  const auto graph = graph_for(item);
  if (graph) {
    result.exit_code = run_graph(*graph, result);
  } else {
    result.errors = graph.error();
    result.exit_code = exit_code(result.errors);
  }
  return result;
}

ExitCode BatchPlan::run_graph(const ValidGraph& graph, BatchResult& result) const {
  const auto fail = [&](Errors errors) {
    result.errors = std::move(errors);
    return exit_code(result.errors);
  };
  const MemoryFile printed;
  if (printed.file() == nullptr) {
    return fail({{ErrorCode::failed, "", "there is no memory left", "", ""}});
  }
  EngineOptions options;
  options.threads = ThreadPolicy{ThreadPolicy::Kind::count, 1};
  options.cores = 1;
  options.host.console = arguments_.json ? Console::json_lines : Console::text;
  options.host.naming = Naming::when_complete;
  options.host.console_file = printed.file();
  // Of an item that is not complete, --resume makes all files again.
  options.host.overwrite = arguments_.force || arguments_.resume;
  options.open_device = [](const DeviceRequest& request) { return open_device(request); };
  const auto engine = Engine::create(graph, std::move(options));
  if (!engine) { return fail(engine.error()); }
  for (const FileParam& output : output_files(graph)) {
    const auto folder = fs::path(output.path).parent_path();
    std::error_code error;
    if (!folder.empty()) { fs::create_directories(folder, error); }
    if (error) {
      return fail(
          {{ErrorCode::failed, folder.string(), "the folder cannot be made: " + error.message(), "", ""}});
    }
    if (arguments_.resume) { OutputFile::remove_part(output.path); }
    result.outputs.push_back(output.path);
  }
  const auto ran = run_to_end(**engine, {.ends = interrupted, .gives_up = interrupted_again});
  if (!ran) { return fail({ran.error()}); }
  const EngineStatus& status = ran->status;
  const auto& slots = (*engine)->plan().slots();
  if (!slots.empty()) {
    result.sound_s = static_cast<double>(status.frames) / slots.front().format->sample_rate_hz;
  }
  for (const auto& [node, note] : status.notes) {
    if (muted_.contains(node)) { continue; }
    (note.data_lost ? result.losses : result.notes).push_back(note_line(node, note.text, result.path));
  }
  if (status.data_lost() && result.losses.empty()) {
    result.losses.push_back(status.gap_frames > 0 ? counted(status.gap_frames, "frame") + " missing"
                                                  : "blocks were dropped");
  }
  result.printed = printed.text();
  if (prints_) { result.results = count_results(result.printed, stdout_format_); }
  if (!status.failures.empty() || ran->cut_short) {
    result.outputs.clear();  // for they are gone
    if (ran->cut_short) { return fail({{ErrorCode::failed, "", "interrupted", "", ""}}); }
    fail(status.failures);
    return ExitCode::failed;
  }
  return status.data_lost() ? ExitCode::data_lost : ExitCode::success;
}

}  // namespace streamlab::app
