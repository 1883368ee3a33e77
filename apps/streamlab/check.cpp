// apps/streamlab/check.cpp
//
// streamlab check: everything that can be known before a graph runs. A device is opened, to learn its format,
// and never started; nothing is written.
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/streamlab/commands.hpp"
#include "apps/streamlab/config_file.hpp"
#include "apps/streamlab/console.hpp"
#include "apps/streamlab/flow_file.hpp"
#include "apps/streamlab/graph_notes.hpp"
#include "apps/streamlab/run_files.hpp"
#include "apps/streamlab/summary.hpp"
#include "engine/base/output_file.hpp"
#include "engine/base/printable.hpp"
#include "engine/graph/describe.hpp"
#include "engine/run/engine.hpp"
#include "hal/backends.hpp"

namespace streamlab::app {

ExitCode check_command(const CheckArguments& arguments) {
  const auto text = read_config(arguments.config.path);
  if (!text) { return report(text.error(), ""); }
  return check_text(arguments, *text, [](const DeviceRequest& request) { return open_device(request); });
}

ExitCode check_text(const CheckArguments& arguments, const std::string& text, DeviceOpener open_device) {
  if (is_flow_text(text, arguments.config.path)) { return check_flow_file(arguments, text); }
  const auto graph = load_config(arguments.config, text);
  if (!graph) { return graph.error(); }
  if (Errors errors = check_writable(*graph); !errors.empty()) {
    for (Error& error : refusals_of_sources(*graph, errors)) { errors.push_back(std::move(error)); }
    return report(errors, name_of(arguments.config));
  }
  const auto is_under_way = [](const WrittenFile& file) {
    return !OutputFile::check_unused(file.path, ErrorCode::refused);
  };
  for (const WrittenFile& file : written_files(*graph)) {
    if (!is_under_way(file)) { continue; }
    to_stderr(fmt::format("note: \"{}\" is being written by another run\n", printable(file.path)),
              Tone::warning);
  }
  for (const WrittenFile& file : existing_outputs(*graph)) {
    if (is_under_way(file)) { continue; }
    to_stderr(
        fmt::format("note: \"{}\" already exists: a run needs --force to replace it\n", printable(file.path)),
        Tone::warning);
  }
  to_stderr(unread_notes(*graph), Tone::warning);
  EngineOptions options;
  options.look_only = true;
  options.frame_limit = 1;  // a graph that needs a limit to run is no mistake yet
  options.open_device = std::move(open_device);
  const auto engine = Engine::create(*graph, std::move(options));
  if (!engine) { return report(engine.error(), name_of(arguments.config)); }
  const DeviceFormat* device = (*engine)->device();
  if (arguments.json) {
    Document document{{"type", "plan"}};
    document["device"] = device != nullptr ? device_document(*device) : Document(nullptr);
    document.update(plan_document((*engine)->plan()));
    print_json_line(document);
    return ExitCode::success;
  }
  if (device != nullptr) { to_stdout(device_line(*device) + "\n"); }
  to_stdout(describe_plan((*engine)->plan()));
  return ExitCode::success;
}

}  // namespace streamlab::app
