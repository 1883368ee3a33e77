// apps/streamlab/record.cpp
//
// streamlab record: from a device into a sound file. The graph is built in memory; what it has to say of its
// places is said in the words of the command line.
#include <array>
#include <utility>

#include "apps/streamlab/commands.hpp"
#include "apps/streamlab/console.hpp"
#include "apps/streamlab/run_files.hpp"
#include "apps/streamlab/run_graph.hpp"
#include "engine/graph/graph_spec.hpp"

namespace streamlab::app {
namespace {

GraphSpec graph_of(const RecordArguments& arguments) {
  GraphSpec spec;
  spec.title = "Recording";
  spec.config.sample_rate_hz = arguments.sample_rate_hz;
  spec.config.block_size = arguments.period_frames;
  NodeSpec input{"input", "AudioInput", {{"device", arguments.device}}, "/nodes/0"};
  for (std::uint32_t c = 1; c <= arguments.channels; ++c) { input.config["channels"].push_back(c); }
  spec.nodes.push_back(std::move(input));
  spec.nodes.push_back({"file", "FileSink", {{"path", arguments.out}}, "/nodes/1"});
  spec.connections.push_back({"input", "file", {}, {}, "/connections/0"});
  return spec;
}

// The option that stands for a place in the graph above.
std::string option_of(const std::string& pointer, const RecordArguments& arguments) {
  const std::array<std::pair<std::string_view, std::string>, 7> options{{
      {"/nodes/0/config/channels", "--channels"},
      {"/nodes/0", "--device " + arguments.device},
      {"device", "--device " + arguments.device},
      {"/nodes/1", arguments.out},
      {"/pipeline_config/sample_rate", "--rate"},
      {"/pipeline_config/block_size", "--period"},
      {"/pipeline_config", "--period"},
  }};
  for (const auto& [place, option] : options) {
    if (pointer.starts_with(place)) { return option; }
  }
  return pointer;
}

}  // namespace

ExitCode record_command(const RecordArguments& arguments) {
  const auto report_here = [&](Errors errors) {
    for (Error& error : errors) {
      error.where = option_of(error.where, arguments);
      error.node.clear();  // of a graph that the user did not write
    }
    return report(errors, "record");
  };
  const auto graph = validate(graph_of(arguments));
  if (!graph) { return report_here(graph.error()); }
  if (const Errors errors = check_files(*graph, {}); !errors.empty()) { return report_here(errors); }
  if (const Errors errors = check_writable(*graph); !errors.empty()) { return report_here(errors); }
  RunOptions options{arguments.seconds, 0, arguments.json, arguments.quiet, arguments.force, report_here};
  return run_graph(*graph, options);
}

}  // namespace streamlab::app
