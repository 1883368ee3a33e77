// engine/graph/describe.hpp
//
// What the node types, a graph and a plan look like to people and to other programs. Everything here comes
// from the descriptions beside the nodes (NodeInfo, ParamInfo) and from the Plan: nothing is said twice.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/core/node_catalog.hpp"
#include "engine/graph/config_text.hpp"
#include "engine/graph/plan.hpp"

namespace streamlab {

// ---- Node types (describe_nodes.cpp)

// What people look for a node for, told by what its ports take and give: a heading, and the nodes by name.
struct NodeTask {
  std::string_view title;  // "Measure sound"
  std::vector<const NodeInfo*> nodes;
};
std::vector<NodeTask> nodes_by_task(const NodeCatalog& catalog);
// One line a node under each task: name and what it does.
std::string describe_nodes(const NodeCatalog& catalog);
// Ports, parameters, behaviour and an example of one node, for a terminal.
std::string describe_node(const NodeInfo& info);
// How the values of NodeInfo::values are named, for manuals.
inline constexpr std::string_view kValueNames =
    "Each is named after its channel, \"left.rms_db\": \"main_channel\" where there is one channel, \"left\" and "
    "\"right\" of two, \"ch1\", \"ch2\", … of more, or as the source names them. Units are those of channels in FS.";
// The same for programs.
Document node_document(const NodeInfo& info);
// "number, -1000000 .. 1000000 ratio, default 1, live", for manuals.
std::string describe_param(const ParamInfo& info);
// "only one of gain and gain_db", for manuals.
std::string describe_rule(const ParamRule& rule);
// What a parameter has where nothing is given; null where there is no such value.
Document default_document(const ParamInfo& info);

// ---- The configuration as a whole

// JSON Schema (draft 2020-12) of a graph. Every value but a plain text may also be one variable, "${name}".
// describe_flow.hpp has that of graphs and flows. (describe_schema.cpp)
Document config_schema(const NodeCatalog& catalog);
// The reference manual of the configuration and all nodes, in Markdown. (describe_reference.cpp)
std::string config_reference(const NodeCatalog& catalog);

// ---- Graphs and plans (describe_plan.cpp)

// For Graphviz. A frame for each domain; between domains, policy and capacity where the connection names
// them.
std::string graph_dot(const ValidGraph& graph, const Partition& partition);
// Domains, nodes, formats, edges, latency and memory, for a terminal.
std::string describe_plan(const Plan& plan);
// The same for programs.
Document plan_document(const Plan& plan);

}  // namespace streamlab
