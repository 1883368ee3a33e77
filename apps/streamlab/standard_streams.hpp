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
Errors check_standard_streams(const ValidGraph& graph, ConfigFrom config);

// For many graphs at a time, none of which can have them.
Errors refuse_pipes(const ValidGraph& graph);

}  // namespace streamlab::app
