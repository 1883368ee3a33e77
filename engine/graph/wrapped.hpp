// engine/graph/wrapped.hpp
//
// wrapped(): text in lines that fit a terminal.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace streamlab {

// `text` in lines of at most 100 columns, each behind `indent` blanks, without the last line end. Bytes
// are counted, so that lines with letters beyond ASCII come out a little shorter.
inline std::string wrapped(std::string_view text, std::size_t indent) {
  constexpr std::size_t kWidth = 100;
  std::string result;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) { continue; }
    if (column == 0 || column + 1 + word.size() > kWidth) {
      if (column > 0) { result += '\n'; }
      result.append(indent, ' ');
      column = indent;
    } else {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
  }
  return result;
}

}  // namespace streamlab
