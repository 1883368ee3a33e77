// apps/streamlab/run_files.hpp
//
// Which files a run reads and which it writes. What it reads it never writes, --force or not, and nothing is
// written twice.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/graph_files.hpp"

namespace streamlab::app {

// The files that nodes read, recordings in place of a device ("file:PATH") included.
std::vector<std::string> input_files(const ValidGraph& graph);

// Every file that a graph writes: those of its sinks, and what a simulated card plays into.
struct WrittenFile {
  std::string path;
  std::string where;  // JSON pointer of the text that names it
  std::string node;   // JSON pointer of its node
};
std::vector<WrittenFile> written_files(const ValidGraph& graph);

// `path` as it is from within `folder`; an empty one is the working directory.
std::string in_folder(const std::string& folder, const std::string& path);

class RunFiles {
 public:
  // Knows this program itself, and standard input, output and error where they are files.
  RunFiles();

  // `what` completes a sentence that begins with the path: "is this configuration".
  void reads(const std::string& path, const std::string& what);
  // All that the graph reads: sounds, scripts of simulated cards, files that commands are told. Relative paths
  // begin at `folder`.
  void reads(const ValidGraph& graph, const std::string& what, const std::string& folder = {});
  // What speaks against writing `path`, as `what` above. From now on it is written, and `what` says by whom.
  std::optional<std::string> writes(const std::string& path, const std::string& what);

 private:
  std::map<std::string, std::string> used_;  // real path -> what
};

// Whatever of `files` and of its own the graph would write over, or write twice.
Errors check_files(const ValidGraph& graph, RunFiles files);

// Outputs that cannot be, whether files may be replaced or not: no folder, one that may not be written, what is no
// regular file.
Errors check_writable(const ValidGraph& graph);
// Outputs that exist and that the configuration does not allow to replace: a run needs --force.
std::vector<WrittenFile> existing_outputs(const ValidGraph& graph);
// The same, as errors: one for each. And those that another run is writing now, which none may replace.
enum class Replacing : std::uint8_t { refused, allowed };
Errors refuse_existing(const ValidGraph& graph, Replacing replacing);

}  // namespace streamlab::app
