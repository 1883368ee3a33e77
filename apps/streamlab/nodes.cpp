// apps/streamlab/nodes.cpp
//
// streamlab nodes, schema and graph: what the program says of itself and of a configuration.
#include <algorithm>
#include <thread>

#include <nlohmann/json.hpp>

#include "apps/streamlab/commands.hpp"
#include "apps/streamlab/config_file.hpp"
#include "apps/streamlab/console.hpp"
#include "engine/base/nearest_name.hpp"
#include "engine/flow/describe_flow.hpp"
#include "engine/graph/describe.hpp"

namespace streamlab::app {
namespace {

ExitCode all_nodes(const NodeCatalog& catalog, const NodesArguments& arguments) {
  if (arguments.markdown) {
    to_stdout(config_reference(catalog));
  } else if (arguments.json) {
    for (const NodeEntry* entry : catalog.entries()) { print_json_line(node_document(entry->info)); }
  } else {
    to_stdout(describe_nodes(catalog));
    to_stdout("\n\"streamlab nodes NAME\" tells everything about one of them.\n");
  }
  return ExitCode::success;
}

}  // namespace

ExitCode nodes_command(const NodesArguments& arguments) {
  const NodeCatalog& catalog = arguments.catalog;
  if (arguments.name.empty()) { return all_nodes(catalog, arguments); }
  const NodeEntry* entry = catalog.find(arguments.name);
  if (entry == nullptr) {
    std::string hint = did_you_mean(arguments.name, catalog.names());
    if (hint.empty()) { hint = "\"streamlab nodes\" lists them"; }
    return report({ErrorCode::refused, "nodes", "there is no node \"" + arguments.name + "\"", "", hint}, "");
  }
  if (arguments.json) {
    print_json_line(node_document(entry->info));
  } else {
    to_stdout(describe_node(entry->info));
  }
  return ExitCode::success;
}

ExitCode schema_command(const NodeCatalog& catalog) {
  print_json(configuration_schema(catalog));
  return ExitCode::success;
}

ExitCode graph_command(const ConfigArguments& config) {
  const auto graph = load_config(config);
  if (!graph) { return graph.error(); }
  const std::uint32_t cores = std::max(1U, std::thread::hardware_concurrency());
  to_stdout(graph_dot(*graph, partition(*graph, graph->config().threads, cores)));
  return ExitCode::success;
}

}  // namespace streamlab::app
