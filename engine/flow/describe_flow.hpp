// engine/flow/describe_flow.hpp
//
// The JSON Schema of everything that `streamlab run` takes.
#pragma once

#include "engine/core/node_catalog.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab {

// JSON Schema (draft 2020-12) of flows and of graphs: what has "edges" or "settings" is a flow, all else a graph.
Document configuration_schema(const NodeCatalog& catalog);

}  // namespace streamlab
