// engine/base/real_path.hpp
//
// real_path: which file a path refers to; home_hint: what to write instead of "~".
#pragma once

#include <string>
#include <string_view>

namespace streamlab {

// The canonical absolute path of a file, with links resolved, whether the file exists or not. For a link to a
// file that does not exist yet, the path of that file.
std::string real_path(const std::string& path);

// For a path that was not found: where it begins with "~", which only shells know, the hint that says so; else empty.
std::string home_hint(std::string_view path);

}  // namespace streamlab
