// apps/streamlab/standard_streams.cpp
#include "apps/streamlab/standard_streams.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "apps/streamlab/node_names.hpp"
#include "nodes/process/pipe_end.hpp"

namespace streamlab::app {
namespace {

// A node and its parameter that names one end of a pipe.
struct End {
  const ValidNode* node = nullptr;
  std::size_t param = 0;
  std::string text;  // its value

  std::string pointer() const { return node->pointer_to(param); }
};

std::vector<End> ends_of(const ValidGraph& graph, ParamRole role) {
  std::vector<End> ends;
  for (const ValidNode& node : graph.nodes()) {
    if (const auto text = node.text(role)) { ends.push_back({&node, *node.find(role), *text}); }
  }
  return ends;
}

// Those that are descriptor `fd`. What names none is refused by the node itself.
std::vector<End> on_descriptor(std::vector<End> ends, PipeName::Direction direction, int fd) {
  std::erase_if(ends, [&](const End& end) {
    const auto name = PipeName::parse(end.text, direction);
    return !name || name->kind == PipeName::Kind::fifo || name->fd != fd;
  });
  return ends;
}

std::vector<End> stdin_readers(const ValidGraph& graph) {
  return on_descriptor(ends_of(graph, ParamRole::input_stream), PipeName::Direction::in, STDIN_FILENO);
}
std::vector<End> stdout_streams(const ValidGraph& graph) {
  return on_descriptor(ends_of(graph, ParamRole::output_stream), PipeName::Direction::out, STDOUT_FILENO);
}

// Nodes that write records on standard output.
struct Printer {
  const ValidNode* node = nullptr;
  StdoutFormat format = StdoutFormat::text;
};
std::vector<Printer> printers(const ValidGraph& graph, bool json) {
  std::vector<Printer> found;
  for (const ValidNode& node : graph.nodes()) {
    const Records records = node.info().records;
    const bool is_stdout = node.text(ParamRole::output_file) == "-";
    if (records == Records::console) {
      found.push_back({&node, json ? StdoutFormat::json_lines : StdoutFormat::text});
    } else if (is_stdout && records == Records::json_lines) {
      found.push_back({&node, StdoutFormat::json_lines});
    } else if (is_stdout && records == Records::csv) {
      found.push_back({&node, StdoutFormat::csv});
    }
  }
  return found;
}

std::string_view name_of(StdoutFormat format) {
  constexpr std::string_view kNames[] = {"text", "JSON Lines", "a table"};
  return kNames[static_cast<std::size_t>(format)];
}

}  // namespace

StdoutFormat stdout_format(const ValidGraph& graph, bool json) {
  if (json) { return StdoutFormat::json_lines; }
  const auto found = printers(graph, false);
  return found.empty() ? StdoutFormat::text : found.front().format;
}

Errors check_stdout_formats(const ValidGraph& graph, bool json) {
  Errors errors;
  const auto found = printers(graph, json);
  for (std::size_t p = 0; p < found.size(); ++p) {
    const StdoutFormat ours = found[p].format;
    const StdoutFormat first = json ? StdoutFormat::json_lines : found.front().format;
    if (ours == first && (p == 0 || ours != StdoutFormat::csv)) { continue; }
    const bool would_fit = !json && ours != StdoutFormat::csv && first != StdoutFormat::csv;
    const ValidNode& node = *found[p].node;
    const auto path = node.find(ParamRole::output_file);
    errors.push_back({ErrorCode::refused, path ? node.pointer_to(*path) : node.pointer,
                      fmt::format("{} on standard output, which carries {} of {}", name_of(ours),
                                  name_of(first), json ? "--json" : found.front().node->pointer),
                      "one format on one stream",
                      would_fit ? "--json makes JSON Lines of both" : "name a file"});
  }
  graph.name_nodes(errors);
  return errors;
}

Errors check_stdout_formats(const ValidGraph& graph) {
  return check_stdout_formats(graph, true).empty() ? Errors{} : check_stdout_formats(graph, false);
}

bool streams_to_stdout(const ValidGraph& graph) { return !stdout_streams(graph).empty(); }

Errors check_standard_streams(const ValidGraph& graph, ConfigFrom config, const NodeCatalog& catalog) {
  Errors errors;
  const auto readers = stdin_readers(graph);
  for (std::size_t r = 0; r < readers.size(); ++r) {
    if (config == ConfigFrom::standard_input) {
      errors.push_back({ErrorCode::refused, readers[r].pointer(),
                        "standard input brought this configuration, and cannot bring a stream, too",
                        "the configuration in a file", ""});
    } else if (r > 0) {
      errors.push_back({ErrorCode::refused, readers[r].pointer(),
                        fmt::format("standard input is read by {} already", readers[0].node->pointer),
                        "one reader", fmt::format("connect both to one {}", readers[0].node->info().name)});
    }
  }
  const auto streams = stdout_streams(graph);
  if (streams.empty()) {
    graph.name_nodes(errors);
    return errors;
  }
  for (std::size_t s = 1; s < streams.size(); ++s) {
    errors.push_back({ErrorCode::refused, streams[s].pointer(),
                      fmt::format("standard output is written by {} already", streams[0].node->pointer),
                      "one writer", "a FIFO, or another descriptor"});
  }
  for (const ValidNode& node : graph.nodes()) {
    if (node.text(ParamRole::output_file) != "-") { continue; }
    errors.push_back(
        {ErrorCode::refused, node.pointer_to(*node.find(ParamRole::output_file)),
         fmt::format("standard output carries the stream of {}, among which text would lie",
                     streams[0].node->pointer),
         "a file",
         fmt::format("{} goes to standard error then", find_records(catalog, Records::console)->info.name)});
  }
  graph.name_nodes(errors);
  return errors;
}

Errors refuse_pipes(const ValidGraph& graph, const NodeCatalog& catalog) {
  Errors errors;
  for (const auto& ends :
       {ends_of(graph, ParamRole::input_stream), ends_of(graph, ParamRole::output_stream)}) {
    for (const End& end : ends) {
      errors.push_back(
          {ErrorCode::refused, end.pointer(),
           fmt::format("a pipe, \"{}\", cannot be shared by many files at a time", end.text),
           fmt::format("{} and {}", names_of(catalog, plays_file), names_of(catalog, writes_sound)), ""});
    }
  }
  graph.name_nodes(errors);
  return errors;
}

}  // namespace streamlab::app
