// engine/graph/file_uses.hpp
//
// FileUses: which files are read and which are written at the same time. What is read is never written, whether files
// may be replaced or not, and nothing is written twice.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/graph/validate.hpp"

namespace streamlab {

// A file that a graph writes.
struct WrittenFile {
  std::string path;
  std::string where;  // JSON pointer of the text that names it
  std::string node;   // JSON pointer of its node
};
// Those of its sinks. A simulated card may play into others.
std::vector<WrittenFile> files_of_sinks(const ValidGraph& graph);

class FileUses {
 public:
  // Knows this program itself, and standard input, output and error where they are files.
  FileUses();

  // `what` completes a sentence that begins with the path: "is this configuration".
  void reads(const std::string& path, const std::string& what);
  // All that nodes read: sounds, recordings in place of a device ("file:PATH"), ends of pipes that are files, files that
  // commands are told. Relative paths begin at `folder`; an empty one is the working directory.
  void reads(const ValidGraph& graph, const std::string& what, const std::string& folder = {});
  // As which `path` is used, if it is.
  std::optional<std::string> use_of(const std::string& path) const;
  // What speaks against writing `path`, as `what` above: also that one of two outputs has the name which the other has
  // until it is complete (PATH.new, PATH.part, …). From now on it is written, and `what` says by whom.
  std::optional<std::string> writes(const std::string& path, const std::string& what);
  // An error for each of `files`, which `graph` writes, that may not be written.
  Errors check(const ValidGraph& graph, const std::vector<WrittenFile>& files);

 private:
  std::map<std::string, std::string> used_;    // real path -> what
  std::set<std::string> written_;              // of those
  std::map<std::string, std::string> beside_;  // PATH -> PATH.new or the like, which is written
};

// An error for each file of a sink that the graph reads, too, or writes twice.
Errors check_files(const ValidGraph& graph);

// `path` as it is from within `folder`; an empty one is the working directory.
std::string in_folder(const std::string& folder, const std::string& path);

}  // namespace streamlab
