// apps/streamlab/run_files.hpp
//
// Which files a run reads and which it writes, those of simulated cards included.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/graph/file_uses.hpp"

namespace streamlab::app {

// Every file that a graph writes: those of its sinks, and what a simulated card plays into.
std::vector<WrittenFile> written_files(const ValidGraph& graph);

// FileUses::reads() of all that the graph reads: what a simulated card reads, too.
void reads_all(FileUses& files, const ValidGraph& graph, const std::string& what,
               const std::string& folder = {});

// Whatever of `files` and of its own the graph would write over, or write twice.
Errors check_files(const ValidGraph& graph, FileUses files);

// Outputs that cannot be, whether files may be replaced or not: no folder, one that may not be written, what is no
// regular file.
Errors check_writable(const ValidGraph& graph);
// Outputs that exist and that the configuration does not allow to replace: a run needs --force.
std::vector<WrittenFile> existing_outputs(const ValidGraph& graph);
// The same, as errors: one for each. And those that another run is writing now, which none may replace.
enum class Replacing : std::uint8_t { refused, allowed };
Errors refuse_existing(const ValidGraph& graph, Replacing replacing);

}  // namespace streamlab::app
