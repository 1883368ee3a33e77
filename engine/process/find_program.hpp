// engine/process/find_program.hpp
//
// Which file a command's first word stands for, told before anything starts.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/error.hpp"

namespace streamlab {

// The path of the program that `word` names: searched on `search_path` (the environment's PATH where that is
// null) unless there is a "/" in it, which is then a path from `folder` (empty: the working directory).
// Refused, each with its reason: there is none (with the nearest name that there is), it is a folder, it may
// not be executed.
Result<std::string> find_program(std::string_view word, std::string_view folder = {},
                                 const char* search_path = nullptr);

}  // namespace streamlab
