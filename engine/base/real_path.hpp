// engine/base/real_path.hpp
//
// real_path: which file a path leads to.
#pragma once

#include <string>

namespace streamlab {

// The one absolute path of a file: the same for every way to write it, links followed, whether the file exists
// or not. Where a link leads to a file that does not exist yet, the path of that file.
std::string real_path(const std::string& path);

}  // namespace streamlab
