// engine/graph/make_node.hpp
//
// make_node_by_name(): one node outside of a graph, from its type and configuration as a graph would write
// them.
#pragma once

#include <memory>
#include <string_view>

#include "engine/base/error.hpp"
#include "engine/core/node.hpp"
#include "engine/core/node_catalog.hpp"

namespace streamlab {

// `config`: a JSON object, "{}" for the defaults. Refused, all together: an unknown type (with the nearest
// name), text that is no JSON, parameters as in a graph; `where` is relative to the node.
Checked<std::unique_ptr<Node>> make_node_by_name(std::string_view type, std::string_view config = "{}",
                                                 const NodeCatalog& catalog = default_catalog());

}  // namespace streamlab
