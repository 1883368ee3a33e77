// engine/base/real_path.hpp
//
// real_path: which file a path refers to.
#pragma once

#include <string>

namespace streamlab {

// The canonical absolute path of a file, with links resolved, whether the file exists or not. For a link to a
// file that does not exist yet, the path of that file.
std::string real_path(const std::string& path);

}  // namespace streamlab
