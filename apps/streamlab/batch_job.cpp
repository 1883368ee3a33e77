// apps/streamlab/batch_job.cpp
#include "apps/streamlab/batch_job.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "apps/streamlab/console.hpp"
#include "apps/streamlab/interrupt.hpp"
#include "apps/streamlab/run_files.hpp"
#include "engine/run/engine.hpp"
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

struct Binding {
  std::size_t node = 0;
  std::size_t param = 0;
  std::string prefix;
};

// Where a graph takes its file: the first node that plays one, or the device input.
std::optional<Binding> input_of(const ValidGraph& graph) {
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const ValidNode& node = graph.nodes()[n];
    const auto path = node.params.find("path");
    if (node.info().inputs.empty() && path) { return Binding{n, *path, ""}; }
  }
  if (const auto input = graph.find(Boundary::device_input)) {
    if (const auto device = graph.nodes()[*input].params.find("device")) {
      return Binding{*input, *device, "file:"};
    }
  }
  return std::nullopt;
}

}  // namespace

Document result_document(const BatchResult& result) {
  Document document{{"type", "file"},
                    {"input", result.path},
                    {"exit_code", static_cast<int>(result.exit_code)},
                    {"duration_s", result.sound_s},
                    {"outputs", result.outputs},
                    {"notes", result.notes}};
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
  BatchPlan plan(*std::move(document), arguments);
  const auto graph = plan.graph_for(arguments.files.front());
  if (!graph) { return tl::unexpected(report(graph.error(), name)); }
  if (const Errors errors = check_stdout_formats(*graph, arguments.json); !errors.empty()) {
    return tl::unexpected(report(errors, name));
  }
  plan.stdout_format_ = app::stdout_format(*graph, arguments.json);
  return plan;
}

Checked<ValidGraph> BatchPlan::graph_for(const std::string& file) const {
  const std::string stem = std::filesystem::path(file).stem().string();
  Document document = document_;
  if (document.is_object() && (!document.contains("variables") || document["variables"].is_object())) {
    document["variables"]["input"] = file;
    document["variables"]["stem"] = stem;
  }
  const std::string text = document.dump(-1, ' ', false, Document::error_handler_t::replace);
  auto graph = load_graph(text, ConfigLanguage::json, arguments_.config.variables);
  if (!graph) { return graph; }
  if (Errors errors = refuse_pipes(*graph); !errors.empty()) { return tl::unexpected(std::move(errors)); }
  const auto input = input_of(*graph);
  if (!input) {
    return tl::unexpected(Errors{{ErrorCode::refused, "/nodes", "this graph has no place for a file",
                                  "a FileSource or an AudioInput", ""}});
  }
  ValidGraph bound = graph->with_text(input->node, input->param, input->prefix + file);
  if (!arguments_.out_dir.empty()) {
    for (const FileParam& output : output_files(bound)) {
      if (std::filesystem::path(output.path).is_absolute()) { continue; }
      const auto path = std::filesystem::path(arguments_.out_dir) / stem / output.path;
      bound = bound.with_text(output.node, output.param, path.string());
    }
  }
  return bound;
}

BatchResult BatchPlan::run(const std::string& file) const {
  BatchResult result;
  result.path = file;
  const auto graph = graph_for(file);
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
  options.console = arguments_.json ? Console::json_lines : Console::text;
  options.console_file = printed.file();
  options.overwrite = arguments_.force;
  options.open_device = [](const DeviceRequest& request) { return open_device(request); };
  const auto engine = Engine::create(graph, std::move(options));
  if (!engine) { return fail(engine.error()); }
  for (const FileParam& output : output_files(graph)) {
    const auto folder = std::filesystem::path(output.path).parent_path();
    std::error_code error;
    if (!arguments_.out_dir.empty() && !folder.empty()) {
      std::filesystem::create_directories(folder, error);
    }
    if (error) {
      return fail(
          {{ErrorCode::failed, folder.string(), "the folder cannot be made: " + error.message(), "", ""}});
    }
    result.outputs.push_back(output.path);
  }
  if (auto started = (*engine)->start(); !started) { return fail({started.error()}); }
  constexpr auto kLook = std::chrono::milliseconds(100);  // how soon Ctrl-C is answered
  while (!interrupted() && !(*engine)->wait_for(kLook)) {}
  const bool cut_short = interrupted();
  constexpr auto kPatience = std::chrono::seconds(5);  // with a reader that takes nothing
  (*engine)->stop(kPatience, interrupted_again);
  const EngineStatus status = (*engine)->status();
  const auto& slots = (*engine)->plan().slots();
  if (!slots.empty()) {
    result.sound_s = static_cast<double>(status.frames) / slots.front().format->sample_rate_hz;
  }
  for (const auto& [node, note] : status.notes) {
    result.notes.push_back(fmt::format("{}: {}", node, note.text));
  }
  result.printed = printed.text();
  if (!status.failures.empty()) {
    fail(status.failures);
    return ExitCode::failed;
  }
  if (cut_short) { return fail({{ErrorCode::failed, "", "interrupted", "", ""}}); }
  return status.data_lost() ? ExitCode::data_lost : ExitCode::success;
}

}  // namespace streamlab::app
