// apps/streamlab/config_file.hpp
//
// From a command line's CONFIG to a valid graph, and which files that graph reads and writes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/streamlab/commands.hpp"
#include "engine/graph/validate.hpp"

namespace streamlab::app {

// The text of a configuration file, or of standard input for "-".
Result<std::string> read_config(const std::string& path);

// The same for every way to write the path of one file, whether it exists or not.
std::string file_identity(const std::string& path);

// A parameter of a node that names a file.
struct FileParam {
  std::size_t node = 0;
  std::size_t param = 0;
  std::string path;
};
// The files that sources play, recordings in place of a device ("file:PATH") included.
std::vector<std::string> input_files(const ValidGraph& graph);
// The files that sinks write; "-" is none.
std::vector<FileParam> output_files(const ValidGraph& graph);

// Does one of its nodes write to standard output?
bool prints(const ValidGraph& graph);

// Whatever would be written over while it is read, or written twice.
Errors check_files(const ValidGraph& graph);

// Is it a flow of programs (docs/process-streams.md) rather than a graph? A text that cannot be read is none.
bool is_flow_text(const std::string& text, const std::string& path);

// Reads, validates and checks. Errors have no subject yet.
Checked<ValidGraph> check_config(const ConfigArguments& config);
Checked<ValidGraph> check_config(const ConfigArguments& config, const std::string& text);

// The same; every error was reported on standard error when there is no graph.
tl::expected<ValidGraph, ExitCode> load_config(const ConfigArguments& config);
tl::expected<ValidGraph, ExitCode> load_config(const ConfigArguments& config, const std::string& text);

// How errors call a configuration: its path, or "standard input".
std::string name_of(const ConfigArguments& config);

}  // namespace streamlab::app
