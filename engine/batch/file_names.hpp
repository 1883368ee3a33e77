// engine/batch/file_names.hpp
//
// What the name of a batch's file gives: variables for its graph, and a folder for its results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/graph/config_text.hpp"

namespace streamlab {

// The parts of a file's path of which others are made. An ending is what follows the last dot, if a name lies
// before it: the stem of "...wav", which would be "..", is the whole name, and no way into another folder.
struct FileName {
  explicit FileName(const std::string& path);
  // Is it the name of a file, and not of a folder?
  bool is_valid() const { return !stem.empty() && stem != "." && stem != ".."; }

  std::string dir;  // as it was given; "." without one
  std::string stem;
  std::string ext;  // without its dot
};

// ${input}, ${stem}, ${dir}, ${ext}, and ${index}, which counts files from 1.
Variables file_variables(const std::string& path, std::size_t index);
// The same of a file without a folder that is none of the batch's: to validate a configuration with.
Variables example_variables();

// How the folders of files are called, in which their results are put.
enum class FolderNames : std::uint8_t {
  // The stem. Where several files have one stem, the folders in which they differ come before it: "album1/01",
  // "album2/01". Where these are the same, too, the ending is left on.
  shortest,
  // The path of the file, whatever the others are called; from the root, if it leads out of the working directory.
  whole_paths,
};
// A folder for the results of each file.
std::vector<std::string> result_folders(const std::vector<std::string>& files,
                                        FolderNames names = FolderNames::shortest);

}  // namespace streamlab
