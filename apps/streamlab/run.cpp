// apps/streamlab/run.cpp
//
// streamlab run: one graph, live or over files, as its configuration says.
#include "apps/streamlab/commands.hpp"
#include "apps/streamlab/config_file.hpp"
#include "apps/streamlab/console.hpp"
#include "apps/streamlab/run_graph.hpp"

namespace streamlab::app {

ExitCode run_command(const RunArguments& arguments) {
  const auto graph = load_config(arguments.config);
  if (!graph) { return graph.error(); }
  RunOptions options{arguments.seconds, arguments.frames, arguments.json,
                     arguments.quiet,   arguments.force,  {}};
  options.report = [&](const Errors& errors) { return report(errors, name_of(arguments.config)); };
  return run_graph(*graph, options);
}

}  // namespace streamlab::app
