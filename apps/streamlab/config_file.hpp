// apps/streamlab/config_file.hpp
//
// From a command line's CONFIG to a valid graph.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/streamlab/commands.hpp"
#include "engine/graph/validate.hpp"

namespace streamlab::app {

// Variables that the program gives every configuration: ${now}, the local time of its start as names of files may have
// it, "2026-11-30_14-03-21". They go before defaults, and --set before them.
const Variables& program_variables();

// Takes "name=value". Empty, or why not.
std::string set_variable(Variables& variables, const std::string& setting);

// The text of a configuration file, or of standard input for "-".
Result<std::string> read_config(const std::string& path);

// Does one of its nodes write to standard output?
bool prints(const ValidGraph& graph);

// Is it a flow of programs (docs/process-streams.md) rather than a graph? A text that cannot be read is none.
bool is_flow_text(const std::string& text, const std::string& path);

// Reads, validates and checks, the files that the graph reads and writes included. Errors have no subject yet.
Checked<ValidGraph> check_config(const ConfigArguments& config);
Checked<ValidGraph> check_config(const ConfigArguments& config, const std::string& text);

// The same; every error was reported on standard error when there is no graph.
tl::expected<ValidGraph, ExitCode> load_config(const ConfigArguments& config);
tl::expected<ValidGraph, ExitCode> load_config(const ConfigArguments& config, const std::string& text);

// How errors call a configuration: its path, or "standard input".
std::string name_of(const ConfigArguments& config);

}  // namespace streamlab::app
