// engine/base/printable.hpp
//
// Makes foreign text (file names, keys, values, arguments, output of libraries and programs) safe for
// terminals and logs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace streamlab {

enum class LineEnds : std::uint8_t { escape, keep };

// The same text with everything escaped that a terminal would obey instead of showing: control characters
// (Unicode's C0, DEL and C1, such as ESC and BEL), marks that reverse the direction of writing, and line
// separators are written as in JSON: "\u001b", "\n". Bytes that are not UTF-8 are written as "\xff".
// Everything else is unchanged, including earlier escapes. `keep` leaves line ends and tabs unchanged.
std::string printable(std::string_view text, LineEnds line_ends = LineEnds::escape);

}  // namespace streamlab
