// apps/streamlab/batch_files.hpp
//
// The files of a batch: those of the command line, those of lists, and those in folders.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "apps/streamlab/commands.hpp"

namespace streamlab::app {

struct BatchFiles {
  std::vector<std::string> paths;  // in the order of the command line, then of the list; each file once
  std::vector<std::string> notes;  // what was left out, for people
  std::size_t left_out = 0;        // files in folders
  std::size_t repeated = 0;        // names of files that had one already
};

// A folder stands for every sound file in it and in the folders below, in natural order of their paths: what ends as
// sound files do. Hidden files and folders, links to folders and --out-dir are left out. A
// file that is named twice, also by another path or a link, is taken once, by its first name. Refused: a list that cannot be read or is
// empty, a folder without a sound file or that cannot be read.
Checked<BatchFiles> find_batch_files(const BatchArguments& arguments);

// The paths of a list: one a line (CR LF, too), or between NULs if there are any (find -print0). Empty ones are left out.
std::vector<std::string> listed_paths(std::string_view list);
// The same the other way round.
std::string list_of(const std::vector<std::string>& paths);

}  // namespace streamlab::app
