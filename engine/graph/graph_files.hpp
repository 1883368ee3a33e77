// engine/graph/graph_files.hpp
//
// Which parameters of a graph name files, by their roles (ParamRole).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/graph/validate.hpp"

namespace streamlab {

// A parameter of a node that names a file.
struct FileParam {
  std::size_t node = 0;
  std::size_t param = 0;
  std::string path;
};
// The files that nodes write; "-" is none.
std::vector<FileParam> output_files(const ValidGraph& graph);

// The files that nodes read, recordings in place of a device ("file:PATH") included.
std::vector<std::string> input_files(const ValidGraph& graph);

// Where a graph takes a file that it is given.
struct FilePlace {
  std::size_t node = 0;
  std::size_t param = 0;
  std::string prefix;  // that goes before the path
};
// The first node that plays a file; without one the device input, in place of its device. None: it takes no file.
std::optional<FilePlace> file_place(const ValidGraph& graph);

}  // namespace streamlab
