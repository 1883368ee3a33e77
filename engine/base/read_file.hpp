// engine/base/read_file.hpp
//
// read_file: all bytes of a file. (A standard stream hides that memory ran out while it was read.)
#pragma once

#include <optional>
#include <string>

namespace streamlab {

// Empty: it cannot be read; errno says why. Throws std::bad_alloc.
std::optional<std::string> read_file(const std::string& path);

}  // namespace streamlab
