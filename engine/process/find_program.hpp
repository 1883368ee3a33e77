// engine/process/find_program.hpp
//
// Finds the file that the first word of a command refers to, before anything starts.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/error.hpp"

namespace streamlab {

// The path of the program that `word` names: searched on `search_path` (null: PATH of the environment); a
// word with a "/" is a path relative to `folder` (empty: the working directory). Refused, with the reason: it
// does not exist (with the nearest name that does), is a folder, is not executable.
Result<std::string> find_program(std::string_view word, std::string_view folder = {},
                                 const char* search_path = nullptr);

}  // namespace streamlab
