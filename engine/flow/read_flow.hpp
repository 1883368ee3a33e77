// engine/flow/read_flow.hpp
//
// From a document to a FlowSpec: shapes and types of everything that is written.
#pragma once

#include "engine/flow/flow_spec.hpp"
#include "engine/graph/config_text.hpp"

namespace streamlab {

// Is it a flow rather than a graph? (Flows have "edges", graphs have "connections".)
bool is_flow(const Document& document);

// As replace_variables(), but for the texts of `run`: "${…}" is the shell's own there.
void replace_flow_variables(Document& document, const Variables& given, Errors& errors);

// What could be read; everything else is in `errors`, with its JSON pointer.
FlowSpec read_flow_spec(const Document& document, Errors& errors);

}  // namespace streamlab
