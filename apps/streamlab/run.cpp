// apps/streamlab/run.cpp
//
// streamlab run: one graph, live or over files, as its configuration says; or a flow of programs.
#include <nlohmann/json.hpp>

#include "apps/streamlab/commands.hpp"
#include "apps/streamlab/config_file.hpp"
#include "apps/streamlab/console.hpp"
#include "apps/streamlab/flow_file.hpp"
#include "apps/streamlab/graph_notes.hpp"
#include "apps/streamlab/run_files.hpp"
#include "apps/streamlab/run_graph.hpp"
#include "apps/streamlab/standard_streams.hpp"
#include "apps/streamlab/watch.hpp"

namespace streamlab::app {

namespace {

// What only flows understand.
Errors refuse_flow_options(const RunArguments& arguments) {
  Errors errors;
  const auto refuse = [&](bool is_given, const char* option) {
    if (is_given) {
      errors.push_back({ErrorCode::refused, option, "a graph has no state", "a flow of programs", ""});
    }
  };
  refuse(!arguments.state.empty(), "--state");
  refuse(arguments.resume, "--resume");
  refuse(!arguments.save.empty(), "--save");
  return errors;
}

// Why the graph cannot be run like this, although it is valid.
Errors refusals(const ValidGraph& graph, const RunArguments& arguments) {
  Errors all = check_stdout_formats(graph, arguments.json);
  const auto add = [&](Errors errors) {
    for (Error& error : errors) { all.push_back(std::move(error)); }
  };
  add(check_writable(graph));
  add(refuse_existing(graph, arguments.force ? Replacing::allowed : Replacing::refused));
  if (!all.empty()) { add(refusals_of_sources(graph, all)); }
  return all;
}

}  // namespace

ExitCode run_command(const RunArguments& arguments) {
  const auto text = read_config(arguments.config.path);
  if (!text) { return report(text.error(), ""); }
  if (is_flow_text(*text, arguments.config.path)) {
    if (!arguments.watch) { return run_flow_file(arguments, *text); }
    return report({ErrorCode::refused, "--watch", "a flow cannot be reloaded", "a graph", ""}, "");
  }
  const auto graph = load_config(arguments.config, *text);
  // A text that cannot be read is neither graph nor flow: then nothing is wrong with the options.
  if (!graph && !parse_document(*text, language_of(arguments.config.path))) { return graph.error(); }
  const Errors refused = refuse_flow_options(arguments);
  if (!refused.empty()) { report(refused, ""); }
  if (!graph || !refused.empty()) { return ExitCode::refused; }
  if (arguments.watch && arguments.config.path == "-") {
    return report({ErrorCode::refused, "--watch", "standard input is read once", "a file", ""}, "");
  }
  if (const Errors errors = refusals(*graph, arguments); !errors.empty()) {
    return report(errors, name_of(arguments.config));
  }
  if (!arguments.quiet) { to_stderr(unread_notes(*graph), Tone::warning); }
  RunOptions options{.seconds = arguments.seconds,
                     .frames = arguments.frames,
                     .json = arguments.json,
                     .quiet = arguments.quiet,
                     .force = arguments.force};
  if (arguments.watch) {
    options.look = reloads_on_change(arguments, streams_to_stdout(*graph) ? stderr : stdout);
  }
  options.report = [&](const Errors& errors) { return report(errors, name_of(arguments.config)); };
  return run_graph(*graph, options);
}

}  // namespace streamlab::app
