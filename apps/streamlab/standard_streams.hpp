// apps/streamlab/standard_streams.hpp
//
// Who reads standard input and who writes standard output: the configuration, nodes that print, and the pipes
// of a graph, of which there can be one at each end.
#pragma once

#include "engine/base/error.hpp"
#include "engine/graph/validate.hpp"

namespace streamlab::app {

// Does a PipeSink write its stream to standard output? Then nothing else may go there.
bool streams_to_stdout(const ValidGraph& graph);

enum class ConfigFrom : std::uint8_t { file, standard_input };

// Standard input that is read twice, the configuration included; a stream on standard output beside which a
// node writes text there. (Print then goes to standard error.)
Errors check_standard_streams(const ValidGraph& graph, ConfigFrom config, const NodeCatalog& catalog);

// What nodes write on standard output, and the program itself where it prints JSON Lines.
enum class StdoutFormat : std::uint8_t { text, json_lines, csv };
// `json`: was --json given?
StdoutFormat stdout_format(const ValidGraph& graph, bool json);
// Two formats on standard output, and two tables.
Errors check_stdout_formats(const ValidGraph& graph, bool json);
// The same of graphs that are two formats with --json and without.
Errors check_stdout_formats(const ValidGraph& graph);

// For many graphs at a time, none of which can have them.
Errors refuse_pipes(const ValidGraph& graph, const NodeCatalog& catalog);

}  // namespace streamlab::app
