// engine/graph/make_node.hpp
//
// make_node_by_name(): one node outside of a graph, from its type and configuration as a graph would write
// them. make_prepared(): a node of a graph.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/core/node.hpp"
#include "engine/core/node_catalog.hpp"

namespace streamlab {

// `config`: a JSON object, "{}" for the defaults. Refused, all together: an unknown type (with the nearest
// name), text that is no JSON, parameters as in a graph; `where` is relative to the node.
Checked<std::unique_ptr<Node>> make_node_by_name(std::string_view type, std::string_view config = "{}",
                                                 const NodeCatalog& catalog = default_catalog());

// Makes `node` and prepares it. Where memory runs out for that, an error that says so: what a node asks for depends on
// its parameters, and libraries may find none where this program still has some. `where` is relative to the node.
Result<std::vector<OutputFormat>> make_prepared(const NodeEntry& entry, const ParamValues& params,
                                                const PrepareContext& context, std::shared_ptr<Node>& node);

}  // namespace streamlab
