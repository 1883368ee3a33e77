// apps/streamlab/graph_notes.hpp
//
// What is no mistake in a graph, and hardly meant.
#pragma once

#include <string>

#include "engine/graph/validate.hpp"

namespace streamlab::app {

// A line for each node whose results nobody reads and that writes nothing itself, for the first 20 and the count of the
// others; empty if there is none.
std::string unread_notes(const ValidGraph& graph);

}  // namespace streamlab::app
