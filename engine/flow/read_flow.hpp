// engine/flow/read_flow.hpp
//
// Reads a document into a FlowSpec: checks shapes and types of everything.
#pragma once

#include "engine/flow/flow_spec.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab {

// Is it a flow rather than a graph? (Flows have "edges", graphs have "connections".)
bool is_flow(const Document& document);

// Like replace_variables(), except in `run`: "${…}" belongs to the shell there.
void replace_flow_variables(Document& document, const Variables& given, Errors& errors);

// Returns what could be read; reports the rest in `errors`, with JSON pointers.
FlowSpec read_flow_spec(const Document& document, Errors& errors);

}  // namespace streamlab
