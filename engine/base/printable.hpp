// engine/base/printable.hpp
//
// Text of others (names of files and keys, values, arguments, what a library or a program said) for terminals
// and logs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace streamlab {

enum class LineEnds : std::uint8_t { escape, keep };

// The same text without anything that a terminal obeys instead of showing it: control characters (Unicode's
// C0, DEL and C1, that is ESC, BEL and so on), marks that turn the direction of writing around, and line
// separators are written as in JSON: "\u001b", "\n". Bytes that are not UTF-8 are written as "\xff". All
// else, and what was escaped before, stays as it is. `keep` leaves line ends and tabs as they are.
std::string printable(std::string_view text, LineEnds line_ends = LineEnds::escape);

}  // namespace streamlab
